"""A running job takes up one version of a pipeline after the other, under traffic, without a restart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.kafka.admin import existing_topics
from jobs.kafka.pipeline_client import request_body
from jobs.local_stack.stack import Stack
from jobs.releases.apply import apply
from jobs.releases.delete import Resource, delete
from jobs.releases.rollback import roll_back
from jobs.status.condition import Condition
from jobs.status.conditions import conditions
from jobs.status.snapshot import Snapshot, take_snapshot
from tests.end_to_end.deployment import Deployment, await_answers, await_true, running
from tests.end_to_end.project import Project
from tests.end_to_end.traffic import Traffic, traffic
from tests.end_to_end.windows import assert_each_request_is_in_one_window

NAME, SIZE = "income-prod", 300
V1: dict[str, Any] = {"steps": [{"name": "income"}], "output": {"steps": ["income"]}}
V2: dict[str, Any] = {
    "steps": [{"name": "income"}, {"name": "income-drift", "batch": {"size": SIZE}}],
    "output": {"steps": ["income"]},
}
V3: dict[str, Any] = {
    "steps": [
        {"name": "income"},
        {"name": "income-preprocess"},
        {"name": "income-outlier", "inputs": ["income-preprocess"]},
        {"name": "income-drift", "batch": {"size": SIZE}},
    ],
    "output": {"steps": ["income", "income-outlier.outputs.is_outlier"]},
}
# The first worker that loads it waits until the test opens its gate; the other does not.
SLOW = """
import os, time
import psutil

class Slow:
    row_by_row = True

    def __init__(self, folder, extra):
        if any(one.name() == "java" for one in psutil.Process().parents()):
            try:
                os.unlink({armed!r})
            except FileNotFoundError:
                return
            while not os.path.exists({opened!r}):
                time.sleep(0.1)

    def predict(self, tensors):
        return tensors
"""


@pytest.fixture(scope="module")
def project(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("versions"), models)
    project.write(NAME, V1)
    return project


@pytest.fixture(scope="module")
def job(stack: Stack, project: Project) -> Iterator[Deployment]:
    with running(
        stack, project.manifests, project.models, "one-after-the-other", ["--parallelism", "2"]
    ) as job:
        yield job


@pytest.fixture(scope="module")
def rows(models: Path) -> Any:
    holdout = np.load(models / "holdout.npy")
    return holdout[~np.isnan(holdout).any(axis=1)]


def look(job: Deployment) -> Snapshot:
    return take_snapshot(job.connection, job.stack.cluster.rest)


def condition(job: Deployment, type_: str, of: str) -> Condition | None:
    found = conditions(look(job), job.topics)
    return next((one for one in found if (one.type, one.of) == (type_, of)), None)


def await_ready(job: Deployment, name: str, generation: int) -> None:
    def ready() -> bool:
        found = condition(job, "PipelineReady", name)
        return found is not None and found.status == "True" and f"generation {generation} " in found.message

    await_true(ready, f"generation {generation} of {name} ready")


def message(job: Deployment, name: str) -> str:
    found = condition(job, "PipelineReady", name)
    return found.message if found else ""


def tensors(seen: Traffic, generation: int) -> set[tuple[str, ...]]:
    """Return the outputs, by name, that a generation's responses had."""
    bodies = [one.body for one in seen.seen if one.generation == str(generation)]
    return {tuple(output["name"] for output in body["outputs"]) for body in bodies}


def test_six_versions_under_traffic_lose_no_request_and_mix_none(
    job: Deployment, project: Project, rows: Any
) -> None:
    where = job.connection
    with traffic(job, NAME, rows) as seen:
        await_true(lambda: seen.generations() == ["1"], "the first answer")
        assert project.apply(where, NAME, V2, "watch drift").generation == 2
        await_ready(job, NAME, 2)
        job.reports("income-drift", 1)
        assert project.apply(where, NAME, V3, "watch outliers").generation == 3
        await_ready(job, NAME, 3)
        project.retrain("income", seed=1)
        assert project.apply(where, NAME, V3, "retrained").generation == 4
        await_ready(job, NAME, 4)

        untrusted = project.folder / "untrusted"
        shutil.copytree(project.models / "income", untrusted)
        file = project.write(NAME, V3, income="untrusted")
        apply([file], where, project.site(project.folder), "breaks on the workers")
        await_true(lambda: reason(job) == "LoadFailed", "the failure is reported")
        broken = condition(job, "PipelineReady", NAME)
        assert broken is not None
        assert "below no trusted root" in broken.message
        assert "generation 4 keeps serving" in broken.message
        model = condition(job, "ModelAvailable", "income")
        assert model is not None
        assert (model.status, model.reason) == ("False", "LoadFailed")

        assert roll_back(NAME, 3, where, project.site(), "", 2).generation == 6
        await_ready(job, NAME, 6)
        job.report("income-drift", lambda one: one["generation"] == 6)

    seen.assert_each_is_answered_once()
    assert not [one for one in seen.seen if one.failed]
    assert all(one.body["model_version"] == one.generation for one in seen.seen)
    assert seen.generations() == ["1", "2", "3", "4", "6"]
    assert tensors(seen, 1) == tensors(seen, 2) == {("predict",)}
    assert tensors(seen, 3) == tensors(seen, 4) == tensors(seen, 6) == {("predict", "is_outlier")}
    status = look(job).status
    assert status is not None
    failed = status.events[f"event/{NAME}/5/LoadFailed"]
    assert "below no trusted root" in failed.why
    assert job.failures() == 0


def reason(job: Deployment) -> str:
    found = condition(job, "PipelineReady", NAME)
    return found.reason if found else ""


def test_going_back_found_the_classifier_that_was_overwritten(job: Deployment, rows: Any) -> None:
    """The retrained one lies in the same folder, yet generation 6 answers as generation 3 did."""
    control = look(job).control
    assert control is not None
    first, retrained, again = (control.releases[NAME, number] for number in (3, 4, 6))
    assert first.artifacts["income"].digest == again.artifacts["income"].digest
    assert first.artifacts["income"].digest != retrained.artifacts["income"].digest


def test_a_drift_step_that_no_version_changed_went_on_counting(job: Deployment) -> None:
    reports = [report["parameters"] for report in job.reports("income-drift", 4)]
    assert [report["window"] for report in reports] == list(range(1, len(reports) + 1))
    assert {report["state"] for report in reports} <= {"OK", "DRIFT"}
    assert {report["n"] for report in reports} == {SIZE}
    assert {report["generation"] for report in reports} >= {2, 6}
    assert_each_request_is_in_one_window(reports)


def test_a_changed_drift_step_is_superseded_once_though_one_worker_comes_late(
    job: Deployment, project: Project, rows: Any
) -> None:
    name, armed, opened = "late", project.folder / "armed", project.folder / "opened"
    slow = project.models / "slow"
    slow.mkdir()
    (slow / "slow.py").write_text(SLOW.format(armed=str(armed), opened=str(opened)))
    (slow / "model-settings.json").write_text('{"implementation": "slow.Slow"}')
    spec = {
        "steps": [{"name": "income-drift", "batch": {"size": SIZE}}],
        "output": {"steps": ["income-drift"]},
    }
    project.apply(job.connection, name, spec)
    await_ready(job, name, 1)
    changed = {
        "steps": [{"name": "slow"}, {"name": "income-drift", "batch": {"size": 200}}],
        "output": {"steps": ["slow"]},
    }
    with traffic(job, name, rows) as seen:
        job.reports_of(name, "income-drift", 2)
        armed.touch()
        project.apply(job.connection, name, changed)
        await_true(lambda: "1 of 2 workers serve" in message(job, name), "one worker serves it")
        before = len(seen.seen)
        await_true(lambda: len(seen.seen) > before + 6 * SIZE, "traffic while the other loads")
        opened.touch()
        await_ready(job, name, 2)
        last = (
            job.report("income-drift", lambda one: one["state"] == "SUPERSEDED")["parameters"]["window"] + 3
        )
        job.report("income-drift", lambda one: one["pipeline"] == name and one["window"] == last)
    seen.assert_each_is_answered_once()
    reports = [one["parameters"] for one in job.reports_of(name, "income-drift", last)]
    (ended,) = [one for one in reports if one["state"] == "SUPERSEDED"]
    assert (ended["generation"], ended["superseded_by"]) == (1, 2)
    assert ended["n"] > 2 * SIZE, "half of the traffic meanwhile"
    assert {one["n"] for one in reports if one["generation"] == 1 and one is not ended} == {SIZE}
    assert {one["n"] for one in reports if one["generation"] == 2} == {200}
    assert [one["window"] for one in reports] == list(range(1, len(reports) + 1))
    assert sum(member["rows"] for one in reports for member in one["members"]) == sum(
        one["n"] for one in reports
    )
    assert job.failures() == 0


def test_a_new_pipeline_is_picked_up_and_a_deleted_one_closes_its_window(
    job: Deployment, project: Project, rows: Any
) -> None:
    name, step, where = "short-lived", "own-drift", job.connection
    spec = {**V2, "steps": [V2["steps"][0], {"name": step, "batch": {"size": SIZE}}]}
    apply([project.write(name, spec, own_drift="models/income-drift")], where, project.site())
    await_ready(job, name, 1)
    with job.client(name) as client:
        answers = await_answers(client, [client.send(body) for body in bodies(rows[:50])])
        assert not any(answer.failed for some in answers.values() for answer in some)

        delete([Resource("pipeline", name)], where)
        (report,) = job.reports_of(name, step, 1)
        parameters = report["parameters"]
        assert (parameters["state"], parameters["n"], parameters["superseded_by"]) == ("SUPERSEDED", 50, None)
        assert {job.topics.inputs(name), job.topics.outputs(name)} <= set(existing_topics(where.brokers))

        client.send(bodies(rows[:1])[0], key=b"after")
        client.producer.flush()
    letters = job.records(job.topics.errors, lambda found: b"after" in {record.key for record in found})
    (letter,) = [record for record in letters if record.key == b"after"]
    assert dict(letter.headers)["__connect.errors.exception.class.name"] == b"UNKNOWN_PIPELINE"
    assert condition(job, "PipelineReady", name) is None

    assert roll_back(name, None, where, project.site(), "", 2).generation == 2
    await_ready(job, name, 2)
    with job.client(name) as client:
        await_answers(client, [client.send(body) for body in bodies(rows[:SIZE])])
        report = job.reports_of(name, step, 2)[1]["parameters"]
        assert (report["window"], report["n"], report["generation"]) == (2, SIZE, 2)
        await_answers(client, [client.send(body) for body in bodies(rows[:20])])

    gone = delete([Resource("pipeline", name)], where, topics=True)
    assert gone == sorted((job.topics.inputs(name), job.topics.outputs(name), job.topics.model_outputs(step)))
    assert not set(gone) & set(existing_topics(where.brokers))
    checkpoints = job.checkpoints()
    await_true(lambda: job.checkpoints() > checkpoints + 3, "checkpoints after the topics are gone")
    assert job.failures() == 0


def bodies(rows: Any) -> list[bytes]:
    return [request_body(row[None], "r") for row in rows]
