from __future__ import annotations

import gc
import json
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from jobs.releases.validation.live_documents import LiveDocuments
from jobs.releases.validation.manifests import Checked, check
from jobs.releases.validation.model_memory import measure_memory
from operators.control.control_state import ControlState
from operators.kafka.topics import Topics
from operators.storage.trusted_roots import make_policy

API = "apiVersion: mlops.seldon.io/v1alpha1"


def checked(folder: Path, models: Path, *documents: str, live: LiveDocuments | None = None) -> Checked:
    (folder / "all.yaml").write_text("\n---\n".join(f"{API}\n{text}" for text in documents))
    return check([folder / "all.yaml"], Topics(), make_policy(str(models), str(folder / "cache")), live)


def model(name: str, uri: Any, **spec: Any) -> str:
    body = json.dumps({"storageUri": str(uri), **spec})
    return f"kind: Model\nmetadata: {{name: {name}}}\nspec: {body}"


def pipeline(*steps: dict[str, Any]) -> str:
    return f"kind: Pipeline\nmetadata: {{name: p}}\nspec: {json.dumps({'steps': steps})}"


def test_errors_of_documents_models_and_plans_are_reported_at_once(tmp_path: Path, models: Path) -> None:
    found = checked(
        tmp_path,
        models,
        model("away", tmp_path / "away"),
        model("income", models / "income", replica=2, explainer={"type": "anchor"}),
        model("income-drift", models / "income-drift", memory="lots"),
        model("fine", models / "income"),
        pipeline({"name": "fine", "batch": {"size": 5}}),
    )
    assert [line.split("all.yaml: ")[1].split(";")[0].split(",")[0] for line in found.errors] == [
        "document 2: Model/income: spec has no field 'replica'",
        "document 2: Model/income: spec.explainer is not supported: Weir does not run explainers",
        "document 3: Model/income-drift: spec.memory must be a quantity such as 200Mi or 1G",
        f"Model away: {tmp_path / 'away'} is not a folder: check storageUri",
        "pipeline p: step fine has a batch",
    ]


def test_fields_without_effect_and_small_memory_give_notices(tmp_path: Path, models: Path) -> None:
    found = checked(tmp_path, models, model("m", models / "income", memory="1Ki", replicas=2)).require()
    replicas, memory, lonely = found.notices
    assert (
        "Model/m: spec.replicas has no effect: the job's `--parallelism` is the number of workers" in replicas
    )
    assert "spec.memory is 1Ki, but loading the model took" in memory
    assert lonely == "there is no Pipeline; a model goes live with a pipeline that uses it"


def test_a_model_that_no_pipeline_uses_is_checked_too(tmp_path: Path, models: Path) -> None:
    assert len(checked(tmp_path, models, model("m", tmp_path / "away")).errors) == 1


def test_a_release_holds_what_the_workers_need(tmp_path: Path, models: Path) -> None:
    texts = [
        model("income-drift", models / "income-drift"),
        pipeline({"name": "income-drift", "batch": {"size": 9}}),
    ]
    (release,) = checked(tmp_path, models, *texts).require().releases
    artifact = release.artifacts["income-drift"]
    assert artifact.uri == str(models / "income-drift")
    assert artifact.runtime == "mlserver_alibi_detect.AlibiDetectRuntime"
    assert release.topics[-1] == "weir.default.model.income-drift.outputs"


def test_a_live_pipeline_with_a_lost_model_is_an_error_when_its_other_model_changes(
    tmp_path: Path, models: Path
) -> None:
    root = tmp_path / "root"
    for name in ("kept", "lost"):
        shutil.copytree(models / "income", root / name)
    (root / "lost" / "note.txt").write_text("another digest than that of kept")
    kept, lost = model("kept", root / "kept"), model("lost", root / "lost")
    steps = pipeline({"name": "kept"}, {"name": "lost", "inputs": ["kept"]})
    (release,) = checked(tmp_path, root, kept, lost, steps).require().releases
    control = ControlState.empty()
    control.releases["p", 1], control.heads["p"] = msgspec.structs.replace(release, generation=1), 1
    shutil.rmtree(root / "lost")
    shutil.rmtree(tmp_path / "cache")
    changed = model("kept", root / "kept", requirements=["sklearn", "fast"])
    found = checked(tmp_path, root, changed, live=LiveDocuments(control))
    assert [line for line in found.errors if str(root / "lost") in line]


def test_kubernetes_metadata_makes_no_new_generation(tmp_path: Path, models: Path) -> None:
    text = pipeline({"name": "m"})
    exported = text.replace(
        "{name: p}", "{name: p, uid: u, resourceVersion: '7', creationTimestamp: 2026-01-01}"
    )
    exported += "\nstatus: {conditions: []}"
    (one,) = checked(tmp_path, models, model("m", models / "income"), text).require().releases
    (other,) = checked(tmp_path, models, model("m", models / "income"), exported).require().releases
    assert one.content() == other.content()


def test_memory_is_measured_where_it_is_taken() -> None:
    megabytes = measure_memory(lambda: np.ones(8_000_000)) / 2**20
    assert 60 < megabytes < 75
    assert measure_memory(lambda: None) < 2**20


def test_a_load_that_dies_is_measured_as_unknown() -> None:
    def die() -> None:
        raise SystemExit(1)

    assert measure_memory(die) == 0


def test_garbage_is_collected_where_it_was_made(tmp_path: Path) -> None:
    """Filesystems that were asked for models are such: their finalizers wait for a thread of their own."""
    collected = tmp_path / "collected"

    class Garbage:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            collected.write_text(str(os.getpid()))

    gc.disable()
    try:
        Garbage()
        assert measure_memory(lambda: None) > 0
        assert not collected.exists()
        gc.collect()
    finally:
        gc.enable()
    assert collected.read_text() == str(os.getpid())
