"""Training an outlier detector on reference rows and choosing its threshold on calibration rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.outliers.mahalanobis import Mahalanobis
from detectors.outliers.threshold import Threshold, inject_outliers, labelled_threshold, percentile_threshold
from jobs.models.training.model_folders import ALIBI_DETECT, Folders
from jobs.models.training.options import Options
from jobs.models.training.outlier_algorithms import Detector, fit
from jobs.models.training.split import Parts, Rows
from operators.core.errors import DeploymentError
from operators.models.formats.feature_names import FeatureNames, write_names

# As in Seldon's income example: a tenth of the rows, moved by `_N_STD` standard deviations, at least
# `_MIN_STD`.
_INJECTED_PERCENT, _N_STD, _MIN_STD = 10.0, 8.0, 6.0
_MIN_SCORE = 1e-3


class Outlier(NamedTuple):
    """An outlier detector's folder and threshold, and the scores of test rows, shape (n,).

    `detection` measures how well the threshold separates labelled or injected outliers from other rows.
    """

    folder: Path
    kind: str
    threshold: float
    rule: str
    scores: NDArray[np.float64]
    detection: Threshold | None

    @property
    def share(self) -> float:
        """The share of test rows that are flagged."""
        return float((self.scores > self.threshold).mean())


class Truth(NamedTuple):
    """The data for choosing a threshold.

    `calibration` are raw rows, `prepare` preprocesses them, `numeric` are the positions of their numeric
    columns. `labels`, shape (n,), marks known outliers.
    """

    calibration: Rows
    prepare: Callable[[Rows], Rows]
    numeric: list[int]
    labels: NDArray[np.bool_] | None = None


def train_outlier(
    folders: Folders, parts: Parts, names: FeatureNames, truth: Truth, options: Options
) -> Outlier:
    """Fit a detector to reference rows, choose its threshold on calibration rows, and score test rows."""
    folder = folders.make("-outlier", ALIBI_DETECT)
    write_names(folder, names)
    try:
        detector, save = fit(options.outlier, parts.reference, options.seed)
        if isinstance(detector, Mahalanobis):
            require_comparable_scales(detector, names.columns)
        detector.threshold, detection, rule = _threshold(detector, parts.calibration, truth, options)
    except ValueError as error:
        raise DeploymentError(f"the outlier detector {options.outlier} cannot be trained: {error}") from error
    save(folder)
    scores = detector.score(parts.test)
    return Outlier(folder, options.outlier, detector.threshold, rule, scores, detection)


def require_comparable_scales(detector: Mahalanobis, columns: Sequence[str]) -> None:
    """Raise DeploymentError if a column varies so much less than another that it has no influence.

    With the full inverse of the covariance, a row that differs from the mean by one standard deviation in a
    single column has a score of at least 1.
    """
    spread = np.sqrt(np.diag(detector.covariance))
    scores = detector.score(detector.mean + np.diag(spread))
    without_influence = (spread > 0) & (scores < _MIN_SCORE)
    if without_influence.any():
        small, large = int(np.argmax(without_influence)), int(np.argmax(spread))
        raise DeploymentError(
            f"mahalanobis cannot use column {columns[small]!r} (standard deviation {spread[small]:.2g}) "
            f"together with {columns[large]!r} ({spread[large]:.2g}): scale them with a preprocessor, leave "
            "one out (--drop), or use --outlier isolation-forest"
        )


def _threshold(
    detector: Detector, calibration: Rows, truth: Truth, options: Options
) -> tuple[float, Threshold | None, str]:
    percent = f"{options.outlier_percent:g} % of calibration rows are above"
    if options.threshold == "percentile":
        return percentile_threshold(detector.score(calibration), 100 - options.outlier_percent), None, percent
    if options.threshold == "labels":
        if truth.labels is None:
            raise DeploymentError(
                "--threshold labels needs a column that marks outliers: set --outlier-label"
            )
        chosen = labelled_threshold(detector.score(calibration), truth.labels)
        return chosen.value, chosen, "best F1 on labelled calibration rows"
    if not truth.numeric:
        raise DeploymentError(
            "--threshold injected needs a numeric column, and the table has none: use --threshold percentile"
        )
    injected = inject_outliers(
        truth.calibration, truth.numeric, _INJECTED_PERCENT, _N_STD, _MIN_STD, options.seed
    )
    chosen = labelled_threshold(detector.score(truth.prepare(injected.rows)), injected.is_outlier)
    return chosen.value, chosen, "best F1 on calibration rows with injected outliers"
