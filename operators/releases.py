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

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from operators.artifacts.loading import load_step
from operators.artifacts.trust import Site
from operators.errors import DeploymentError, describe
from operators.external import ExternalInput, external_input
from operators.plan import Plan
from operators.resources.manifests import parse_document
from operators.resources.monitor_schema import Monitor
from operators.resources.schema import Batch, Model, Pipeline
from operators.resources.support import Resource
from operators.rules import in_force
from operators.steps import Step
from operators.steps.watching import Rules, Watcher

# How many generations are tried, the newest first, until one can be loaded.
_TRIED = 3
_log = logging.getLogger(__name__)


class Artifact(msgspec.Struct, frozen=True):
    """Where a model's folder is, what it held when it was applied, and what it was then found to be.

    `memory` is what loading it was measured to take, in bytes; 0 where it was not measured.
    """

    uri: str
    digest: str
    runtime: str = ""
    memory: int = 0


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One generation of a pipeline; `monitor` is its Monitor document, if it has one."""

    schema: int = 1
    name: str
    generation: int
    pipeline: dict[str, Any]
    models: list[dict[str, Any]]
    monitor: dict[str, Any] | None = None
    artifacts: dict[str, Artifact]
    topics: list[str]
    external_topic: str = ""
    created_at: str
    created_by: str = ""
    message: str = ""

    def content(self) -> tuple[object, ...]:
        """Tell what two releases must share to be the same."""
        artifacts = {name: (one.uri, one.digest) for name, one in self.artifacts.items()}
        return self.pipeline, self.models, self.monitor, artifacts, sorted(self.topics)


class Head(msgspec.Struct, frozen=True):
    """Which generation of a pipeline serves."""

    generation: int


class Control(NamedTuple):
    """What the control topic says: releases by name and generation, the live generation by name."""

    releases: dict[tuple[str, int], Release]
    heads: dict[str, int]

    def live(self) -> list[Release]:
        """Return the release of each pipeline that serves."""
        return [candidates[0] for candidates in self.candidates() if candidates]

    def candidates(self) -> Iterator[list[Release]]:
        """Yield, for each live pipeline, its release and the earlier ones, newest first."""
        for name, head in sorted(self.heads.items()):
            known = [
                one
                for (owner, generation), one in self.releases.items()
                if owner == name and generation <= head
            ]
            yield sorted(known, key=lambda release: -release.generation)

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
            _log.error("control record %r is passed over: %s", key, error)

    def _read_head(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.heads.pop(name, None)
        else:
            self.heads[name] = msgspec.json.decode(value, type=Head).generation


class Served(NamedTuple):
    """A release made ready to answer.

    `failure` says why it cannot: then `plan` is None, and its requests become dead letters.
    """

    release: Release
    plan: Plan | None
    failure: str = ""
    external: ExternalInput | None = None


def serve(release: Release, site: Site) -> Served:
    """Load every model of a release and compile its plan.

    DeploymentError tells all that is unusable, a line each.
    """
    pipeline = _pipeline(release)
    steps: dict[str, Step] = {}
    errors = []
    for document in release.models:
        try:
            model = parse_document(document)
            steps[model.metadata.name] = _load(release, model, site)
        except DeploymentError as error:
            errors.append(str(error))
    try:
        monitor_of(release)
    except DeploymentError as error:
        errors.append(str(error))
    if errors:
        raise DeploymentError("\n".join(errors))
    return Served(release, Plan(pipeline, steps), external=external_input(pipeline.spec.input))


def serve_live(control: Control, site: Site) -> Iterator[Served]:
    """Make every live pipeline ready: its head, or the newest before it that can be loaded."""
    for candidates in control.candidates():
        failures: list[str] = []
        for release in candidates[:_TRIED]:
            try:
                served = serve(release, site)
            except Exception as error:  # whatever it is, the other pipelines are not touched
                why = str(error) if isinstance(error, DeploymentError) else describe(error)
                failures.append(f"generation {release.generation}: {why}")
                _log.error("pipeline %s, %s", release.name, failures[-1])
            else:
                yield served
                break
        else:
            if candidates:
                yield Served(candidates[0], None, "; ".join(failures), _external(candidates[0]))


class Watched(NamedTuple):
    """A batched step of one generation: how it gathers rows and judges windows of them."""

    step: Watcher
    batch: Batch
    rules: Rules
    digest: str


def watched_step(release: Release, name: str, site: Site, rules: Rules) -> Watched:
    """Load one batched step of a release; `rules` hold where its Monitor has none of its own."""
    batches = {step.name: step.batch for step in _pipeline(release).spec.steps}
    model = next(one for one in map(parse_document, release.models) if one.metadata.name == name)
    step = _load(release, model, site)
    if not isinstance(step, Watcher):
        raise DeploymentError(f"release {release.name}/{release.generation}: {name} gathers no rows")
    rules = in_force(monitor_of(release), name, rules)
    return Watched(step, batches[name], rules, release.artifacts[name].digest)


def monitor_of(release: Release) -> Monitor | None:
    """Return a release's Monitor; DeploymentError says why its record holds none that can be used."""
    if release.monitor is None:
        return None
    monitor = parse_document(release.monitor)
    if not isinstance(monitor, Monitor):
        raise DeploymentError(f"release {release.name}/{release.generation} holds no Monitor as its monitor")
    return monitor


def _external(release: Release) -> ExternalInput | None:
    try:
        return external_input(_pipeline(release).spec.input)
    except DeploymentError:
        return None


def _pipeline(release: Release) -> Pipeline:
    pipeline = parse_document(release.pipeline)
    if not isinstance(pipeline, Pipeline):
        raise DeploymentError(f"release {release.name}/{release.generation} holds no Pipeline")
    return pipeline


def _load(release: Release, model: Resource, site: Site) -> Step:
    artifact = release.artifacts.get(model.metadata.name)
    if not isinstance(model, Model) or artifact is None:
        raise DeploymentError(
            f"release {release.name}/{release.generation}: {model.metadata.name} is no Model with an artifact"
        )
    return load_step(model, artifact.uri, artifact.digest, site)
