"""Which of the recent requests new detectors learn from: with, without, or only those of drifted windows."""

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
# Windows whose state was one of these are drifted.
_DRIFTED = {"DRIFT", "VIOLATION"}


class Span(NamedTuple):
    """Offsets of one partition, both included."""

    topic: str
    partition: int
    first: int
    last: int


class Drifts(NamedTuple):
    """The offsets of each drifted window, and the records that are no report."""

    windows: list[list[Span]]
    skipped: list[Skipped]


class Selection(NamedTuple):
    """Values of requests, oldest first, out of how many, and how many drifted windows there were.

    `skipped` are records on the topics of reports that are none: a window may be missing.
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
    """Read about so many of a pipeline's newest requests, and choose by the reports on its steps.

    DeploymentError where nothing is left.
    """
    topic = connection.topics.inputs(pipeline)
    records = sorted(newest(connection.bootstrap, topic, rows), key=lambda one: (one.timestamp, one.offset))
    windows, skipped = drifted_windows(connection, pipeline, steps)
    drift = Spans(span for window in windows for span in window)
    kept = [one for one in records if drifted == "include" or drift.hold(one) == (drifted == "only")]
    values = [one.value for one in kept if one.value]
    if not values:
        raise DeploymentError(
            f"{topic}: of its {len(records):,} newest requests none is left with --drifted {drifted}; there "
            f"were {len(windows)} drifted windows"
        )
    return Selection(values, len(records), len(windows), kept[0].timestamp, kept[-1].timestamp, skipped)


def drifted_windows(connection: Connection, pipeline: str, steps: Iterable[str]) -> Drifts:
    """Read the reports of a pipeline's steps."""
    topics = [connection.topics.model_outputs(step) for step in steps]
    return drifts_in(read_topic(connection.bootstrap, topics, DEADLINE), pipeline)


def drifts_in(records: Iterable[Any], pipeline: str) -> Drifts:
    """Return the offsets of every window of a pipeline whose report says that it drifted."""
    found = Drifts([], [])
    for record in records:
        try:
            report = read_report(record.value)
        except Exception as error:  # whatever it is, the records around it count
            found.skipped.append(skipped_record(record, error))
            continue
        if report and report.window.pipeline == pipeline and report.window.state in _DRIFTED:
            members = report.window.members
            spans = [Span(one.topic, one.partition, one.first_offset, one.last_offset) for one in members]
            found.windows.append(spans)
    return found


class Spans:
    """Spans by partition, put together where they overlap, so that an offset is looked up quickly."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._ends: dict[tuple[str, int], tuple[list[int], list[int]]] = {}
        for topic, partition, first, last in sorted(spans):
            firsts, lasts = self._ends.setdefault((topic, partition), ([], []))
            if lasts and first <= lasts[-1] + 1:
                lasts[-1] = max(lasts[-1], last)
            else:
                firsts.append(first)
                lasts.append(last)

    def hold(self, record: Any) -> bool:
        """Tell whether a record's offset lies in a span."""
        firsts, lasts = self._ends.get((record.topic, record.partition), ([], []))
        at = bisect_right(firsts, record.offset) - 1
        return at >= 0 and record.offset <= lasts[at]
