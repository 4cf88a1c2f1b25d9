"""Selecting the recent requests for training: with, without, or only those of drifted windows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from jobs.kafka.newest_records import newest
from operators.core.errors import DeploymentError
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import read_topic
from operators.kafka.skipped_records import Skipped, skipped_record
from operators.windows.report import read_report

Drifted = Literal["exclude", "include", "only"]
# The states of drifted windows.
_DRIFTED = {"DRIFT", "VIOLATION"}


class Span(NamedTuple):
    """A range of offsets of one partition; `first` and `last` are included."""

    topic: str
    partition: int
    first: int
    last: int


class Drifts(NamedTuple):
    """The offsets of each drifted window, and the skipped records that are not reports."""

    windows: list[list[Span]]
    skipped: list[Skipped]


class Selection(NamedTuple):
    """The selected requests, oldest first, and what they were selected from.

    `read` is the number of requests that were read, `windows` the number of drifted windows. Timestamps are
    in milliseconds since 1970. `skipped` are records on report topics that are not reports, so a drifted
    window may be missing.
    """

    values: list[bytes]
    read: int
    windows: int
    first_timestamp: int
    last_timestamp: int
    skipped: list[Skipped]


def select_requests(
    connection: Connection, pipeline: str, steps: Iterable[str], rows: int, drifted: Drifted
) -> Selection:
    """Read about `rows` of a pipeline's newest requests, and select by the reports of its steps.

    DeploymentError if no request is left.
    """
    topic = connection.topics.inputs(pipeline)
    records = sorted(newest(connection.brokers, topic, rows), key=lambda one: (one.timestamp, one.offset))
    windows, skipped = drifted_windows(connection, pipeline, steps)
    drift = Spans(span for window in windows for span in window)
    kept = [one for one in records if drifted == "include" or drift.contain(one) == (drifted == "only")]
    values = [one.value for one in kept if one.value]
    if not values:
        raise DeploymentError(
            f"{topic}: --drifted {drifted} leaves none of the {len(records):,} newest requests; reports list "
            f"{len(windows)} drifted windows: use another value of --drifted"
        )
    return Selection(values, len(records), len(windows), kept[0].timestamp, kept[-1].timestamp, skipped)


def drifted_windows(connection: Connection, pipeline: str, steps: Iterable[str]) -> Drifts:
    """Read the reports of a pipeline's steps and return its drifted windows."""
    topics = [connection.topics.model_outputs(step) for step in steps]
    return drifts_in(read_topic(connection.brokers, topics, DEADLINE), pipeline)


def drifts_in(records: Iterable[Any], pipeline: str) -> Drifts:
    """Return the offsets of every window of a pipeline whose reported state is drifted."""
    drifts = Drifts([], [])
    for record in records:
        try:
            report = read_report(record.value)
        except Exception as error:  # an unreadable record must not hide the others
            drifts.skipped.append(skipped_record(record, error))
            continue
        if report and report.window.pipeline == pipeline and report.window.state in _DRIFTED:
            members = report.window.members
            spans = [Span(one.topic, one.partition, one.first_offset, one.last_offset) for one in members]
            drifts.windows.append(spans)
    return drifts


class Spans:
    """Spans by partition, merged if they overlap, for a fast lookup of offsets."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._ends: dict[tuple[str, int], tuple[list[int], list[int]]] = {}
        for topic, partition, first, last in sorted(spans):
            firsts, lasts = self._ends.setdefault((topic, partition), ([], []))
            if lasts and first <= lasts[-1] + 1:
                lasts[-1] = max(lasts[-1], last)
            else:
                firsts.append(first)
                lasts.append(last)

    def contain(self, record: Any) -> bool:
        """Return whether a record's offset is in a span."""
        firsts, lasts = self._ends.get((record.topic, record.partition), ([], []))
        position = bisect_right(firsts, record.offset) - 1
        return position >= 0 and record.offset <= lasts[position]
