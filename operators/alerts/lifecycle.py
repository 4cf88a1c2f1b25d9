"""Findings → alerts that fire once, are sent again at an interval, and resolve once: state in, state out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from operators.alerts.alert import Alert, AlertRecord, fingerprint, iso
from operators.alerts.finding import UNKNOWN, AlertKey, Finding, Findings, Severity
from operators.core.state import pack, unpack

_VERSION = 1
# A firing alert holds for so many intervals: the next may come late.
_HOLDS = 3


class Active(msgspec.Struct, frozen=True, array_like=True):
    """An alert that fires; times in milliseconds since 1970."""

    alert: str
    step: str
    severity: Severity
    annotations: dict[str, str]
    starts_at: int
    sent_at: int

    @property
    def about(self) -> AlertKey:
        """Which rule, for which step."""
        return AlertKey(self.alert, self.step)


class Lifecycle(NamedTuple):
    """What all alerts of one pipeline share: labels, seconds until they are sent again, a runbook's URL."""

    labels: Mapping[str, str]
    resend: float
    runbook: str

    def update_alerts(
        self, active: list[Active], found: Findings, now: int
    ) -> tuple[list[Active], list[AlertRecord]]:
        """Take in what every rule found; an active alert whose rule is not among them resolves.

        A severity that changes resolves the alert and fires another: labels identify.
        """
        kept: list[Active] = []
        sent: list[AlertRecord] = []
        for one in active:
            finding = found.get(one.about)
            if finding is UNKNOWN:
                kept.append(one)
            elif isinstance(finding, Finding) and finding.severity == one.severity:
                kept.append(msgspec.structs.replace(one, annotations=dict(finding.annotations)))
            else:
                sent.append(self._sent(one, now, resolved=True))
        there = {one.about for one in kept}
        for about, finding in found.items():
            if isinstance(finding, Finding) and about not in there:
                fresh = Active(*about, finding.severity, dict(finding.annotations), now, now)
                kept.append(fresh)
                sent.append(self._sent(fresh, now))
        return kept, sent

    def resend_due(self, active: list[Active], now: int) -> tuple[list[Active], list[AlertRecord]]:
        """Send again what fires for as long as the interval."""
        due = [now - one.sent_at >= self.resend * 1000 for one in active]
        kept = [
            msgspec.structs.replace(one, sent_at=now) if again else one
            for one, again in zip(active, due, strict=True)
        ]
        return kept, [self._sent(one, now) for one, again in zip(kept, due, strict=True) if again]

    def _sent(self, one: Active, now: int, *, resolved: bool = False) -> AlertRecord:
        step = {"step": one.step} if one.step else {}
        labels = {"alertname": one.alert, **self.labels, **step, "severity": one.severity}
        runbook = {"runbook_url": f"{self.runbook}#{one.alert.lower()}"} if self.runbook else {}
        alert = Alert(
            status="resolved" if resolved else "firing",
            labels=labels,
            annotations={**one.annotations, **runbook},
            starts_at=iso(one.starts_at),
            ends_at=iso(now if resolved else now + _HOLDS * self.resend * 1000),
            fingerprint=fingerprint(labels),
        )
        return AlertRecord(alert, now)


def encode_active(active: list[Active]) -> bytes:
    """Encode for checkpointed state."""
    return pack(active, _VERSION)


def decode_active(data: bytes) -> list[Active]:
    """Decode what `encode_active` wrote; ValueError for a version this code does not know."""
    return unpack(data, list[Active], _VERSION, "alert state")
