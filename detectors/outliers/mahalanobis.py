"""The Mahalanobis distance of rows from the training rows, along their principal components."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.input_rows import bounded, require_width
from detectors.outliers.category_values import CategoryValues
from detectors.results import OutlierResult

Numbers = NDArray[np.float64]


class Mahalanobis:
    """Scores rows by (x - mean)ᵀ V (Vᵀ C V)⁻¹ Vᵀ (x - mean), V the leading eigenvectors of C.

    Parameters
    ----------
    mean, covariance:
        Mean and covariance C of the training rows, shapes (features,) and (features, features).
    threshold:
        Rows with a score strictly above are outliers.
    n_components:
        Number of eigenvectors to use, those with the largest eigenvalues; by default all.
    categories:
        Conversion of categories to numbers, if there are any.

    Notes
    -----
    With all components, the score equals that of ``alibi_detect.od.Mahalanobis`` 0.11.4 (Seldon Technologies,
    Apache-2.0) for the first row after loading. alibi-detect learns from every row that it scores, so that
    its scores depend on earlier rows. Here the mean and covariance of the saved detector do not change: a row
    has the same score whenever and with whichever rows it is scored. With fewer components the scores differ
    slightly, because alibi-detect includes the scored row when it computes the components.

    Missing values (NaN) and unknown categories are replaced by the mean and add 0 to the score. Directions
    without variance, up to rounding (an eigenvalue of at most features · 2⁻⁵² of the largest), are ignored,
    as in scikit-learn's pseudo-inverse. alibi-detect returns 0 if the determinant of VᵀCV is below 1e-8.
    Values outside the range of float32 are clipped to it.

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
        """Score rows of shape (n, features): float64 (n,), at least 0; a higher score is more anomalous.

        Raises ValueError for rows of another width.
        """
        whitened = self._difference(self._rows(x)) @ self._whitening
        return np.asarray((whitened**2).sum(axis=1))

    def contributions(self, x: ArrayLike) -> Numbers:
        """Return the contribution of each feature, float64 (n, features); their sum is the row's score.

        The contribution is the feature's difference from the mean, times its component of the vector
        V (Vᵀ C V)⁻¹ Vᵀ (x - mean). Correlated features may have negative contributions. Of one-hot columns,
        the one that is set has the contribution of the category.
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
        return bounded(require_width(x, self.n_features))

    def _difference(self, rows: Numbers) -> Numbers:
        difference = self.categories.numbers(rows) - self.mean
        return np.where(np.isnan(difference), 0.0, difference)


def fit_mahalanobis(
    x: ArrayLike,
    percent: float = 95.0,
    n_components: int | None = None,
    categories: CategoryValues | None = None,
) -> Mahalanobis:
    """Fit a detector to rows of shape (n, columns); the threshold is a percentile of their scores.

    Mean and covariance (divisor n - 1) are those of the rows without missing values. They equal those of
    alibi-detect after it scored the same rows once, if it clipped none. Raises ValueError if fewer than two
    rows have no missing values.
    """
    rows = bounded(np.asarray(x))
    if rows.ndim != 2:
        raise ValueError(f"expected rows of features, got shape {rows.shape}")
    numbers = (categories or CategoryValues({})).numbers(rows)
    complete = numbers[~np.isnan(numbers).any(axis=1)]
    if len(complete) < 2:
        raise ValueError(f"{len(complete)} of {len(rows)} rows have no missing value; at least 2 are needed")
    covariance = np.atleast_2d(np.cov(complete, rowvar=False))
    detector = Mahalanobis(complete.mean(axis=0), covariance, 0.0, n_components, categories)
    detector.threshold = float(np.percentile(detector.score(rows), percent))
    return detector


def _check(mean: Numbers, covariance: Numbers, n_components: int | None) -> None:
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise ValueError(
            f"a mean of shape {mean.shape} and a covariance of shape {covariance.shape} do not match"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ValueError("mean and covariance must be finite; the training rows contained NaN or infinity")
    if n_components is not None and n_components < 1:
        raise ValueError(f"n_components must be at least 1, got {n_components}")


def _whitening(covariance: Numbers, n_components: int) -> Numbers:
    """Return W = V Λ^(-1/2), shape (features, components); the score is the squared norm of (x - mean)·W."""
    variances, directions = np.linalg.eigh(covariance)
    varied = variances > len(variances) * np.finfo(np.float64).eps * variances[-1]
    if variances[-1] <= 0 or not varied.any():
        raise ValueError("the covariance is 0; train the detector on rows that differ")
    kept = varied & (np.arange(len(variances)) >= len(variances) - n_components)
    return np.asarray(directions[:, kept] / np.sqrt(variances[kept]))
