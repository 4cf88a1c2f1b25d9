"""The conditions JobRunning, PipelineReady, ModelAvailable and RecordsUsable, each with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from jobs.flink.rest_api import Job
from jobs.status.snapshot import Snapshot
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.status import STALE_AFTER, Event, Serving, WorkerStatus
from operators.core.timestamps import iso_seconds
from operators.kafka.topics import Topics

# Reasons for which waiting does not help.
FINAL = ("LoadFailed", "JobFailed", "RecordUnusable")
_NOTHING = Serving(0, 0)
_NO_WORKERS = f"no worker has reported progress in the last {STALE_AFTER:g} s"
Truth = Literal["True", "False", "Unknown"]


class Condition(NamedTuple):
    """A condition as in Kubernetes: `of` names the object, `since` is an ISO time, empty where not known."""

    type: str
    of: str
    status: Truth
    reason: str
    message: str
    since: str = ""


def conditions(snapshot: Snapshot, topics: Topics) -> list[Condition]:
    """Return the conditions of one namespace."""
    return [
        *_jobs(snapshot, topics),
        *_records(snapshot, topics),
        *_pipelines(snapshot, topics),
        *_models(snapshot),
    ]


def _jobs(snapshot: Snapshot, topics: Topics) -> Iterator[Condition]:
    namespace = f"{topics.prefix}.{topics.namespace}"
    if snapshot.jobs is None:
        if snapshot.flink:
            message = f"Flink does not answer at {snapshot.flink}; check that the cluster is running"
        else:
            message = "the address of Flink is not known; start a stack with `weir up`, or set FLINK_CONF_DIR"
        yield Condition("JobRunning", namespace, "Unknown", "FlinkUnreachable", message)
        return
    jobs = [job for job in snapshot.jobs if job.name.partition("/")[0] == namespace]
    if not jobs:
        yield Condition("JobRunning", namespace, "False", "NoJob", "no job runs; run `weir submit`")
    for job in jobs:
        failure = snapshot.failures.get(job.id, "")
        yield _job(job, failure if snapshot.taskmanagers else f"there is no TaskManager; {failure}")


def _job(job: Job, failure: str) -> Condition:
    since = _iso(job.started_at)
    if job.runs:
        return Condition("JobRunning", job.name, "True", "Running", f"every task runs ({job.id})", since)
    running, total = job.tasks.get("running", 0), job.tasks.get("total", 0)
    message = f"{job.state}: {running} of {total} tasks run ({job.id})"
    reason = {"RESTARTING": "Restarting", "FAILING": "JobFailed"}.get(job.state, "Starting")
    return Condition(
        "JobRunning", job.name, "False", reason, f"{message}: {failure}" if failure else message, since
    )


def _records(snapshot: Snapshot, topics: Topics) -> Iterator[Condition]:
    """Yield a condition for each topic that contains records that cannot be used."""
    remedies = (
        (topics.control, snapshot.control, "`weir repair` lists and repairs them"),
        (topics.status, snapshot.status, "Kafka deletes them after the topic's retention time"),
    )
    for topic, state, remedy in remedies:
        if state is not None and state.skipped:
            *_, last = state.skipped.values()
            count = _count(len(state.skipped), "record")
            message = f"{count} cannot be used, last {last}; {remedy}"
            yield Condition("RecordsUsable", topic, "False", "RecordsSkipped", message)


def _pipelines(snapshot: Snapshot, topics: Topics) -> Iterator[Condition]:
    if snapshot.control is None or snapshot.status is None:
        yield Condition("PipelineReady", "", "Unknown", "KafkaUnreachable", snapshot.kafka_error)
        return
    for release in snapshot.control.live():
        yield _pipeline(release, snapshot, topics)
    control, live = snapshot.control, {release.name for release in snapshot.control.live()}
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


def _pipeline(release: Release, snapshot: Snapshot, topics: Topics) -> Condition:
    name, generation = release.name, snapshot.control.heads[release.name] if snapshot.control else 0
    workers = _workers(name, snapshot)

    def condition(status: Truth, reason: str, message: str, at: float = 0.0) -> Condition:
        return Condition("PipelineReady", name, status, reason, message, _iso(at))

    if snapshot.jobs is not None:
        jobs = [job for job in snapshot.jobs if _serves(job.name, name, topics)]
        if not jobs:
            return condition("False", "NoJob", "no job serves it; run `weir submit`")
        if not all(job.runs for job in jobs):
            message = f"not every task of job {jobs[0].name} runs; see JobRunning"
            return condition("False", "JobNotRunning", message)
    if not workers:
        return condition("False", "NoWorkers", f"{_NO_WORKERS}; see JobRunning")
    if snapshot.control and (unusable := snapshot.control.skipped.get(f"head/{name}")):
        message = f"the record of its head cannot be used: {unusable}"
        serving = f"generation {generation} keeps serving until the topic is compacted"
        return condition("False", "RecordUnusable", f"{message}; {serving}; run `weir repair`")
    servings = [worker.pipelines[name] for worker in workers if name in worker.pipelines]
    failed = [serving for serving in servings if serving.failure and serving.head == generation]
    if failed:
        before = failed[0].generation
        serving = f"generation {before} keeps serving" if before else "no generation serves"
        at = _event_time(snapshot, name, generation, "LoadFailed")
        return condition(
            "False", "LoadFailed", f"generation {generation}: {failed[0].failure}; {serving}", at
        )
    for job in sorted({worker.job for worker in workers}):
        alive = [worker for worker in workers if worker.job == job]
        ready = [worker for worker in alive if worker.pipelines.get(name, _NOTHING).generation == generation]
        subtasks = alive[0].subtasks
        if len(alive) < subtasks:
            message = (
                f"{len(alive)} of {subtasks} workers have reported progress in the last {STALE_AFTER:g} s"
            )
            return condition("False", "WorkersMissing", message)
        if len(ready) < subtasks:
            message = f"{len(ready)} of {subtasks} workers serve generation {generation}"
            return condition("False", "Loading", message)
    message = f"generation {generation} serves on {_count(len(workers), 'worker')}"
    return condition("True", "Ready", message, _event_time(snapshot, name, generation, "Serving"))


def _models(snapshot: Snapshot) -> Iterator[Condition]:
    if snapshot.control is None or snapshot.status is None:
        return
    live = snapshot.control.live()
    used = {model for release in live for model in release.artifacts}
    for name in sorted(used | snapshot.control.models.keys()):
        users = [release for release in live if name in release.artifacts]
        if not users:
            yield Condition("ModelAvailable", name, "Unknown", "Unused", "no pipeline uses it")
        else:
            yield _model(name, users, snapshot.control, snapshot)


def _model(name: str, users: list[Release], control: ControlState, snapshot: Snapshot) -> Condition:
    workers = [(release, worker) for release in users for worker in _workers(release.name, snapshot)]
    if not workers:
        return Condition("ModelAvailable", name, "False", "NoWorkers", _NO_WORKERS)
    for release, worker in workers:
        serving = worker.pipelines.get(release.name, _NOTHING)
        if not _is_current(name, release, control.releases.get((release.name, serving.generation))):
            failure = serving.failure if serving.head == control.heads[release.name] else ""
            reason = "LoadFailed" if f"Model {name}:" in failure else "Loading"
            message = failure or f"worker {worker.subtask} does not serve it yet"
            return Condition("ModelAvailable", name, "False", reason, message)
    latest = max(_event_time(snapshot, one.name, control.heads[one.name], "Serving") for one in users)
    count = _count(len({worker.key for _, worker in workers}), "worker")
    message = f"loaded on {count}, for pipeline {', '.join(release.name for release in users)}"
    return Condition("ModelAvailable", name, "True", "Available", message, _iso(latest))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _is_current(model: str, head: Release, served: Release | None) -> bool:
    """Return whether the release that serves has the same files of the model as the head."""
    artifact, wanted = served.artifacts.get(model) if served else None, head.artifacts[model]
    return artifact is not None and (artifact.uri, artifact.digest) == (wanted.uri, wanted.digest)


def _workers(pipeline: str, snapshot: Snapshot) -> list[WorkerStatus]:
    workers = snapshot.status.alive(snapshot.now) if snapshot.status else []
    return [worker for worker in workers if _job_serves(worker.job, pipeline)]


def _job_serves(job: str, pipeline: str) -> bool:
    """Return whether a job serves a pipeline. A name `JOB/P,Q` lists pipelines; `JOB` serves all."""
    _, slash, pipelines = job.partition("/")
    return not slash or pipeline in pipelines.split(",")


def _serves(job: str, pipeline: str, topics: Topics) -> bool:
    return job.partition("/")[0] == f"{topics.prefix}.{topics.namespace}" and _job_serves(job, pipeline)


def _event_time(
    snapshot: Snapshot, pipeline: str, generation: int, what: Literal["Serving", "LoadFailed"]
) -> float:
    events = snapshot.status.events if snapshot.status else {}
    event = events.get(Event(at=0, pipeline=pipeline, generation=generation, what=what).key)
    return event.at if event else 0.0


def _iso(seconds: float) -> str:
    return iso_seconds(seconds) if seconds else ""
