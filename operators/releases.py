"""Releases: what a pipeline's generation consists of, as records on the control topic.

=====================  ============================================================
key                    value (JSON)
=====================  ============================================================
`release/NAME/NUMBER`  a `Release`: resolved manifests and the digests of artifacts
`head/NAME`            a `Head`: the generation that serves, the latest wins
=====================  ============================================================

Any Kafka client can publish them. A generation is written once and never changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from operators.artifacts.loading import load_step
from operators.errors import DeploymentError
from operators.plan import Plan
from operators.resources.manifests import parse_document
from operators.resources.schema import Model, Pipeline


class Artifact(msgspec.Struct, frozen=True):
    """Where a model's folder is and what it held when it was applied."""

    folder: str
    digest: str


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One generation of a pipeline."""

    schema: int = 1
    name: str
    generation: int
    pipeline: dict[str, Any]
    models: list[dict[str, Any]]
    artifacts: dict[str, Artifact]
    topics: list[str]
    created_at: str
    created_by: str = ""
    message: str = ""

    def content(self) -> tuple[object, ...]:
        """Tell what two releases must share to be the same."""
        return self.pipeline, self.models, self.artifacts, sorted(self.topics)


class Head(msgspec.Struct, frozen=True):
    """Which generation of a pipeline serves."""

    generation: int


class Control(NamedTuple):
    """What the control topic says: releases by name and generation, the live generation by name."""

    releases: dict[tuple[str, int], Release]
    heads: dict[str, int]

    def live(self) -> list[Release]:
        """Return the release of each pipeline that serves."""
        return [
            self.releases[name, generation]
            for name, generation in sorted(self.heads.items())
            if (name, generation) in self.releases
        ]

    def read(self, key: bytes | None, value: bytes | None) -> None:
        """Take in one record of the control topic; what is not ours is passed over."""
        kind, _, rest = (key or b"").decode("utf-8", "replace").partition("/")
        try:
            if kind == "head":
                self._read_head(rest, value)
            elif kind == "release" and value is not None:
                release = msgspec.json.decode(value, type=Release)
                self.releases[release.name, release.generation] = release
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise DeploymentError(f"control record {key!r}: {error}") from None

    def _read_head(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.heads.pop(name, None)
        else:
            self.heads[name] = msgspec.json.decode(value, type=Head).generation


class Served(NamedTuple):
    """A release made ready to answer."""

    release: Release
    plan: Plan


def serve(release: Release) -> Served:
    """Load every model of a release and compile its plan; DeploymentError says what is unusable."""
    pipeline = parse_document(release.pipeline)
    models = [parse_document(document) for document in release.models]
    if not isinstance(pipeline, Pipeline):
        raise DeploymentError(f"release {release.name}/{release.generation} holds no Pipeline")
    steps = {
        model.metadata.name: load_step(
            model,
            Path(release.artifacts[model.metadata.name].folder),
            release.artifacts[model.metadata.name].digest,
        )
        for model in models
        if isinstance(model, Model)
    }
    return Served(release, Plan(pipeline, steps))
