"""Issue codes of the values of one column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, nan
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

FINE, MISSING, OUT_OF_RANGE, UNSEEN, WRONG_TYPE = range(5)
# Names of the codes 1 to 4, in this order.
ISSUES = ("missing", "out_of_range", "unseen", "wrong_type")

Issues = NDArray[np.uint8]
_PLAIN = {float, int, bool, type(None)}


def quantity_issues(column: NDArray[Any], low: float, high: float) -> Issues:
    """Return the codes of quantities; column and codes have shape (n,), the column any dtype.

    Values are compared with the range in the precision of the column, so that a limit of the range that a
    client sends as FP32 is inside the range.

    >>> quantity_issues(np.array([17, "90", None, 91, "old"], dtype=object), low=17, high=90)
    array([0, 0, 1, 2, 4], dtype=uint8)
    """
    numbers, wrong = _numbers(column)
    with np.errstate(over="ignore"):
        least, most = numbers.dtype.type(low), numbers.dtype.type(high)
    outside = (numbers < least) | (numbers > most) | np.isinf(numbers)
    return _first([(wrong, WRONG_TYPE), (np.isnan(numbers), MISSING), (outside, OUT_OF_RANGE)])


def category_issues(column: NDArray[Any], codes: Mapping[str, int]) -> Issues:
    """Return the codes of categories, texts or category codes; column and codes have shape (n,).

    >>> values = np.array(["State", 1, None, 2, "Mars", 0.5], dtype=object)
    >>> category_issues(values, {"Private": 0, "State": 1})
    array([0, 0, 1, 3, 3, 4], dtype=uint8)
    """
    numbers, wrong = _numbers(_coded(column, codes) if column.dtype.kind in "OU" else column)
    broken = wrong | (numbers != np.trunc(numbers)) & ~np.isnan(numbers)
    outside = (numbers < 0) | (numbers >= len(codes))
    return _first([(broken, WRONG_TYPE), (np.isnan(numbers), MISSING), (outside, UNSEEN)])


def _first(issues: list[tuple[NDArray[np.bool_], int]]) -> Issues:
    """Return for each value the code of the first condition that is true."""
    conditions, codes = zip(*issues, strict=True)
    return np.select(conditions, codes, FINE).astype(np.uint8)


def _coded(column: NDArray[Any], codes: Mapping[str, int]) -> NDArray[Any]:
    """Replace texts by their codes; an unknown text gets the code after the last known one."""
    coded = np.empty(len(column), dtype=object)
    coded[:] = [
        codes.get(value, len(codes)) if isinstance(value, str) else value for value in column.tolist()
    ]
    return coded


def _numbers(column: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the values as floats, NaN if missing, and a mask of the values that are not numbers."""
    kind = column.dtype.kind
    if kind in "OU":
        return _parsed(column.tolist())
    numbers = column if kind == "f" else np.zeros(len(column)) if kind not in "biu" else column.astype(float)
    return numbers, np.full(len(column), kind not in "biuf")


def _parsed(values: Sequence[object]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    if set(map(type, values)) <= _PLAIN:
        try:
            return np.array(values, dtype=np.float64), np.zeros(len(values), dtype=bool)
        except OverflowError:  # an integer outside the range of float64
            pass
    parsed = [_number(value) for value in values]
    wrong = np.array([number is None for number in parsed], dtype=bool)
    return np.array([nan if number is None else number for number in parsed], dtype=np.float64), wrong


def _number(value: Any) -> float | None:
    """Return a number, or the number that a text contains; NaN if missing, None for anything else."""
    if value is None:
        return nan
    if not isinstance(value, (str, Real, np.bool_)):
        return None
    try:
        return float(value)
    except OverflowError:
        return inf  # outside the range of float64; the sign does not matter
    except ValueError:
        return None
