"""The alerts that fire now, read from the alerts topic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from operators.alerts.alert import Alert, read_alert
from operators.core.timestamps import parse_time
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import read_topic
from operators.kafka.skipped_records import Skipped, skipped_record


class AlertsRead(NamedTuple):
    """Alerts, oldest first, and the records that cannot be used as alerts."""

    alerts: list[Alert]
    skipped: list[Skipped]


def read_records(records: Iterable[Any]) -> AlertsRead:
    """Decode records of the alerts topic; those that cannot be used are listed as skipped."""
    read = AlertsRead([], [])
    for record in records:
        try:
            read.alerts.append(read_alert(record.value))
        except Exception as error:  # any error; the other records are still read
            read.skipped.append(skipped_record(record, error))
    return read


def read_alerts(connection: Connection) -> AlertsRead:
    """Read every alert on the alerts topic."""
    return read_records(read_topic(connection.brokers, [connection.topics.alerts], DEADLINE))


def firing(alerts: Iterable[Alert], now: datetime | None = None) -> list[Alert]:
    """Return the alerts that fire at `now`, the latest start first.

    Only the latest record of each fingerprint counts, and only until its `endsAt`.
    """
    at = now or datetime.now(UTC)
    latest = {alert.fingerprint: alert for alert in alerts}
    active = [
        alert
        for alert in latest.values()
        if alert.status == "firing" and parse_time(alert.ends_at, "endsAt") > at
    ]
    return sorted(active, key=lambda alert: parse_time(alert.starts_at, "startsAt"), reverse=True)
