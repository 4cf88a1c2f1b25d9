"""What verdicts contain beside their tensors: the result of each column, and histograms. Part of reports."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from operators.core.redaction import HIDDEN, Redaction


class DriftFeature(msgspec.Struct, frozen=True, kw_only=True):
    """The test of one column of a window; several columns may encode one feature.

    `p_val` and `distance` are the test's. `effect` is the Kolmogorov-Smirnov distance or Cramér's V, and
    `psi` the population stability index. `least_effect` is the threshold of a calibrated detector. `n` values
    were tested, `missing` were not there, and `unseen` are no category of the reference. `rejected`: the test
    rejects at the corrected level. `drifted`: the effect is large enough, too. `insufficient`: there are too
    few values to be judged.
    """

    column: str
    feature: str
    test: str = ""
    p_val: float | None = None
    distance: float | None = None
    effect: float | None
    least_effect: float | UnsetType = UNSET
    psi: float | None = None
    n: int | None = None
    missing: int = 0
    unseen: int = 0
    rejected: bool = False
    drifted: bool
    insufficient: bool = False

    @property
    def too_few(self) -> bool:
        """Whether the column had too few values; reports of earlier versions only mark zero values."""
        return self.insufficient or self.n == 0

    @property
    def value_counts(self) -> str:
        """How many of the column's values were tested, as text."""
        tested = self.n or 0
        return f"{tested:,} of {tested + self.missing:,} values"

    def redacted(self, redaction: Redaction) -> DriftFeature:
        """Return the result, without a hidden name."""
        hidden = HIDDEN in (redaction.name(self.column), redaction.name(self.feature))
        return msgspec.structs.replace(self, column=HIDDEN, feature=HIDDEN) if hidden else self


class QualityFeature(msgspec.Struct, frozen=True, kw_only=True):
    """The bad values of one feature of a window, as numbers and shares by issue.

    `reference_missing` is the share of values that the reference misses, `violating` the issues of which
    there are more than the job tolerates.
    """

    feature: str
    counts: dict[str, int] = {}
    shares: dict[str, float] = {}
    reference_missing: float | None = None
    violating: list[str]

    def redacted(self, redaction: Redaction) -> QualityFeature:
        """Return the result, without a hidden name."""
        return msgspec.structs.replace(self, feature=redaction.name(self.feature))


class ColumnHistogram(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of reference and window per bin of a column; the last bin contains the rest.

    All bins but the last are named by their upper `edges` or their `categories`. `raw` are these in the
    feature's own units, if they are known.
    """

    column: str
    edges: list[float] | UnsetType = UNSET
    categories: list[str] | UnsetType = UNSET
    raw: list[float | str] | UnsetType = UNSET
    reference: list[float]
    window: list[float]


class CalibratedWindow(msgspec.Struct, frozen=True):
    """A window size in rows, and the false alarm rate for which a detector was calibrated at that size."""

    window: int
    rate: float


class DriftDetails(msgspec.Struct, frozen=True, kw_only=True):
    """The details of a drift detector's verdict. `ranked` are the features, the most drifted first."""

    correction: str
    min_n: int
    min_effect: float
    calibrated: list[CalibratedWindow]
    reference_n: int
    ranked: list[str]
    features: list[DriftFeature]
    histograms: list[ColumnHistogram]

    def redacted(self, redaction: Redaction) -> DriftDetails:
        """Return the details without names and histograms of hidden features."""
        return msgspec.structs.replace(
            self,
            ranked=list(map(redaction.name, self.ranked)),
            features=[feature.redacted(redaction) for feature in self.features],
            histograms=shown_histograms(self.histograms, self.features, redaction),
        )


class QualityDetails(msgspec.Struct, frozen=True, kw_only=True):
    """The details of a data quality verdict. `ranked` are the features, the worst first."""

    min_n: int
    tolerance: float
    ranked: list[str]
    features: list[QualityFeature]

    def redacted(self, redaction: Redaction) -> QualityDetails:
        """Return the details without names of hidden features."""
        return msgspec.structs.replace(
            self,
            ranked=list(map(redaction.name, self.ranked)),
            features=[feature.redacted(redaction) for feature in self.features],
        )


def shown_histograms(
    histograms: Sequence[ColumnHistogram], features: Sequence[DriftFeature], redaction: Redaction
) -> list[ColumnHistogram]:
    """Return the histograms of columns that are not hidden."""
    hidden = {one.column for one in features if one.redacted(redaction).column == HIDDEN}
    return [one for one in histograms if one.column not in hidden and redaction.name(one.column) != HIDDEN]
