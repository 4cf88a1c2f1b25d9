"""The columns of a table as V2 tensors, and notices of the values that this changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.column_values import (
    EXACT,
    OddValues,
    converted_from,
    describe_unsupported,
    inexact_numbers,
    kind_of,
    marked_values,
    numbers,
    plain,
)

OnNotice = Callable[[str], None]
_INTEGER_TYPES = {"INT64": (-(2**63), 2**63), "UINT64": (0, 2**64)}


class ColumnValues(NamedTuple):
    """A column's V2 datatype and its values in JSON, None for missing ones."""

    datatype: str
    values: list[Any]


def column_values(column: pd.Series, notice: OnNotice) -> ColumnValues | None:
    """Return a column's datatype and values; None, with a notice, for values that no datatype can represent.

    `notice` receives a line for every change to the values.
    """
    column = column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "boolean":
        return ColumnValues("BOOL", _with_none(column))
    datatype = _integer_type(_with_none(column)) if kind == "integer" else ""
    if datatype:
        return ColumnValues(datatype, _with_none(column))
    return _converted(column, plain(column), notice)


def number_notices(name: str, column: pd.Series) -> Iterator[str]:
    """Yield a notice for the values of a plain column of numbers that FP64 in JSON cannot represent."""
    inexact = inexact_numbers(column)
    if inexact:
        yield f"column {name!r}: FP64 rounds {inexact.describe('whole number', 'whole numbers')}"
    infinite = marked_values(np.isinf(numbers(column)), column)
    if infinite:
        yield f"column {name!r}: {_no_infinity(infinite)}"


def array_notices(rows: NDArray[Any]) -> Iterator[str]:
    """Yield a notice for the values of an array, shape (n, …), that FP64 in JSON cannot represent."""
    of_row = rows.reshape(len(rows), -1)
    for mask, describe in ((_inexact(of_row), _rounded), (np.isinf(of_row), _no_infinity)):
        positions = np.argwhere(mask)
        if len(positions):
            row, column = positions[0].tolist()
            yield describe(OddValues(len(positions), str(of_row[row, column]), row))


def _converted(column: pd.Series, values: pd.Series, notice: OnNotice) -> ColumnValues | None:
    """Return the values of a column that `plain` has converted to `values`."""
    kind, name = kind_of(values), column.name
    if kind == "other":
        notice(f"column {name!r} contains {describe_unsupported(values)} and is left out")
        return None
    origin = converted_from(column) if kind == "number" else _time_origin(values) if kind == "time" else ""
    datatype = "FP64" if kind == "number" else "BYTES"
    if origin:
        notice(f"column {name!r} is sent as {datatype}: {origin}")
    if kind != "number":
        return ColumnValues(datatype, [None if one is None else str(one) for one in _with_none(values)])
    for line in number_notices(str(name), values):
        notice(line)
    floats = numbers(values)
    return ColumnValues(datatype, [one if np.isfinite(one) else None for one in floats.tolist()])


def _with_none(column: pd.Series) -> list[Any]:
    values: list[Any] = column.astype(object).where(column.notna(), None).tolist()
    return values


def _integer_type(values: list[Any]) -> str:
    """Return the first datatype that can represent all whole numbers, empty if none can."""
    present = [value for value in values if value is not None]
    for datatype, (least, end) in _INTEGER_TYPES.items():
        if least <= min(present) and max(present) < end:
            return datatype
    return ""


def _time_origin(column: pd.Series) -> str:
    texts = set(map(type, column.dropna().tolist())) == {str}
    return "" if texts else "times"


def _inexact(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Return a mask of the whole numbers that float64 cannot represent exactly."""
    mask = np.zeros(rows.shape, dtype=bool)
    if rows.dtype.kind in "iu":
        large = np.abs(rows.astype(np.float64)) >= EXACT
        mask[large] = [int(float(value)) != value for value in rows[large].tolist()]
    return mask


def _rounded(values: OddValues) -> str:
    return f"FP64 rounds {values.describe('whole number', 'whole numbers')}"


def _no_infinity(values: OddValues) -> str:
    described = values.describe("infinite value", "infinite values")
    return f"JSON has no infinity: missing values replace {described}"
