"""What Flink reports of one job beyond its tasks: settings, checkpoints, its cluster's configuration."""

from __future__ import annotations

import re
from time import time
from typing import Any, NamedTuple

from jobs.flink.rest_api import Job, Rest

_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Checkpoints(NamedTuple):
    """The checkpoints of a job; times are in seconds since 1970 on Flink's clock, 0 where there is none.

    `storage` is the class of Flink that stores them, `error` what the last failed one reports.
    """

    completed: int
    failed: int
    last_completed_at: float
    last_failed_at: float
    error: str
    storage: str


class JobDetails(NamedTuple):
    """A job, the parameters that it was submitted with, and its checkpoints.

    `checkpoints` is None where Flink does not return them: then the job takes none. `flink_now` is the time
    on Flink's clock in seconds since 1970, and `local_now` the time here when it was read.
    """

    job: Job
    parameters: dict[str, str]
    checkpoints: Checkpoints | None
    flink_now: float
    local_now: float


def read_job_details(rest: Rest, job: Job) -> JobDetails:
    """Ask the JobManager for the details of a job."""
    overview, now = rest.get(f"/jobs/{job.id}") or {}, time()
    flink_now = overview.get("now", now * 1000) / 1000
    return JobDetails(job, rest.parameters(job.id), _read_checkpoints(rest, job), flink_now, now)


def _read_checkpoints(rest: Rest, job: Job) -> Checkpoints | None:
    path = f"/jobs/{job.id}/checkpoints"
    statistics, config = rest.get(path), rest.get(f"{path}/config")
    return parse_checkpoints(statistics, config) if statistics and config else None


def parse_checkpoints(statistics: dict[str, Any], config: dict[str, Any]) -> Checkpoints:
    """Parse the responses of `/jobs/JOB/checkpoints` and `/jobs/JOB/checkpoints/config`."""
    counts, latest = statistics["counts"], statistics["latest"]
    completed, failed = latest.get("completed") or {}, latest.get("failed") or {}
    return Checkpoints(
        counts["completed"],
        counts["failed"],
        completed.get("latest_ack_timestamp", 0) / 1000,
        failed.get("failure_timestamp", 0) / 1000,
        str(failed.get("failure_message") or ""),
        str(config.get("checkpoint_storage") or ""),
    )


def seconds_of_flink(text: str) -> float:
    """Return a duration as Flink's configuration writes it, in seconds; a number alone is milliseconds.

    Raises ValueError for other text.

    >>> seconds_of_flink("30 s"), seconds_of_flink("10 min"), seconds_of_flink("10000")
    (30.0, 600.0, 10.0)
    """
    match = re.fullmatch(r"(\d+)\s*(ms|s|min|m|h|d)?", text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a duration of Flink's configuration")
    return int(match[1]) * _UNITS[match[2] or "ms"]
