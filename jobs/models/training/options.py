"""Options of training."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from operators.core.errors import DeploymentError
from operators.core.names import NAME

OutlierKind = Literal["isolation-forest", "mahalanobis", "vae"]
ThresholdRule = Literal["percentile", "injected", "labels"]


class Options(NamedTuple):
    """Options of training; `name` is the prefix of every folder's name.

    Drift detectors are calibrated for windows of each size in `windows` (rows), so that at most a share
    `rate` of windows without drift is in state DRIFT. The calibration draws `draws` windows. With the
    threshold `percentile`, `outlier_percent` percent of the rows are outliers.
    """

    name: str = "income"
    seed: int = 0
    windows: tuple[int, ...] = (500,)
    rate: float = 0.01
    draws: int = 2_000
    outlier: OutlierKind = "isolation-forest"
    threshold: ThresholdRule = "percentile"
    outlier_percent: float = 5.0

    def check(self) -> Options:
        """Return the options; DeploymentError if one is invalid."""
        for value, choices, option in (
            (self.outlier, get_args(OutlierKind), "--outlier"),
            (self.threshold, get_args(ThresholdRule), "--threshold"),
        ):
            if value not in choices:
                raise DeploymentError(f"{option} is {value!r}; it must be one of {', '.join(choices)}")
        if not NAME.fullmatch(self.name):
            raise DeploymentError(
                f"--name is {self.name!r}; it may contain lower-case letters, digits and inner dashes"
            )
        if not 0 < self.outlier_percent < 100:
            raise DeploymentError(
                f"--outlier-percent is {self.outlier_percent:g}; it must be between 0 and 100"
            )
        if not 0 < self.rate < 1:
            raise DeploymentError(f"--rate is {self.rate:g}; it must be between 0 and 1")
        if min(self.windows, default=1) < 1:
            raise DeploymentError(f"--window is {min(self.windows)}; it must be at least 1")
        return self
