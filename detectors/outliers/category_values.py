"""Categories as numbers: what a distance between rows needs of columns that hold codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


class _Group(NamedTuple):
    """Columns `start` to `stop` of a row, one feature of the table of numbers; `values` by code."""

    start: int
    stop: int
    values: Numbers | None


class CategoryValues:
    """Replaces categories by numbers, as alibi-detect's ``Mahalanobis.cat2num`` does.

    Parameters
    ----------
    values:
        Feature → the number of code 0, 1, …, shape (codes,): alibi-detect's ``d_abs``. Features count with
        each category as one, however many columns encode it.
    one_hot:
        First column → number of columns, for categories that are one-hot encoded. Without any, a
        category's column holds its code.

    Notes
    -----
    alibi-detect stops at a code that it does not know, or takes another category's number for it. Here what
    is unknown or missing is NaN: a code that is no whole number of the known ones, one-hot columns of which
    none is positive, and NaN.

    >>> numbers = CategoryValues({1: [-0.5, 0.25]}).numbers(np.array([[7.0, 1.0], [7.0, 2.0]]))
    >>> numbers.tolist()
    [[7.0, 0.25], [7.0, nan]]
    """

    def __init__(self, values: Mapping[int, ArrayLike], one_hot: Mapping[int, int] | None = None) -> None:
        self.values = {int(k): np.asarray(v, dtype=np.float64) for k, v in sorted(values.items())}
        self.one_hot = {int(k): int(v) for k, v in sorted((one_hot or {}).items())}

    def numbers(self, rows: Numbers) -> Numbers:
        """Turn rows of shape (n, columns) into numbers of shape (n, features)."""
        if not (self.one_hot or self.values):
            return rows
        groups = self._groups(rows.shape[1])
        numbers = rows[:, [group.start for group in groups]]
        for feature, (start, stop, values) in enumerate(groups):
            if values is not None or stop > start + 1:
                numbers[:, feature] = _numbers(rows[:, start:stop], values)
        return numbers

    def columns(self, features: int) -> int:
        """Return how many columns so many features are encoded in."""
        return features + sum(width - 1 for width in self.one_hot.values())

    def spread(self, per_feature: Numbers, rows: Numbers) -> Numbers:
        """Give each feature's number to its column, of one-hot columns to the one that is set."""
        if not self.one_hot:
            return per_feature
        groups = self._groups(rows.shape[1])
        spread = np.zeros(rows.shape)
        spread[:, [group.start for group in groups]] = per_feature
        for feature, (start, stop, _) in enumerate(groups):
            if stop > start + 1:
                spread[:, start] = 0
                at = start + np.argmax(np.nan_to_num(rows[:, start:stop]), axis=1)
                spread[np.arange(len(rows)), at] = per_feature[:, feature]
        return spread

    def _groups(self, columns: int) -> list[_Group]:
        groups: list[_Group] = []
        start = 0
        while start < columns:
            stop = start + self.one_hot.get(start, 1)
            groups.append(_Group(start, stop, self.values.get(len(groups))))
            start = stop
        return groups


def _numbers(group: Numbers, values: Numbers | None) -> Numbers:
    codes = group[:, 0] if group.shape[1] == 1 else _codes(group)
    if values is None:
        return codes
    with np.errstate(invalid="ignore"):
        known = (codes >= 0) & (codes < len(values)) & (codes == np.floor(codes))
    numbers = np.full(len(codes), np.nan)
    numbers[known] = values[codes[known].astype(np.intp)]
    return numbers


def _codes(one_hot: Numbers) -> Numbers:
    with np.errstate(invalid="ignore"):
        known = one_hot.max(axis=1) > 0
    return np.where(known, np.argmax(np.nan_to_num(one_hot), axis=1), np.nan)
