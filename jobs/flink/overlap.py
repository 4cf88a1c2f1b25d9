"""Refuses jobs that would answer requests which another job answers."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic, sleep, time

from jobs.flink.rest_api import Rest
from operators.control.status import STALE_AFTER
from operators.control.status_topic import read_status
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection


def require_alone(job: str, rest: Rest, connection: Connection, patience: float = STALE_AFTER) -> None:
    """Raise DeploymentError if another job, of this or of another cluster, serves a pipeline of a job.

    The workers of a job that was killed seem to be alive for 15 s; `patience` is how long to wait for that.
    """
    if other := overlapping(job, (running.name for running in rest.jobs())):
        raise DeploymentError(f"job {other} runs, and {_REASON}; stop it with `weir stop`")
    deadline = monotonic() + patience
    while other := overlapping(job, (worker.job for worker in read_status(connection).alive(time()))):
        if monotonic() > deadline:
            raise DeploymentError(
                f"workers of job {other} of another cluster run, and {_REASON}; stop it there"
            )
        sleep(0.5)


_REASON = "serves pipelines of this job too: their requests would be answered twice"


def overlapping(job: str, others: Iterable[str]) -> str:
    """Return the first of other jobs that serves a pipeline which this job serves too, empty if none does.

    A job's name is PREFIX.NAMESPACE, or PREFIX.NAMESPACE/PIPELINE,… if it serves only some pipelines.

    >>> overlapping("weir.a/p,q", ["weir.b", "weir.a/r", "weir.a/q"])
    'weir.a/q'
    """
    return next((other for other in others if _overlap(job, other)), "")


def _overlap(one: str, other: str) -> bool:
    (namespace, _, ours), (its_namespace, _, theirs) = one.partition("/"), other.partition("/")
    if namespace != its_namespace:
        return False
    return not ours or not theirs or not set(ours.split(",")).isdisjoint(theirs.split(","))
