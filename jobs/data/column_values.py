"""The values of a column: numbers, words, times, or values that no monitor supports."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Kind = Literal["number", "word", "time", "other"]
# Whole numbers up to this one are exact in float64.
EXACT = 2**53
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NO_QUANTITY = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_TIME = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}(?: .*)?|\d{1,2}:\d{2}(?::\d{2}.*)?"
)
# The texts that pandas reads as booleans, if a column of a CSV has no others.
_BOOLEANS = {text: text.casefold() == "true" for text in ["True", "TRUE", "true", "False", "FALSE", "false"]}
_TYPE_NAMES = {list: "lists", tuple: "lists", np.ndarray: "lists", dict: "structs", bytes: "binary values"}


class OddValues(NamedTuple):
    """Some values of a column: their number, the first one, and its row, counted from 0."""

    times: int
    example: str
    row: int

    def describe(self, singular: str, plural: str) -> str:
        """Return a text such as `1 word, 'NA' (in row 7, counted from 0)`."""
        if self.times == 1:
            return f"1 {singular}, {self.example!r} (in row {self.row}, counted from 0)"
        return f"{self.times:,} {plural} such as {self.example!r} (first in row {self.row}, counted from 0)"


def number(text: str) -> float | None:
    """Parse a decimal number, `inf` or `nan`; return None for any other text.

    >>> [number(text) for text in ("1e5", "-.5", "inf", "1,5", "1_0", "NA")]
    [100000.0, -0.5, inf, None, None, None]
    """
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) or _NO_QUANTITY.fullmatch(text) else None


def as_number(value: Any) -> float | None:
    """Return a number, or the number in a text; None for any other value."""
    if isinstance(value, str):
        return number(value)
    return _float(value) if _is_number(type(value)) or isinstance(value, (bool, np.bool_)) else None


def word(value: Any) -> str:
    """Return the text of a category. A whole number has no decimal point, whatever its type."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(float(value)) < EXACT:
        return str(int(value))
    return str(value)


def plain(column: pd.Series) -> pd.Series:
    """Return a column with a dtype of numpy.

    Numbers, booleans and times keep their dtype. Decimals become float64, durations become float64 seconds.
    Any other column has the dtype object, with None for a missing value. Whole numbers stay exact.
    """
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else ""
    if kind == "m":
        return column.dt.total_seconds()
    if (kind and kind in "biufcM") or pd.api.types.is_datetime64_any_dtype(column):
        return column
    values = np.asarray(column, dtype=object)
    present = column.notna().to_numpy(dtype=bool)
    types = set(map(type, values[present].tolist()))
    if all(issubclass(one, timedelta) for one in types) and types:
        values = np.array(
            [value.total_seconds() if ok else None for value, ok in zip(values, present, strict=True)]
        )
    elif not all(_is_number(one) for one in types):
        objects = values.copy()
        objects[~present] = None
        return pd.Series(objects, column.index, dtype=object, name=column.name)
    elif types and all(issubclass(one, (int, np.integer)) for one in types):
        return _whole_numbers(values, present, column)
    numbers = np.full(len(values), np.nan)
    numbers[present] = [_float(one) for one in values[present].tolist()]
    return pd.Series(numbers, column.index, name=column.name)


def converted_from(column: pd.Series) -> str:
    """Return what a numeric column held before `plain` converted it; empty if it held numbers."""
    values = column.dropna().astype(object)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biufM":
        return ""
    types = set(map(type, values.tolist()))
    if types and all(issubclass(one, timedelta) for one in types):
        return "durations in seconds"
    return "decimals" if Decimal in types and all(_is_number(one) for one in types) else ""


def kind_of(column: pd.Series) -> Kind:
    """Return the kind of values in a plain column. Text that holds only dates or times of day is `time`."""
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
    """Return whether a plain column holds only text."""
    return column.dtype.kind == "O" and set(map(type, column.dropna().tolist())) <= {str}


def as_booleans(column: pd.Series) -> pd.Series:
    """Return a plain column of a CSV with booleans for its texts, if pandas would read it as booleans.

    Every present value is then True, TRUE, true, False, FALSE or false; a missing value is None. Any other
    column is returned unchanged.
    """
    values = column.tolist() if column.dtype.kind == "O" else []
    if set(values) <= {None} or not set(values) <= {None, *_BOOLEANS}:
        return column
    booleans = [None if value is None else _BOOLEANS[value] for value in values]
    return pd.Series(booleans, column.index, dtype=object, name=column.name)


def describe_unsupported(column: pd.Series) -> str:
    """Describe the values of a plain column that no monitor supports, with the first row that holds one."""
    if column.dtype.kind == "c":
        return "complex numbers"
    for row, value in column.dropna().items():
        if not isinstance(value, (str, bool, np.bool_)) and not _is_number(type(value)):
            name = _TYPE_NAMES.get(type(value), f"values of type {type(value).__name__}")
            return f"{name} (first in row {row}, counted from 0)"
    return "values of several types"


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """Return a plain column of numbers, or of numbers written as text, as float64, shape (n,).

    A missing value is NaN. Other text raises ValueError.
    """
    if column.dtype.kind != "O":
        return np.asarray(column.to_numpy(), dtype=np.float64)
    parsed = [np.nan if value is None else as_number(value) for value in column.tolist()]
    if any(value is None for value in parsed):
        raise ValueError("not all values are numbers")
    return np.array(parsed, dtype=np.float64)


def words(column: pd.Series) -> tuple[NDArray[np.intp], list[str]]:
    """Return a plain column as positions in the list of its distinct words, shape (n,), and that list.

    A missing value has the position -1.
    """
    codes, distinct = pd.factorize(np.asarray(column.to_numpy(), dtype=object))
    return np.asarray(codes), [word(one) for one in distinct.tolist()]


def words_beside_numbers(column: pd.Series) -> OddValues | None:
    """Return the words of a plain column that contains both words and numbers written as text, else None."""
    codes, distinct = words(column)
    not_numeric = [position for position, text in enumerate(distinct) if number(text) is None]
    if not not_numeric or len(not_numeric) == len(distinct):
        return None
    return marked_values(np.isin(codes, not_numeric), column)


def not_numbers(column: pd.Series) -> OddValues | None:
    """Return the values of a plain column that cannot be read as numbers, or None."""
    return marked_values(
        np.array([value is not None and as_number(value) is None for value in column.tolist()]), column
    )


def marked_values(mask: NDArray[np.bool_], column: pd.Series) -> OddValues | None:
    """Return the values of a column where a mask, shape (n,), is true; None if it is never true."""
    positions = np.flatnonzero(mask)
    if not len(positions):
        return None
    first = int(positions[0])
    return OddValues(len(positions), word(column.iloc[first]), int(column.index[first]))


def inexact_numbers(column: pd.Series) -> OddValues | None:
    """Return the whole numbers of a plain column that float64 cannot represent exactly, or None."""
    if column.dtype.kind not in "iuO" or kind_of(column) != "number":
        return None
    big = [row for row, value in enumerate(column.tolist()) if value is not None and abs(value) > EXACT]
    mask = np.zeros(len(column), dtype=bool)
    mask[[row for row in big if _float(column.iloc[row]) != int(column.iloc[row])]] = True
    return marked_values(mask, column)


def starting_with_zero(column: pd.Series) -> OddValues | None:
    """Return the numbers of a plain text column that begin with a zero, as codes do, or None."""
    codes, distinct = words(column)
    zeros = [position for position, text in enumerate(distinct) if is_code(text)]
    return marked_values(np.isin(codes, zeros), column) if zeros else None


def is_code(text: str) -> bool:
    """Return whether a text is a number with a leading zero, which parsing would lose.

    >>> [is_code(text) for text in ("01234", "0", "0.5", "-07", "0x1")]
    [True, False, False, True, False]
    """
    digits = text.strip().lstrip("+-")
    return digits[:1] == "0" and digits[1:2].isdigit() and number(text) is not None


def _of_dtype(column: pd.Series) -> Kind:
    return "time" if pd.api.types.is_datetime64_any_dtype(column) else "number"


def _is_number(kind: type) -> bool:
    return issubclass(kind, (int, float, np.integer, np.floating, Decimal)) and not issubclass(kind, bool)


def _whole_numbers(values: NDArray[Any], present: NDArray[np.bool_], column: pd.Series) -> pd.Series:
    """Return whole numbers with a dtype that keeps them exact: int64, else float64, else object."""
    integers = [int(value) for value in values[present].tolist()]
    if present.all() and min(integers) >= -(2**63) and max(integers) < 2**63:
        return pd.Series(np.array(integers, dtype=np.int64), column.index, name=column.name)
    if max(map(abs, integers)) <= EXACT:
        floats = np.full(len(values), np.nan)
        floats[present] = integers
        return pd.Series(floats, column.index, name=column.name)
    objects: NDArray[Any] = np.full(len(values), None, dtype=object)
    objects[present] = integers
    return pd.Series(objects, column.index, dtype=object, name=column.name)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number larger than any float64
        return np.inf if value > 0 else -np.inf
