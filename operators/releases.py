"""Releases: what a pipeline's generation consists of, as records on the control topic.

=====================  ============================================================
key                    value (JSON)
=====================  ============================================================
`release/NAME/NUMBER`  a `Release`: resolved manifests and the digests of artifacts
`head/NAME`            a `Head`: the generation that serves, the latest wins
`model/NAME`           a `Registered` model, which pipelines applied later may name
`tap/NAME`             a `Tap`: everything of a pipeline's steps is published for a while
=====================  ============================================================

Any Kafka client can publish them. A generation is written once and never changed.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import msgspec

_log = logging.getLogger(__name__)


class Artifact(msgspec.Struct, frozen=True):
    """Where a model's folder is, what it held when it was applied, and what it was then found to be.

    `memory` is what loading it was measured to take, in bytes; 0 where it was not measured.
    """

    uri: str
    digest: str
    runtime: str = ""
    memory: int = 0


class Registered(msgspec.Struct, frozen=True):
    """A model that was applied, whether a pipeline uses it or not."""

    model: dict[str, Any]
    artifact: Artifact

    def content(self) -> tuple[object, ...]:
        """Tell what two must share to be the same."""
        return self.model, self.artifact.uri, self.artifact.digest


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One generation of a pipeline.

    `monitor` is its Monitor document, if it has one. `epochs` tells since which generation each batched step
    gathers the same rows and judges them in the same way; a step that is not in it changed with this one.
    """

    schema: int = 1
    name: str
    generation: int
    pipeline: dict[str, Any]
    models: list[dict[str, Any]]
    monitor: dict[str, Any] | None = None
    artifacts: dict[str, Artifact]
    topics: list[str]
    external_topic: str = ""
    epochs: dict[str, int] = {}
    created_at: str
    created_by: str = ""
    message: str = ""

    def epoch(self, step: str) -> int:
        """Return the generation since which a batched step's windows go on."""
        return self.epochs.get(step, self.generation)

    def content(self) -> tuple[object, ...]:
        """Tell what two releases must share to be the same."""
        artifacts = {name: (one.uri, one.digest) for name, one in self.artifacts.items()}
        return self.pipeline, self.models, self.monitor, artifacts, sorted(self.topics)


class Head(msgspec.Struct, frozen=True):
    """Which generation of a pipeline serves."""

    generation: int


class Tap(msgspec.Struct, frozen=True):
    """Until when, in seconds since 1970."""

    until: float


class Control(NamedTuple):
    """What the control topic says: releases by name and generation, the live generation, models and taps by
    name."""

    releases: dict[tuple[str, int], Release]
    heads: dict[str, int]
    models: dict[str, Registered]
    taps: dict[str, float]

    @classmethod
    def empty(cls) -> Control:
        """Start with nothing applied."""
        return cls({}, {}, {}, {})

    def copy(self) -> Control:
        """Return one that does not change when more is read."""
        return Control(dict(self.releases), dict(self.heads), dict(self.models), dict(self.taps))

    def live(self) -> list[Release]:
        """Return the release of each pipeline that serves."""
        return [release for name in sorted(self.heads) for release in self.candidates(name)[:1]]

    def candidates(self, name: str) -> list[Release]:
        """Return the release that should serve a live pipeline and those before it, newest first."""
        head = self.heads.get(name, 0)
        return [one for one in self.history(name) if one.generation <= head]

    def history(self, name: str) -> list[Release]:
        """Return every release of a pipeline that is kept, live or not, newest first."""
        known = [one for (owner, _), one in self.releases.items() if owner == name]
        return sorted(known, key=lambda release: -release.generation)

    def head(self, name: str) -> Release | None:
        """Return the release that a pipeline's head points to, None where there is none."""
        return self.releases.get((name, self.heads.get(name, 0)))

    def names(self) -> list[str]:
        """Name every pipeline that was ever applied, as far as its releases are kept."""
        return sorted({name for name, _ in self.releases} | self.heads.keys())

    def read(self, key: bytes | None, value: bytes | None) -> None:
        """Take in one record of the control topic; what is not ours is passed over."""
        kind, _, rest = (key or b"").decode("utf-8", "replace").partition("/")
        try:
            if kind == "head":
                self._read_head(rest, value)
            elif kind == "release":
                self._read_release(rest, value)
            elif kind == "model":
                self._read_model(rest, value)
            elif kind == "tap" and value is not None:
                self.taps[rest] = msgspec.json.decode(value, type=Tap).until
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            _log.error("control record %r is passed over: %s", key, error)

    def _read_release(self, rest: str, value: bytes | None) -> None:
        if value is None:
            name, _, generation = rest.partition("/")
            if generation.isdigit():
                self.releases.pop((name, int(generation)), None)
        else:
            release = msgspec.json.decode(value, type=Release)
            self.releases[release.name, release.generation] = release

    def _read_model(self, rest: str, value: bytes | None) -> None:
        if value is None:
            self.models.pop(rest, None)
        else:
            self.models[rest] = msgspec.json.decode(value, type=Registered)

    def _read_head(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.heads.pop(name, None)
        else:
            self.heads[name] = msgspec.json.decode(value, type=Head).generation
