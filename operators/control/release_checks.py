"""Checks the shape of releases and registered models on the control topic.

Documents are checked when they are applied, but any Kafka client can write a record. Here, only the shape is
checked that readers of the topic rely on. A worker checks the fields again when it loads a release: an error
there affects only the new generation of that pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from operators.control.release import Artifact, RegisteredModel, Release
from operators.core.errors import MalformedError
from operators.core.foreign_json import convert, require_name, require_number, shorten
from operators.core.timestamps import parse_time
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
    """Raise MalformedError if a release does not match its key, or its documents have a wrong shape."""
    if (release.name, release.generation) != (name, generation):
        own = f"{shorten(release.name)}/{shorten(release.generation)}"
        raise MalformedError(f"the key names release {name}/{generation}, but the value is release {own}")
    parse_time(release.created_at, "created_at")
    spec = _spec(release.pipeline, "Pipeline", name, "pipeline", _PipelineSpec)
    _check_models(release.models, release.artifacts, spec)
    if release.monitor is not None:
        _spec(release.monitor, "Monitor", "", "monitor", _MonitorSpec)
    for topic in (*release.topics, *([release.external_topic] if release.external_topic else [])):
        if not _TOPIC.fullmatch(topic):
            raise MalformedError(f"topics: {shorten(repr(topic))} is not a valid topic name")
    if release.external_topic:
        _check_external(spec.input.external_inputs if spec.input else [])
    for step, epoch in release.epochs.items():
        require_name(step, "epochs: a step")
        require_number(epoch, f"epochs[{step}]")


def check_registered(registered: RegisteredModel, name: str) -> None:
    """Raise MalformedError if a registered model does not match its key."""
    _spec(registered.model, "Model", name, "model", dict[str, Any])
    _check_artifact(registered.artifact, name)


def _check_models(
    models: list[dict[str, Any]], artifacts: Mapping[str, Artifact], spec: _PipelineSpec
) -> None:
    names = []
    for i, document in enumerate(models):
        names.append(convert(document, _Document, f"models[{i}]").metadata.name)
        _spec(document, "Model", names[-1], f"models[{i}]", dict[str, Any])
    if len(set(names)) < len(names):
        raise MalformedError("models: a model occurs twice")
    if set(names) != artifacts.keys():
        raise MalformedError("artifacts: each model must have exactly one, and there must be no others")
    for name, artifact in artifacts.items():
        _check_artifact(artifact, name)
    for step in spec.steps:
        if step.name not in artifacts:
            raise MalformedError(f"models: there is none for step {shorten(repr(step.name))}")


def _check_artifact(artifact: Artifact, name: str) -> None:
    require_number(artifact.memory, f"artifact of {name}: memory")


def _check_external(references: list[str]) -> None:
    try:
        parse_external(references[0])
    except (IndexError, ValueError) as error:
        raise MalformedError(f"external_topic: spec.input.externalInputs of the pipeline: {error}") from None


def _spec(document: object, kind: str, name: str, at: str, type_: type[T]) -> T:
    """Return a document's spec; `name` is the required name, empty if any name is allowed."""
    converted = convert(document, _Document, at)
    if converted.kind != kind:
        raise MalformedError(f"{at}: kind must be {kind}, got {shorten(repr(converted.kind))}")
    require_name(converted.metadata.name, f"{at}: metadata.name")
    if name and converted.metadata.name != name:
        raise MalformedError(f"{at}: metadata.name must be {name}, got {converted.metadata.name}")
    return convert(converted.spec, type_, f"{at}.spec")
