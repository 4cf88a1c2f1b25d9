"""Checks of a Pipeline or Model beyond its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from operators.core.errors import hide_userinfo
from operators.core.names import check_name
from operators.resources.field_support import Resource, Status, unsupported_fields
from operators.resources.references import External, Reference, parse_external, parse_reference
from operators.resources.seldon_schema import Model, Pipeline, PipelineInput, StepSpec
from operators.storage.store_settings import NAME as STORE_NAME

_LARGEST = 2**32 - 1
_QUANTITY = re.compile(r"(\d{1,15}(?:\.\d{1,9})?(?:[eE]\d)?)(|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)", re.ASCII)
_MOST_STEPS = 200
# Outputs of a batched step that a response can contain: `is_drift` of a drift detector, `issues` and
# `violations` of a data quality check. None is a reference to the whole step.
_BATCHED_OUTPUTS = (None, "is_drift", "issues", "violations")
_UNITS = {"": 1, **{unit: 1000**power for power, unit in enumerate("kMGTPE", start=1)}}
_UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGTPE", start=1)}


def check_model(model: Model) -> Iterator[str]:
    """Yield every error of a Model, each beginning with its path."""
    yield from check_name(model.metadata.name)
    yield from check_support(model)
    spec = model.spec
    yield from _storage(spec.storage_uri)
    if spec.memory is not None and quantity(spec.memory) is None:
        yield f"spec.memory must be a quantity such as 200Mi or 1G, got {spec.memory!r}"
    if spec.artifact_version is not None and not 0 <= spec.artifact_version <= _LARGEST:
        yield f"spec.artifactVersion must be a whole number from 0, got {spec.artifact_version}"


def _storage(uri: str) -> Iterator[str]:
    """Yield every error in the text of a storageUri; which stores exist depends on the site."""
    scheme, separator, _ = uri.partition("://")
    if not uri:
        yield "spec.storageUri is empty; it must name the folder of the model's files"
    elif separator and not STORE_NAME.fullmatch(scheme):
        yield (
            "spec.storageUri must be a folder, file://, or the name of a store in lower case, such as s3:// "
            f"or minio://, got {hide_userinfo(uri)}"
        )
    elif not separator and ":" in uri.partition("/")[0]:
        yield (
            "spec.storageUri: write a store as NAME://BUCKET/FOLDER, with NAME described by --stores, and a "
            f"folder that contains a colon as ./FOLDER, got {hide_userinfo(uri)}"
        )


def quantity(text: str | int) -> int | None:
    """Return the bytes of a Kubernetes quantity, None if it is not valid."""
    match = _QUANTITY.fullmatch(str(text))
    return int(float(match[1]) * _UNITS[match[2]]) if match else None


class _Scope(NamedTuple):
    """The names that references in a pipeline may use."""

    pipeline: str
    steps: frozenset[str]
    batched: frozenset[str]


def check_pipeline(pipeline: Pipeline) -> Iterator[str]:
    """Yield every error of a Pipeline, each beginning with its path."""
    name, spec = pipeline.metadata.name, pipeline.spec
    batched = frozenset(step.name for step in spec.steps if step.batch.is_batched)
    scope = _Scope(name, frozenset(step.name for step in spec.steps), batched)
    yield from check_name(name)
    yield from check_support(pipeline)
    if not spec.steps:
        yield f"spec.steps: pipeline {name} has no steps"
    if len(spec.steps) > _MOST_STEPS:
        yield f"spec.steps may have at most {_MOST_STEPS} steps, got {len(spec.steps)}"
    seen: set[str] = set()
    for i, step in enumerate(spec.steps):
        at = f"spec.steps[{i}]"
        yield from check_name(step.name, f"{at}.name")
        if step.name == name:
            yield f"{at}.name must differ from the pipeline's own name, {name}"
        if step.name in seen:
            yield f"{at}.name: step {step.name} occurs twice"
        seen.add(step.name)
        yield from _step(step, at, scope)
    yield from _input(pipeline)
    if spec.output is not None:
        if not spec.output.steps:
            yield "spec.output.steps must name at least one step; remove spec.output if there is no response"
        yield from _window(spec.output.join_window_ms, "spec.output.joinWindowMs")
        yield from _references(spec.output.steps, "spec.output.steps", scope, in_response=True)
        yield from _tensor_map(spec.output.tensor_map, spec.output.steps, "spec.output.tensorMap", scope)
    yield from _cycle(pipeline)


def check_support(document: Resource) -> Iterator[str]:
    """Yield an error for every field that is set but refused."""
    for path, support in unsupported_fields(document):
        if support.status is Status.REFUSED:
            yield f"{path} is not supported: {support.text}"


def _step(step: StepSpec, at: str, scope: _Scope) -> Iterator[str]:
    yield from _references(step.inputs, f"{at}.inputs", scope)
    yield from _references(step.triggers, f"{at}.triggers", scope)
    reads = step.inputs or [scope.pipeline]
    in_both = set(_parsed(reads, scope.pipeline)) & set(_parsed(step.triggers, scope.pipeline))
    if in_both:
        yield f"{at}.triggers: {min(map(str, in_both))} is already one of the inputs"
    yield from _tensor_map(step.tensor_map, reads, f"{at}.tensorMap", scope)
    yield from _window(step.join_window_ms, f"{at}.joinWindowMs")
    yield from _window(step.batch.size, f"{at}.batch.size")
    yield from _window(step.batch.window_ms, f"{at}.batch.windowMs")
    if step.batch.rolling and step.batch.size < 2:
        yield f"{at}.batch.rolling needs a batch.size of at least 2, got {step.batch.size}"


def _window(value: int, at: str) -> Iterator[str]:
    if not 0 <= value <= _LARGEST:
        yield f"{at} must be a whole number from 0 to {_LARGEST}, got {value}"


def _input(pipeline: Pipeline) -> Iterator[str]:
    spec, at = pipeline.spec.input, "spec.input.externalInputs"
    if spec != PipelineInput() and not spec.external_inputs:
        yield f"{at} must name another pipeline's inputs, outputs or step; otherwise remove spec.input"
    parsed: dict[str, External] = {}
    for i, text in enumerate(spec.external_inputs):
        try:
            parsed[text] = parse_external(text)
        except ValueError as error:
            yield f"{at}[{i}]: {error}"
    for i, external in enumerate(parsed.values()):
        for name in (external.pipeline, *([external.step] if external.step else [])):
            yield from check_name(name, f"{at}[{i}]: a name in it")
    if any(one.pipeline == pipeline.metadata.name for one in parsed.values()):
        yield f"{at}: pipeline {pipeline.metadata.name} cannot be its own external input"
    places = {(one.pipeline, one.step, one.side): text for text, one in parsed.items()}
    if len(places) > 1:
        texts = ", ".join(places.values())
        yield f"{at}: only one other pipeline's inputs, outputs or step can be read, got {texts}"
    taken: dict[str, str] = {}
    for text, new in spec.tensor_map.items():
        where = f"spec.input.tensorMap[{text!r}]"
        try:
            external = parse_external(text)
        except ValueError as error:
            yield f"{where}: {error}"
            continue
        if external.tensor is None:
            yield f"{where}: name the tensor in full, as PIPELINE.outputs.TENSOR"
        elif (external.pipeline, external.step, external.side) not in places:
            yield f"{where}: externalInputs does not read it"
        yield from _new_name(new, where, taken.setdefault(new, text), text)


def _references(texts: list[str], at: str, scope: _Scope, *, in_response: bool = False) -> Iterator[str]:
    for i, text in enumerate(texts):
        yield from (f"{at}[{i}]: {error}" for error in _reference(text, scope, in_response=in_response))


def _reference(text: str, scope: _Scope, *, in_response: bool) -> Iterator[str]:
    """Yield every error of a reference; `in_response` is true for one of `spec.output`."""
    name = scope.pipeline
    try:
        reference = parse_reference(text, name)
    except ValueError as error:
        yield str(error)
        return
    node = reference.node
    if node not in scope.steps and node != name:
        yield f"there is no step {node} in pipeline {name}"
    elif reference == Reference(name, "outputs", reference.tensor):
        yield "a pipeline's own outputs cannot be read inside it"
    elif reference.side == "outputs" and node in scope.batched:
        if not in_response:
            yield (
                f"{node} has a batch, so other steps cannot read its outputs; name it in spec.output, or "
                f"read its reports in another pipeline with externalInputs, as {name}.step.{node}.outputs"
            )
        elif reference.tensor not in _BATCHED_OUTPUTS:
            yield (
                f"{node} has a batch, so a response can contain only its is_drift (of a data quality check: "
                "issues and violations); its other outputs are in its reports"
            )


def _tensor_map(mapping: Mapping[str, str], read: list[str], at: str, scope: _Scope) -> Iterator[str]:
    name = scope.pipeline
    places = {(one.node, one.side) for one in _parsed(read, name)}
    taken: dict[tuple[str, str, str], str] = {}
    for text, new in mapping.items():
        errors = list(_reference(text, scope, in_response=True))
        yield from (f"{at}[{text!r}]: {error}" for error in errors)
        if errors:
            continue
        reference = parse_reference(text, name)
        if reference.tensor is None:
            yield f"{at}[{text!r}]: name the tensor in full, as STEP.outputs.TENSOR"
        elif (reference.node, reference.side) not in places:
            yield f"{at}[{text!r}]: {reference.node}.{reference.side} is not read there"
        first = taken.setdefault((reference.node, reference.side, new), text)
        yield from _new_name(new, f"{at}[{text!r}]", first, text)


def _new_name(new: str, where: str, first: str, text: str) -> Iterator[str]:
    """Yield every error of a tensor's new name; `first` is the first reference renamed to it."""
    if not new or "." in new:
        yield f"{where}: a tensor's new name must be text without dots, got {new!r}"
    if first != text:
        yield f"{where}: {first} is renamed to {new!r} too"


def _cycle(pipeline: Pipeline) -> Iterator[str]:
    try:
        TopologicalSorter(dependencies(pipeline)).prepare()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        yield f"spec.steps: pipeline {pipeline.metadata.name} has a cycle: {circle}"


def dependencies(pipeline: Pipeline) -> dict[str, list[str]]:
    """Return the steps that each step reads or waits for, in the manifest's order."""
    name = pipeline.metadata.name
    graph: dict[str, list[str]] = {}
    for step in pipeline.spec.steps:
        nodes = graph.setdefault(step.name, [])
        nodes += [one.node for one in _parsed([*step.inputs, *step.triggers], name) if one.node != name]
    return {node: list(dict.fromkeys(read)) for node, read in graph.items()}


def _parsed(texts: list[str], pipeline: str) -> Iterator[Reference]:
    for text in texts:
        try:
            yield parse_reference(text, pipeline)
        except ValueError:
            continue  # reported by _reference
