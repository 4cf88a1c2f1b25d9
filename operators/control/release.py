"""Releases: what a pipeline's generation consists of, as records on the control topic.

=====================  ============================================================
key                    value (JSON)
=====================  ============================================================
`release/NAME/NUMBER`  a `Release`: resolved manifests and the digests of artifacts
`head/NAME`            a `Head`: the generation that serves, the latest wins
`model/NAME`           a `RegisteredModel` model, which pipelines applied later may name
`tap/NAME`             a `Tap`: everything of a pipeline's steps is published for a while
=====================  ============================================================

Any Kafka client can publish them. A generation is written once and never changed. Names are those of the
manifests; a value names what its key names. A record that cannot be used is skipped and remembered.
"""

from __future__ import annotations

from typing import Any

import msgspec

# Of what a release consists; a later version that writes it differently counts this up.
SCHEMA = 1


class Artifact(msgspec.Struct, frozen=True):
    """Where a model's folder is, what it held when it was applied, and what it was then found to be.

    `memory` is what loading it was measured to take, in bytes; 0 where it was not measured.
    """

    uri: str
    digest: str
    runtime: str = ""
    memory: int = 0


class RegisteredModel(msgspec.Struct, frozen=True):
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
