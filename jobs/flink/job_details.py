"""What Flink reports of one job beyond its tasks: settings, checkpoints, its cluster's configuration."""

from __future__ import annotations

import re
from time import time
from typing import Any, NamedTuple

from jobs.flink.rest_api import Job, Rest

# Flink's interval of a job without checkpoints is 2^63 - 1 ms.
_NEVER = 1e12
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Checkpoints(NamedTuple):
    """The checkpoints of a job; times are in seconds since 1970 on Flink's clock, 0 where there is none.

    `storage` is the class of Flink that stores them, `error` what the last failed one reports. `interval` is
    the time between two, in seconds.
    """

    completed: int
    failed: int
    last_completed_at: float
    last_failed_at: float
    error: str
    storage: str
    interval: float = 0.0
    last_restored_at: float = 0.0

    def overdue(self, started_at: float, now: float) -> float:
        """Return for how many seconds a job has had no checkpoint, beyond the interval of its checkpoints.

        `started_at`, the start of the job, and `now` are in seconds since 1970. 0 if the job makes none.
        """
        if not 0 < self.interval < _NEVER:
            return 0.0
        latest = max(started_at, self.last_completed_at, self.last_restored_at)
        return max(0.0, now - latest - self.interval)


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
    return JobDetails(job, rest.parameters(job.id), read_checkpoints(rest, job), flink_now, now)


def read_checkpoints(rest: Rest, job: Job) -> Checkpoints | None:
    """Ask the JobManager for the checkpoints of a job; None where it does not return them."""
    path = f"/jobs/{job.id}/checkpoints"
    statistics, config = rest.get(path), rest.get(f"{path}/config")
    return parse_checkpoints(statistics, config) if statistics and config else None


def parse_checkpoints(statistics: dict[str, Any], config: dict[str, Any]) -> Checkpoints:
    """Parse the responses of `/jobs/JOB/checkpoints` and `/jobs/JOB/checkpoints/config`."""
    counts, latest = statistics["counts"], statistics["latest"]
    completed, failed, restored = (latest.get(kind) or {} for kind in ("completed", "failed", "restored"))
    return Checkpoints(
        counts["completed"],
        counts["failed"],
        completed.get("latest_ack_timestamp", 0) / 1000,
        failed.get("failure_timestamp", 0) / 1000,
        str(failed.get("failure_message") or ""),
        str(config.get("checkpoint_storage") or ""),
        config.get("interval", 0) / 1000,
        restored.get("restore_timestamp", 0) / 1000,
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
