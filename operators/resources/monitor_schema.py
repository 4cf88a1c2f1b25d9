"""Every field of `kind: Monitor`, a document of Weir's own: how windows of a pipeline's steps are judged."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from operators.resources.schema import Metadata


class OwnDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A strict document whose keys are written as the fields here."""


class DriftRules(OwnDocument, frozen=True):
    """How a drift step's windows are judged; the job's settings hold for what is left out."""

    step: str
    min_n: int | None = None
    min_effect: float | None = None
    confirm: int | None = None
    resolve: int | None = None


class QualityRules(OwnDocument, frozen=True):
    """How a data quality step's windows are judged; the job's settings hold for what is left out."""

    step: str
    min_n: int | None = None
    tolerance: float | None = None
    confirm: int | None = None
    resolve: int | None = None


class MonitorSpec(OwnDocument, frozen=True):
    """The body of a Monitor. From `features` on, fields are refused so far."""

    pipeline: str
    drift: list[DriftRules] = []
    quality: list[QualityRules] = []
    features: dict[str, Any] = {}
    outliers: list[Any] = []
    errors: dict[str, Any] = {}
    latency: dict[str, Any] = {}
    no_data: dict[str, Any] = {}
    resend: Any = None
    runbook: str = ""
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
