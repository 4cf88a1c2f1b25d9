"""Compiling a Pipeline: its steps in topological order, and which of them the response needs."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter

from operators.core.redaction import Redaction
from operators.models.step import Step
from operators.pipeline.inputs import inputs_of
from operators.pipeline.plan import Plan
from operators.pipeline.planned_step import needed_steps, plan_step, read_by_name
from operators.resources.pipeline_checks import dependencies
from operators.resources.seldon_schema import Pipeline

_NO_REDACTION = Redaction()


def compile_plan(pipeline: Pipeline, steps: Mapping[str, Step], redaction: Redaction = _NO_REDACTION) -> Plan:
    """Compile a pipeline with its loaded steps, by name."""
    name, output = pipeline.metadata.name, pipeline.spec.output
    response = inputs_of(output.steps, output.steps_join, output.tensor_map, name) if output else None
    reads = dependencies(pipeline)
    needed = needed_steps(reads, response)
    read_by_steps = {node for nodes in reads.values() for node in nodes}
    answering = {source.address[0] for source in response.sources} if response else set()
    specs = {spec.name: spec for spec in pipeline.spec.steps}
    named_tensors = read_by_name(pipeline, response)
    planned = tuple(
        plan_step(
            specs[step],
            pipeline,
            steps[step],
            is_needed=step in needed,
            uses_requested_outputs=step in answering and step not in read_by_steps,
            read=named_tensors.get(step, []),
        )
        for step in TopologicalSorter(reads).static_order()
        if step in specs
    )
    requestable = [one.step for one in planned if one.uses_requested_outputs]
    functions = frozenset(function for step in requestable for function in step.functions)
    return Plan(name, planned, response, functions, redaction)
