"""JobRunning, PipelineReady, ModelAvailable: each true, false or unknown, with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from jobs.flink.rest_api import Job
from jobs.status.snapshot import Snapshot
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.status import Event, Serving, WorkerStatus
from operators.kafka.topics import Topics

# Reasons that do not go away by waiting.
FINAL = ("LoadFailed", "JobFailed", "RecordUnusable")
_NOTHING = Serving(0, 0)
Truth = Literal["True", "False", "Unknown"]


class Condition(NamedTuple):
    """As Kubernetes has them: `of` names what it is about, `since` is ISO time, empty where not known."""

    type: str
    of: str
    status: Truth
    reason: str
    message: str
    since: str = ""


def conditions(seen: Snapshot, topics: Topics) -> list[Condition]:
    """Tell everything that holds for one namespace."""
    return [*_jobs(seen, topics), *_records(seen, topics), *_pipelines(seen, topics), *_models(seen, topics)]


def _jobs(seen: Snapshot, topics: Topics) -> Iterator[Condition]:
    whole = f"{topics.prefix}.{topics.namespace}"
    if seen.jobs is None:
        unknown = "it is not known where Flink is: start a stack with `weir up`, or set FLINK_CONF_DIR"
        told = f"Flink does not answer at {seen.flink}: is the cluster up?" if seen.flink else unknown
        yield Condition("JobRunning", whole, "Unknown", "FlinkUnreachable", told)
        return
    jobs = [job for job in seen.jobs if job.name.partition("/")[0] == whole]
    if not jobs:
        yield Condition("JobRunning", whole, "False", "NoJob", "no such job runs: run `weir submit`")
    for job in jobs:
        failure = seen.failures.get(job.id, "")
        yield _job(job, failure if seen.taskmanagers else f"there is no TaskManager; {failure}")


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


def _records(seen: Snapshot, topics: Topics) -> Iterator[Condition]:
    """Tell of a topic with records that cannot be used; nothing where each can."""
    remedies = (
        (topics.control, seen.control, "`weir repair` lists them and takes them back"),
        (topics.status, seen.told, "the topic forgets them after its retention time"),
    )
    for topic, read, remedy in remedies:
        if read is not None and read.skipped:
            *_, last = read.skipped.values()
            count = _count(len(read.skipped), "record")
            message = f"{count} cannot be used, last {last}; {remedy}"
            yield Condition("RecordsUsable", topic, "False", "RecordsSkipped", message)


def _pipelines(seen: Snapshot, topics: Topics) -> Iterator[Condition]:
    if seen.control is None or seen.told is None:
        yield Condition("PipelineReady", "", "Unknown", "KafkaUnreachable", seen.why)
        return
    for release in seen.control.live():
        yield _pipeline(release, seen, topics)
    control, live = seen.control, {one.name for one in seen.control.live()}
    for name in sorted(control.heads.keys() - live):
        message = control.reason_missing(name, control.heads[name])
        yield Condition("PipelineReady", name, "False", "NoRelease", f"{message}; apply it again")
    for key, skipped in control.skipped.items():
        name = (key or "").removeprefix("head/")
        if name == skipped.pipeline != "" and name not in control.heads:
            message = f"nothing serves: the record of its head cannot be used: {skipped}; apply it again"
            yield Condition("PipelineReady", name, "False", "RecordUnusable", message)


def _pipeline(release: Release, seen: Snapshot, topics: Topics) -> Condition:
    name, generation = release.name, seen.control.heads[release.name] if seen.control else 0
    workers = _workers(name, seen)

    def told(status: Truth, reason: str, message: str, at: float = 0.0) -> Condition:
        return Condition("PipelineReady", name, status, reason, message, _iso(at))

    if seen.jobs is not None and not (jobs := [one for one in seen.jobs if _serves(one.name, name, topics)]):
        return told("False", "NoJob", "no job serves it: run `weir submit`")
    if seen.jobs is not None and not all(job.runs for job in jobs):
        return told("False", "JobNotRunning", f"not every task of job {jobs[0].name} runs: see JobRunning")
    if not workers:
        return told("False", "NoWorkers", "no worker told anything lately: see JobRunning")
    if seen.control and (unusable := seen.control.skipped.get(f"head/{name}")):
        message = f"the record of its head cannot be used: {unusable}"
        still = f"generation {generation} goes on serving until the topic is compacted"
        return told("False", "RecordUnusable", f"{message}; {still}: run `weir repair`")
    failed = [one.pipelines[name] for one in workers if name in one.pipelines]
    failed = [one for one in failed if one.failure and one.head == generation]
    if failed:
        still = (
            f"generation {failed[0].generation} goes on serving" if failed[0].generation else "nothing serves"
        )
        at = _event(seen, name, generation, "LoadFailed")
        return told("False", "LoadFailed", f"generation {generation}: {failed[0].failure}; {still}", at)
    for job in sorted({one.job for one in workers}):
        own = [one for one in workers if one.job == job]
        ready = [one for one in own if one.pipelines.get(name, _NOTHING).generation == generation]
        wanted = own[0].subtasks
        if len(own) < wanted:
            return told("False", "WorkersMissing", f"{len(own)} of {wanted} workers tell that they live")
        if len(ready) < wanted:
            return told("False", "Loading", f"{len(ready)} of {wanted} workers serve generation {generation}")
    message = f"generation {generation} serves on {_count(len(workers), 'worker')}"
    return told("True", "Ready", message, _event(seen, name, generation, "Serving"))


def _models(seen: Snapshot, topics: Topics) -> Iterator[Condition]:
    if seen.control is None or seen.told is None:
        return
    live = seen.control.live()
    for name in sorted({model for one in live for model in one.artifacts} | seen.control.models.keys()):
        users = [one for one in live if name in one.artifacts]
        if not users:
            yield Condition("ModelAvailable", name, "Unknown", "Unused", "no pipeline uses it")
        else:
            yield _model(name, users, seen.control, seen)


def _model(name: str, users: list[Release], control: ControlState, seen: Snapshot) -> Condition:
    workers = [(release, worker) for release in users for worker in _workers(release.name, seen)]
    if not workers:
        return Condition("ModelAvailable", name, "False", "NoWorkers", "no worker told anything lately")
    for release, worker in workers:
        serving = worker.pipelines.get(release.name, _NOTHING)
        if not _has(name, release, control.releases.get((release.name, serving.generation))):
            current = serving.failure if serving.head == control.heads[release.name] else ""
            reason = "LoadFailed" if f"Model {name}:" in current else "Loading"
            message = current or f"worker {worker.subtask} does not serve it yet"
            return Condition("ModelAvailable", name, "False", reason, message)
    latest = max(_event(seen, one.name, control.heads[one.name], "Serving") for one in users)
    count = _count(len({worker.key for _, worker in workers}), "worker")
    message = f"on {count}, of {', '.join(release.name for release in users)}"
    return Condition("ModelAvailable", name, "True", "Available", message, _iso(latest))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _has(model: str, wanted: Release, served: Release | None) -> bool:
    """Tell whether a release that serves has the model as it should be."""
    artifact, should = served.artifacts.get(model) if served else None, wanted.artifacts[model]
    return artifact is not None and (artifact.uri, artifact.digest) == (should.uri, should.digest)


def _workers(pipeline: str, seen: Snapshot) -> list[WorkerStatus]:
    workers = seen.told.alive(seen.now) if seen.told else []
    return [one for one in workers if _names(one.job, pipeline)]


def _names(job: str, pipeline: str) -> bool:
    """Tell whether a job of this name serves a pipeline: all of its namespace, or those that it names."""
    _, slash, only = job.partition("/")
    return not slash or pipeline in only.split(",")


def _serves(job: str, pipeline: str, topics: Topics) -> bool:
    return job.partition("/")[0] == f"{topics.prefix}.{topics.namespace}" and _names(job, pipeline)


def _event(seen: Snapshot, pipeline: str, generation: int, what: Literal["Serving", "LoadFailed"]) -> float:
    events = seen.told.events if seen.told else {}
    found = events.get(Event(at=0, pipeline=pipeline, generation=generation, what=what).key)
    return found.at if found else 0.0


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""
