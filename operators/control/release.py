"""The records of the control topic: releases, heads, registered models and taps.

=====================  ============================================================
key                    value (JSON)
=====================  ============================================================
`release/NAME/NUMBER`  a `Release`: resolved manifests and the digests of artifacts
`head/NAME`            a `Head`: the generation that serves, the latest wins
`model/NAME`           a `RegisteredModel`, which pipelines applied later may name
`tap/NAME`             a `Tap`: until when a pipeline's steps are tapped
=====================  ============================================================

Any Kafka client can publish them. A generation is written once and never changed. Names are those of the
manifests; the name in a value must be the one in its key. A record that cannot be used is skipped and
remembered.
"""

from __future__ import annotations

from typing import Any

import msgspec

# The version of the layout of a release. A version of Weir that changes the layout increases it.
SCHEMA = 1


class Artifact(msgspec.Struct, frozen=True):
    """A model's folder: its URI, and the digest and the runtime that it had when it was applied.

    `memory` is what loading it was measured to take, in bytes; 0 if it was not measured.
    """

    uri: str
    digest: str
    runtime: str = ""
    memory: int = 0


class RegisteredModel(msgspec.Struct, frozen=True):
    """A model that was applied, whether or not a pipeline uses it."""

    model: dict[str, Any]
    artifact: Artifact

    def content(self) -> tuple[object, ...]:
        """Return what is equal for two models with the same content."""
        return self.model, self.artifact.uri, self.artifact.digest


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One generation of a pipeline.

    `monitor` is its Monitor document, if it has one. `epochs` maps a batched step to the generation since
    which it gathers the same rows and judges them in the same way. A step that is not in it changed with this
    generation.
    """

    schema: int = SCHEMA
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
        """Return the generation since which a batched step's windows are continued."""
        return self.epochs.get(step, self.generation)

    def content(self) -> tuple[object, ...]:
        """Return what is equal for two releases with the same content."""
        artifacts = {name: (one.uri, one.digest) for name, one in self.artifacts.items()}
        return self.pipeline, self.models, self.monitor, artifacts, sorted(self.topics)


class Head(msgspec.Struct, frozen=True):
    """The generation of a pipeline that should serve."""

    generation: int


class Quarantine(msgspec.Struct, frozen=True):
    """A generation of a pipeline that must not serve: since when, in seconds since 1970, and why."""

    generation: int
    at: float
    why: str


class Tap(msgspec.Struct, frozen=True):
    """The time until which a pipeline's steps are tapped, in seconds since 1970."""

    until: float
