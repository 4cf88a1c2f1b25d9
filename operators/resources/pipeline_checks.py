"""What a well-formed Pipeline or Model must hold besides its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from operators.core.names import check_name
from operators.resources.field_support import Resource, Status, judged
from operators.resources.references import External, Reference, parse_external, parse_reference
from operators.resources.seldon_schema import Model, Pipeline, PipelineInput, StepSpec
from operators.storage.store_settings import NAME as STORE_NAME

_LARGEST = 2**32 - 1
_QUANTITY = re.compile(r"(\d{1,15}(?:\.\d{1,9})?(?:[eE]\d)?)(|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)", re.ASCII)
_MOST_STEPS = 200
# What a batched step answers each request with: a drift detector the first, a data quality check the others.
_ANSWERED = (None, "is_drift", "issues", "violations")
_UNITS = {"": 1, **{unit: 1000**power for power, unit in enumerate("kMGTPE", start=1)}}
_UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGTPE", start=1)}


def check_model(model: Model) -> Iterator[str]:
    """Yield every error of a Model, each beginning with its path."""
    yield from check_name(model.metadata.name)
    yield from check_support(model)
    spec = model.spec
    yield from _storage(spec.storage_uri)
    if spec.memory is not None and quantity(spec.memory) is None:
        yield f"spec.memory must be a quantity as 200Mi or 1G, got {spec.memory!r}"
    if spec.artifact_version is not None and not 0 <= spec.artifact_version <= _LARGEST:
        yield f"spec.artifactVersion must be a whole number from 0, got {spec.artifact_version}"


def _storage(uri: str) -> Iterator[str]:
    """Yield what is wrong with a storageUri as text; which stores there are is the site's to say."""
    scheme, separator, _ = uri.partition("://")
    if not uri:
        yield "spec.storageUri must name the folder of the model's files, it is empty"
    elif separator and not STORE_NAME.fullmatch(scheme):
        yield (
            "spec.storageUri may be a folder, file://, or the name of a store in lower case, as s3:// or "
            f"minio://, got {uri}"
        )
    elif not separator and ":" in uri.partition("/")[0]:
        yield (
            "spec.storageUri of a store is written NAME://BUCKET/FOLDER, with NAME described by --stores; a "
            f"folder with a colon begins with ./, got {uri}"
        )


def quantity(text: str | int) -> int | None:
    """Return the bytes that a Kubernetes quantity means, None for one that does not parse."""
    found = _QUANTITY.fullmatch(str(text))
    return int(float(found[1]) * _UNITS[found[2]]) if found else None


class _Scope(NamedTuple):
    """What references in a pipeline may name."""

    pipeline: str
    steps: frozenset[str]
    batched: frozenset[str]


def check_pipeline(pipeline: Pipeline) -> Iterator[str]:
    """Yield every error of a Pipeline, each beginning with its path."""
    name, spec = pipeline.metadata.name, pipeline.spec
    batched = frozenset(step.name for step in spec.steps if step.batch.gathers)
    scope = _Scope(name, frozenset(step.name for step in spec.steps), batched)
    yield from check_name(name)
    yield from check_support(pipeline)
    if not spec.steps:
        yield f"spec.steps: pipeline {name} has no steps"
    if len(spec.steps) > _MOST_STEPS:
        yield f"spec.steps may be {_MOST_STEPS} at most, got {len(spec.steps)}"
    seen: set[str] = set()
    for i, step in enumerate(spec.steps):
        at = f"spec.steps[{i}]"
        yield from check_name(step.name, f"{at}.name")
        if step.name == name:
            yield f"{at}.name must differ from the pipeline's own name, {name}"
        if step.name in seen:
            yield f"{at}.name: step {step.name} is there twice"
        seen.add(step.name)
        yield from _step(step, at, scope)
    yield from _input(pipeline)
    if spec.output is not None:
        if not spec.output.steps:
            yield "spec.output.steps must name at least one step; leave out spec.output to answer nothing"
        yield from _window(spec.output.join_window_ms, "spec.output.joinWindowMs")
        yield from _references(spec.output.steps, "spec.output.steps", scope, shown=True)
        yield from _tensor_map(spec.output.tensor_map, spec.output.steps, "spec.output.tensorMap", scope)
    yield from _cycle(pipeline)


def check_support(document: Resource) -> Iterator[str]:
    """Yield an error for every field that is set and refused."""
    for path, support in judged(document):
        if support.status is Status.REFUSED:
            yield f"{path} is not supported: {support.text}"


def _step(step: StepSpec, at: str, scope: _Scope) -> Iterator[str]:
    yield from _references(step.inputs, f"{at}.inputs", scope)
    yield from _references(step.triggers, f"{at}.triggers", scope)
    reads = step.inputs or [scope.pipeline]
    both = set(_parsed(reads, scope.pipeline)) & set(_parsed(step.triggers, scope.pipeline))
    if both:
        yield f"{at}.triggers: {min(map(str, both))} is among the inputs already"
    yield from _tensor_map(step.tensor_map, reads, f"{at}.tensorMap", scope)
    yield from _window(step.join_window_ms, f"{at}.joinWindowMs")
    yield from _window(step.batch.size, f"{at}.batch.size")
    yield from _window(step.batch.window_ms, f"{at}.batch.windowMs")
    if step.batch.rolling and step.batch.size < 2:
        yield f"{at}.batch.rolling needs a batch.size of at least 2 to roll over, got {step.batch.size}"


def _window(value: int, at: str) -> Iterator[str]:
    if not 0 <= value <= _LARGEST:
        yield f"{at} must be a whole number from 0 to {_LARGEST}, got {value}"


def _input(pipeline: Pipeline) -> Iterator[str]:
    spec, at = pipeline.spec.input, "spec.input.externalInputs"
    if spec != PipelineInput() and not spec.external_inputs:
        yield f"{at} must name another pipeline's inputs, outputs or step; leave out spec.input without it"
    parsed: dict[str, External] = {}
    for i, text in enumerate(spec.external_inputs):
        try:
            parsed[text] = parse_external(text)
        except ValueError as error:
            yield f"{at}[{i}]: {error}"
    for i, one in enumerate(parsed.values()):
        for name in (one.pipeline, *([one.step] if one.step else [])):
            yield from check_name(name, f"{at}[{i}]: a name in it")
    if any(one.pipeline == pipeline.metadata.name for one in parsed.values()):
        yield f"{at}: pipeline {pipeline.metadata.name} cannot be its own external input"
    places = {(one.pipeline, one.step, one.side): text for text, one in parsed.items()}
    if len(places) > 1:
        got = ", ".join(places.values())
        yield f"{at}: only one other pipeline's inputs, outputs or step can be read, got {got}"
    taken: dict[str, str] = {}
    for text, new in spec.tensor_map.items():
        where = f"spec.input.tensorMap[{text!r}]"
        try:
            one = parse_external(text)
        except ValueError as error:
            yield f"{where}: {error}"
            continue
        if one.tensor is None:
            yield f"{where}: name the tensor in full, as PIPELINE.outputs.TENSOR"
        elif (one.pipeline, one.step, one.side) not in places:
            yield f"{where}: externalInputs does not read it"
        yield from _new_name(new, where, taken.setdefault(new, text), text)


def _references(texts: list[str], at: str, scope: _Scope, *, shown: bool = False) -> Iterator[str]:
    for i, text in enumerate(texts):
        yield from (f"{at}[{i}]: {error}" for error in _reference(text, scope, shown=shown))


def _reference(text: str, scope: _Scope, *, shown: bool) -> Iterator[str]:
    """Yield what is wrong with a reference; `shown` says that it is the response's."""
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
        if not shown:
            yield (
                f"{node} has a batch, so it answers no request: its outputs are for the response; another "
                f"pipeline can read its reports with externalInputs, as {name}.step.{node}.outputs"
            )
        elif reference.tensor not in _ANSWERED:
            yield (
                f"{node} has a batch, so a response shows its is_drift only (of a data quality check issues "
                "and violations); the rest is in its reports"
            )


def _tensor_map(mapping: Mapping[str, str], read: list[str], at: str, scope: _Scope) -> Iterator[str]:
    name = scope.pipeline
    places = {(one.node, one.side) for one in _parsed(read, name)}
    taken: dict[tuple[str, str, str], str] = {}
    for text, new in mapping.items():
        errors = list(_reference(text, scope, shown=True))
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
    """Check what a tensor is renamed to; `first` is the first reference that takes this name."""
    if not new or "." in new:
        yield f"{where}: a tensor's new name is text without dots, got {new!r}"
    if first != text:
        yield f"{where}: {first} becomes {new!r} too"


def _cycle(pipeline: Pipeline) -> Iterator[str]:
    try:
        TopologicalSorter(dependencies(pipeline)).prepare()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        yield f"spec.steps: pipeline {pipeline.metadata.name} has a cycle: {circle}"


def dependencies(pipeline: Pipeline) -> dict[str, list[str]]:
    """Step → the nodes that it reads or waits for, but the pipeline itself, in the manifest's order."""
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
            continue  # told where it stands
