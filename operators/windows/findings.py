"""Consecutive windows that confirm drift or violations → findings."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.drift.confirmation import Streak
from operators.alerts.finding import UNKNOWN, AlertKey, Finding, Severity, Unknown
from operators.alerts.rules import StepRule
from operators.core.timestamps import iso_milliseconds
from operators.models.runtimes.batched import Verdict
from operators.models.runtimes.verdict_details import (
    DriftDetails,
    DriftFeature,
    QualityDetails,
    QualityFeature,
)
from operators.rows.lineage import Lineage

# A finding names at most this many features or columns, so that it stays readable.
_MAX_NAMED = 5


def evaluate_window(
    rule: StepRule, lineage: Lineage, window: int, verdict: Verdict, streak: Streak
) -> tuple[AlertKey, Finding | Unknown | None]:
    """Return the alert key of a step and its finding after a closed window; None without a finding.

    An alert resolves after `resolve` windows in a row without drift or violations. Until then the result of
    a window without them is UNKNOWN, which leaves the alert unchanged.
    """
    key = AlertKey(rule.alert, lineage.step)
    if not streak.confirmed:
        return key, None
    if verdict.state not in ("DRIFT", "VIOLATION"):
        return key, UNKNOWN
    details = verdict.details
    if isinstance(details, DriftDetails):
        problem, causes = "The data drifted", list(_drifted(details.features))
    else:
        problem, causes = "Values are bad", list(_violating(details.features))
    offsets = [
        f"{member['topic']}-{member['partition']} {member['first_offset']} to {member['last_offset']}"
        for member in lineage.as_dicts()
    ]
    main_cause = ", ".join(causes[:1])
    annotations = {
        "summary": f"{problem} in {lineage.step}, confirmed by window {streak.since}: {main_cause}",
        "features": ", ".join(causes[:_MAX_NAMED]),
        "window": f"{iso_milliseconds(lineage.first_timestamp)}/{iso_milliseconds(lineage.last_timestamp)}",
        "window_number": str(window),
        "window_offsets": "; ".join(offsets),
    }
    return key, Finding(_severity(rule, details), annotations)


def _drifted(features: list[DriftFeature]) -> Iterator[str]:
    drifted = sorted((one for one in features if one.drifted), key=lambda one: -(one.effect or 0.0))
    yield from (f"{one.column} (effect {one.effect:.2f}, p {one.p_val:.2g})" for one in drifted)


def _violating(features: list[QualityFeature]) -> Iterator[str]:
    violations = [
        (feature.shares[issue], feature.feature, issue) for feature in features for issue in feature.violating
    ]
    yield from (f"{name} ({share:.1%} {issue})" for share, name, issue in sorted(violations, reverse=True))


def _severity(rule: StepRule, details: DriftDetails | QualityDetails) -> Severity:
    if rule.critical_effect is None or not isinstance(details, DriftDetails):
        return "warning"
    effect = max((one.effect or 0.0 for one in details.features if one.drifted), default=0.0)
    return "critical" if effect >= rule.critical_effect else "warning"
