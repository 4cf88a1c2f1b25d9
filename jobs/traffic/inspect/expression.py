"""Seldon's expressions for inputs, outputs and tensors of pipelines and steps, and for dead letters."""

from __future__ import annotations

from typing import NamedTuple

from operators.core.errors import DeploymentError
from operators.kafka.topics import Topics


class Target(NamedTuple):
    """The records that an expression names; `step` and `tensor` are empty where it names none.

    `side` is `inputs`, `outputs` or `errors`.
    """

    pipeline: str
    step: str
    side: str
    tensor: str
    topic: str


def parse_expression(text: str, topics: Topics) -> Target:
    """Parse the expression of a pipeline or a step.

    It is `PIPELINE[.inputs|.outputs[.TENSOR]]`, `PIPELINE.STEP[.inputs|.outputs[.TENSOR]]` or
    `PIPELINE.errors`; the default is `.outputs`. DeploymentError for anything else.
    """
    pipeline, *rest = text.split(".")
    if pipeline and rest == ["errors"]:
        return Target(pipeline, "", "errors", "", topics.errors)
    step = rest.pop(0) if rest and rest[0] not in ("inputs", "outputs") else ""
    side = rest.pop(0) if rest and rest[0] in ("inputs", "outputs") else "outputs"
    if len(rest) > 1 or not all(text.split(".")):
        raise DeploymentError(f"{text!r} is not PIPELINE, PIPELINE.inputs or PIPELINE.STEP.outputs.TENSOR")
    if step:
        topic = topics.model_inputs(step) if side == "inputs" else topics.model_outputs(step)
    else:
        topic = topics.inputs(pipeline) if side == "inputs" else topics.outputs(pipeline)
    return Target(pipeline, step, side, rest[0] if rest else "", topic)
