"""What the alerts topic says fires now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from operators.alerts.alert import Alert, read_alert
from operators.core.foreign_json import parse_time
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import read_topic
from operators.kafka.skipped_records import Skipped, skipped_record


class AlertsRead(NamedTuple):
    """Alerts, oldest first, and the records that are none."""

    alerts: list[Alert]
    skipped: list[Skipped]


def read_records(records: Iterable[Any]) -> AlertsRead:
    """Read records of the topic; those that cannot be used are skipped."""
    read = AlertsRead([], [])
    for record in records:
        try:
            read.alerts.append(read_alert(record.value))
        except Exception as error:  # whatever it is, the records around it count
            read.skipped.append(skipped_record(record, error))
    return read


def read_alerts(connection: Connection) -> AlertsRead:
    """Read every alert that the topic holds."""
    return read_records(read_topic(connection.bootstrap, [connection.topics.alerts], DEADLINE))


def firing(alerts: Iterable[Alert], now: datetime | None = None) -> list[Alert]:
    """Return those that fire: the latest of each fingerprint that is not over, the latest to begin first."""
    at = now or datetime.now(UTC)
    latest = {alert.fingerprint: alert for alert in alerts}
    there = [
        one for one in latest.values() if one.status == "firing" and parse_time(one.ends_at, "endsAt") > at
    ]
    return sorted(there, key=lambda one: parse_time(one.starts_at, "startsAt"), reverse=True)
