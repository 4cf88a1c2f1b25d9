"""A pipeline's manifest → its steps with their inputs, and the steps on which the response depends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from operators.core.errors import DeploymentError
from operators.models.runtimes.batched import BatchedStep
from operators.models.step import Step
from operators.pipeline.inputs import Inputs, inputs_of
from operators.resources.seldon_schema import Batch, Pipeline, StepSpec


class PlannedStep(NamedTuple):
    """A step with its inputs. A step with a `batch` gathers rows for windows.

    The step runs only if `triggers` are available. `is_needed`: the response depends on the step, so its
    failure is the request's failure. `reads_requests`: the step reads only the pipeline's inputs.
    `uses_requested_outputs`: a request's `outputs` select the step's functions. `required` names the
    functions whose outputs other steps or the response read by name.
    """

    name: str
    inputs: Inputs
    triggers: Inputs
    step: Step
    batch: Batch | None
    is_needed: bool
    reads_requests: bool
    uses_requested_outputs: bool
    required: tuple[str, ...]


def plan_step(
    spec: StepSpec,
    pipeline: Pipeline,
    step: Step,
    *,
    is_needed: bool,
    uses_requested_outputs: bool,
    read: list[str],
) -> PlannedStep:
    """Compile one step; DeploymentError if it has a batch but gathers no rows.

    `read` are the tensors of its outputs that other steps or the response read by name.
    """
    name = pipeline.metadata.name
    batch = spec.batch if spec.batch.is_batched else None
    if batch and not isinstance(step, BatchedStep):
        raise DeploymentError(
            f"pipeline {name}: step {spec.name} has a batch, but only drift detectors "
            "and data quality checks gather rows; remove the batch"
        )
    inputs = inputs_of(spec.inputs or [name], spec.inputs_join_type, spec.tensor_map, name)
    triggers = inputs_of(spec.triggers, spec.triggers_join_type, {}, name)
    reads_requests = all(source.address == (name, "inputs") for source in inputs.sources)
    required = tuple(function for function in step.functions if function in read)
    return PlannedStep(
        spec.name,
        inputs,
        triggers,
        step,
        batch,
        is_needed,
        reads_requests,
        uses_requested_outputs,
        required,
    )


def needed_steps(reads: Mapping[str, list[str]], output: Inputs | None) -> set[str]:
    """Return the names of the steps on which the response depends, directly or through other steps."""
    needed: set[str] = set()
    waiting = [source.address[0] for source in output.sources] if output else []
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(reads.get(name, ()))
    return needed


def read_by_name(pipeline: Pipeline, output: Inputs | None) -> dict[str, list[str]]:
    """Return, by step, the tensors of its outputs that a step or the response reads by name."""
    name = pipeline.metadata.name
    inputs = [inputs_of(spec.inputs, spec.inputs_join_type, {}, name) for spec in pipeline.spec.steps]
    read: dict[str, list[str]] = {}
    for source in (source for one in (*inputs, output) if one for source in one.sources):
        if source.address[1] == "outputs":
            read.setdefault(source.address[0], []).extend(source.tensors or ())
    return read
