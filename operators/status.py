"""What workers say of themselves on the status topic.

==============================  ================================================================
key                             value (JSON)
==============================  ================================================================
`worker/JOB/SUBTASK`            a `Worker`, every two seconds and at each change
`event/PIPELINE/GENERATION/WHAT`  an `Event`: a generation serves, or cannot be loaded, or was deleted
==============================  ================================================================

A worker whose last record is older than `STALE_AFTER` does not count.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

STALE_AFTER = 15.0
INTERVAL = 2.0
_log = logging.getLogger(__name__)


class Serving(msgspec.Struct, frozen=True):
    """What a worker does with one pipeline: `generation` answers, 0 if none can; `head` should."""

    generation: int
    head: int
    failure: str = ""


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """One subtask of a job's infer operator; times are seconds since 1970.

    `processed_at` is when it last had a micro-batch or a tick in hands.
    """

    job: str
    subtask: int
    subtasks: int
    attempt: int
    host: str
    pid: int
    started_at: float
    at: float
    processed_at: float
    pipelines: dict[str, Serving]

    @property
    def key(self) -> str:
        """Where the topic keeps the latest."""
        return f"worker/{self.job}/{self.subtask}"

    def lives(self, now: float) -> bool:
        """Tell whether it works, at a time in seconds since 1970."""
        return now - min(self.at, self.processed_at) <= STALE_AFTER


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a generation of a pipeline; `at` in seconds since 1970."""

    at: float
    pipeline: str
    generation: int
    what: Literal["Serving", "LoadFailed", "Deleted"]
    why: str = ""

    @property
    def key(self) -> str:
        """Where the topic keeps the latest: workers that tell the same tell it once."""
        return f"event/{self.pipeline}/{self.generation}/{self.what}"


class Told(NamedTuple):
    """What the status topic says: workers by job and subtask, and events, both the latest."""

    workers: dict[str, Worker]
    events: dict[str, Event]

    def read(self, key: bytes | None, value: bytes | None) -> None:
        """Take in one record; what is not ours is passed over."""
        name = (key or b"").decode("utf-8", "replace")
        try:
            if value is None:
                self.workers.pop(name, None)
            elif name.startswith("worker/"):
                self.workers[name] = msgspec.json.decode(value, type=Worker)
            elif name.startswith("event/"):
                self.events[name] = msgspec.json.decode(value, type=Event)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            _log.error("status record %r is passed over: %s", key, error)

    def copy(self) -> Told:
        """Return one that does not change when more is read."""
        return Told(dict(self.workers), dict(self.events))

    def alive(self, now: float) -> list[Worker]:
        """Return the workers that live: of each job the subtasks that its newest worker counts."""
        return [worker for workers in _by_job(self.workers.values()) for worker in _alive(workers, now)]


def _by_job(workers: Iterable[Worker]) -> list[list[Worker]]:
    jobs: dict[str, list[Worker]] = {}
    for worker in workers:
        jobs.setdefault(worker.job, []).append(worker)
    return list(jobs.values())


def _alive(workers: list[Worker], now: float) -> list[Worker]:
    subtasks = max(workers, key=lambda worker: worker.started_at).subtasks
    alive = [one for one in workers if one.lives(now) and one.subtask < subtasks]
    return sorted(alive, key=lambda worker: worker.subtask)
