"""Estimates of how many rows a pipeline receives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.kafka.newest_records import newest
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.protocol.decode import decode_request

_SAMPLE = 1_000
_DAY = 24 * 60 * 60


def rows_a_day(connection: Connection, pipeline: str) -> float:
    """Estimate the rows per day of a pipeline from its newest requests and their timestamps.

    DeploymentError where there are too few requests, or all have one timestamp.
    """
    topic = connection.topics.inputs(pipeline)
    records = list(newest(connection.brokers, topic, _SAMPLE))
    times = sorted(record.timestamp for record in records)
    if len(times) < 2 or times[0] == times[-1]:
        raise DeploymentError(
            f"{topic} contains {len(times)} requests, too few to estimate how many arrive per day"
        )
    rows, seconds = rows_of(records), (times[-1] - times[0]) / 1_000
    return float(rows * (len(times) - 1) / len(times) / seconds * _DAY)


def rows_of(records: list[Any]) -> int:
    """Count the rows of requests; one that cannot be decoded counts as 0."""
    return sum(_rows(records))


def _rows(records: list[Any]) -> Iterator[int]:
    for record in records:
        try:
            yield decode_request(record.value or b"", None).inputs[0].shape[0]
        except Exception:  # any error; the other requests still count
            yield 0
