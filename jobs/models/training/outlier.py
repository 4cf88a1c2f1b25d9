"""Reference rows → an outlier detector in its folder, with a threshold chosen on other rows."""

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

# As in Seldon's income example: a tenth of the rows, moved by so many standard deviations.
_INJECTED_PERCENT, _N_STD, _MIN_STD = 10.0, 8.0, 6.0
_LEAST_WEIGHT = 1e-3


class Outlier(NamedTuple):
    """An outlier detector's folder and threshold, and the scores of test rows, shape (n,).

    `found` says how well the threshold tells labelled or injected outliers apart.
    """

    folder: Path
    kind: str
    threshold: float
    rule: str
    scores: NDArray[np.float64]
    found: Threshold | None

    @property
    def share(self) -> float:
        """Share of the test rows that are flagged."""
        return float((self.scores > self.threshold).mean())


class Truth(NamedTuple):
    """What a threshold is chosen by: raw calibration rows, how they are prepared, which of their columns are
    quantities, and which rows are known outliers, shape (n,), if any are known."""

    calibration: Rows
    prepare: Callable[[Rows], Rows]
    numeric: list[int]
    labels: NDArray[np.bool_] | None = None


def train_outlier(
    folders: Folders, parts: Parts, names: FeatureNames, truth: Truth, options: Options
) -> Outlier:
    """Fit on the reference rows, choose the threshold on calibration rows, score the test rows."""
    folder = folders.make("-outlier", ALIBI_DETECT)
    write_names(folder, names)
    try:
        detector, save = fit(options.outlier, parts.reference, options.seed)
        if isinstance(detector, Mahalanobis):
            require_weighed(detector, names.columns)
        detector.threshold, found, rule = _threshold(detector, parts.calibration, truth, options)
    except ValueError as error:
        raise DeploymentError(f"the {options.outlier} of outliers cannot be trained: {error}") from error
    save(folder)
    return Outlier(folder, options.outlier, detector.threshold, rule, detector.score(parts.test), found)


def require_weighed(detector: Mahalanobis, columns: Sequence[str]) -> None:
    """Raise DeploymentError for a column that varies, but so little beside another that it does not count.

    With the whole inverse of the covariance, a row that is one standard deviation off in a single column
    scores at least 1.
    """
    spread = np.sqrt(np.diag(detector.covariance))
    scores = detector.score(detector.mean + np.diag(spread))
    blind = (spread > 0) & (scores < _LEAST_WEIGHT)
    if blind.any():
        small, large = int(np.argmax(blind)), int(np.argmax(spread))
        raise DeploymentError(
            f"mahalanobis cannot weigh column {columns[small]!r} (standard deviation {spread[small]:.2g}) "
            f"beside {columns[large]!r} ({spread[large]:.2g}): scale them with a preprocessor, leave one out "
            "(--drop), or take --outlier isolation-forest"
        )


def _threshold(
    detector: Detector, calibration: Rows, truth: Truth, options: Options
) -> tuple[float, Threshold | None, str]:
    percent = f"{options.outlier_percent:g} % of calibration rows are above"
    if options.threshold == "percentile":
        return percentile_threshold(detector.score(calibration), 100 - options.outlier_percent), None, percent
    if options.threshold == "labels":
        if truth.labels is None:
            raise DeploymentError("--threshold labels needs --outlier-label, the column that marks outliers")
        found = labelled_threshold(detector.score(calibration), truth.labels)
        return found.value, found, "best F1 on labelled calibration rows"
    if not truth.numeric:
        raise DeploymentError("--threshold injected moves numeric columns, and there are none")
    injected = inject_outliers(
        truth.calibration, truth.numeric, _INJECTED_PERCENT, _N_STD, _MIN_STD, options.seed
    )
    found = labelled_threshold(detector.score(truth.prepare(injected.rows)), injected.is_outlier)
    return found.value, found, "best F1 on calibration rows with injected outliers"
