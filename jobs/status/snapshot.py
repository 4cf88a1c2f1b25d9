"""What Kafka and Flink say now."""

from __future__ import annotations

from time import time
from typing import NamedTuple

from jobs.flink.rest_api import Job, Rest
from operators.control.control_state import ControlState
from operators.control.control_topic import read_control
from operators.control.status import StatusState
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import read_topic


class Snapshot(NamedTuple):
    """`control` and `told` are None where Kafka does not answer; `why` says how it does not.

    `jobs` is None where Flink does not answer, or where its address (`flink`) is not known. `failures` are
    what made jobs restart last, by id. `now` is in seconds since 1970.
    """

    now: float
    control: ControlState | None
    told: StatusState | None
    why: str
    flink: str
    jobs: list[Job] | None
    failures: dict[str, str]
    taskmanagers: int = 1


def take_snapshot(connection: Connection, rest: Rest | None) -> Snapshot:
    """Look at everything once."""
    control = told = None
    why = ""
    try:
        control = read_control(connection)
        told = StatusState.empty()
        for record in read_topic(connection.bootstrap, [connection.topics.status], DEADLINE):
            told.read(record)
    except Exception as error:  # the client raises many kinds; all mean that Kafka does not answer
        why = f"Kafka does not answer at {connection.bootstrap}: {error}"
    jobs = rest.jobs() if rest and rest.answers() else None
    failures = {job.id: rest.failure(job.id) for job in jobs or () if rest and not job.runs}
    url, taskmanagers = (rest.url, rest.taskmanagers()) if rest else ("", 0)
    return Snapshot(time(), control, told, why, url, jobs, failures, taskmanagers)
