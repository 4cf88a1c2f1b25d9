"""The state of Kafka and Flink at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from types import MappingProxyType
from typing import NamedTuple

from jobs.flink.job_details import read_checkpoints
from jobs.flink.rest_api import Job, Rest
from operators.control.control_state import ControlState
from operators.control.control_topic import read_control
from operators.control.status import StatusState
from operators.control.status_topic import read_status
from operators.kafka.connection import Connection


class Snapshot(NamedTuple):
    """The state of Kafka and Flink at `now`, in seconds since 1970.

    `control` and `status` are None where Kafka does not answer; `kafka_error` is then the error, else empty.
    `jobs` is None where Flink does not answer, or where its address (`flink`) is not known. `failures` maps a
    job id to the error that last made the job restart, `late_checkpoints` to the seconds for which its next
    checkpoint is overdue.
    """

    now: float
    control: ControlState | None
    status: StatusState | None
    kafka_error: str
    flink: str
    jobs: list[Job] | None
    failures: dict[str, str]
    taskmanagers: int = 1
    late_checkpoints: Mapping[str, float] = MappingProxyType({})


def take_snapshot(connection: Connection, rest: Rest | None) -> Snapshot:
    """Read both topics, and ask Flink, once."""
    control = status = None
    kafka_error = ""
    try:
        control = read_control(connection)
        status = read_status(connection)
    except Exception as error:  # the client raises many types; each means that Kafka does not answer
        kafka_error = f"Kafka does not answer at {connection.brokers.servers}: {error}"
    jobs = rest.jobs() if rest and rest.is_reachable() else None
    failures = {job.id: rest.failure(job.id) for job in jobs or () if rest and not job.is_running}
    url, taskmanagers = (rest.url, rest.taskmanagers()) if rest else ("", 0)
    now = time()
    checkpoints = [(job, read_checkpoints(rest, job)) for job in jobs or () if rest and job.is_running]
    late = {job.id: found.overdue(job.started_at, now) for job, found in checkpoints if found}
    return Snapshot(now, control, status, kafka_error, url, jobs, failures, taskmanagers, late)
