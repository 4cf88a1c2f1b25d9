"""The alerts that fire for the key at hand, in its state."""

from __future__ import annotations

from collections.abc import Iterator

from operators.alerts.alert import AlertRecord
from operators.alerts.finding import AlertKey, Findings, Severity
from operators.alerts.lifecycle import Active, Lifecycle, decode_active, encode_active
from operators.core.state import Value


class ActiveAlerts:
    """What a lifecycle needs to remember, for the key at hand."""

    def __init__(self, state: Value) -> None:
        self._state = state

    def is_firing(self) -> bool:
        """Tell whether any alert does."""
        return self._state.value() is not None

    def severities(self) -> dict[AlertKey, Severity]:
        """Return how bad each is."""
        return {one.about: one.severity for one in self._read()}

    def update_alerts(self, lifecycle: Lifecycle, found: Findings, now: int) -> Iterator[AlertRecord]:
        """Let what was found fire and resolve alerts."""
        before = self._read()
        after, sent = lifecycle.update_alerts(before, found, now)
        self._write(before, after)
        yield from sent

    def resend_due(self, lifecycle: Lifecycle, now: int) -> Iterator[AlertRecord]:
        """Send again what fires, where it is time to."""
        before = self._read()
        after, sent = lifecycle.resend_due(before, now)
        self._write(before, after)
        yield from sent

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
