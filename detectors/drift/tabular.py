"""Drift of a table: one test per feature, corrected for the number of tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.counts import Counts
from detectors.drift import chi_square, ks
from detectors.drift.chi_square import ChiSquare
from detectors.drift.correction import CORRECTIONS
from detectors.drift.ks import KolmogorovSmirnov
from detectors.histogram import Histogram
from detectors.results import DriftResult, FeatureResult


class TabularDrift:
    """Tests numeric features by Kolmogorov–Smirnov and categorical ones by chi-square, with one verdict.

    Parameters
    ----------
    x_ref:
        Reference rows, shape (n, features), numeric; categories are ordinal codes. Trailing axes are
        flattened.
    p_val:
        Level of the test before the correction, in [0, 1].
    categories_per_feature:
        Maps a categorical feature to its known codes, or to None for the codes in the reference. All other
        features are numeric.
    correction:
        ``bonferroni`` or ``fdr``.

    Notes
    -----
    Verdict, p-values and distances equal those of ``alibi_detect.cd.TabularDrift`` 0.11.4 (Seldon
    Technologies, Apache-2.0), wherever it returns a result. Windows of one row are tested too;
    :mod:`detectors.drift.judgement` decides whether a window has enough rows.

    Raises ValueError for an invalid level or correction, and for a feature that is not in the reference.
    """

    def __init__(
        self,
        x_ref: ArrayLike,
        p_val: float = 0.05,
        categories_per_feature: Mapping[int, Sequence[float] | None] | None = None,
        correction: str = "bonferroni",
    ) -> None:
        reference = _rows(x_ref)
        categories = dict(categories_per_feature or {})
        outside = sorted(f for f in categories if not 0 <= f < reference.shape[1])
        if outside:
            raise ValueError(
                f"categories_per_feature names feature {outside[0]}, x_ref has {reference.shape[1]} columns"
            )
        if correction not in CORRECTIONS:
            raise ValueError(f"correction must be one of {', '.join(CORRECTIONS)}, got {correction!r}")
        if not 0 <= p_val <= 1:
            raise ValueError(f"p_val must be from 0 to 1, got {p_val}")
        self.p_val = p_val
        self.correction = correction
        self.n_reference = len(reference)
        # Shares of missing values, shape (features,). A caller that filled missing values before sets these.
        self.reference_missing: NDArray[np.float64] = np.isnan(reference).mean(axis=0)
        self.categorical = frozenset(categories)
        self._tests: list[ChiSquare | KolmogorovSmirnov] = [
            ChiSquare(column, categories[f]) if f in categories else KolmogorovSmirnov(column)
            for f, column in enumerate(reference.T)
        ]

    @property
    def n_features(self) -> int:
        """Number of features (columns) of a window."""
        return len(self._tests)

    def test(self, window: ArrayLike) -> DriftResult:
        """Test one window of rows, shape (m, features), without its missing values (NaN).

        A window without rows has distances 0 and p-values 1.
        """
        return self.judge(self.count(window))

    def count(self, window: ArrayLike) -> list[Counts]:
        """Reduce rows, shape (m, features), to counts per feature; `add` adds them up.

        Their memory depends on the number of distinct reference values, not on the size of the window.
        """
        rows = _rows(window)
        if rows.shape[1] != self.n_features:
            raise ValueError(f"the window has {rows.shape[1]} features, the reference {self.n_features}")
        return [test.count(column) for test, column in zip(self._tests, rows.T, strict=True)]

    def add(self, parts: Sequence[Sequence[Counts]]) -> list[Counts]:
        """Add the counts of parts of a window, feature by feature."""
        return [test.add(of_feature) for test, *of_feature in zip(self._tests, *parts, strict=True)]

    def judge(self, counts: Sequence[Counts]) -> DriftResult:
        """Test the counts of a window."""
        results = self._results(counts)
        p_val = np.array([r.p_val for r in results], dtype=np.float32)
        correct = CORRECTIONS[self.correction]
        corrected = correct(p_val, self.p_val)
        pooled = np.array([r.pooled_p_val for r in results], dtype=np.float32)
        return DriftResult(
            is_drift=int(corrected.rejected.any()),
            distance=np.array([r.distance for r in results], dtype=np.float32),
            p_val=p_val,
            threshold=corrected.threshold,
            rejected=corrected.rejected,
            significant=correct(pooled, self.p_val).rejected,
            n=np.array([r.n for r in results], dtype=np.int64),
            effect=np.array([r.effect for r in results]),
            psi=np.array([r.psi for r in results]),
            missing=np.array([r.missing for r in results], dtype=np.int64),
            unseen=np.array([r.unseen for r in results], dtype=np.int64),
            reference_missing=self.reference_missing,
        )

    def _results(self, counts: Sequence[Counts]) -> list[FeatureResult]:
        pairs = list(zip(self._tests, counts, strict=True))
        categorical = [(test, feature) for test, feature in pairs if isinstance(test, ChiSquare)]
        numeric = [(test, feature) for test, feature in pairs if isinstance(test, KolmogorovSmirnov)]
        results = {
            ChiSquare: iter(chi_square.judge_all(categorical)),
            KolmogorovSmirnov: iter(ks.judge_all(numeric)),
        }
        return [next(results[type(test)]) for test in self._tests]

    def effect(self, counts: Sequence[Counts]) -> NDArray[np.float64]:
        """Return the effect of each feature without a test, shape (features,)."""
        return np.array([test.effect(feature) for test, feature in zip(self._tests, counts, strict=True)])

    def distinct(self, feature: int) -> int:
        """Return the number of distinct values of a feature in the reference."""
        return self._tests[feature].n_distinct

    def categories(self, feature: int) -> NDArray[np.float64]:
        """Return the known codes of a categorical feature, sorted; none for a numeric feature."""
        test = self._tests[feature]
        codes: NDArray[np.float64] = test.categories if isinstance(test, ChiSquare) else np.empty(0)
        return codes

    def histogram(self, feature: int, counts: Counts) -> Histogram:
        """Return the shares of reference and window in the same few bins of a feature."""
        return self._tests[feature].histogram(counts)


def _rows(x: ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(x, dtype=np.float64)
    return rows.reshape(len(rows), prod(rows.shape[1:]))
