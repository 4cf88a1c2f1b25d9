"""Conditions of jobs, pipelines and models, from what Kafka and Flink report."""

from __future__ import annotations

import pytest

from jobs.flink.rest_api import Job
from jobs.status.condition import FINAL, Condition
from jobs.status.conditions import conditions
from jobs.status.snapshot import Snapshot
from jobs.status.wait import await_condition
from operators.control.control_state import ControlState
from operators.control.release import Artifact, Quarantine, RegisteredModel, Release
from operators.control.status import Event, Serving, StatusState, WorkerStatus
from operators.core.errors import DeploymentError
from operators.kafka.skipped_records import SkippedRecords
from operators.kafka.topics import Topics
from tests.builders.workers import worker_status
from tests.corpus.records import Record

NOW = 1_000_000.0
TOPICS = Topics("weir", "test")
JOB = Job("f00", "weir.test", "RUNNING", {"total": 8, "running": 8}, NOW - 60)


def release(generation: int, digest: str) -> Release:
    artifacts = {"m": Artifact("/models/m", digest)}
    return Release(
        name="p",
        generation=generation,
        pipeline={},
        models=[],
        artifacts=artifacts,
        topics=[],
        created_at="",
    )


def worker(
    subtask: int, serving: Serving | None = None, *, job: str = "weir.test", age: float = 1.0
) -> WorkerStatus:
    pipelines = {"p": serving} if serving else {}
    return worker_status(job, NOW - age, NOW - 100, subtask, 2, pipelines)


READY = Serving(2, 2)


def seen(*workers: WorkerStatus, jobs: list[Job] | None = None, events: tuple[Event, ...] = ()) -> Snapshot:
    releases = {("p", 1): release(1, "old"), ("p", 2): release(2, "new")}
    control = ControlState(
        releases, {"p": 2}, {"spare": RegisteredModel({}, Artifact("/spare", "x"))}, {}, {}, SkippedRecords()
    )
    status = StatusState(
        {one.key: one for one in workers}, {one.key: one for one in events}, SkippedRecords()
    )
    return Snapshot(NOW, control, status, "", "http://flink", [JOB] if jobs is None else jobs, {})


def found(observed: Snapshot, type_: str, of: str) -> Condition:
    (one,) = [one for one in conditions(observed, TOPICS) if (one.type, one.of) == (type_, of)]
    return one


def test_a_pipeline_is_ready_when_every_worker_serves_its_head() -> None:
    event = Event(at=NOW - 50, pipeline="p", generation=2, what="Serving")
    observed = seen(worker(0, READY), worker(1, READY), events=(event,))
    ready = found(observed, "PipelineReady", "p")
    assert (ready.status, ready.message) == ("True", "generation 2 serves on 2 workers")
    assert ready.since == "1970-01-12T13:45:50+00:00"
    assert found(observed, "ModelAvailable", "m").status == "True"
    assert found(observed, "JobRunning", "weir.test").status == "True"


@pytest.mark.parametrize(
    ("workers", "reason", "message"),
    [
        ((), "NoWorkers", "no worker has reported progress in the last 15 s; see JobRunning"),
        ((worker(0, READY),), "WorkersMissing", "1 of 2 workers have reported progress in the last 15 s"),
        ((worker(0, READY), worker(1, READY, age=16)), "WorkersMissing", "1 of 2"),
        ((worker(0, READY), worker(1, Serving(1, 1))), "Loading", "1 of 2 workers serve generation 2"),
        ((worker(0, READY), worker(1)), "Loading", "1 of 2 workers serve generation 2"),
        (
            (worker(0, READY), worker(1, Serving(1, 2, "Model m: broken"))),
            "LoadFailed",
            "generation 2: Model m: broken; generation 1 keeps serving",
        ),
        (
            (worker(0, READY), worker(1, Serving(0, 2, "Model m: broken"))),
            "LoadFailed",
            "Model m: broken; no generation serves",
        ),
    ],
)
def test_a_pipeline_that_is_not_ready_has_a_reason(
    workers: tuple[WorkerStatus, ...], reason: str, message: str
) -> None:
    condition = found(seen(*workers), "PipelineReady", "p")
    assert (condition.status, condition.reason) == ("False", reason)
    assert message in condition.message


def test_a_model_is_available_where_its_files_are_those_of_the_head() -> None:
    one = found(seen(worker(0, READY), worker(1, Serving(1, 2, "Model m: broken"))), "ModelAvailable", "m")
    assert (one.status, one.reason, one.message) == ("False", "LoadFailed", "Model m: broken")
    assert found(seen(), "ModelAvailable", "spare").reason == "Unused"


def test_a_quarantined_pipeline_is_not_ready_and_waiting_does_not_help() -> None:
    snapshot = seen(worker(0, READY), worker(1, READY))
    assert snapshot.control is not None
    snapshot.control.quarantines["p"] = Quarantine(2, NOW, "its requests ended the process")
    condition = found(snapshot, "PipelineReady", "p")
    assert (condition.status, condition.reason) == ("False", "Quarantined")
    assert "ended the process" in condition.message
    assert "weir resume p" in condition.message
    assert condition.reason in FINAL


def test_an_earlier_failure_is_none_of_the_head_that_came_after() -> None:
    broken = Serving(1, 1, "Model m: broken")
    observed = seen(worker(0, broken), worker(1, broken))
    assert found(observed, "PipelineReady", "p").reason == "Loading"
    assert found(observed, "ModelAvailable", "m").reason == "Loading"


def test_workers_of_another_job_do_not_make_up_for_one_that_loads() -> None:
    others = [worker(i, READY, job="weir.test/p") for i in (0, 1)]
    observed = seen(worker(0, READY), worker(1, Serving(1, 1)), *others)
    assert found(observed, "PipelineReady", "p").reason == "Loading"


def test_without_a_job_nothing_is_ready() -> None:
    observed = seen(worker(0, READY), worker(1, READY), jobs=[])
    assert found(observed, "JobRunning", "weir.test").reason == "NoJob"
    assert found(observed, "PipelineReady", "p").reason == "NoJob"


def test_a_job_of_other_pipelines_or_namespaces_does_not_count() -> None:
    others = [JOB._replace(name="weir.test/q"), JOB._replace(name="weir.tester")]
    observed = seen(worker(0, READY, job="weir.test/q"), jobs=others)
    assert found(observed, "PipelineReady", "p").reason == "NoJob"
    own = JOB._replace(name="weir.test/q,p")
    workers = [worker(i, READY, job=own.name) for i in (0, 1)]
    assert found(seen(*workers, jobs=[own]), "PipelineReady", "p").status == "True"


def test_a_job_without_checkpoints_does_not_run() -> None:
    observed = seen(worker(0, READY), worker(1, READY))
    assert found(observed._replace(late_checkpoints={"f00": 20}), "JobRunning", "weir.test").status == "True"
    stalled = found(observed._replace(late_checkpoints={"f00": 47}), "JobRunning", "weir.test")
    assert (stalled.status, stalled.reason) == ("False", "CheckpointsStalled")
    assert "no checkpoint was completed for 47 s" in stalled.message


def test_a_job_that_restarts_shows_its_exception() -> None:
    job = JOB._replace(state="RESTARTING", tasks={"total": 8, "running": 3})
    observed = seen(worker(0, READY), worker(1, READY), jobs=[job])._replace(failures={"f00": "it broke"})
    condition = found(observed, "JobRunning", "weir.test")
    assert condition.reason == "Restarting"
    assert "3 of 8 tasks run" in condition.message
    assert condition.message.endswith("it broke")
    assert found(observed, "PipelineReady", "p").reason == "JobNotRunning"


def test_what_does_not_answer_is_unknown_and_named() -> None:
    observed = seen(worker(0, READY), worker(1, READY))._replace(jobs=None)
    assert found(observed, "JobRunning", "weir.test").message.startswith(
        "Flink does not answer at http://flink"
    )
    assert found(observed, "PipelineReady", "p").status == "True", "the workers themselves report it"
    silent = observed._replace(control=None, status=None, kafka_error="Kafka does not answer at k:9092")
    assert found(silent, "PipelineReady", "").status == "Unknown"


def test_waiting_ends_when_it_comes_true_and_at_once_when_it_cannot() -> None:
    looks = [seen(worker(0, READY)), seen(worker(0, READY), worker(1, READY))]
    await_condition(lambda: conditions(looks.pop(0), TOPICS), "PipelineReady", "p", 30)
    broken = seen(worker(0, READY), worker(1, Serving(1, 2, "Model m: broken")))
    with pytest.raises(DeploymentError, match=r"cannot become true: p: LoadFailed: .*Model m: broken"):
        await_condition(lambda: conditions(broken, TOPICS), "PipelineReady", "p", 30)
    with pytest.raises(DeploymentError, match=r"did not become true within 0 s: p: NoWorkers"):
        await_condition(lambda: conditions(seen(), TOPICS), "PipelineReady", "p", 0)
    with pytest.raises(DeploymentError, match="there is nothing named q"):
        await_condition(lambda: conditions(seen(), TOPICS), "PipelineReady", "q", 0)
    with pytest.raises(DeploymentError, match="-w must be one of"):
        await_condition(list, "Ready", "", 0)


def test_records_that_cannot_be_used_are_reported_with_the_remedy() -> None:
    observed = seen(worker(0, READY), worker(1, READY))
    assert observed.control is not None
    assert observed.status is not None
    assert not [one for one in conditions(observed, TOPICS) if one.type == "RecordsUsable"]
    for key in ("release/p/²", "junk"):
        observed.control.read(Record(key.encode(), b"{}", TOPICS.control, 0, 17))
    observed.status.read(Record(b"worker/x/0", b"[" * 100_000, TOPICS.status, 0, 3))
    control = found(observed, "RecordsUsable", TOPICS.control)
    assert (control.status, control.reason) == ("False", "RecordsSkipped")
    assert control.message == (
        "2 records cannot be used, last junk (weir.test.control-0@17): the key must begin with head/, "
        "release/, model/, tap/ or quarantine/; `weir repair` lists and repairs them"
    )
    status = found(observed, "RecordsUsable", TOPICS.status)
    assert status.message.startswith("1 record cannot be used, last worker/x/0 (weir.test.status-0@3): ")
    assert found(observed, "PipelineReady", "p").status == "True"


def test_a_head_that_cannot_be_used_is_reported_for_its_pipeline_alone() -> None:
    observed = seen(worker(0, READY), worker(1, READY))
    assert observed.control is not None
    for name in ("p", "gone"):
        observed.control.read(Record(f"head/{name}".encode(), b'{"generation": 0}', TOPICS.control, 0, 17))
    ready = found(observed, "PipelineReady", "p")
    assert (ready.status, ready.reason) == ("False", "RecordUnusable")
    assert "generation must be a whole number from 1" in ready.message
    assert "generation 2 keeps serving" in ready.message
    gone = found(observed, "PipelineReady", "gone")
    assert (gone.status, gone.reason) == ("False", "RecordUnusable")
    assert "no generation serves" in gone.message


def test_a_release_that_cannot_be_used_is_why_its_pipeline_has_none() -> None:
    observed = seen(worker(0, READY), worker(1, READY))
    assert observed.control is not None
    observed.control.heads["q"] = 3
    assert found(observed, "PipelineReady", "q").message == (
        "the control topic contains no release 3; apply it again"
    )
    observed.control.read(Record(b"release/q/3", b"{", TOPICS.control, 0, 17))
    message = found(observed, "PipelineReady", "q").message
    assert "contains no release 3 that can be used: the value is not JSON" in message
    assert "(weir.test.control-0@17)" in message
