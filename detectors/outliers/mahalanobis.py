"""The Mahalanobis distance to the rows that were seen in training, along their principal components."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.input_rows import bounded, of_width
from detectors.outliers.category_values import CategoryValues
from detectors.results import OutlierResult

Numbers = NDArray[np.float64]


class Mahalanobis:
    """Scores rows by (x - mean)ᵀ V (Vᵀ C V)⁻¹ Vᵀ (x - mean), V the leading eigenvectors of C.

    Parameters
    ----------
    mean, covariance:
        Mean and covariance C of the rows seen, shapes (features,) and (features, features).
    threshold:
        Rows with a score strictly above are outliers.
    n_components:
        How many eigenvectors count, those of the largest eigenvalues first; without it all.
    categories:
        How columns of categories become numbers, where there are any.

    Notes
    -----
    The score is that of ``alibi_detect.od.Mahalanobis`` 0.11.4 (Seldon Technologies, Apache-2.0) for the
    first row after loading, where all components count. alibi-detect learns from every row that it scores,
    so that its scores depend on the rows before; here mean and covariance are those of the saved detector
    and stay: a row has one score, in any company and whenever it is scored. With fewer components the two
    differ a little, because alibi-detect finds them with the scored row among the others.

    A missing value (NaN) and a category that is not known take the mean, and so add nothing. Directions in
    which the rows seen do not vary, to rounding (an eigenvalue of at most features · 2⁻⁵² of the
    largest), do not count, as in scikit-learn's pseudo-inverse; alibi-detect scores 0 where the determinant
    of VᵀCV is below 1e-8. What float32 cannot hold counts as its largest.

    >>> detector = Mahalanobis(mean=[0.0, 0.0], covariance=[[4.0, 0.0], [0.0, 1.0]], threshold=5.0)
    >>> detector.score([[2.0, 0.0], [2.0, 3.0]]).tolist()
    [1.0, 10.0]
    >>> detector.contributions([[2.0, 3.0]]).tolist()
    [[1.0, 9.0]]
    """

    def __init__(
        self,
        mean: ArrayLike,
        covariance: ArrayLike,
        threshold: float,
        n_components: int | None = None,
        categories: CategoryValues | None = None,
    ) -> None:
        self.mean = np.asarray(mean, dtype=np.float64)
        self.covariance = np.asarray(covariance, dtype=np.float64)
        self.threshold = float(threshold)
        self.n_components = n_components
        self.categories = categories or CategoryValues({})
        _check(self.mean, self.covariance, n_components)
        self.n_features = self.categories.columns(len(self.mean))
        self._whitening = _whitening(self.covariance, n_components or len(self.mean))

    def score(self, x: ArrayLike) -> Numbers:
        """Score rows of shape (n, features): float64 (n,), at least 0, higher is stranger.

        Raises ValueError for rows of another width.
        """
        whitened = self._difference(self._rows(x)) @ self._whitening
        return np.asarray((whitened**2).sum(axis=1))

    def contributions(self, x: ArrayLike) -> Numbers:
        """Return what each feature adds to a row's score, float64 (n, features): they sum to the score.

        A feature's share is its difference from the mean times the row's gradient there; shares of
        correlated features may be negative. Of one-hot columns the one that is set has the category's share.
        """
        rows = self._rows(x)
        difference = self._difference(rows)
        shares = difference * (difference @ self._whitening @ self._whitening.T)
        return self.categories.spread(shares, rows)

    def predict(self, x: ArrayLike) -> OutlierResult:
        """Score and judge rows of shape (n, features)."""
        score = self.score(x)
        return OutlierResult((score > self.threshold).astype(np.int64), score)

    def _rows(self, x: ArrayLike) -> Numbers:
        return bounded(of_width(x, self.n_features))

    def _difference(self, rows: Numbers) -> Numbers:
        difference = self.categories.numbers(rows) - self.mean
        return np.where(np.isnan(difference), 0.0, difference)


def fit_mahalanobis(
    x: ArrayLike,
    percent: float = 95.0,
    n_components: int | None = None,
    categories: CategoryValues | None = None,
) -> Mahalanobis:
    """Make a detector of rows of shape (n, columns), whose threshold so many percent of them do not pass.

    Mean and covariance (divisor n - 1) are of the rows without anything missing; they are those that
    alibi-detect has after it scored the same rows once, if it clipped none. Raises ValueError where fewer
    than two rows are left.
    """
    rows = bounded(np.asarray(x))
    if rows.ndim != 2:
        raise ValueError(f"expected rows of features, got shape {rows.shape}")
    numbers = (categories or CategoryValues({})).numbers(rows)
    complete = numbers[~np.isnan(numbers).any(axis=1)]
    if len(complete) < 2:
        raise ValueError(f"{len(complete)} of {len(rows)} rows have nothing missing: at least 2 are needed")
    covariance = np.atleast_2d(np.cov(complete, rowvar=False))
    detector = Mahalanobis(complete.mean(axis=0), covariance, 0.0, n_components, categories)
    detector.threshold = float(np.percentile(detector.score(rows), percent))
    return detector


def _check(mean: Numbers, covariance: Numbers, n_components: int | None) -> None:
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise ValueError(f"a mean of shape {mean.shape} and a covariance of shape {covariance.shape} differ")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ValueError("mean and covariance must be finite: the rows seen held NaN or infinity")
    if n_components is not None and n_components < 1:
        raise ValueError(f"n_components must be at least 1, got {n_components}")


def _whitening(covariance: Numbers, n_components: int) -> Numbers:
    """Return V Λ^(-1/2), shape (features, components): what makes the score a plain sum of squares."""
    variances, directions = np.linalg.eigh(covariance)
    varied = variances > len(variances) * np.finfo(np.float64).eps * variances[-1]
    if variances[-1] <= 0 or not varied.any():
        raise ValueError("the covariance is 0: the detector has seen no row, or always the same")
    kept = varied & (np.arange(len(variances)) >= len(variances) - n_components)
    return np.asarray(directions[:, kept] / np.sqrt(variances[kept]))
