"""The conditions JobRunning, PipelineReady, ModelAvailable and RecordsUsable, each with a reason."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.flink.rest_api import Job
from jobs.status.condition import NO_WORKERS, NOT_SERVING, Condition, counted, event_time, iso, workers_of
from jobs.status.pipeline_conditions import pipeline_conditions
from jobs.status.snapshot import Snapshot
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.kafka.topics import Topics

# A checkpoint that is overdue for this many seconds is stalled.
_LATE_CHECKPOINT = 30.0


def conditions(snapshot: Snapshot, topics: Topics) -> list[Condition]:
    """Return the conditions of one namespace."""
    return [
        *_jobs(snapshot, topics),
        *_records(snapshot, topics),
        *pipeline_conditions(snapshot, topics),
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
        late = snapshot.late_checkpoints.get(job.id, 0.0)
        yield _job(job, failure if snapshot.taskmanagers else f"there is no TaskManager; {failure}", late)


def _job(job: Job, failure: str, late: float) -> Condition:
    since = iso(job.started_at)
    if job.is_running and late > _LATE_CHECKPOINT:
        message = (
            f"every task runs, but no checkpoint was completed for {late:.0f} s: no report, alert or rate is "
            f"published, and exactly-once responses wait; see Checkpoints in the web UI ({job.id})"
        )
        return Condition("JobRunning", job.name, "False", "CheckpointsStalled", message, since)
    if job.is_running:
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
            count = counted(len(state.skipped), "record")
            message = f"{count} cannot be used, last {last}; {remedy}"
            yield Condition("RecordsUsable", topic, "False", "RecordsSkipped", message)


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
    workers = [(release, worker) for release in users for worker in workers_of(release.name, snapshot)]
    if not workers:
        return Condition("ModelAvailable", name, "False", "NoWorkers", NO_WORKERS)
    for release, worker in workers:
        serving = worker.pipelines.get(release.name, NOT_SERVING)
        if not _is_current(name, release, control.releases.get((release.name, serving.generation))):
            failure = serving.failure if serving.head == control.heads[release.name] else ""
            reason = "LoadFailed" if f"Model {name}:" in failure else "Loading"
            message = failure or f"worker {worker.subtask} does not serve it yet"
            return Condition("ModelAvailable", name, "False", reason, message)
    latest = max(event_time(snapshot, one.name, control.heads[one.name], "Serving") for one in users)
    count = counted(len({worker.key for _, worker in workers}), "worker")
    message = f"loaded on {count}, for pipeline {', '.join(release.name for release in users)}"
    return Condition("ModelAvailable", name, "True", "Available", message, iso(latest))


def _is_current(model: str, head: Release, served: Release | None) -> bool:
    """Return whether the release that serves has the same files of the model as the head."""
    artifact, wanted = served.artifacts.get(model) if served else None, head.artifacts[model]
    return artifact is not None and (artifact.uri, artifact.digest) == (wanted.uri, wanted.digest)
