"""When a batched step's window goes on over a change, and when it ends."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from operators.control.release import Artifact, Release
from operators.control.window_epochs import next_epochs, removed_steps

STEPS = ("pre", "classifier", "raw-drift", "drift")


def release(generation: int = 1, before: Release | None = None, **changed: Any) -> Release:
    """Two drift steps: one reads the requests, the other what `pre` makes of them."""
    pipeline = {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "p"},
        "spec": {
            "steps": [
                {"name": "pre"},
                {"name": "classifier", "inputs": ["pre"]},
                {"name": "raw-drift", "batch": {"size": 50}},
                {"name": "drift", "inputs": ["pre"], "batch": {"size": 50}},
            ],
            "output": {"steps": ["classifier"]},
        },
    }
    models = [
        {
            "apiVersion": "mlops.seldon.io/v1alpha1",
            "kind": "Model",
            "metadata": {"name": name},
            "spec": {"storageUri": f"/models/{name}"},
        }
        for name in STEPS
    ]
    digests = {name: changed.get(name.replace("-", "_"), "1") for name in STEPS}
    change = changed.get("change", lambda pipeline, models: None)
    change(pipeline, models)
    made = Release(
        name="p",
        generation=generation,
        pipeline=pipeline,
        models=models,
        monitor=changed.get("monitor"),
        artifacts={name: Artifact(f"/models/{name}", digest) for name, digest in digests.items()},
        topics=[],
        created_at="",
    )
    return msgspec.structs.replace(made, epochs=next_epochs(made, before))


FIRST = release()


def test_a_first_release_begins_every_window() -> None:
    assert FIRST.epochs == {"raw-drift": 1, "drift": 1}


def test_a_retrained_classifier_ends_no_window() -> None:
    assert release(2, FIRST, classifier="2").epochs == {"raw-drift": 1, "drift": 1}


def test_an_unchanged_step_keeps_its_epoch_for_ever() -> None:
    second = release(2, FIRST, classifier="2")
    assert release(3, second, classifier="3").epochs == {"raw-drift": 1, "drift": 1}


def test_a_new_preprocessor_ends_the_windows_behind_it() -> None:
    assert release(2, FIRST, pre="2").epochs == {"raw-drift": 1, "drift": 2}


def test_a_new_detector_ends_its_own_window() -> None:
    assert release(2, FIRST, raw_drift="2").epochs == {"raw-drift": 2, "drift": 1}


def test_going_back_is_a_change_too() -> None:
    second = release(2, FIRST, raw_drift="2")
    assert release(3, second).epochs == {"raw-drift": 3, "drift": 1}


def set_size(pipeline: dict[str, Any], models: list[Any]) -> None:
    pipeline["spec"]["steps"][2]["batch"]["size"] = 60


def select_tensors(pipeline: dict[str, Any], models: list[Any]) -> None:
    pipeline["spec"]["steps"][2]["inputs"] = ["p.inputs.x"]


def rename_tensors(pipeline: dict[str, Any], models: list[Any]) -> None:
    pipeline["spec"]["steps"][2]["tensorMap"] = {"p.inputs.x": "y"}


def set_parameters(pipeline: dict[str, Any], models: list[Any]) -> None:
    models[2]["spec"]["parameters"] = [{"name": "predict_parameters", "value": "{}"}]


@pytest.mark.parametrize("change", [set_size, select_tensors, rename_tensors, set_parameters])
def test_what_rows_and_verdicts_come_from_ends_the_window(change: Any) -> None:
    assert release(2, FIRST, change=change).epochs == {"raw-drift": 2, "drift": 1}


def move_folder(pipeline: dict[str, Any], models: list[Any]) -> None:
    models[2]["spec"] |= {"storageUri": "/elsewhere", "memory": "1Gi"}


def test_where_the_same_files_lie_does_not() -> None:
    assert release(2, FIRST, change=move_folder).epochs == FIRST.epochs


def test_new_rules_end_the_window_of_their_step() -> None:
    monitor = {
        "apiVersion": "weir/v1alpha1",
        "kind": "Monitor",
        "metadata": {"name": "m"},
        "spec": {"pipeline": "p", "drift": [{"step": "drift", "min_effect": 0.2}]},
    }
    second = release(2, FIRST, monitor=monitor)
    assert second.epochs == {"raw-drift": 1, "drift": 2}
    other = deepcopy(monitor)
    other["spec"]["drift"].append({"step": "raw-drift", "confirm": 3})
    assert release(3, second, monitor=other).epochs == {"raw-drift": 3, "drift": 2}


def test_sharding_continues_the_windows() -> None:
    def monitor(**rules: Any) -> dict[str, Any]:
        spec = {"pipeline": "p", "drift": [{"step": "drift", **rules}]}
        metadata = {"name": "m"}
        return {"apiVersion": "weir/v1alpha1", "kind": "Monitor", "metadata": metadata, "spec": spec}

    first = release(1, monitor=monitor(confirm=2))
    assert release(2, first, monitor=monitor(confirm=2, sharded=True)).epochs == first.epochs
    assert release(2, first, monitor=monitor(confirm=3)).epochs != first.epochs


def drop(pipeline: dict[str, Any], models: list[Any]) -> None:
    del pipeline["spec"]["steps"][2]


def test_a_step_that_is_left_out_ends_once_however_many_releases_follow() -> None:
    second = release(2, FIRST, change=drop)
    third = release(3, second, change=drop, classifier="3")
    assert list(removed_steps([FIRST, second], second)) == [("raw-drift", 2)]
    assert list(removed_steps([FIRST, second, third], third)) == [("raw-drift", 2)]


def test_a_step_that_comes_back_begins_anew() -> None:
    second = release(2, FIRST, change=drop)
    third = release(3, second)
    assert third.epochs == {"raw-drift": 3, "drift": 1}
    assert list(removed_steps([FIRST, second, third], third)) == []


def test_a_deleted_pipeline_ends_all_of_its_windows() -> None:
    second = release(2, FIRST, change=drop)
    assert sorted(removed_steps([FIRST, second], None)) == [("", 3), ("drift", 3), ("raw-drift", 2)]
