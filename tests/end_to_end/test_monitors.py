"""Verdicts on the real broker and cluster: drift, predictions, quality, what is confirmed, retraining."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from detectors.drift.alibi_detect_files import read_drift
from jobs.kafka.pipeline_client import PipelineClient, request_body
from jobs.kafka.request_rate import rows_a_day
from jobs.local_stack.stack import Stack
from jobs.models.retraining.retrain import Retrained, retrain
from jobs.models.training.options import Options
from jobs.releases.apply import apply
from operators.storage.trusted_roots import make_policy
from tests.end_to_end.deployment import Deployment, await_answers, running

PIPELINE, LARGE, MEASURED, WINDOW, LARGE_WINDOW = "income-monitored", "large", "measured", 200, 5_000
MONITOR = {
    "apiVersion": "weir/v1alpha1",
    "kind": "Monitor",
    "metadata": {"name": "watch"},
    "spec": {
        "pipeline": PIPELINE,
        # Far above what chance moves, in whatever order the rows of a phase arrive.
        "drift": [
            {"step": step, "min_effect": 0.25, "confirm": 2, "resolve": 2}
            for step in ("income-drift", "income-drift-preprocessed", "income-prediction-drift")
        ],
        "quality": [{"step": "income-quality", "confirm": 1}],
    },
}
Rows = NDArray[np.float64]


@pytest.fixture(scope="module")
def job(stack: Stack, tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Deployment]:
    """The pipeline that training wrote, with its Monitor; and one of a window too large to be held."""
    manifests = tmp_path_factory.mktemp("monitors")
    documents = list(yaml.safe_load_all((models / "income.yaml").read_text()))
    for document in documents:
        if document["kind"] == "Model":
            document["spec"]["storageUri"] = str(models / document["metadata"]["name"])
        for step in document["spec"].get("steps", ()):
            if "batch" in step:
                step["batch"] = {"size": WINDOW}
    large = {"steps": [{"name": "income-drift", "batch": {"size": LARGE_WINDOW}}]}
    pipeline = {"apiVersion": "mlops.seldon.io/v1alpha1", "kind": "Pipeline", "spec": large}
    documents += [{**pipeline, "metadata": {"name": name}} for name in (LARGE, MEASURED)]
    text = yaml.safe_dump_all([*documents, MONITOR], sort_keys=False)
    (manifests / "all.yaml").write_text(text)
    with running(stack, manifests, models, "monitors") as deployment:
        yield deployment


@pytest.fixture(scope="module")
def ordinary(models: Path) -> Rows:
    """Complete rows that nothing was learned from."""
    rows = np.load(models / "holdout.npy")
    return np.asarray(rows[~np.isnan(rows).any(axis=1)])


@pytest.fixture(scope="module")
def answers(job: Deployment, ordinary: Rows) -> dict[str, list[Any]]:
    """Four phases, each answered before the next begins: ordinary, drifted, ordinary, spoilt."""
    rng = np.random.default_rng(0)
    drifted, spoilt = ordinary.copy(), ordinary.copy()
    drifted[:, 0] += 3 * ordinary[:, 0].std()
    spoilt[:, 1] = 77.0
    spoilt[:100, 2] = np.nan
    spoilt[100:, 8] = 1e9
    phases = (("a", ordinary, 3), ("b", drifted, 3), ("c", ordinary, 3), ("d", spoilt, 1))
    by_phase = {}
    with job.client(PIPELINE) as client:
        for name, rows, windows in phases:
            drawn = (
                rows[:WINDOW] if name == "d" else rows[rng.choice(len(rows), windows * WINDOW, replace=False)]
            )
            by_phase[name] = [answer for answer in sent(client, name, drawn) if not answer.failed]
    return by_phase


def sent(client: PipelineClient, name: str, rows: Rows) -> list[Any]:
    keys = [client.send(request_body(row[np.newaxis], f"{name}-{i}")) for i, row in enumerate(rows)]
    answered = await_answers(client, keys)
    return [answered[key][0] for key in keys]


@pytest.fixture(scope="module")
def windows(job: Deployment, answers: dict[str, list[Any]]) -> list[dict[str, Any]]:
    assert [len(found) for found in answers.values()] == [600, 600, 600, 200]
    return [report["parameters"] for report in job.reports_of(PIPELINE, "income-drift", 10)]


def test_a_drift_is_confirmed_by_two_windows_and_resolved_by_two(windows: list[dict[str, Any]]) -> None:
    states = ["DRIFT" if 4 <= window <= 6 else "OK" for window in range(1, 10)]
    assert [(one["window"], one["state"]) for one in windows[:9]] == list(enumerate(states, start=1))
    assert [one["confirmed"] for one in windows[:9]] == [False] * 4 + [True] * 3 + [False] * 2
    assert [one["confirmed_since_window"] for one in windows[4:7]] == [5, 5, 5]


def test_the_drifted_feature_leads_and_has_a_histogram(windows: list[dict[str, Any]]) -> None:
    drifted = windows[4]
    assert drifted["ranked"][0] == "age"
    assert drifted["min_effect"] == 0.25
    first = drifted["histograms"][0]
    assert first["column"] == "age"
    assert first["window"][-1] > 5 * first["reference"][-1]


def test_predictions_are_watched_in_the_same_windows(job: Deployment, windows: list[dict[str, Any]]) -> None:
    reports = job.reports_of(PIPELINE, "income-prediction-drift", 10)
    parameters = [report["parameters"] for report in reports]
    assert [one["members"] for one in parameters] == [one["members"] for one in windows]
    assert parameters[0]["features"][0]["column"] == "predict"
    assert {one["feature"] for one in parameters[0]["features"]} == {"class", "score"}


def test_bad_values_are_reported_in_each_response_and_for_the_window(
    job: Deployment, answers: dict[str, list[Any]]
) -> None:
    assert {tuple(one.outputs()["violations"]["data"]) for one in answers["d"]} == {(2,)}
    assert {tuple(one.outputs()["violations"]["data"]) for one in answers["a"]} <= {(0,), (1,)}
    report = job.reports_of(PIPELINE, "income-quality", 10)[9]
    parameters = report["parameters"]
    assert (parameters["state"], parameters["confirmed"]) == ("VIOLATION", True)
    counts = {one["feature"]: one["counts"] for one in parameters["features"]}
    assert counts["workclass"]["unseen"] == 200
    assert counts["education"]["missing"] == 100
    assert counts["capital-gain"]["out_of_range"] == 100
    assert {one["name"] for one in report["outputs"]} == {
        "missing",
        "out_of_range",
        "unseen",
        "wrong_type",
        "is_violation",
    }


def test_a_window_larger_than_what_is_held_is_tested_exactly(
    job: Deployment, ordinary: Rows, models: Path
) -> None:
    rows = np.random.default_rng(1).choice(ordinary, LARGE_WINDOW)
    rows[:2_000, 10] += 9
    with job.client(LARGE) as client:
        for i, some in enumerate(np.array_split(rows, 60)):
            client.send(request_body(some, str(i)))
        client.producer.flush()
    (report,) = job.reports_of(LARGE, "income-drift", 1)
    expected = read_drift(models / "income-drift").test(rows)
    tensors = {one["name"]: one["data"] for one in report["outputs"]}
    assert np.array_equal(np.array(tensors["p_val"], dtype=np.float32), expected.p_val)
    assert np.array_equal(np.array(tensors["distance"], dtype=np.float32), expected.distance)
    assert report["parameters"]["n"] == sum(one["rows"] for one in report["parameters"]["members"]) == 5_000


def test_rows_a_day_are_measured_on_the_requests(job: Deployment, ordinary: Rows) -> None:
    began = int(time() * 1_000) - 60_000
    with job.client(MEASURED) as client:
        for second in range(11):
            body = request_body(ordinary[:30], str(second))
            client.producer.send(client.inputs, value=body, timestamp_ms=began + second * 1_000)
        client.producer.flush()
    assert rows_a_day(job.connection, MEASURED) == pytest.approx(30 * 24 * 60 * 60)


@pytest.fixture(scope="module")
def retrained(
    job: Deployment, windows: list[dict[str, Any]], models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Retrained:
    job.reports_of(PIPELINE, "income-quality", 10)
    out, site = tmp_path_factory.mktemp("new"), make_policy(str(models), "")
    options = Options(PIPELINE, rate=0.05, draws=200)
    return retrain(
        job.connection, PIPELINE, out, site, 5_000, "exclude", options, on_progress=lambda line: None
    )


def test_drifted_windows_are_kept_out_of_new_monitors(retrained: Retrained) -> None:
    assert (retrained.chosen.read, len(retrained.chosen.values)) == (2_000, 1_200)
    failed = {one.message for one in retrained.checks if not one.passed}
    assert "720 reference rows for windows of 200 (at least 10 windows)" in failed


def test_new_monitors_are_applied_as_a_new_generation(
    job: Deployment, retrained: Retrained, models: Path
) -> None:
    manifests = next(path for path in retrained.written if path.suffix == ".yaml")
    site = make_policy(f"{models},{manifests.parent}", "")
    applied = apply([manifests], job.connection, site, "retrained", partitions=2).applied
    pipelines = {one.name: (one.verb, one.generation) for one in applied if one.kind == "pipeline"}
    assert pipelines[PIPELINE] == ("updated", 2)
    assert pipelines["measured"] == ("updated", 2), "it uses the same monitors"


def test_nothing_made_the_job_restart(job: Deployment, retrained: Retrained) -> None:
    assert job.failures() == 0
