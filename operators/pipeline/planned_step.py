"""A pipeline's manifest → its steps with what each reads, and which of them the response depends on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from operators.core.errors import DeploymentError
from operators.models.runtimes.batched import BatchedStep
from operators.models.step import Step
from operators.pipeline.inputs import Inputs, inputs_of
from operators.resources.seldon_schema import Batch, Pipeline, StepSpec


class PlannedStep(NamedTuple):
    """A step with what it reads. A `batch` step gathers rows for windows instead of answering.

    `triggers` must be there for it to run. `needed` says whether the response depends on it: then its
    failure costs the response. `asked` says whether a request's `outputs` choose its functions, `besides`
    names functions that others read by name.
    """

    name: str
    inputs: Inputs
    triggers: Inputs
    step: Step
    batch: Batch | None
    needed: bool
    reads_requests: bool
    asked: bool
    besides: tuple[str, ...]


def plan_step(
    spec: StepSpec, pipeline: Pipeline, step: Step, *, needed: bool, asked: bool, read: list[str]
) -> PlannedStep:
    """Compile one step; DeploymentError for a batch of a step that gathers no rows. `read` are the tensors
    that others read of it by name."""
    name = pipeline.metadata.name
    batch = spec.batch if spec.batch.gathers else None
    if batch and not isinstance(step, BatchedStep):
        raise DeploymentError(
            f"pipeline {name}: step {spec.name} has a batch, but only drift detectors "
            "and data quality checks gather rows; leave it out"
        )
    inputs = inputs_of(spec.inputs or [name], spec.inputs_join_type, spec.tensor_map, name)
    triggers = inputs_of(spec.triggers, spec.triggers_join_type, {}, name)
    reads_requests = all(source.place == (name, "inputs") for source in inputs.sources)
    besides = tuple(function for function in step.functions if function in read)
    return PlannedStep(spec.name, inputs, triggers, step, batch, needed, reads_requests, asked, besides)


def needed_steps(reads: Mapping[str, list[str]], output: Inputs | None) -> set[str]:
    """Name the steps that the response depends on."""
    found: set[str] = set()
    waiting = [source.place[0] for source in output.sources] if output else []
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(reads.get(name, ()))
    return found


def read_by_name(pipeline: Pipeline, output: Inputs | None) -> dict[str, list[str]]:
    """Return the tensors of each step's outputs that a step or the response reads by name."""
    name = pipeline.metadata.name
    inputs = [inputs_of(spec.inputs, spec.inputs_join_type, {}, name) for spec in pipeline.spec.steps]
    read: dict[str, list[str]] = {}
    for source in (source for one in (*inputs, output) if one for source in one.sources):
        if source.place[1] == "outputs":
            read.setdefault(source.place[0], []).extend(source.tensors or ())
    return read
