"""The condition PipelineReady of each pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal, NamedTuple

from jobs.status.condition import (
    NO_WORKERS,
    NOT_SERVING,
    Condition,
    counted,
    event_time,
    is_served_by,
    iso,
    workers_of,
)
from jobs.status.snapshot import Snapshot
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.status import STALE_AFTER, WorkerStatus
from operators.kafka.topics import Topics


def pipeline_conditions(snapshot: Snapshot, topics: Topics) -> Iterator[Condition]:
    """Yield the condition of each live pipeline, and of each whose release or head is missing."""
    if snapshot.control is None or snapshot.status is None:
        yield Condition("PipelineReady", "", "Unknown", "KafkaUnreachable", snapshot.kafka_error)
        return
    control, live = snapshot.control, {release.name for release in snapshot.control.live()}
    for release in control.live():
        yield _pipeline(release, control, snapshot, topics)
    for name in sorted(control.heads.keys() - live):
        message = control.reason_missing(name, control.heads[name])
        yield Condition("PipelineReady", name, "False", "NoRelease", f"{message}; apply it again")
    for key, skipped in control.skipped.items():
        name = (key or "").removeprefix("head/")
        if name == skipped.pipeline != "" and name not in control.heads:
            message = (
                f"no generation serves: the record of its head cannot be used: {skipped}; apply it again"
            )
            yield Condition("PipelineReady", name, "False", "RecordUnusable", message)


class _Observed(NamedTuple):
    """A live pipeline: the generation of its head, and the workers that should serve it."""

    name: str
    generation: int
    control: ControlState
    workers: list[WorkerStatus]
    snapshot: Snapshot

    def not_ready(self, reason: str, message: str, at: float = 0.0) -> Condition:
        return Condition("PipelineReady", self.name, "False", reason, message, iso(at))

    def event_time(self, what: Literal["Serving", "LoadFailed"]) -> float:
        return event_time(self.snapshot, self.name, self.generation, what)


def _pipeline(release: Release, control: ControlState, snapshot: Snapshot, topics: Topics) -> Condition:
    """Return the first reason for which a pipeline is not ready, else that it is."""
    name = release.name
    seen = _Observed(name, control.heads[name], control, workers_of(name, snapshot), snapshot)
    reasons = (
        _without_job(seen, topics),
        _withoutworkers_of(seen),
        _with_unusable_head(seen),
        _in_quarantine(seen),
        _with_failed_load(seen),
        *map(partial(_still_loading, seen), sorted({worker.job for worker in seen.workers})),
    )
    message = f"generation {seen.generation} serves on {counted(len(seen.workers), 'worker')}"
    ready = Condition("PipelineReady", name, "True", "Ready", message, iso(seen.event_time("Serving")))
    return next((reason for reason in reasons if reason), ready)


def _without_job(seen: _Observed, topics: Topics) -> Condition | None:
    if seen.snapshot.jobs is None:
        return None
    jobs = [job for job in seen.snapshot.jobs if is_served_by(job.name, seen.name, topics)]
    if not jobs:
        return seen.not_ready("NoJob", "no job serves it; run `weir submit`")
    if all(job.is_running for job in jobs):
        return None
    return seen.not_ready("JobNotRunning", f"not every task of job {jobs[0].name} runs; see JobRunning")


def _withoutworkers_of(seen: _Observed) -> Condition | None:
    return None if seen.workers else seen.not_ready("NoWorkers", f"{NO_WORKERS}; see JobRunning")


def _with_unusable_head(seen: _Observed) -> Condition | None:
    unusable = seen.control.skipped.get(f"head/{seen.name}")
    if unusable is None:
        return None
    message = f"the record of its head cannot be used: {unusable}"
    serving = f"generation {seen.generation} keeps serving until the topic is compacted"
    return seen.not_ready("RecordUnusable", f"{message}; {serving}; run `weir repair`")


def _in_quarantine(seen: _Observed) -> Condition | None:
    quarantine = seen.control.quarantine(seen.name)
    if quarantine is None:
        return None
    remedy = f"apply a release without this fault, or run `weir resume {seen.name}`"
    return seen.not_ready("Quarantined", f"{quarantine.why}; {remedy}", quarantine.at)


def _with_failed_load(seen: _Observed) -> Condition | None:
    servings = [worker.pipelines[seen.name] for worker in seen.workers if seen.name in worker.pipelines]
    failed = [serving for serving in servings if serving.failure and serving.head == seen.generation]
    if not failed:
        return None
    before = failed[0].generation
    serving = f"generation {before} keeps serving" if before else "no generation serves"
    message = f"generation {seen.generation}: {failed[0].failure}; {serving}"
    return seen.not_ready("LoadFailed", message, seen.event_time("LoadFailed"))


def _still_loading(seen: _Observed, job: str) -> Condition | None:
    alive = [worker for worker in seen.workers if worker.job == job]
    ready = [one for one in alive if one.pipelines.get(seen.name, NOT_SERVING).generation == seen.generation]
    subtasks = alive[0].subtasks
    if len(alive) < subtasks:
        progress = f"{len(alive)} of {subtasks} workers have reported progress in the last {STALE_AFTER:g} s"
        return seen.not_ready("WorkersMissing", progress)
    if len(ready) < subtasks:
        loaded = f"{len(ready)} of {subtasks} workers serve generation {seen.generation}"
        return seen.not_ready("Loading", loaded)
    return None
