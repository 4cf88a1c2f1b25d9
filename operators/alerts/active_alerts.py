"""The firing alerts of the current key, in keyed state."""

from __future__ import annotations

from collections.abc import Iterator

from operators.alerts.alert import AlertRecord
from operators.alerts.finding import AlertKey, Findings, Severity
from operators.alerts.lifecycle import Active, Lifecycle, decode_active, encode_active
from operators.core.state import Value


class ActiveAlerts:
    """Stores the firing alerts of the current key, and applies a lifecycle to them.

    `now` is the clock's time in milliseconds since 1970.
    """

    def __init__(self, state: Value) -> None:
        self._state = state

    def is_firing(self) -> bool:
        """Return whether any alert fires."""
        return self._state.value() is not None

    def severities(self) -> dict[AlertKey, Severity]:
        """Return the severity of each firing alert."""
        return {alert.about: alert.severity for alert in self._read()}

    def update_alerts(self, lifecycle: Lifecycle, findings: Findings, now: int) -> Iterator[AlertRecord]:
        """Store and yield the alerts that fire or resolve because of findings."""
        before = self._read()
        after, records = lifecycle.update_alerts(before, findings, now)
        self._write(before, after)
        yield from records

    def resend_due(self, lifecycle: Lifecycle, now: int) -> Iterator[AlertRecord]:
        """Yield the firing alerts that are due to be sent again."""
        before = self._read()
        after, records = lifecycle.resend_due(before, now)
        self._write(before, after)
        yield from records

    def _read(self) -> list[Active]:
        stored = self._state.value()
        return decode_active(bytes(stored)) if stored else []

    def _write(self, before: list[Active], after: list[Active]) -> None:
        if after == before:
            return
        if after:
            self._state.update(encode_active(after))
        else:
            self._state.clear()
