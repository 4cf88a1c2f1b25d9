"""What can be chosen when monitors are trained."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from operators.core.errors import DeploymentError
from operators.core.names import NAME

OutlierKind = Literal["isolation-forest", "mahalanobis", "vae"]
ThresholdRule = Literal["percentile", "injected", "labels"]


class Options(NamedTuple):
    """`name` begins every folder's name.

    Drift detectors are calibrated for `windows` of rows, so that at most a share `rate` of those without
    drift is called DRIFT, by drawing `draws` of them. `outlier_percent` of rows are outliers where the
    threshold is a percentile.
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
        """Raise DeploymentError for what cannot be."""
        for value, known, option in (
            (self.outlier, get_args(OutlierKind), "--outlier"),
            (self.threshold, get_args(ThresholdRule), "--threshold"),
        ):
            if value not in known:
                raise DeploymentError(f"{option} must be one of {', '.join(known)}, got {value!r}")
        if not NAME.fullmatch(self.name):
            raise DeploymentError(
                f"--name may hold lower-case letters, digits and inner dashes, got {self.name!r}"
            )
        if not 0 < self.outlier_percent < 100:
            raise DeploymentError(
                f"--outlier-percent must be between 0 and 100, got {self.outlier_percent:g}"
            )
        if not 0 < self.rate < 1:
            raise DeploymentError(f"--rate must be between 0 and 1, got {self.rate:g}")
        if min(self.windows, default=1) < 1:
            raise DeploymentError(f"--window must be at least 1, got {min(self.windows)}")
        return self
