"""A client of Flink's REST API: jobs, their settings and failures, slots, TaskManagers."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any, NamedTuple

_SECONDS = 5.0
# A job in one of these states has ended and does not restart.
ENDED = ("FINISHED", "CANCELED", "FAILED")


class Job(NamedTuple):
    """A job as the cluster lists it.

    `tasks` is the number of tasks by state and in `total`; `started_at` is in seconds since 1970.
    """

    id: str
    name: str
    state: str
    tasks: dict[str, int]
    started_at: float

    @property
    def is_running(self) -> bool:
        """Whether every task of the job runs."""
        total = self.tasks.get("total", 0)
        return self.state == "RUNNING" and total > 0 and self.tasks.get("running") == total


class Rest:
    """Sends requests to one JobManager.

    Errors of the connection are not raised: a method then returns None or an empty value.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Any:
        """Return the JSON document at a path, None where the JobManager does not answer with one."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=_SECONDS) as response:
                return json.load(response)
        except (urllib.error.URLError, OSError, ValueError):
            return None

    def is_reachable(self) -> bool:
        """Return whether the JobManager answers."""
        return self.get("/overview") is not None

    def jobs(self, name: str = "") -> list[Job]:
        """Return the jobs that have not ended, newest first; with `name` only those of that name."""
        listed = (self.get("/jobs/overview") or {}).get("jobs", [])
        newest = sorted(listed, key=lambda job: -job["start-time"])
        jobs = [
            Job(job["jid"], job["name"], job["state"], job["tasks"], job["start-time"] / 1000)
            for job in newest
        ]
        return [job for job in jobs if job.state not in ENDED and name in ("", job.name)]

    def parameters(self, job: str) -> dict[str, str]:
        """Return the settings with which a job was submitted, empty where the JobManager does not answer."""
        config = (self.get(f"/jobs/{job}/config") or {}).get("execution-config", {})
        return dict(config.get("user-config", {}))

    def version(self) -> str:
        """Return the version of Flink, empty where the JobManager does not answer."""
        return str((self.get("/config") or {}).get("flink-version", ""))

    def configuration(self) -> dict[str, str]:
        """Return the JobManager's configuration, empty where it does not answer."""
        return {entry["key"]: entry["value"] for entry in self.get("/jobmanager/config") or ()}

    def failure(self, job: str) -> str:
        """Return the last exception that made a job restart, and its root cause, on one line.

        Empty where there was no exception.
        """
        history = (self.get(f"/jobs/{job}/exceptions") or {}).get("exceptionHistory", {})
        entries = history.get("entries", [])
        return "; ".join(_causes(entries[0]["stacktrace"])) if entries else ""

    def free_slots(self) -> int:
        """Return the number of slots that no job uses."""
        return int((self.get("/overview") or {}).get("slots-available", 0))

    def taskmanagers(self) -> int:
        """Return the number of TaskManagers that are registered at the JobManager."""
        return int((self.get("/overview") or {}).get("taskmanagers", 0))

    def cancel(self, job: str) -> None:
        """Cancel a job, and wait up to 60 s until it has ended; does nothing if it does not run."""
        request = urllib.request.Request(f"{self.url}/jobs/{job}", method="PATCH")
        try:
            urllib.request.urlopen(request, timeout=2 * _SECONDS).close()
        except (urllib.error.URLError, OSError):
            return
        deadline = monotonic() + 60
        while (self.get(f"/jobs/{job}") or {}).get("state") == "CANCELLING" and monotonic() < deadline:
            sleep(0.2)


def _causes(stacktrace: str) -> Iterator[str]:
    """Yield the first line, then the root cause, which is often a Python error."""
    lines = [line.strip() for line in stacktrace.splitlines() if line.strip()]
    yield from lines[:1]
    errors = [line for line in lines if "Error: " in line or line.startswith("Caused by: ")]
    yield from errors[-1:]
