"""Numeric values of categories, from which distances between rows are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


_MOST_COLUMNS = 1_000_000


class _ColumnGroup(NamedTuple):
    """The columns of one feature: from `start` to before `stop`; `values` are indexed by code."""

    start: int
    stop: int
    values: Numbers | None


class CategoryValues:
    """Replaces categories by numbers, as alibi-detect's ``Mahalanobis.cat2num`` does.

    Parameters
    ----------
    values:
        Maps a feature to the numbers of code 0, 1, …, shape (codes,): alibi-detect's ``d_abs``. A category
        is one feature, however many columns encode it.
    one_hot:
        Maps the first column of a one-hot encoded category to its number of columns. Every other category
        has one column that contains its code.

    Notes
    -----
    For an unknown code, alibi-detect raises an error or uses the number of another category. Here unknown and
    missing categories become NaN: a code that is not one of the known ones, one-hot columns without a
    positive value, and NaN.

    Raises ValueError for a category without columns, or of more than a million.

    >>> numbers = CategoryValues({1: [-0.5, 0.25]}).numbers(np.array([[7.0, 1.0], [7.0, 2.0]]))
    >>> numbers.tolist()
    [[7.0, 0.25], [7.0, nan]]
    """

    def __init__(self, values: Mapping[int, ArrayLike], one_hot: Mapping[int, int] | None = None) -> None:
        self.values = {int(k): np.asarray(v, dtype=np.float64) for k, v in sorted(values.items())}
        self.one_hot = {int(k): int(v) for k, v in sorted((one_hot or {}).items())}
        if not all(0 < columns <= _MOST_COLUMNS for columns in self.one_hot.values()):
            raise ValueError(f"a one-hot encoded category must have from 1 to {_MOST_COLUMNS} columns")

    def numbers(self, rows: Numbers) -> Numbers:
        """Convert rows of shape (n, columns) to numbers of shape (n, features)."""
        if not (self.one_hot or self.values):
            return rows
        groups = self._groups(rows.shape[1])
        numbers = rows[:, [group.start for group in groups]]
        for feature, (start, stop, values) in enumerate(groups):
            if values is not None or stop > start + 1:
                numbers[:, feature] = _numbers(rows[:, start:stop], values)
        return numbers

    def columns(self, features: int) -> int:
        """Return the number of columns that encode this number of features."""
        return features + sum(width - 1 for width in self.one_hot.values())

    def spread(self, per_feature: Numbers, rows: Numbers) -> Numbers:
        """Assign numbers per feature, shape (n, features), to columns: shape (n, columns).

        Of one-hot columns, the one that is set gets the number of the feature; the others get 0.
        """
        if not self.one_hot:
            return per_feature
        groups = self._groups(rows.shape[1])
        spread = np.zeros(rows.shape)
        spread[:, [group.start for group in groups]] = per_feature
        for feature, (start, stop, _) in enumerate(groups):
            if stop > start + 1:
                spread[:, start] = 0
                is_set = start + np.argmax(np.nan_to_num(rows[:, start:stop]), axis=1)
                spread[np.arange(len(rows)), is_set] = per_feature[:, feature]
        return spread

    def _groups(self, columns: int) -> list[_ColumnGroup]:
        groups: list[_ColumnGroup] = []
        start = 0
        while start < columns:
            stop = start + self.one_hot.get(start, 1)
            groups.append(_ColumnGroup(start, stop, self.values.get(len(groups))))
            start = stop
        return groups


def _numbers(group: Numbers, values: Numbers | None) -> Numbers:
    codes = group[:, 0] if group.shape[1] == 1 else _codes(group)
    if values is None:
        return codes
    with np.errstate(invalid="ignore"):
        is_known = (codes >= 0) & (codes < len(values)) & (codes == np.floor(codes))
    numbers = np.full(len(codes), np.nan)
    numbers[is_known] = values[codes[is_known].astype(np.intp)]
    return numbers


def _codes(one_hot: Numbers) -> Numbers:
    with np.errstate(invalid="ignore"):
        is_known = one_hot.max(axis=1) > 0
    return np.where(is_known, np.argmax(np.nan_to_num(one_hot), axis=1), np.nan)
