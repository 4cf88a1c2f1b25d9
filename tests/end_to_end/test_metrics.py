"""What Prometheus scrapes is what happened."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from jobs.flink.paths import ROOT
from jobs.kafka.pipeline_client import request_body
from jobs.local_stack.stack import Stack
from jobs.releases.apply import apply
from operators.control.control_topic import read_control
from tests.end_to_end.deployment import Deployment, await_answers, await_true, running
from tests.end_to_end.project import Project
from tests.support.servers import Prometheus, prometheus

NAMESPACE, SIZE, PREFIX = "metrics", 200, "flink_taskmanager_job_task_operator_weir_"
WATCHED: dict[str, Any] = {
    "steps": [
        {"name": "income"},
        {"name": "income-preprocess"},
        {"name": "income-outlier", "inputs": ["income-preprocess"]},
        {"name": "income-drift", "batch": {"size": SIZE}},
        {"name": "income-quality", "batch": {"size": SIZE}},
    ],
    "output": {"steps": ["income", "income-outlier", "income-quality"]},
}
SLOW: dict[str, Any] = {
    "steps": [{"name": "income"}, {"name": "slow"}],
    "output": {"steps": ["income", "slow"]},
}
SLEEPS = """
import time

class Sleeper:
    def __init__(self, folder, parameters): ...
    def predict(self, tensors):
        time.sleep(0.3)
        return {"slept": next(iter(tensors.values()))[:, :1]}
"""


class Scene:
    """A job that answered known requests, and the Prometheus that watched it."""

    def __init__(self, job: Deployment, seen: Prometheus, project: Project) -> None:
        self.job, self.seen, self.project = job, seen, project
        self.answers: list[dict[str, Any]] = []

    def sum(self, name: str, by: str = "", **labels: str) -> Any:
        """Sum a metric over subtasks: a number, or one for each value of a label."""
        wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
        series = f'{PREFIX}{name}{{job_name="weir.{NAMESPACE}",{wanted}}}'
        if not by:
            return self.seen.value(f"sum({series})")
        return {found[by]: value for found, value in self.seen.query(f"sum by ({by}) ({series})")}


@pytest.fixture(scope="module")
def scene(stack: Stack, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    project = Project(tmp_path_factory.mktemp("metrics"), models)
    _put_sleeper(project.models / "slow")
    project.write("watched", WATCHED)
    slow = project.write("slow-one", SLOW)
    slow.write_text("\n---\n".join(slow.read_text().split("\n---\n")[1:]))
    settings = ["--parallelism", "2"]
    with (
        running(stack, project.manifests, project.models, NAMESPACE, settings) as job,
        prometheus(stack, project.folder / "prometheus") as seen,
    ):
        scene = Scene(job, seen, project)
        _send(scene)
        yield scene


def _put_sleeper(folder: Path) -> None:
    folder.mkdir()
    (folder / "sleeper.py").write_text(SLEEPS)
    (folder / "model-settings.json").write_text(json.dumps({"implementation": "sleeper.Sleeper"}))


def _send(scene: Scene) -> None:
    rows = np.load(scene.project.models / "holdout.npy")[: 2 * SIZE + 50]
    odd = np.nan_to_num(rows[:3]).copy()
    odd[:, 0] = 500.0
    with scene.job.client("watched") as client:
        bodies = [request_body(row[None], "r") for row in [*rows, *odd]]
        keys = [client.send(body) for body in [*bodies, b"junk", b"junk"]]
        client.producer.flush()
        answers = await_answers(client, keys)
    scene.answers = [msgspec.json.decode(one.value) for (one,) in answers.values() if not one.failed]
    with scene.job.client("slow-one") as client:
        for row in rows[:8]:
            key = client.send(request_body(row[None], "r"))
            client.producer.flush()
            await_answers(client, [key])
    sent = {"watched": len(keys), "slow-one": 8}
    await_true(lambda: scene.sum("pipeline_requests", by="pipeline") == sent, "every request was counted")


def test_counts_equal_what_was_sent_and_answered(scene: Scene) -> None:
    rows = len(scene.answers)
    assert scene.sum("pipeline_failed", by="pipeline") == {"watched": 2, "slow-one": 0}
    assert scene.sum("pipeline_step_reason_errors", by="reason", pipeline="watched") == {"UNREADABLE": 2}
    steps = {step["name"]: rows for step in WATCHED["steps"]}
    assert scene.sum("pipeline_step_rows", by="step", pipeline="watched") == steps
    flags = [tensor(answer, "is_outlier")["data"][0] for answer in scene.answers]
    assert 0 < sum(flags) < rows
    assert scene.sum("pipeline_step_outliers", by="step") == {"income-outlier": sum(flags)}
    bad = sum(tensor(answer, "violations")["data"][0] for answer in scene.answers)
    assert scene.sum("pipeline_step_feature_issue_bad_values", step="income-quality") == bad > 0
    ages = scene.sum("pipeline_step_feature_issue_bad_values", by="issue", feature="age")
    assert ages["out_of_range"] >= 3


def test_a_step_that_sleeps_moves_its_own_histogram_and_that_of_its_requests(scene: Scene) -> None:
    def quantile(name: str, **labels: str) -> float:
        wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
        series = f'{PREFIX}{name}{{job_name="weir.{NAMESPACE}",{wanted}}}'
        found = scene.seen.value(f"histogram_quantile(0.5, sum by (le) ({series}))")
        assert found is not None
        return found

    slept = quantile("pipeline_step_le_step_seconds_bucket", pipeline="slow-one", step="slow")
    assert 0.25 < slept <= 0.5
    assert quantile("pipeline_step_le_step_seconds_bucket", pipeline="slow-one", step="income") < 0.1
    assert quantile("pipeline_step_le_step_seconds_bucket", pipeline="watched", step="income") < 0.2
    assert quantile("pipeline_le_request_seconds_bucket", pipeline="slow-one") > 0.25
    assert scene.sum("pipeline_step_le_step_seconds_bucket", step="slow", le="0.25") == 0
    assert scene.sum("pipeline_step_le_step_seconds_bucket", step="slow", le="+Inf") == 8
    mean = scene.sum("pipeline_request_milliseconds", pipeline="slow-one") / 8
    assert mean >= 300


def test_metrics_of_windows_equal_their_reports(scene: Scene) -> None:
    for step in ("income-drift", "income-quality"):
        reports = [report["parameters"] for report in scene.job.reports(step, 2)]
        states = [report["state"] for report in reports]
        found = scene.sum("pipeline_step_state_windows", by="state", step=step)
        assert found == {state: states.count(state) for state in set(states)}
        assert scene.sum("pipeline_step_window_size", step=step) == SIZE
        left = len(scene.answers) - 2 * SIZE
        await_true(
            lambda step=step, left=left: scene.sum("pipeline_step_window_rows", step=step) == left,  # type: ignore[misc]
            "the open window is shown",
        )
    drift = scene.job.reports("income-drift", 2)[-1]["parameters"]["features"]
    p_values = scene.sum("pipeline_step_feature_p_value_ppm", by="feature", step="income-drift")
    effects = scene.sum("pipeline_step_feature_effect_ppm", by="feature", step="income-drift")
    drifted = scene.sum("pipeline_step_feature_drifted", by="feature", step="income-drift")
    assert p_values == {one["feature"]: round(one["p_val"] * 1e6) for one in drift}
    assert effects == {one["feature"]: round(one["effect"] * 1e6) for one in drift}
    assert drifted == {one["feature"]: one["drifted"] for one in drift}


def test_versions_are_shown_and_one_that_fails_is_counted(scene: Scene) -> None:
    assert set(scene.sum("pipeline_generation", by="subtask_index", pipeline="watched").values()) == {1}
    release = read_control(scene.job.connection).releases["watched", 1]
    serves = scene.sum("pipeline_step_digest_model_serves", by="digest", pipeline="watched", step="income")
    digest = release.artifacts["income"].digest.removeprefix("sha256:")[:12]
    assert serves == {digest: 2}

    scene.project.retrain("income", seed=3)
    scene.project.apply(scene.job.connection, "watched", WATCHED, "fresh")
    await_true(lambda: _generations(scene) == {2}, "the fresh one serves")
    fresh = scene.sum("pipeline_step_digest_model_serves", by="digest", pipeline="watched", step="income")
    assert sorted(fresh.values()) == [0, 2]
    assert fresh[digest] == 0

    untrusted = scene.project.folder / "untrusted"
    shutil.copytree(scene.project.models / "income", untrusted)
    file = scene.project.write("watched", WATCHED, income="untrusted")
    apply([file], scene.job.connection, scene.project.site(scene.project.folder), "breaks on the workers")
    await_true(lambda: scene.sum("pipeline_load_failures", pipeline="watched") >= 2, "both workers tried it")
    await_true(lambda: _heads(scene) == {3}, "it is known that the third should serve")
    assert _generations(scene) == {2}


def _generations(scene: Scene) -> set[float]:
    return set(scene.sum("pipeline_generation", by="subtask_index", pipeline="watched").values())


def _heads(scene: Scene) -> set[float]:
    return set(scene.sum("pipeline_head_generation", by="subtask_index", pipeline="watched").values())


def test_every_metric_is_in_the_table_and_every_one_in_the_table_is_scraped(scene: Scene) -> None:
    control = scene.job.connection.topics.control
    with scene.job.client("watched") as client:
        client.producer.send(control, key=b"release/watched/x", value=b"junk")
        client.producer.flush()
    await_true(lambda: scene.sum("topic_skipped_records", topic=control) == 2, "both workers skipped it")
    text = (ROOT / "docs" / "metrics.md").read_text()
    ours = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    scraped = {name.removeprefix(PREFIX) for name in scene.seen.names() if name.startswith(PREFIX)}
    assert scraped == ours
    for name, labels in re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", text, re.MULTILINE):
        wanted = f'{PREFIX}{name}{{job_name="weir.{NAMESPACE}"}}'
        ((found, _), *_) = scene.seen.query(f"group by ({labels}) ({wanted})")
        assert set(found) == {label.strip() for label in labels.split(",")}
    for name in re.findall(r"`(flink_[a-z]\w+)", text):
        if not name.endswith("weir_"):
            assert name in scene.seen.names()


def test_every_query_of_the_dashboard_finds_something(scene: Scene) -> None:
    dashboard = json.loads((ROOT / "flink-conf" / "grafana" / "weir.json").read_text("utf-8"))
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len(panels) > 20
    for panel in panels:
        for target in panel["targets"]:
            found = scene.seen.query(_filled(target["expr"]))
            assert found, f"{panel['title']}: {target['expr']}"
            wanted = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert wanted <= set(found[0][0]), f"{panel['title']}: {found[0][0]}"
    for annotation in dashboard["annotations"]["list"]:
        scene.seen.query(_filled(annotation["expr"]))
    for variable in dashboard["templating"]["list"][1:]:
        inner = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert inner
        assert scene.seen.query(f"group by ({inner[2]}) ({_filled(inner[1])})")


def _filled(expression: str) -> str:
    expression = expression.replace("$__rate_interval", "1m").replace("$job", f"weir.{NAMESPACE}")
    return re.sub(r"\$(pipeline|step)\b", ".*", expression)


def tensor(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return next(output for output in answer["outputs"] if output["name"] == name)
