"""Windows in a row that confirm drift or violations → findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from detectors.drift.confirmation import Streak
from operators.alerts.alert import iso
from operators.alerts.finding import UNKNOWN, AlertKey, Finding, Severity, Unknown
from operators.alerts.rules import DATA_QUALITY, StepRule
from operators.models.runtimes.batched import Verdict
from operators.windows.lineage import Lineage

# As many culprits are named as a person looks at.
_NAMED = 5


def evaluate_window(
    rule: StepRule, lineage: Lineage, window: int, verdict: Verdict, streak: Streak
) -> tuple[AlertKey, Finding | Unknown | None]:
    """Tell what a closed window and those before it confirm of a step.

    A window between the first and the last of `resolve` without a finding leaves the alert as it is.
    """
    about = AlertKey(rule.alert, lineage.step)
    if not streak.confirmed:
        return about, None
    if verdict.state not in ("DRIFT", "VIOLATION"):
        return about, UNKNOWN
    features = verdict.about["features"]
    quality = rule.alert == DATA_QUALITY
    culprits = list(_violating(features) if quality else _drifted(features))
    what = "Values are bad" if quality else "The data drifted"
    offsets = [
        f"{one['topic']}-{one['partition']} {one['first_offset']} to {one['last_offset']}"
        for one in lineage.as_dicts()
    ]
    annotations = {
        "summary": f"{what} in {lineage.step}, confirmed by window {streak.since}: {', '.join(culprits[:1])}",
        "features": ", ".join(culprits[:_NAMED]),
        "window": f"{iso(lineage.first_timestamp)}/{iso(lineage.last_timestamp)}",
        "window_number": str(window),
        "window_offsets": "; ".join(offsets),
    }
    return about, Finding(_severity(rule, features), annotations)


def _drifted(features: list[dict[str, Any]]) -> Iterator[str]:
    guilty = sorted((one for one in features if one["guilty"]), key=lambda one: -one["effect"])
    yield from (f"{one['column']} (effect {one['effect']:.2f}, p {one['p_val']:.2g})" for one in guilty)


def _violating(features: list[dict[str, Any]]) -> Iterator[str]:
    bad = [(one["shares"][issue], one["feature"], issue) for one in features for issue in one["violating"]]
    yield from (f"{feature} ({share:.1%} {issue})" for share, feature, issue in sorted(bad, reverse=True))


def _severity(rule: StepRule, features: list[Mapping[str, Any]]) -> Severity:
    if rule.critical_effect is None:
        return "warning"
    effect = max((one["effect"] for one in features if one["guilty"]), default=0.0)
    return "critical" if effect >= rule.critical_effect else "warning"
