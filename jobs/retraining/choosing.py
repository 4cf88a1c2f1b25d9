"""Which of the recent requests new detectors learn from: with, without, or only those of drifted windows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from jobs.recent import newest
from operators.control import DEADLINE, Connection
from operators.errors import DeploymentError
from operators.kafka_log import read_whole

Drifted = Literal["exclude", "include", "only"]
# Windows whose state was one of these are drifted.
_DRIFTED = {"DRIFT", "VIOLATION"}


class Span(NamedTuple):
    """Offsets of one partition, both included."""

    topic: str
    partition: int
    first: int
    last: int


class Chosen(NamedTuple):
    """Values of requests, oldest first, out of how many, and how many drifted windows there were."""

    values: list[bytes]
    read: int
    windows: int
    first_timestamp: int
    last_timestamp: int


class _Report(msgspec.Struct):
    parameters: dict[str, Any]


def choose(
    connection: Connection, pipeline: str, steps: Iterable[str], rows: int, drifted: Drifted
) -> Chosen:
    """Read about so many of a pipeline's newest requests, and choose by the reports on its steps.

    DeploymentError where nothing is left.
    """
    topic = connection.topics.inputs(pipeline)
    records = sorted(newest(connection.bootstrap, topic, rows), key=lambda one: (one.timestamp, one.offset))
    spans = drifted_spans(connection, pipeline, steps)
    kept = [one for one in records if drifted == "include" or _inside(one, spans) == (drifted == "only")]
    values = [one.value for one in kept if one.value]
    if not values:
        raise DeploymentError(
            f"{topic}: of its {len(records):,} newest requests none is left with --drifted {drifted}; there "
            f"were {len(spans)} drifted windows"
        )
    return Chosen(values, len(records), len(spans), kept[0].timestamp, kept[-1].timestamp)


def drifted_spans(connection: Connection, pipeline: str, steps: Iterable[str]) -> list[Span]:
    """Return the offsets of every window of a pipeline's steps whose report says that it drifted."""
    topics = [connection.topics.model_outputs(step) for step in steps]
    spans: list[Span] = []
    for record in read_whole(connection.bootstrap, topics, DEADLINE):
        try:
            told = msgspec.json.decode(record.value or b"", type=_Report).parameters
            if told.get("pipeline") == pipeline and told.get("state") in _DRIFTED:
                spans += [
                    Span(one["topic"], one["partition"], one["first_offset"], one["last_offset"])
                    for one in told["members"]
                ]
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):  # somebody else's record
            continue
    return spans


def _inside(record: Any, spans: Iterable[Span]) -> bool:
    return any(
        span.topic == record.topic
        and span.partition == record.partition
        and span.first <= record.offset <= span.last
        for span in spans
    )
