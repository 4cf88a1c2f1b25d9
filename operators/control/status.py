"""The records of the status topic: status of workers, and events.

==============================  ================================================================
key                             value (JSON)
==============================  ================================================================
`worker/JOB/SUBTASK`            a `WorkerStatus`, every two seconds and at each change
`event/PIPELINE/GENERATION/WHAT`  an `Event`: a generation serves, cannot be loaded, was deleted or is
                                quarantined; a request ended a model's process or had no answer in time;
                                or a record was skipped (PIPELINE is empty if its key names none)
==============================  ================================================================

A record that cannot be used is skipped and remembered. A worker whose last record is older than
`STALE_AFTER` does not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from operators.core.errors import MalformedError
from operators.core.foreign_json import decode, require_name, require_number, shorten
from operators.core.timestamps import require_seconds
from operators.kafka.skipped_records import Skipped, SkippedRecords, key_text, skipped_record

# In seconds.
STALE_AFTER = 15.0
INTERVAL = 2.0


What = Literal[
    "Serving", "LoadFailed", "Deleted", "RecordSkipped", "ModelCrashed", "ModelTimedOut", "Quarantined"
]


class Serving(msgspec.Struct, frozen=True):
    """The generation of a pipeline that a worker serves (0 if none can), and the `head` that it should."""

    generation: int
    head: int
    failure: str = ""


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of one subtask of a job's infer operator; times are in seconds since 1970.

    `processed_at` is when it last processed a micro-batch or a tick.
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
        """The record key; compaction keeps the latest status of each subtask."""
        return f"worker/{self.job}/{self.subtask}"

    def is_alive(self, now: float) -> bool:
        """Return whether the worker is alive at a time in seconds since 1970."""
        return now - min(self.at, self.processed_at) <= STALE_AFTER


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a pipeline's generation; `at` is in seconds since 1970.

    For a skipped record, `generation` is 0, and `pipeline` is empty if its key names none.
    """

    at: float
    pipeline: str
    generation: int
    what: What
    why: str = ""

    @property
    def key(self) -> str:
        """The record key. Workers that report the same event share a key, so compaction keeps one."""
        return f"event/{self.pipeline}/{self.generation}/{self.what}"


class StatusState(NamedTuple):
    """The contents of the status topic.

    `workers` and `events` contain the latest record of each key, `skipped` those that could not be used.
    """

    workers: dict[str, WorkerStatus]
    events: dict[str, Event]
    skipped: SkippedRecords

    @classmethod
    def empty(cls) -> StatusState:
        """Return the state of a topic without records."""
        return cls({}, {}, SkippedRecords())

    def read(self, record: Any) -> Skipped | None:
        """Apply one Kafka record; return it as skipped if it cannot be used."""
        key = key_text(record.key)
        try:
            self._read(key, record.value)
        except Exception as error:  # one bad record must not affect the others
            return self.skipped.add(skipped_record(record, error))
        self.skipped.pop(key, None)
        return None

    def _read(self, key: str | None, value: bytes | None) -> None:
        if key is None:
            raise MalformedError("the record has no key")
        if value is None:
            self.workers.pop(key, None)
            self.events.pop(key, None)
        elif key.startswith("worker/"):
            self.workers[key] = _worker(key, value)
        elif key.startswith("event/"):
            self.events[key] = _event(key, value)
        else:
            raise MalformedError("the key must begin with worker/ or event/")

    def copy(self) -> StatusState:
        """Return a copy that does not change when more records are read."""
        return StatusState(dict(self.workers), dict(self.events), self.skipped.copy())

    def alive(self, now: float) -> list[WorkerStatus]:
        """Return the workers that are alive.

        A subtask beyond the parallelism of its job's newest worker does not count.
        """
        return [worker for workers in _by_job(self.workers.values()) for worker in _alive(workers, now)]


def _worker(key: str, value: bytes) -> WorkerStatus:
    worker = decode(value, WorkerStatus)
    _require_key(worker.key, key)
    for at in ("started_at", "at", "processed_at"):
        require_seconds(getattr(worker, at), at)
    require_number(worker.subtasks, "subtasks", 1)
    require_number(worker.subtask, "subtask")
    if worker.subtask >= worker.subtasks:
        raise MalformedError(
            f"subtask is {worker.subtask}; it must be less than subtasks, which is {worker.subtasks}"
        )
    for name, serving in worker.pipelines.items():
        require_name(name, "pipelines: a name")
        require_number(serving.generation, f"pipelines[{name}].generation")
        require_number(serving.head, f"pipelines[{name}].head")
    return worker


def _event(key: str, value: bytes) -> Event:
    event = decode(value, Event)
    _require_key(event.key, key)
    require_seconds(event.at, "at")
    require_number(event.generation, "generation")
    if event.pipeline or event.what != "RecordSkipped":
        require_name(event.pipeline, "pipeline")
    return event


def _require_key(own: str, key: str) -> None:
    if own != key:
        raise MalformedError(f"the value belongs to the key {shorten(repr(own))}")


def _by_job(workers: Iterable[WorkerStatus]) -> list[list[WorkerStatus]]:
    jobs: dict[str, list[WorkerStatus]] = {}
    for worker in workers:
        jobs.setdefault(worker.job, []).append(worker)
    return list(jobs.values())


def _alive(workers: list[WorkerStatus], now: float) -> list[WorkerStatus]:
    subtasks = max(workers, key=lambda worker: worker.started_at).subtasks
    alive = [one for one in workers if one.is_alive(now) and one.subtask < subtasks]
    return sorted(alive, key=lambda worker: worker.subtask)
