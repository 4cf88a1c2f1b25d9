"""What a well-formed Pipeline or Model must hold besides its schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter

from operators.resources.references import Reference, parse_reference
from operators.resources.schema import Model, Pipeline, PipelineInput, Step

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def check_model(model: Model) -> Iterator[str]:
    """Yield every error of a Model, each beginning with its path."""
    yield from _name(model.metadata.name)
    spec = model.spec
    if not spec.storage_uri:
        yield "spec.storageUri must name the folder of the model's files, it is empty"
    elif "://" in spec.storage_uri and not spec.storage_uri.startswith("file://"):
        yield f"spec.storageUri: only local folders can be read so far, copy it here, got {spec.storage_uri}"
    refused = {
        "explainer": spec.explainer,
        "llm": spec.llm,
        "artifactVersion": spec.artifact_version,
        "schemaUri": spec.schema_uri,
        "secretName": spec.secret_name,
        "logger": spec.logger,
    }
    yield from (f"spec.{field} is not supported; leave it out" for field, value in refused.items() if value)


def check_pipeline(pipeline: Pipeline) -> Iterator[str]:
    """Yield every error of a Pipeline, each beginning with its path."""
    name, spec = pipeline.metadata.name, pipeline.spec
    yield from _name(name)
    if not spec.steps:
        yield f"spec.steps: pipeline {name} has no steps"
    for i, step in enumerate(spec.steps):
        at = f"spec.steps[{i}]"
        if step.name == name:
            yield f"{at}.name must differ from the pipeline's own name, {name}"
        if step.name in [other.name for other in spec.steps[:i]]:
            yield f"{at}.name: step {step.name} is there twice"
        yield from _step(step, at, pipeline)
    if spec.input != PipelineInput():
        yield "spec.input: inputs from other pipelines are not supported so far; leave it out"
    if spec.allow_cycles or spec.max_step_revisits:
        yield "spec.allowCycles is not supported: a pipeline must have no cycle"
    if spec.output is not None:
        if not spec.output.steps:
            yield "spec.output.steps must name at least one step; leave out spec.output to answer nothing"
        if spec.output.steps_join != "inner":
            yield f"spec.output.stepsJoin: only inner is supported so far, got {spec.output.steps_join}"
        yield from _references(spec.output.steps, "spec.output.steps", pipeline)
        yield from _tensor_map(spec.output.tensor_map, "spec.output.tensorMap", pipeline)
    yield from _cycle(pipeline)


def _name(name: str) -> Iterator[str]:
    if not NAME.fullmatch(name):
        yield f"metadata.name must be lower-case letters, digits and inner dashes, got {name!r}"


def _step(step: Step, at: str, pipeline: Pipeline) -> Iterator[str]:
    yield from _references(step.inputs, f"{at}.inputs", pipeline)
    yield from _tensor_map(step.tensor_map, f"{at}.tensorMap", pipeline)
    if step.triggers:
        yield f"{at}.triggers are not supported so far"
    if step.inputs_join_type != "inner":
        yield f"{at}.inputsJoinType: only inner is supported so far, got {step.inputs_join_type}"
    if step.batch.size < 0:
        yield f"{at}.batch.size must be at least 1, got {step.batch.size}"
    if step.batch.window_ms or step.batch.rolling:
        yield f"{at}.batch: only size is supported so far; leave out windowMs and rolling"


def _references(texts: list[str], at: str, pipeline: Pipeline) -> Iterator[str]:
    yield from _each(texts, lambda i, text: f"{at}[{i}]", pipeline)


def _tensor_map(mapping: dict[str, str], at: str, pipeline: Pipeline) -> Iterator[str]:
    yield from _each(list(mapping), lambda i, text: f"{at}[{text!r}]", pipeline)
    for text, new in mapping.items():
        if text.count(".") < 2:
            yield f"{at}[{text!r}]: name the tensor in full, as STEP.outputs.TENSOR"
        if not new:
            yield f"{at}[{text!r}]: the new name is empty"


def _each(texts: list[str], at: Callable[[int, str], str], pipeline: Pipeline) -> Iterator[str]:
    known = {step.name for step in pipeline.spec.steps} | {pipeline.metadata.name}
    batched = {step.name for step in pipeline.spec.steps if step.batch.size}
    for i, text in enumerate(texts):
        try:
            reference = parse_reference(text, pipeline.metadata.name)
        except ValueError as error:
            yield f"{at(i, text)}: {error}"
            continue
        if reference.node not in known:
            yield f"{at(i, text)}: there is no step {reference.node} in pipeline {pipeline.metadata.name}"
        elif reference == Reference(pipeline.metadata.name, "outputs", reference.tensor):
            yield f"{at(i, text)}: a pipeline's own outputs cannot be read inside it"
        elif (
            reference.node in batched
            and reference.side == "outputs"
            and at(i, text).startswith("spec.steps[")
        ):
            yield f"{at(i, text)}: {reference.node} has a batch, so its outputs are for the response only"


def _cycle(pipeline: Pipeline) -> Iterator[str]:
    try:
        TopologicalSorter(dependencies(pipeline)).prepare()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        yield f"spec.steps: pipeline {pipeline.metadata.name} has a cycle: {circle}"


def dependencies(pipeline: Pipeline) -> dict[str, set[str]]:
    """Step → the steps whose outputs or inputs it reads; references that do not parse are left out."""
    name = pipeline.metadata.name
    graph: dict[str, set[str]] = {}
    for step in pipeline.spec.steps:
        nodes = {text.split(".")[0] for text in step.inputs} - {name}
        graph.setdefault(step.name, set()).update(nodes)
    return graph
