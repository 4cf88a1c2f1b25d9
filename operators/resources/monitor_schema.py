"""The schema of Weir's own `kind: Monitor`: how windows are judged, and when alerts fire."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from operators.resources.seldon_schema import Metadata

# The fewest rows of a window whose rows are counted in parallel: in a smaller one, that is of no use.
LEAST_SHARDED_ROWS = 20_000


class OwnDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A strict document: unknown keys are errors, and keys are spelled like the fields."""


class Levels(OwnDocument, frozen=True):
    """Thresholds of a warning and of a critical alert."""

    warning: float | None = None
    critical: float | None = None


class EffectLevels(OwnDocument, frozen=True):
    """The effect size from which a confirmed drift is critical; a smaller one is a warning."""

    critical: float


class DriftRules(OwnDocument, frozen=True):
    """How a drift step's windows are judged; unset fields have the value of the job's settings.

    The rows of a `sharded` step are counted in parallel; only counts arrive at the subtask of its windows.
    """

    step: str
    of: Literal["features", "predictions"] = "features"
    min_n: int | None = None
    min_effect: float | None = None
    confirm: int | None = None
    resolve: int | None = None
    severity: EffectLevels | None = None
    sharded: bool = False


class QualityRules(OwnDocument, frozen=True):
    """How a data quality step's windows are judged; unset fields have the value of the job's settings.

    The rows of a `sharded` step are counted in parallel; only counts arrive at the subtask of its windows.
    """

    step: str
    min_n: int | None = None
    tolerance: float | None = None
    confirm: int | None = None
    resolve: int | None = None
    sharded: bool = False


class RateLimits(OwnDocument, frozen=True):
    """Thresholds of a share, and the period `over` which it is measured, such as `5m`."""

    rate: Levels | None = None
    over: str = ""


class OutlierRules(RateLimits, frozen=True, kw_only=True):
    """Thresholds of the share of a step's rows that are outliers."""

    step: str


class LatencyRules(OwnDocument, frozen=True):
    """Thresholds of the 99th percentile of the latency within a period, in milliseconds."""

    p99_ms: Levels
    over: str = ""


class NoDataRules(OwnDocument, frozen=True):
    """The time without requests `after` which an alert fires, such as `15m`."""

    after: str


class MonitorSpec(OwnDocument, frozen=True):
    """The body of a Monitor; `features` and `segments` are not supported yet and are refused."""

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
    """A document of `kind: Monitor`."""

    api_version: Literal["weir/v1alpha1"] = msgspec.field(name="apiVersion")
    kind: Literal["Monitor"]
    metadata: Metadata
    spec: MonitorSpec

    @property
    def sharded(self) -> frozenset[str]:
        """The steps whose rows are counted in parallel."""
        return frozenset(rules.step for rules in self.window_rules if rules.sharded)

    @property
    def window_rules(self) -> list[DriftRules | QualityRules]:
        """The rules of drift and data quality steps."""
        return [*self.spec.drift, *self.spec.quality]

    def rules_of(self, step: str) -> DriftRules | QualityRules | None:
        """Return the drift or data quality rules of a step, None if the document has none."""
        return next((one for one in self.window_rules if one.step == step), None)
