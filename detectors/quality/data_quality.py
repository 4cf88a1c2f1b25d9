"""Data quality of a table: how many values of each feature are bad, and whether that is too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from detectors.counts import Counts, add
from detectors.quality.issues import FINE, ISSUES, MISSING, Issues, of_categories, of_quantities

# At most a share of windows like this is called a violation where no share is larger than it may be.
_LEVEL = 0.01
# A value may be missing, of a wrong type, and either out of range or unseen.
_TESTS_PER_FEATURE = 3


class Feature(NamedTuple):
    """What the reference says of one feature.

    `low` and `high` are the ends of a quantity's range. `categories`, None for a quantity, are texts whose
    positions are the codes. `missing` is the share of values that the reference itself misses, in [0, 1].
    """

    name: str
    low: float = -np.inf
    high: float = np.inf
    categories: tuple[str, ...] | None = None
    missing: float = 0.0


class QualityResult(NamedTuple):
    """A window's verdict; arrays have shape (features, 4), a column for each of `ISSUES`.

    `counts` (int64) tells how many values have an issue, `shares` (float64) which part of the `rows` that
    is, `allowed` (float64) which part may have it, `violates` whether it is surely more.
    """

    rows: int
    counts: NDArray[np.int64]
    shares: NDArray[np.float64]
    allowed: NDArray[np.float64]
    violates: NDArray[np.bool_]

    @property
    def is_violation(self) -> int:
        """1 if any share of any feature is too large, else 0."""
        return int(self.violates.any())

    def worst(self) -> NDArray[np.intp]:
        """Order features: those that violate first, then by how far a share is above what is allowed."""
        excess = (self.shares - self.allowed).max(axis=1)
        return np.asarray(np.lexsort((-excess, ~self.violates.any(axis=1))))


class Quality:
    """Values that are missing, out of the reference's range, of no known category, or of a wrong type.

    Each value has one code: 0 fine, 1 missing (NaN, None), 2 out of range (also any infinity), 3 unseen (an
    unknown text, a code that no category has), 4 wrong type (text that is no number where one is expected, a
    code that is not whole, anything that is neither text nor number).

    Parameters
    ----------
    features:
        One or more with different names, in the order of the columns. ValueError says what is wrong.

    Notes
    -----
    A share of missing values violates above the reference's own share plus a tolerance, every other share
    above the tolerance; and only if so many values would hardly come if the share were just that: one-sided
    exact binomial test (Clopper & Pearson 1934, Biometrika 26), its level 0.01 divided among all tests, three
    a feature (Bonferroni). So at most 1 % of windows are called violations as long as no share is larger than
    it may be, of whatever size they are, and one odd value in a short window is none at a tolerance of 1 %.
    With a tolerance of 0 every value counts.

    >>> quality = Quality([Feature("age", 17, 90), Feature("work", categories=("Private", "State"))])
    >>> quality.check([np.array([30.0, 120.0, np.nan]), np.array(["State", "Mars", 1], dtype=object)])
    array([[0, 0],
           [2, 3],
           [1, 0]], dtype=uint8)
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = tuple(features)
        _require(self.features)
        self._codes = [
            None if one.categories is None else {text: code for code, text in enumerate(one.categories)}
            for one in self.features
        ]

    @property
    def n_features(self) -> int:
        """Number of features (columns)."""
        return len(self.features)

    def check(self, columns: Sequence[NDArray[Any]]) -> Issues:
        """Return codes, uint8 of shape (rows, features), for columns of shape (rows,), one a feature.

        A column holds floats, whole numbers or booleans, or objects of any kind; no value is refused.
        """
        if len(columns) != self.n_features:
            raise ValueError(f"there are {len(columns)} columns for {self.n_features} features")
        return np.column_stack(
            [
                of_quantities(column, one.low, one.high) if codes is None else of_categories(column, codes)
                for one, codes, column in zip(self.features, self._codes, columns, strict=True)
            ]
        )

    def count(self, issues: NDArray[Any]) -> list[Counts]:
        """Reduce codes, shape (rows, features), to counts per feature, whose keys are the codes."""
        if issues.ndim != 2 or issues.shape[1] != self.n_features:
            raise ValueError(f"codes have shape {list(issues.shape)} for {self.n_features} features")
        return [_counted(column) for column in issues.T]

    def add(self, parts: Sequence[Sequence[Counts]]) -> list[Counts]:
        """Add the counts of parts of a window, feature by feature."""
        return [add(of_feature) for of_feature in zip(*parts, strict=True)]

    def judge(self, counts: Sequence[Counts], tolerance: float) -> QualityResult:
        """Judge a window that was counted; `tolerance` is a share in [0, 1)."""
        if not 0 <= tolerance < 1:
            raise ValueError(f"tolerance must be a share from 0 to below 1, got {tolerance}")
        rows = counts[0].n
        found = np.array([_numbers(one) for one in counts])
        shares = found / max(1, rows)
        allowed = np.full(found.shape, float(tolerance))
        allowed[:, MISSING - 1] += [one.missing for one in self.features]
        allowed = np.minimum(allowed, 1.0)
        level = _LEVEL / (_TESTS_PER_FEATURE * self.n_features)
        unlikely = binom.sf(found - 1, rows, allowed) < level
        return QualityResult(rows, found, shares, allowed, (shares > allowed) & unlikely)


def quality_of(
    rows: ArrayLike, names: Sequence[str], categories: Mapping[str, Sequence[str]] | None = None
) -> Quality:
    """Learn from reference rows, float64 of shape (n, features), n at least 1, NaN where a value is missing.

    `categories` gives, for features whose column holds codes, the text of code 0, 1, …; of the others the
    range of finite values is taken. ValueError if names and columns do not go together.
    """
    table, known = np.asarray(rows, dtype=np.float64), dict(categories or {})
    if table.ndim != 2 or not len(table) or table.shape[1] != len(names):
        raise ValueError(f"reference rows have shape {list(table.shape)}, but there are {len(names)} names")
    strangers = sorted(known.keys() - set(names))
    if strangers:
        raise ValueError(f"categories are given for {strangers[0]!r}, which is no feature")
    learned = (_learned(name, column, known.get(name)) for name, column in zip(names, table.T, strict=True))
    return Quality(list(learned))


def _learned(name: str, column: NDArray[np.float64], categories: Sequence[str] | None) -> Feature:
    missing = float(np.isnan(column).mean())
    if categories is not None:
        return Feature(name, categories=tuple(categories), missing=missing)
    finite = column[np.isfinite(column)]
    if not len(finite):
        return Feature(name, missing=missing)
    return Feature(name, float(finite.min()), float(finite.max()), missing=missing)


def _counted(column: NDArray[Any]) -> Counts:
    counts = np.bincount(column)
    keys = counts.nonzero()[0]
    return Counts(keys.astype(np.float64), counts[keys])


def _numbers(counts: Counts) -> NDArray[np.int64]:
    """Return how many values have each issue: shape (4,)."""
    found = np.zeros(1 + len(ISSUES), dtype=np.int64)
    found[counts.keys.astype(np.intp)] = counts.counts
    return found[FINE + 1 :]


def _require(features: Sequence[Feature]) -> None:
    if not features:
        raise ValueError("there must be at least one feature")
    seen: set[str] = set()
    for one in features:
        if one.name in seen:
            raise ValueError(f"feature {one.name!r} is there twice")
        seen.add(one.name)
        if not one.low <= one.high or one.low == np.inf or one.high == -np.inf:
            raise ValueError(f"feature {one.name!r}: the range goes from {one.low} to {one.high}")
        if not 0 <= one.missing <= 1:
            raise ValueError(f"feature {one.name!r}: the share of missing values is {one.missing}")
        if one.categories is not None and len(set(one.categories)) < max(1, len(one.categories)):
            raise ValueError(f"feature {one.name!r}: categories must be different texts, one at least")
