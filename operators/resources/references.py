"""The grammar of references: `inputs`, `triggers`, `output.steps`, `tensorMap`, `externalInputs`."""

from __future__ import annotations

from typing import Literal, NamedTuple

Side = Literal["inputs", "outputs"]


class Reference(NamedTuple):
    """The inputs or outputs of a step or of the pipeline itself; `tensor` None means all tensors.

    It is written `X`, `X.inputs`, `X.outputs`, `X.inputs.T` or `X.outputs.T`. `X` alone means the outputs of
    a step, or the inputs of the pipeline.
    """

    node: str
    side: Side
    tensor: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in self if part)


class External(NamedTuple):
    """The inputs or outputs of another pipeline, or of one of its steps; `tensor` None means all tensors.

    It is written `PIPELINE.SIDE[.TENSOR]` (`step` is None) or `PIPELINE.step.STEP.SIDE[.TENSOR]`.
    """

    pipeline: str
    step: str | None
    side: Side
    tensor: str | None = None


def parse_reference(text: str, pipeline: str) -> Reference:
    """Parse a reference in the named pipeline; ValueError if it is not a reference."""
    node, *rest = text.split(".")
    if not all((node, *rest)) or len(rest) > 2:
        raise ValueError(f"a reference must be STEP, STEP.outputs or STEP.outputs.TENSOR, got {text!r}")
    if not rest:
        return Reference(node, "inputs" if node == pipeline else "outputs")
    side, *tensor = rest
    return Reference(node, _side(side, node, text), tensor[0] if tensor else None)


def parse_external(text: str) -> External:
    """Parse a reference to another pipeline; ValueError if it is not one."""
    parts = text.split(".")
    step = parts[2] if parts[1:2] == ["step"] and len(parts) > 2 else None
    pipeline, *rest = parts[:1] + parts[3:] if step else parts
    if not all(parts) or not 1 <= len(rest) <= 2:
        raise ValueError(
            "an external input must be PIPELINE.inputs, PIPELINE.outputs or PIPELINE.step.STEP.outputs, "
            f"with or without .TENSOR, got {text!r}"
        )
    side, *tensor = rest
    return External(pipeline, step, _side(side, step or pipeline, text), tensor[0] if tensor else None)


def _side(side: str, node: str, text: str) -> Side:
    if side not in ("inputs", "outputs"):
        raise ValueError(f"the part after {node!r} must be inputs or outputs, got {side!r} in {text!r}")
    return "inputs" if side == "inputs" else "outputs"
