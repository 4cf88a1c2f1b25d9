"""What a worker serves: the head of each pipeline, or the newest generation that can be loaded."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec
import pytest

from operators.control.control_state import ControlState
from operators.control.release import Artifact, Release
from operators.inference import deployments
from operators.inference.deployments import Deployments
from operators.inference.monitor_feed import RemovedStep
from operators.pipeline.load import ModelCache
from operators.storage.trusted_roots import make_policy
from tests.builders.pipelines import pipeline, released

PLAIN = pipeline("p", [{"name": "income"}], output={"steps": ["income"]})
WATCHED = pipeline(
    "w",
    [{"name": "income"}, {"name": "income-drift", "batch": {"size": 300}}],
    output={"steps": ["income"]},
)


@pytest.fixture
def releases(tmp_path: Path, models: Path) -> dict[str, Release]:
    return {release.name: release for release in released(tmp_path, models, PLAIN, WATCHED)}


@pytest.fixture
def control(releases: dict[str, Release]) -> ControlState:
    control = ControlState.empty()
    for release in releases.values():
        put(control, release, 1)
    return control


def put(control: ControlState, release: Release, generation: int) -> None:
    control.releases[release.name, generation] = msgspec.structs.replace(release, generation=generation)
    control.heads[release.name] = generation


def unloadable(release: Release) -> Release:
    """A release whose model has changed since it was applied."""
    artifacts = {
        name: Artifact(one.uri, "sha256:" + "0" * 64, one.runtime, one.memory)
        for name, one in release.artifacts.items()
    }
    return msgspec.structs.replace(release, artifacts=artifacts)


def of(models: Path, only: Collection[str] = ()) -> Deployments:
    return Deployments(ModelCache(make_policy(str(models), str(models.with_name("cache")))), only)


def generations(of: Deployments) -> dict[str, int]:
    return {name: one.generation for name, one in of.deployments.items()}


def test_the_heads_serve_and_the_same_topic_again_changes_nothing(
    control: ControlState, models: Path
) -> None:
    worker = of(models)
    assert worker.reconcile(control)
    assert generations(worker) == {"p": 1, "w": 1}
    before = worker.deployments
    assert not worker.reconcile(control)
    assert worker.deployments is before


def test_a_worker_of_some_pipelines_loads_no_others(control: ControlState, models: Path) -> None:
    worker = of(models, ["p"])
    worker.reconcile(control)
    assert generations(worker) == {"p": 1}


def test_what_cannot_be_loaded_leaves_the_generation_before_and_is_due_again_later(
    control: ControlState, releases: dict[str, Release], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(deployments, "monotonic", lambda: clock[0])
    worker = of(models)
    worker.reconcile(control)
    put(control, unloadable(releases["p"]), 2)
    assert worker.reconcile(control)
    one = worker.deployments["p"]
    assert (one.generation, one.head) == (1, 2)
    assert "has changed since it was applied" in one.failure
    assert not worker.is_due()
    clock[0] += 15.0
    assert worker.is_due()
    control.releases["p", 2] = msgspec.structs.replace(releases["p"], generation=2)
    assert worker.reconcile(control)
    assert (worker.deployments["p"].generation, worker.deployments["p"].failure) == (2, "")
    clock[0] += 1_000.0
    assert not worker.is_due()


def test_a_pipeline_of_which_nothing_can_be_loaded_serves_generation_0(
    control: ControlState, releases: dict[str, Release], models: Path
) -> None:
    put(control, unloadable(releases["p"]), 1)
    worker = of(models)
    worker.reconcile(control)
    assert generations(worker) == {"p": 0, "w": 1}


def test_a_pipeline_that_is_deleted_goes_and_its_batched_steps_end(
    control: ControlState, models: Path
) -> None:
    worker = of(models)
    worker.reconcile(control)
    del control.heads["w"]
    assert worker.reconcile(control)
    assert generations(worker) == {"p": 1}
    assert set(worker.ended) == {RemovedStep("w", "", 2), RemovedStep("w", "income-drift", 2)}


def test_taps_end_with_their_time(
    control: ControlState, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(deployments, "time", lambda: clock[0])
    worker = of(models)
    control.taps["p"] = 1_060.0
    worker.reconcile(control)
    assert worker.taps == {"p": 1_060.0}
    clock[0] = 1_061.0
    assert worker.reconcile(control)
    assert worker.taps == {}
