"""The grammar of `inputs`, `output.steps` and `tensorMap`: who, which side, which tensor."""

from __future__ import annotations

from typing import Literal, NamedTuple

Side = Literal["inputs", "outputs"]


class Reference(NamedTuple):
    """`X`, `X.inputs`, `X.outputs`, `X.inputs.T` or `X.outputs.T`; `tensor` None means all of them.

    X is a step or the pipeline itself. A bare step means its outputs, the bare pipeline its inputs.
    """

    node: str
    side: Side
    tensor: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in self if part)


def parse_reference(text: str, pipeline: str) -> Reference:
    """Parse a reference within the pipeline of that name; ValueError says what is wrong with it."""
    node, *rest = text.split(".")
    if not all((node, *rest)) or len(rest) > 2:
        raise ValueError(f"a reference is STEP, STEP.outputs or STEP.outputs.TENSOR, got {text!r}")
    if not rest:
        return Reference(node, "inputs" if node == pipeline else "outputs")
    side, *tensor = rest
    if side not in ("inputs", "outputs"):
        raise ValueError(f"the part after {node!r} must be inputs or outputs, got {side!r} in {text!r}")
    return Reference(node, "inputs" if side == "inputs" else "outputs", tensor[0] if tensor else None)
