"""What a column of a table holds, whatever wrote it: numbers, words, times, or what no monitor takes."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Kind = Literal["number", "word", "time", "other"]
# Whole numbers up to here are exact in float64.
EXACT = 2**53
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NO_QUANTITY = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_TIME = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}(?: .*)?|\d{1,2}:\d{2}(?::\d{2}.*)?"
)
_CALLED = {list: "lists", tuple: "lists", np.ndarray: "lists", dict: "structs", bytes: "binary values"}


class OddValues(NamedTuple):
    """Some values of a column: how many, one of them, and the row of the first, counted from 0."""

    times: int
    example: str
    row: int

    def told(self, one: str, more: str) -> str:
        """Say it: `1 word, 'NA' (in row 7, counted from 0)`."""
        if self.times == 1:
            return f"1 {one}, {self.example!r} (in row {self.row}, counted from 0)"
        return f"{self.times:,} {more} such as {self.example!r} (first in row {self.row}, counted from 0)"


def number(text: str) -> float | None:
    """Read a decimal number, `inf` or `nan`; None for any other text.

    >>> [number(text) for text in ("1e5", "-.5", "inf", "1,5", "1_0", "NA")]
    [100000.0, -0.5, inf, None, None, None]
    """
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) or _NO_QUANTITY.fullmatch(text) else None


def as_number(value: Any) -> float | None:
    """Read a number, or a text that is one; None for anything else."""
    if isinstance(value, str):
        return number(value)
    return _float(value) if _is_number(type(value)) or isinstance(value, (bool, np.bool_)) else None


def word(value: Any) -> str:
    """Write a category: a whole number without a fraction, whatever type the column has."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(float(value)) < EXACT:
        return str(int(value))
    return str(value)


def plain(column: pd.Series) -> pd.Series:
    """Return a column in numpy's own types.

    Numbers, booleans and times keep theirs; decimals become float64, durations float64 seconds; any other
    column holds objects, None where a value is missing. Whole numbers stay exact.
    """
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else ""
    if kind == "m":
        return column.dt.total_seconds()
    if (kind and kind in "biufcM") or pd.api.types.is_datetime64_any_dtype(column):
        return column
    values = np.asarray(column, dtype=object)
    known = column.notna().to_numpy(dtype=bool)
    types = set(map(type, values[known].tolist()))
    if all(issubclass(one, timedelta) for one in types) and types:
        values = np.array(
            [one.total_seconds() if ok else None for one, ok in zip(values, known, strict=True)]
        )
    elif not all(_is_number(one) for one in types):
        held = values.copy()
        held[~known] = None
        return pd.Series(held, column.index, dtype=object, name=column.name)
    elif types and all(issubclass(one, (int, np.integer)) for one in types):
        return _whole(values, known, column)
    numbers = np.full(len(values), np.nan)
    numbers[known] = [_float(one) for one in values[known].tolist()]
    return pd.Series(numbers, column.index, name=column.name)


def taken_from(column: pd.Series) -> str:
    """Say what a column was before it became numbers, empty where it held numbers."""
    values = column.dropna().astype(object)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biufM":
        return ""
    types = set(map(type, values.tolist()))
    if types and all(issubclass(one, timedelta) for one in types):
        return "durations in seconds"
    return "decimals" if Decimal in types and all(_is_number(one) for one in types) else ""


def kind_of(column: pd.Series) -> Kind:
    """Tell what a plain column holds; text that is nothing but dates or times of day is `time`."""
    if column.dtype.kind != "O":
        return {"b": "word", "c": "other"}.get(column.dtype.kind, _of_dtype(column))  # type: ignore[return-value]
    values = column.dropna().tolist()
    types = set(map(type, values))
    if all(_is_number(one) for one in types):
        return "number"
    if all(issubclass(one, (str, bool, np.bool_)) or _is_number(one) for one in types):
        return "time" if types == {str} and all(map(_TIME.fullmatch, set(values))) else "word"
    if all(issubclass(one, (date, time, pd.Timestamp, pd.Period)) for one in types):
        return "time"
    return "other"


def is_text(column: pd.Series) -> bool:
    """Tell whether a plain column holds nothing but text."""
    return column.dtype.kind == "O" and set(map(type, column.dropna().tolist())) <= {str}


def what_other(column: pd.Series) -> str:
    """Name what a plain column holds that no monitor takes, and the first row of it."""
    if column.dtype.kind == "c":
        return "complex numbers"
    for row, value in column.dropna().items():
        if not isinstance(value, (str, bool, np.bool_)) and not _is_number(type(value)):
            called = _CALLED.get(type(value), f"values of type {type(value).__name__}")
            return f"{called} (first in row {row}, counted from 0)"
    return "values of several types"


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """Return a plain column of numbers, or of text that is numbers, as float64, NaN where one is missing.

    ValueError for other text.
    """
    if column.dtype.kind != "O":
        return np.asarray(column.to_numpy(), dtype=np.float64)
    read = [np.nan if one is None else as_number(one) for one in column.tolist()]
    if any(one is None for one in read):
        raise ValueError("not all values are numbers")
    return np.array(read, dtype=np.float64)


def words(column: pd.Series) -> tuple[NDArray[np.intp], list[str]]:
    """Return a plain column as positions among its distinct words, shape (n,), -1 where one is missing."""
    codes, distinct = pd.factorize(np.asarray(column.to_numpy(), dtype=object))
    return np.asarray(codes), [word(one) for one in distinct.tolist()]


def words_beside_numbers(column: pd.Series) -> OddValues | None:
    """Return the words of a plain column that also holds text which is numbers, else None."""
    codes, distinct = words(column)
    strange = [position for position, text in enumerate(distinct) if number(text) is None]
    if not strange or len(strange) == len(distinct):
        return None
    return marked_values(np.isin(codes, strange), column)


def not_numbers(column: pd.Series) -> OddValues | None:
    """Return the values of a plain column that cannot be read as numbers, if there are any."""
    return marked_values(
        np.array([one is not None and as_number(one) is None for one in column.tolist()]), column
    )


def marked_values(mask: NDArray[np.bool_], column: pd.Series) -> OddValues | None:
    """Return the values of a column that a mask of shape (n,) marks, if there are any."""
    positions = np.flatnonzero(mask)
    if not len(positions):
        return None
    first = int(positions[0])
    return OddValues(len(positions), word(column.iloc[first]), int(column.index[first]))


def rounded(column: pd.Series) -> OddValues | None:
    """Return the whole numbers of a plain column that float64 cannot hold exactly, if there are any."""
    if column.dtype.kind not in "iuO" or kind_of(column) != "number":
        return None
    big = [row for row, value in enumerate(column.tolist()) if value is not None and abs(value) > EXACT]
    mask = np.zeros(len(column), dtype=bool)
    mask[[row for row in big if _float(column.iloc[row]) != int(column.iloc[row])]] = True
    return marked_values(mask, column)


def starting_with_zero(column: pd.Series) -> OddValues | None:
    """Return the numbers of a plain text column that begin with a zero, as codes do, if there are any."""
    codes, distinct = words(column)
    zeros = [position for position, text in enumerate(distinct) if is_code(text)]
    return marked_values(np.isin(codes, zeros), column) if zeros else None


def is_code(text: str) -> bool:
    """Tell whether a text is a number with a zero in front that a number would lose.

    >>> [is_code(text) for text in ("01234", "0", "0.5", "-07", "0x1")]
    [True, False, False, True, False]
    """
    digits = text.strip().lstrip("+-")
    return digits[:1] == "0" and digits[1:2].isdigit() and number(text) is not None


def _of_dtype(column: pd.Series) -> Kind:
    return "time" if pd.api.types.is_datetime64_any_dtype(column) else "number"


def _is_number(kind: type) -> bool:
    return issubclass(kind, (int, float, np.integer, np.floating, Decimal)) and not issubclass(kind, bool)


def _whole(values: NDArray[Any], known: NDArray[np.bool_], column: pd.Series) -> pd.Series:
    """Return whole numbers in the smallest type that keeps them exact."""
    present = [int(one) for one in values[known].tolist()]
    if known.all() and min(present) >= -(2**63) and max(present) < 2**63:
        return pd.Series(np.array(present, dtype=np.int64), column.index, name=column.name)
    if max(map(abs, present)) <= EXACT:
        exact = np.full(len(values), np.nan)
        exact[known] = present
        return pd.Series(exact, column.index, name=column.name)
    held: NDArray[Any] = np.full(len(values), None, dtype=object)
    held[known] = present
    return pd.Series(held, column.index, dtype=object, name=column.name)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return np.inf if value > 0 else -np.inf
