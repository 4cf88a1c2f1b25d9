"""Model runtimes, one a file: what a pipeline's step does with a micro-batch of columns.

A step is pure: the same columns give the same answer, whatever else is in the micro-batch, and what it
raises is about the values it was given.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from operators.columns import Array, Column, Tensors
from operators.errors import MismatchError


class Step(Protocol):
    """A model that answers columns with columns."""

    @property
    def monitor(self) -> bool:
        """Whether the step only watches: its failure need not cost the response."""

    def infer(self, tensors: Tensors, content_type: str) -> Tensors:
        """Answer every request of the micro-batch, or raise if any of them cannot be answered.

        `content_type` is `np` (a single tensor, whatever its name) or `pd` (tensors are named columns).
        """


def the_only(tensors: Tensors) -> Column:
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
    for name, column in tensors.items():
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


def numeric_table(tensors: Tensors, content_type: str) -> Column:
    """Return rows as a numeric table, shape (rows, values a row); strings are a mismatch."""
    if content_type == "pd":
        named = named_columns(tensors)
        column = next(iter(tensors.values()))._replace(data=np.column_stack(list(named.values())))
    else:
        column = the_only(tensors)
    if column.data.dtype.kind not in "biuf":
        raise MismatchError("takes numbers, got strings: encode categories as numbers first")
    return column._replace(data=column.data.reshape(len(column.data), -1))
