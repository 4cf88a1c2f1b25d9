"""Records of the alerts topic: JSON in Alertmanager's format, with CloudEvents headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from operators.core.errors import MalformedError
from operators.core.foreign_json import decode
from operators.core.timestamps import iso_milliseconds, parse_time
from operators.kafka.output_record import OutputRecord
from operators.kafka.topics import Topics

_OFFSET, _PRIME, _SEPARATOR = 14695981039346656037, 1099511628211, b"\xff"


class Alert(msgspec.Struct, frozen=True, rename="camel"):
    """One record of the alerts topic; times in ISO 8601, UTC.

    `ends_at` of a firing alert is the time when it expires unless it is sent again.
    """

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str
    fingerprint: str

    def encode(self) -> bytes:
        """Encode as JSON."""
        return msgspec.json.encode(self)


def read_alert(value: bytes | None) -> Alert:
    """Decode a record of the alerts topic; MalformedError if it cannot be shown or delivered."""
    alert = decode(value, Alert)
    for name in ("alertname", "pipeline"):
        if not alert.labels.get(name):
            raise MalformedError(f"labels: {name} is missing or empty")
    if not alert.fingerprint:
        raise MalformedError("fingerprint is empty")
    parse_time(alert.starts_at, "startsAt")
    parse_time(alert.ends_at, "endsAt")
    return alert


class AlertRecord(NamedTuple):
    """An alert and the time when it is sent, in milliseconds since 1970."""

    alert: Alert
    at: int

    def record(self, topics: Topics) -> OutputRecord:
        """Return the record of the alerts topic."""
        headers = self._headers(topics)
        return OutputRecord(topics.alerts, self.alert.fingerprint, headers, self.alert.encode())

    def _headers(self, topics: Topics) -> dict[str, str]:
        """Return the headers of CloudEvents' binary mode for Kafka."""
        labels, status = self.alert.labels, self.alert.status
        subject = "/".join(filter(None, (labels["pipeline"], labels.get("step"))))
        return {
            "pipeline": labels["pipeline"],
            "content-type": "application/json",
            "ce_specversion": "1.0",
            "ce_type": f"weir.alert.{status}",
            "ce_source": f"/{topics.prefix}/{topics.namespace}",
            "ce_id": f"{self.alert.fingerprint}-{status}-{self.at}",
            "ce_time": iso_milliseconds(self.at),
            "ce_subject": subject,
        }


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return the identifier of an alert: FNV-1a of its sorted labels, as Alertmanager computes it.

    >>> fingerprint({"alertname": "A"}) == fingerprint({"alertname": "B"})
    False
    """
    hashed = _OFFSET
    for name in sorted(labels):
        for part in (name.encode(), _SEPARATOR, labels[name].encode(), _SEPARATOR):
            for byte in part:
                hashed = ((hashed ^ byte) * _PRIME) % 2**64
    return f"{hashed:016x}"
