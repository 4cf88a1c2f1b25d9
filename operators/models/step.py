"""The interface of a pipeline's step: how it computes a micro-batch of tensors.

A step is pure: the same tensors give the same answer, whatever else is in the micro-batch. An error that it
raises is caused by the values that it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from operators.core.errors import MismatchError
from operators.core.tensors import Array, Routed, TensorColumn, Tensors


class InferenceOptions(NamedTuple):
    """The options of a request besides its tensors.

    `content_type` is `pd` (each tensor is a named column), `np` or `str` (a single tensor, whatever its
    name), or empty: then the model's settings decide. `outputs` are functions that the request asks for
    instead of the model's default one; functions that the model does not have are ignored. `required` are
    functions whose outputs other steps of the pipeline read by name.
    """

    content_type: str = ""
    outputs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    def choose_functions(self, available: Sequence[str], default: str) -> list[str]:
        """Return the available functions that the request asks for; if there are none, the default."""
        return [name for name in self.outputs if name in available] or [default]


class Step(Protocol):
    """A model that computes output tensors from input tensors."""

    @property
    def monitor(self) -> bool:
        """Whether the step only observes: a response is possible without its answer."""

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that a request's `outputs` can select."""

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors | Routed:
        """Answer every request of the micro-batch, or raise if any request cannot be answered.

        A step whose answers have different tensors for each request returns them as `Routed`.
        """


def single_tensor(tensors: Tensors) -> TensorColumn:
    """Return the only tensor, whatever its name, as MLServer's `np` codec expects.

    Raises MismatchError for several tensors.
    """
    if len(tensors) != 1:
        raise MismatchError(
            f"takes a single tensor, got {len(tensors)} ({', '.join(tensors)}): select one in the step's "
            "inputs, or send content_type pd to make each tensor a column"
        )
    return next(iter(tensors.values()))


def named_columns(tensors: Tensors) -> dict[str, Array]:
    """Return tensors with one value per row as columns by name, as MLServer's `pd` codec does.

    Raises MismatchError for tensors with more values, ValueError for different numbers of rows.
    """
    columns = {}
    first = next(iter(tensors.values()))
    for name, column in tensors.items():
        if not np.array_equal(column.rows, first.rows):
            raise ValueError(f"tensor {name!r} has another number of rows than {next(iter(tensors))!r}")
        values = column.data.reshape(len(column.data), -1)
        if values.shape[1] != 1:
            raise MismatchError(
                f"content_type pd takes tensors with one value per row, but {name!r} has {values.shape[1]}"
            )
        columns[name] = values[:, 0]
    return columns


def check_width(data: Array, width: int) -> None:
    """Raise MismatchError unless the data has the shape (rows, width)."""
    if data.ndim != 2 or data.shape[1] != width:
        raise MismatchError(f"takes rows of {width} values, got rows of shape {list(data.shape[1:])}")


def hstack_tensors(tensors: Tensors) -> TensorColumn:
    """Join the values of all tensors into one table, shape (rows, values), in the order of the tensors.

    Raises ValueError for different numbers of rows.
    """
    columns = list(tensors.values())
    if len(columns) == 1:
        (column,) = columns
        return column._replace(data=column.data.reshape(len(column.data), -1), flat=False)
    for name, column in tensors.items():
        if not np.array_equal(column.rows, columns[0].rows):
            raise ValueError(f"tensor {name!r} has another number of rows than {next(iter(tensors))!r}")
    data = np.hstack([column.data.reshape(len(column.data), -1) for column in columns])
    return TensorColumn(data, columns[0].rows)
