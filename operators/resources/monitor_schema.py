"""Every field of `kind: Monitor`, a document of Weir's own: how windows of a pipeline's steps are judged."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from operators.resources.seldon_schema import Metadata


class OwnDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A strict document whose keys are written as the fields here."""


class Levels(OwnDocument, frozen=True):
    """From which value on something is a warning, and critical."""

    warning: float | None = None
    critical: float | None = None


class EffectLevels(OwnDocument, frozen=True):
    """From which effect size on a confirmed drift is critical; below it is a warning."""

    critical: float


class DriftRules(OwnDocument, frozen=True):
    """How a drift step's windows are judged; the job's settings hold for what is left out."""

    step: str
    of: Literal["features", "predictions"] = "features"
    min_n: int | None = None
    min_effect: float | None = None
    confirm: int | None = None
    resolve: int | None = None
    severity: EffectLevels | None = None


class QualityRules(OwnDocument, frozen=True):
    """How a data quality step's windows are judged; the job's settings hold for what is left out."""

    step: str
    min_n: int | None = None
    tolerance: float | None = None
    confirm: int | None = None
    resolve: int | None = None


class RateLimits(OwnDocument, frozen=True):
    """Shares of what came within a duration that are too many."""

    rate: Levels | None = None
    over: str = ""


class OutlierRules(RateLimits, frozen=True, kw_only=True):
    """Which share of a step's rows may be outliers."""

    step: str


class LatencyRules(OwnDocument, frozen=True):
    """How long the slowest hundredth of the requests within a duration may take, in milliseconds."""

    p99_ms: Levels
    over: str = ""


class NoDataRules(OwnDocument, frozen=True):
    """After how long without a request something is wrong."""

    after: str


class MonitorSpec(OwnDocument, frozen=True):
    """The body of a Monitor. From `features` on, fields are refused so far."""

    pipeline: str
    drift: list[DriftRules] = []
    quality: list[QualityRules] = []
    outliers: list[OutlierRules] = []
    errors: RateLimits | None = None
    latency: LatencyRules | None = None
    no_data: NoDataRules | None = None
    resend: str = ""
    runbook: str = ""
    redact: list[str] = []
    features: dict[str, Any] = {}
    segments: dict[str, Any] = {}


class Monitor(OwnDocument, frozen=True):
    """kind: Monitor."""

    api_version: Literal["weir/v1alpha1"] = msgspec.field(name="apiVersion")
    kind: Literal["Monitor"]
    metadata: Metadata
    spec: MonitorSpec

    def rules_of(self, step: str) -> DriftRules | QualityRules | None:
        """Return what the document says of a step, if it does."""
        every: list[DriftRules | QualityRules] = [*self.spec.drift, *self.spec.quality]
        return next((one for one in every if one.step == step), None)
