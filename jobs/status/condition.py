"""A condition of an object, and what several kinds of conditions need."""

from __future__ import annotations

from typing import Literal, NamedTuple

from jobs.status.snapshot import Snapshot
from operators.control.status import STALE_AFTER, Event, Serving, WorkerStatus
from operators.core.timestamps import iso_seconds
from operators.kafka.topics import Topics

# Reasons for which waiting does not help.
FINAL = ("LoadFailed", "JobFailed", "RecordUnusable", "Quarantined")
NOT_SERVING = Serving(0, 0)
NO_WORKERS = f"no worker has reported progress in the last {STALE_AFTER:g} s"
Truth = Literal["True", "False", "Unknown"]


class Condition(NamedTuple):
    """A condition as in Kubernetes: `of` names the object, `since` is an ISO time, empty where not known."""

    type: str
    of: str
    status: Truth
    reason: str
    message: str
    since: str = ""


def counted(number: int, what: str) -> str:
    """Return a number of things as text, such as `1 worker` or `2 workers`."""
    return f"{number} {what}{'s' * (number != 1)}"


def workers_of(pipeline: str, snapshot: Snapshot) -> list[WorkerStatus]:
    """Return the workers that have reported progress lately and whose job serves a pipeline."""
    workers = snapshot.status.alive(snapshot.now) if snapshot.status else []
    return [worker for worker in workers if _job_serves(worker.job, pipeline)]


def _job_serves(job: str, pipeline: str) -> bool:
    """Return whether a job serves a pipeline. A name `JOB/P,Q` lists pipelines; `JOB` serves all."""
    _, slash, pipelines = job.partition("/")
    return not slash or pipeline in pipelines.split(",")


def is_served_by(job: str, pipeline: str, topics: Topics) -> bool:
    """Return whether a job of the namespace serves a pipeline."""
    return job.partition("/")[0] == f"{topics.prefix}.{topics.namespace}" and _job_serves(job, pipeline)


def event_time(
    snapshot: Snapshot, pipeline: str, generation: int, what: Literal["Serving", "LoadFailed"]
) -> float:
    """Return when the last such event of a generation happened, in seconds since 1970, or 0."""
    events = snapshot.status.events if snapshot.status else {}
    event = events.get(Event(at=0, pipeline=pipeline, generation=generation, what=what).key)
    return event.at if event else 0.0


def iso(seconds: float) -> str:
    """Return a time in seconds since 1970 as ISO time, 0 as an empty text."""
    return iso_seconds(seconds) if seconds else ""
