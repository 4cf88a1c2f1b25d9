"""What the alerts topic says fires now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from operators.alerting.alerts import Alert, iso
from operators.control import DEADLINE, Connection
from operators.kafka_log import read_whole


def read_alert(value: bytes | None) -> Alert | None:
    """Read a record of the topic, None for one that is no alert."""
    try:
        return msgspec.json.decode(value or b"", type=Alert)
    except msgspec.MsgspecError:
        return None


def read_alerts(connection: Connection) -> list[Alert]:
    """Return every alert that the topic holds, oldest first."""
    records = read_whole(connection.bootstrap, [connection.topics.alerts], DEADLINE)
    return [alert for record in records if (alert := read_alert(record.value))]


def firing(alerts: Iterable[Alert], now: datetime | None = None) -> list[Alert]:
    """Return those that fire: the latest of each fingerprint that is not over, the latest to begin first."""
    moment = iso((now or datetime.now(UTC)).timestamp() * 1000)
    latest = {alert.fingerprint: alert for alert in alerts}
    there = [one for one in latest.values() if one.status == "firing" and one.ends_at > moment]
    return sorted(there, key=lambda one: one.starts_at, reverse=True)
