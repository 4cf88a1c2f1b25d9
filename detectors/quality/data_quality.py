"""Data quality of a table: counts of bad values per feature, and whether they are too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from detectors.counts import Counts, add
from detectors.quality.issues import FINE, ISSUES, MISSING, Issues, category_issues, quantity_issues

# The highest share of false alarms: windows that are called a violation although every true share is allowed.
_LEVEL = 0.01
# Missing, wrong type, and either out of range (quantities) or unseen (categories).
_TESTS_PER_FEATURE = 3


class Feature(NamedTuple):
    """One feature as it is in the reference.

    `low` and `high` are the ends of a quantity's range. `categories`, None for a quantity, are texts; their
    positions are the codes. `missing` is the share of values that are missing in the reference, in [0, 1].
    """

    name: str
    low: float = -np.inf
    high: float = np.inf
    categories: tuple[str, ...] | None = None
    missing: float = 0.0


class QualityResult(NamedTuple):
    """A window's verdict; arrays have shape (features, 4), one column for each of `ISSUES`.

    `counts` (int64) is the number of values with an issue, `shares` (float64) that number divided by `rows`.
    `allowed` (float64) is the highest share that is no violation. `violates` marks the shares that are
    significantly above it.
    """

    rows: int
    counts: NDArray[np.int64]
    shares: NDArray[np.float64]
    allowed: NDArray[np.float64]
    violates: NDArray[np.bool_]

    @property
    def is_violation(self) -> int:
        """1 if any share of any feature violates, otherwise 0."""
        return int(self.violates.any())

    def worst(self) -> NDArray[np.intp]:
        """Return the features' positions: violations first, then by the excess over the allowed share."""
        excess = (self.shares - self.allowed).max(axis=1)
        return np.asarray(np.lexsort((-excess, ~self.violates.any(axis=1))))


class Quality:
    """Finds values that are missing, out of the reference's range, of an unknown category or a wrong type.

    Each value has one code:

    * 0: fine.
    * 1: missing (NaN, None).
    * 2: out of range, including infinity.
    * 3: unseen (an unknown text, or a code that no category has).
    * 4: wrong type (a text that is not a number where one is expected, a code that is not a whole number, or
      a value that is neither text nor number).

    Parameters
    ----------
    features:
        At least one, with unique names, in the order of the columns. Invalid features raise ValueError.

    Notes
    -----
    The allowed share of missing values is the reference's share plus a tolerance; the allowed share of every
    other issue is the tolerance. A share violates if it is significantly above the allowed one. The test is
    the one-sided exact binomial test (Clopper & Pearson 1934, Biometrika 26). Its level of 0.01 is divided by
    the number of tests, three per feature (Bonferroni).

    If every true share is allowed, at most 1 % of windows are called violations, whatever their size. At a
    tolerance of 1 %, one bad value in a short window is not a violation. At a tolerance of 0, every bad value
    is one.

    >>> quality = Quality([Feature("age", 17, 90), Feature("work", categories=("Private", "State"))])
    >>> quality.check([np.array([30.0, 120.0, np.nan]), np.array(["State", "Mars", 1], dtype=object)])
    array([[0, 0],
           [2, 3],
           [1, 0]], dtype=uint8)
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = tuple(features)
        _require(self.features)
        self._codes_of_texts = [
            None
            if feature.categories is None
            else {text: code for code, text in enumerate(feature.categories)}
            for feature in self.features
        ]

    @property
    def n_features(self) -> int:
        """Number of features (columns)."""
        return len(self.features)

    def check(self, columns: Sequence[NDArray[Any]]) -> Issues:
        """Return codes, uint8 of shape (rows, features), for one column of shape (rows,) per feature.

        A column contains floats, integers, booleans, or objects of any type. No value raises an error.
        """
        if len(columns) != self.n_features:
            raise ValueError(f"there are {len(columns)} columns for {self.n_features} features")
        return np.column_stack(
            [
                quantity_issues(column, feature.low, feature.high)
                if codes is None
                else category_issues(column, codes)
                for feature, codes, column in zip(self.features, self._codes_of_texts, columns, strict=True)
            ]
        )

    def count(self, issues: NDArray[Any]) -> list[Counts]:
        """Count the codes of each feature, from codes of shape (rows, features); the codes are the keys."""
        if issues.ndim != 2 or issues.shape[1] != self.n_features:
            raise ValueError(f"codes have shape {list(issues.shape)} for {self.n_features} features")
        return [_count_codes(column) for column in issues.T]

    def add(self, parts: Sequence[Sequence[Counts]]) -> list[Counts]:
        """Add the counts of parts of a window, feature by feature."""
        return [add(of_feature) for of_feature in zip(*parts, strict=True)]

    def judge(self, counts: Sequence[Counts], tolerance: float) -> QualityResult:
        """Judge the counts of a window; `tolerance` is a share in [0, 1)."""
        if not 0 <= tolerance < 1:
            raise ValueError(f"tolerance must be a share from 0 to below 1, got {tolerance}")
        rows = counts[0].n
        issues = np.array([_issue_counts(feature) for feature in counts])
        shares = issues / max(1, rows)
        allowed = np.full(issues.shape, float(tolerance))
        allowed[:, MISSING - 1] += [feature.missing for feature in self.features]
        allowed = np.minimum(allowed, 1.0)
        level = _LEVEL / (_TESTS_PER_FEATURE * self.n_features)
        is_significant = binom.sf(issues - 1, rows, allowed) < level
        return QualityResult(rows, issues, shares, allowed, (shares > allowed) & is_significant)


def quality_of(
    rows: ArrayLike, names: Sequence[str], categories: Mapping[str, Sequence[str]] | None = None
) -> Quality:
    """Return the `Quality` of reference rows: float64 of shape (n, features), n at least 1, NaN if missing.

    `categories` maps a feature whose column contains codes to the texts of code 0, 1, …. For other features
    the range of the finite values is used. Raises ValueError if names and columns do not match.
    """
    table, texts = np.asarray(rows, dtype=np.float64), dict(categories or {})
    if table.ndim != 2 or not len(table) or table.shape[1] != len(names):
        raise ValueError(f"reference rows have shape {list(table.shape)}, but there are {len(names)} names")
    unknown = sorted(texts.keys() - set(names))
    if unknown:
        raise ValueError(f"categories are given for {unknown[0]!r}, which is not a feature")
    features = (
        _feature_of(name, column, texts.get(name)) for name, column in zip(names, table.T, strict=True)
    )
    return Quality(list(features))


def _feature_of(name: str, column: NDArray[np.float64], categories: Sequence[str] | None) -> Feature:
    missing = float(np.isnan(column).mean())
    if categories is not None:
        return Feature(name, categories=tuple(categories), missing=missing)
    finite = column[np.isfinite(column)]
    if not len(finite):
        return Feature(name, missing=missing)
    return Feature(name, float(finite.min()), float(finite.max()), missing=missing)


def _count_codes(column: NDArray[Any]) -> Counts:
    counts = np.bincount(column)
    keys = counts.nonzero()[0]
    return Counts(keys.astype(np.float64), counts[keys])


def _issue_counts(counts: Counts) -> NDArray[np.int64]:
    """Return the number of values with each issue, shape (4,)."""
    by_code = np.zeros(1 + len(ISSUES), dtype=np.int64)
    by_code[counts.keys.astype(np.intp)] = counts.counts
    return by_code[FINE + 1 :]


def _require(features: Sequence[Feature]) -> None:
    if not features:
        raise ValueError("there must be at least one feature")
    names: set[str] = set()
    for name, low, high, categories, missing in features:
        if name in names:
            raise ValueError(f"feature {name!r} is listed twice; names must be unique")
        names.add(name)
        if not low <= high or low == np.inf or high == -np.inf:
            raise ValueError(
                f"feature {name!r}: the range is from {low} to {high}; low must not be above high"
            )
        if not 0 <= missing <= 1:
            raise ValueError(
                f"feature {name!r}: the share of missing values is {missing}; it must be in [0, 1]"
            )
        if categories is not None and len(set(categories)) < max(1, len(categories)):
            raise ValueError(f"feature {name!r}: categories must be unique texts, at least one")
