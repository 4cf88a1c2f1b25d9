"""Model runtimes, one a file: what a pipeline's step does with a micro-batch of columns.

A step is pure: the same columns give the same answer, whatever else is in the micro-batch, and what it
raises is about the values it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from operators.core.errors import MismatchError
from operators.core.tensors import Array, Routed, TensorColumn, Tensors


class InferenceOptions(NamedTuple):
    """What a request says besides its tensors.

    `content_type` is `pd` (tensors are named columns), `np` or `str` (a single tensor, whatever its name), or
    empty to leave it to the model's settings. `outputs` names the functions that it wants instead of the
    model's own, as far as the model has them; `besides` those that steps of the pipeline read by name.
    """

    content_type: str = ""
    outputs: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()

    def chosen(self, functions: Sequence[str], usual: str) -> list[str]:
        """Return the wanted ones of a model's functions, or the usual one."""
        return [name for name in self.outputs if name in functions] or [usual]


class Step(Protocol):
    """A model that answers columns with columns."""

    @property
    def monitor(self) -> bool:
        """Whether the step only watches: its failure need not cost the response."""

    @property
    def functions(self) -> tuple[str, ...]:
        """What a request's `outputs` may choose."""

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors | Routed:
        """Answer every request of the micro-batch, or raise if any of them cannot be answered.

        A step that answers each request with tensors of its own returns them routed.
        """


def single_tensor(tensors: Tensors) -> TensorColumn:
    """Return the single tensor that MLServer's `np` codec wants, whatever its name."""
    if len(tensors) != 1:
        raise MismatchError(
            f"takes a single tensor, got {len(tensors)} ({', '.join(tensors)}): select one in the step's "
            "inputs, or send content_type pd to make each a column"
        )
    return next(iter(tensors.values()))


def named_columns(tensors: Tensors) -> dict[str, Array]:
    """Return tensors of one value a row as columns by name, as MLServer's `pd` codec does."""
    columns = {}
    first = next(iter(tensors.values()))
    for name, column in tensors.items():
        if not np.array_equal(column.rows, first.rows):
            raise ValueError(f"tensor {name!r} has other numbers of rows than {next(iter(tensors))!r}")
        values = column.data.reshape(len(column.data), -1)
        if values.shape[1] != 1:
            raise MismatchError(
                f"content_type pd takes tensors of one value a row, but {name!r} has {values.shape[1]}"
            )
        columns[name] = values[:, 0]
    return columns


def check_width(data: Array, width: int) -> None:
    """Raise MismatchError unless the data are rows of so many values."""
    if data.ndim != 2 or data.shape[1] != width:
        raise MismatchError(f"takes rows of {width} values, got rows of shape {list(data.shape[1:])}")


def hstack_tensors(tensors: Tensors) -> TensorColumn:
    """Put the values of all tensors into rows of one table, in their order."""
    columns = list(tensors.values())
    if len(columns) == 1:
        (column,) = columns
        return column._replace(data=column.data.reshape(len(column.data), -1), flat=False)
    for name, column in tensors.items():
        if not np.array_equal(column.rows, columns[0].rows):
            raise ValueError(f"tensor {name!r} has other numbers of rows than {next(iter(tensors))!r}")
    data = np.hstack([column.data.reshape(len(column.data), -1) for column in columns])
    return TensorColumn(data, columns[0].rows)
