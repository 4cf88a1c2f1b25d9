"""What a release or a registered model on the control topic must hold, so that whatever walks it can.

Documents were checked when they were applied; a record may come from anybody. Their fields are checked
again where a worker loads them, which costs one pipeline its new generation; their shape is checked here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from operators.control.release import Artifact, RegisteredModel, Release
from operators.core.errors import MalformedError
from operators.core.foreign_json import convert, parse_time, require_name, require_number, shorten
from operators.resources.references import parse_external

T = TypeVar("T")
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class _Metadata(msgspec.Struct):
    name: str


class _Document(msgspec.Struct):
    kind: str
    metadata: _Metadata
    spec: dict[str, Any]


class _Step(msgspec.Struct):
    name: str


class _Input(msgspec.Struct, rename="camel"):
    external_inputs: list[str] = []


class _PipelineSpec(msgspec.Struct):
    steps: list[_Step]
    input: _Input | None = None


class _MonitorSpec(msgspec.Struct):
    redact: list[str] = []


def check_release(release: Release, name: str, generation: int) -> None:
    """Raise MalformedError where a release is not that of its key, or its documents have another shape."""
    if (release.name, release.generation) != (name, generation):
        found = f"{shorten(release.name)}/{shorten(release.generation)}"
        raise MalformedError(f"the key names release {name}/{generation}, the value is release {found}")
    parse_time(release.created_at, "created_at")
    spec = _spec(release.pipeline, "Pipeline", name, "pipeline", _PipelineSpec)
    _check_models(release.models, release.artifacts, spec)
    if release.monitor is not None:
        _spec(release.monitor, "Monitor", "", "monitor", _MonitorSpec)
    for topic in (*release.topics, *([release.external_topic] if release.external_topic else [])):
        if not _TOPIC.fullmatch(topic):
            raise MalformedError(f"topics: {shorten(repr(topic))} cannot be the name of a topic")
    if release.external_topic:
        _check_external(spec.input.external_inputs if spec.input else [])
    for step, epoch in release.epochs.items():
        require_name(step, "epochs: a step")
        require_number(epoch, f"epochs[{step}]")


def check_registered(registered: RegisteredModel, name: str) -> None:
    """Raise MalformedError where a registered model is not that of its key."""
    _spec(registered.model, "Model", name, "model", dict[str, Any])
    _check_artifact(registered.artifact, name)


def _check_models(
    models: list[dict[str, Any]], artifacts: Mapping[str, Artifact], spec: _PipelineSpec
) -> None:
    found = []
    for i, document in enumerate(models):
        found.append(convert(document, _Document, f"models[{i}]").metadata.name)
        _spec(document, "Model", found[-1], f"models[{i}]", dict[str, Any])
    if len(set(found)) < len(found):
        raise MalformedError("models: a model is there twice")
    if set(found) != artifacts.keys():
        raise MalformedError("artifacts: there must be one of each model, and no other")
    for name, artifact in artifacts.items():
        _check_artifact(artifact, name)
    for step in spec.steps:
        if step.name not in artifacts:
            raise MalformedError(f"models: there is none of step {shorten(repr(step.name))}")


def _check_artifact(artifact: Artifact, name: str) -> None:
    require_number(artifact.memory, f"artifact of {name}: memory")


def _check_external(references: list[str]) -> None:
    try:
        parse_external(references[0])
    except (IndexError, ValueError) as error:
        raise MalformedError(f"external_topic: spec.input.externalInputs of the pipeline: {error}") from None


def _spec(document: object, kind: str, name: str, at: str, type_: type[T]) -> T:
    """Return a document's spec; `name` is what it must be called, empty where any name will do."""
    found = convert(document, _Document, at)
    if found.kind != kind:
        raise MalformedError(f"{at}: kind must be {kind}, got {shorten(repr(found.kind))}")
    require_name(found.metadata.name, f"{at}: metadata.name")
    if name and found.metadata.name != name:
        raise MalformedError(f"{at}: metadata.name must be {name}, got {found.metadata.name}")
    return convert(found.spec, type_, f"{at}.spec")
