"""What becomes of resources on a real broker; no job is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from jobs.kafka.admin import existing_topics
from jobs.local_stack.stack import Stack
from jobs.releases.apply import apply
from jobs.releases.delete import Resource, delete, parse_resource
from jobs.releases.publish import KEPT_GENERATIONS, Record, publish
from jobs.releases.resume import resume
from jobs.releases.rollback import roll_back
from operators.control.control_topic import read_control
from operators.control.release import Quarantine
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from tests.end_to_end.project import Project

ONE: dict[str, Any] = {
    "steps": [{"name": "income"}, {"name": "income-drift", "batch": {"size": 300}}],
    "output": {"steps": ["income"]},
}
OTHER: dict[str, Any] = {"steps": [{"name": "income"}], "output": {"steps": ["income"]}}


@pytest.fixture
def where(stack: Stack, request: pytest.FixtureRequest) -> Connection:
    return Connection(stack.brokers, Topics("weir", request.node.name[-60:]))


@pytest.fixture
def project(tmp_path: Path, models: Path) -> Project:
    return Project(tmp_path, models)


def verbs(project: Project, where: Connection, file: Path, **options: Any) -> dict[str, str]:
    done = apply([file], where, project.site(), **options)
    return {f"{one.kind} {one.name}": one.verb for one in done.applied}


def test_only_what_changed_has_a_new_generation(where: Connection, project: Project) -> None:
    file = project.write("one", ONE)
    assert verbs(project, where, file) == {
        "model income": "created",
        "model income-drift": "created",
        "pipeline one": "created",
    }
    assert set(verbs(project, where, file).values()) == {"unchanged"}
    project.retrain("income", 3)
    assert verbs(project, where, file) == {
        "model income": "updated",
        "model income-drift": "unchanged",
        "pipeline one": "updated",
    }
    control = read_control(where)
    assert control.heads == {"one": 2}
    assert control.releases["one", 2].epochs == {"income-drift": 1}


def test_a_quarantined_pipeline_serves_again_when_it_is_resumed_or_applied(
    where: Connection, project: Project
) -> None:
    file = project.write("one", ONE)
    apply([file], where, project.site())
    with pytest.raises(DeploymentError, match="pipeline one is not quarantined"):
        resume("one", where)
    with pytest.raises(DeploymentError, match="there is no pipeline two; there are one"):
        resume("two", where)
    for end in (lambda: resume("one", where).why, lambda: verbs(project, where, file)["pipeline one"]):
        record = Record("quarantine/one", msgspec.json.encode(Quarantine(1, 1e9, "resumed")))
        publish(where, lambda control, record=record: ([record], None))  # type: ignore[misc]
        assert read_control(where).quarantine("one") == Quarantine(1, 1e9, "resumed")
        assert verbs(project, where, file, dry_run=True)["pipeline one"] == "resumed"
        assert end() == "resumed"
        assert read_control(where).quarantine("one") is None
    assert read_control(where).heads == {"one": 1}


def test_a_quarantine_ends_with_the_generation(where: Connection, project: Project) -> None:
    file = project.write("one", ONE)
    apply([file], where, project.site())
    record = Record("quarantine/one", msgspec.json.encode(Quarantine(1, 1e9, "")))
    publish(where, lambda control: ([record], None))
    project.retrain("income", 3)
    assert verbs(project, where, file)["pipeline one"] == "updated"
    assert read_control(where).quarantine("one") is None


def test_a_dry_run_lists_the_changes_and_makes_none(where: Connection, project: Project) -> None:
    file = project.write("one", ONE)
    done = apply([file], where, project.site(), dry_run=True)
    assert {one.verb for one in done.applied} == {"created"}
    assert not [topic for topic in existing_topics(where.brokers) if where.topics.namespace in topic]
    apply([file], where, project.site())
    project.write("one", {**ONE, "steps": [ONE["steps"][0]]})
    *_, pipeline = apply([file], where, project.site(), dry_run=True).applied
    assert pipeline.verb == "updated"
    assert pipeline.differences == (
        "pipeline: spec.steps.income-drift {'name': 'income-drift', 'batch': {'size': 300}} → (none)",
        "model income-drift: removed",
    )
    assert read_control(where).heads == {"one": 1}


def test_a_model_applied_alone_changes_the_pipelines_that_use_it(where: Connection, project: Project) -> None:
    apply([project.write("one", ONE), project.write("two", OTHER)][-1:], where, project.site())
    apply([project.write("one", ONE)], where, project.site())
    project.retrain("income", 4)
    documents = list(yaml.safe_load_all((project.manifests / "two.yaml").read_text()))
    alone = project.folder / "income.yaml"
    alone.write_text(yaml.safe_dump(documents[0]))
    assert verbs(project, where, alone) == {
        "model income": "updated",
        "pipeline one": "updated",
        "pipeline two": "updated",
    }
    pipeline = project.folder / "pipeline.yaml"
    pipeline.write_text(yaml.safe_dump({**documents[1], "metadata": {"name": "three"}}))
    assert verbs(project, where, pipeline) == {"pipeline three": "created"}
    control = read_control(where)
    digests = {
        control.releases[name, head].artifacts["income"].digest for name, head in control.heads.items()
    }
    assert len(digests) == 1


def test_a_monitor_applied_alone_changes_its_pipeline_and_stays(where: Connection, project: Project) -> None:
    file = project.write("one", ONE)
    apply([file], where, project.site())
    monitor = project.folder / "monitor.yaml"
    document = {
        "apiVersion": "weir/v1alpha1",
        "kind": "Monitor",
        "metadata": {"name": "rules"},
        "spec": {"pipeline": "one", "drift": [{"step": "income-drift", "confirm": 3}]},
    }
    monitor.write_text(yaml.safe_dump(document))
    assert verbs(project, where, monitor) == {"monitor rules": "created", "pipeline one": "updated"}
    applied = verbs(project, where, file)
    assert (applied["monitor rules"], applied["pipeline one"]) == ("unchanged", "unchanged")
    assert read_control(where).releases["one", 2].epochs == {"income-drift": 2}
    delete([Resource("monitor", "rules")], where)
    head = read_control(where).head("one")
    assert head is not None
    assert (head.generation, head.monitor, head.message) == (3, None, "without monitor rules")


def test_what_cannot_be_deleted_is_refused_with_the_reason(where: Connection, project: Project) -> None:
    apply([project.write("one", ONE)], where, project.site())
    with pytest.raises(DeploymentError, match="model income is in use by pipeline one; delete that first"):
        delete([parse_resource("model/income")], where)
    with pytest.raises(DeploymentError, match="there is no pipeline two; there are one"):
        delete([parse_resource("two")], where)
    with pytest.raises(DeploymentError, match="is not NAME, pipeline/NAME"):
        parse_resource("experiment/x")
    delete([parse_resource("one"), parse_resource("model/income")], where)
    control = read_control(where)
    assert (control.heads, sorted(control.models)) == ({}, ["income-drift"])
    with pytest.raises(DeploymentError, match="there is no Model income in these manifests, and none"):
        apply([pipeline_only(project)], where, project.site())


def pipeline_only(project: Project) -> Path:
    *_, document = yaml.safe_load_all((project.manifests / "one.yaml").read_text())
    file = project.folder / "pipeline.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def test_a_rollback_without_a_target_is_refused_with_the_reason(where: Connection, project: Project) -> None:
    apply([project.write("one", ONE)], where, project.site())
    go = (where, project.site(), "", 2)
    with pytest.raises(
        DeploymentError, match="pipeline one has no earlier generation to roll back to; generation 1 serves"
    ):
        roll_back("one", None, *go)
    with pytest.raises(DeploymentError, match="pipeline one has no generation 7; there are 1"):
        roll_back("one", 7, *go)
    with pytest.raises(DeploymentError, match=r"generation 1 of one has the content that serves now"):
        roll_back("one", 1, *go)
    with pytest.raises(DeploymentError, match="there is no pipeline two; there are one"):
        roll_back("two", None, *go)


def test_the_last_fifty_generations_are_kept(where: Connection, project: Project) -> None:
    apply([project.write("one", OTHER)], where, project.site())
    apply(
        [project.write("one", {**OTHER, "steps": [*OTHER["steps"]], "output": None})], where, project.site()
    )
    for _ in range(KEPT_GENERATIONS + 1):
        last = roll_back("one", None, where, project.site(), "", 2)
    kept = [one.generation for one in read_control(where).history("one")]
    assert last.generation == KEPT_GENERATIONS + 3
    assert kept == list(range(last.generation, last.generation - KEPT_GENERATIONS, -1))


def test_what_was_rolled_back_stays_back_when_something_else_is_applied(
    where: Connection, project: Project
) -> None:
    file = project.write("one", ONE)
    apply([file], where, project.site())
    project.retrain("income", 5)
    apply([file], where, project.site())
    roll_back("one", None, where, project.site(), "", 2)
    good = digest_of(where, "one", 1)
    assert digest_of(where, "one", 2) != good == digest_of(where, "one", 3)

    monitor = project.folder / "monitor.yaml"
    document = {
        "apiVersion": "weir/v1alpha1",
        "kind": "Monitor",
        "metadata": {"name": "rules"},
        "spec": {"pipeline": "one", "drift": [{"step": "income-drift", "confirm": 3}]},
    }
    monitor.write_text(yaml.safe_dump(document))
    apply([monitor], where, project.site())
    assert digest_of(where, "one", 4) == good, "the folder holds the one that was retrained"

    drift = project.folder / "drift.yaml"
    models = list(yaml.safe_load_all(file.read_text()))[:-1]
    (changed,) = [one for one in models if one["metadata"]["name"] == "income-drift"]
    changed["spec"]["memory"] = "1Gi"
    drift.write_text(yaml.safe_dump(changed))
    assert verbs(project, where, drift) == {
        "model income-drift": "updated",
        "monitor rules": "unchanged",
        "pipeline one": "updated",
    }
    assert digest_of(where, "one", 5) == good


def digest_of(where: Connection, pipeline: str, generation: int) -> str:
    return read_control(where).releases[pipeline, generation].artifacts["income"].digest
