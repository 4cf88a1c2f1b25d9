"""Findings → alerts that fire once, are sent again at an interval, and resolve once. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from operators.alerts.alert import Alert, AlertRecord, fingerprint
from operators.alerts.finding import UNKNOWN, AlertKey, Finding, Findings, Severity
from operators.core.state import pack, unpack
from operators.core.timestamps import iso_milliseconds

_VERSION = 1
# A firing alert expires after this many intervals, because the next record may be delayed.
_EXPIRES_AFTER = 3


class Active(msgspec.Struct, frozen=True, array_like=True):
    """A firing alert; times in milliseconds since 1970."""

    alert: str
    step: str
    severity: Severity
    annotations: dict[str, str]
    starts_at: int
    sent_at: int

    @property
    def about(self) -> AlertKey:
        """The rule and the step that the alert is about."""
        return AlertKey(self.alert, self.step)


class Lifecycle(NamedTuple):
    """What all alerts of one pipeline share: labels, the interval of sending, and the runbook's URL.

    `resend` is in seconds, `now` in milliseconds since 1970. The methods return the alerts that fire
    afterwards, and the records to send.
    """

    labels: Mapping[str, str]
    resend: float
    runbook: str

    def update_alerts(
        self, active: list[Active], findings: Findings, now: int
    ) -> tuple[list[Active], list[AlertRecord]]:
        """Apply the findings of all rules. An active alert without a finding resolves.

        A change of severity resolves the alert and fires another one, because severity is a label, and labels
        identify an alert.
        """
        kept: list[Active] = []
        records: list[AlertRecord] = []
        for alert in active:
            finding = findings.get(alert.about)
            if finding is UNKNOWN:
                kept.append(alert)
            elif isinstance(finding, Finding) and finding.severity == alert.severity:
                kept.append(msgspec.structs.replace(alert, annotations=dict(finding.annotations)))
            else:
                records.append(self._record(alert, now, resolved=True))
        firing = {alert.about for alert in kept}
        for key, finding in findings.items():
            if isinstance(finding, Finding) and key not in firing:
                started = Active(*key, finding.severity, dict(finding.annotations), now, now)
                kept.append(started)
                records.append(self._record(started, now))
        return kept, records

    def resend_due(self, active: list[Active], now: int) -> tuple[list[Active], list[AlertRecord]]:
        """Return records of the alerts that were last sent at least one interval ago."""
        # An alert that was sent in the future is due: the clock was set back.
        due = [not 0 <= now - alert.sent_at < self.resend * 1000 for alert in active]
        kept = [
            msgspec.structs.replace(alert, sent_at=now) if is_due else alert
            for alert, is_due in zip(active, due, strict=True)
        ]
        return kept, [self._record(alert, now) for alert, is_due in zip(kept, due, strict=True) if is_due]

    def _record(self, active: Active, now: int, *, resolved: bool = False) -> AlertRecord:
        step = {"step": active.step} if active.step else {}
        labels = {"alertname": active.alert, **self.labels, **step, "severity": active.severity}
        runbook = {"runbook_url": f"{self.runbook}#{active.alert.lower()}"} if self.runbook else {}
        alert = Alert(
            status="resolved" if resolved else "firing",
            labels=labels,
            annotations={**active.annotations, **runbook},
            starts_at=iso_milliseconds(active.starts_at),
            ends_at=iso_milliseconds(now if resolved else now + _EXPIRES_AFTER * self.resend * 1000),
            fingerprint=fingerprint(labels),
        )
        return AlertRecord(alert, now)


def encode_active(active: list[Active]) -> bytes:
    """Encode for checkpointed state."""
    return pack(active, _VERSION)


def decode_active(data: bytes) -> list[Active]:
    """Decode the bytes of `encode_active`; ValueError for an unknown version."""
    return unpack(data, list[Active], _VERSION, "alert state")
