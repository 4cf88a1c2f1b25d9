"""Traffic with known truth, and a look at it, by the command line on a real job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from time import time

import pytest

from jobs.local_stack.stack import Stack
from tests.end_to_end.deployment import Deployment, await_true, deployed

WEIR = Path(sys.executable).with_name("weir")
PIPELINE, NAMESPACE, SIZE = "income-workflow", "looked-at", 200
Shell = Callable[..., str]


@pytest.fixture(scope="module")
def job(stack: Stack, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(stack, tmp_path_factory.mktemp("looked-at"), models, NAMESPACE, size=SIZE) as job:
        yield job


@pytest.fixture(scope="module")
def weir(stack: Stack, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("shell")
    (folder / "models").symlink_to(models)

    def run(*arguments: str, fails: bool = False) -> str:
        environment = {**os.environ, "WEIR_HOME": str(stack.folder), "WEIR_NAMESPACE": NAMESPACE}
        command = [WEIR, *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == (1 if fails else 0), done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if not fails else done.stderr

    return run


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_truth_of_what_was_sent_is_kept_and_every_request_can_be_found(
    job: Deployment, weir: Shell, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.jsonl"
    begun = time()
    printed = weir("send", PIPELINE, "--scenario", "outliers", "--count", "150", "--truth", str(truth))
    assert "sent 150 outliers requests" in printed
    known = {one["key"]: one for one in lines(truth.read_text())}
    assert list(known) == [f"outliers-1-{number}" for number in range(150)]
    outliers = {key for key, one in known.items() if one.get("outlier")}
    assert f"of these, outlier: {len(outliers)}" in printed

    def answered() -> list[dict[str, object]]:
        return lines(weir("inspect", PIPELINE, "--since", "10m", "--json"))

    weir("infer", PIPELINE, json.dumps(request()))
    await_true(lambda: len(answered()) >= 151, "every answer")
    assert lines(weir("inspect", PIPELINE, "--since", "10m", "--offset", "3", "--json")) == answered()[-3:]
    flagged = lines(weir("inspect", PIPELINE, "--since", "10m", "--where", "is_outlier=1", "--json"))
    assert 0.8 * len(outliers) <= len({str(one["key"]) for one in flagged} & outliers)
    (one,) = lines(weir("inspect", PIPELINE, "--key", "outliers-1-17", "--offset", "5", "--json"))
    assert one["value"]["id"] == "outliers-1-17"  # type: ignore[index]
    assert "outliers-1-18\t" in weir("inspect", f"{PIPELINE}.inputs", "--id", "outliers-1-18")
    assert '"name":"predict"' in weir("inspect", f"{PIPELINE}.outputs.predict")
    assert "contains no such record" in weir("inspect", PIPELINE, "--until", f"{begun - 60:.0f}s", fails=True)


def request() -> dict[str, object]:
    data = [40, 2, 1, 1, 3, 0, 3, 1, 0, 0, 40, 4]
    return {"id": "1", "inputs": [{"name": "x", "shape": [1, 12], "datatype": "FP64", "data": data}]}


def test_reports_are_looked_at_by_seldons_expression(job: Deployment, weir: Shell) -> None:
    weir("send", PIPELINE, "--scenario", "drift", "--count", str(3 * SIZE), "--rate", "600")
    job.reports("income-drift-preprocessed", 3)
    printed = weir("inspect", f"{PIPELINE}.income-drift-preprocessed.outputs.is_drift")
    assert '{"name":"is_drift","shape":[1,1],"datatype":"INT64"' in printed
    drifted = ("--where", "state=DRIFT", "--offset", "9", "--json")
    found = lines(weir("inspect", f"{PIPELINE}.income-drift-preprocessed", *drifted))
    assert found
    assert {one["value"]["parameters"]["state"] for one in found} == {"DRIFT"}  # type: ignore[index]


def test_a_tap_shows_what_steps_are_sent_and_answer_for_a_while(job: Deployment, weir: Shell) -> None:
    expression = f"{PIPELINE}.income-preprocess.outputs.transform"
    assert "use --tap 60s" in weir("inspect", expression, fails=True)
    tapped: list[str] = []
    looking = Thread(target=lambda: tapped.append(weir("inspect", expression, "--tap", "8s", "--json")))
    looking.start()
    sent = ("--scenario", "normal", "--count", "500", "--rate", "50", "--seed", "5")
    weir("send", PIPELINE, *sent)
    looking.join()
    seen = lines(tapped[0])
    assert len(seen) > 100, "most of eight seconds at fifty a second"
    assert {one["value"]["name"] for one in seen} == {"transform"}  # type: ignore[index]
    assert {str(one["key"]).rpartition("-")[0] for one in seen} == {"normal-5"}

    keys = {str(one["key"]) for one in seen[len(seen) // 2 :][:2]}
    for side in ("inputs", "outputs"):
        for step in ("income-classifier", "income-outlier"):
            target = f"{PIPELINE}.{step}.{side}"
            assert {
                str(one["key"])
                for key in keys
                for one in lines(weir("inspect", target, "--key", key, "--json"))
            } == keys

    weir("send", PIPELINE, "--count", "20", "--seed", "6")
    weir("infer", PIPELINE, json.dumps(request()))
    assert "contains no such record" in weir("inspect", expression, "--key", "normal-6-5", fails=True)
    assert "at most 1h" in weir("inspect", expression, "--tap", "2h", fails=True)
    assert "there is no pipeline nobody" in weir("inspect", "nobody.step", "--tap", "5s", fails=True)


def test_scenarios_spoil_the_rows_that_their_truth_marks(
    job: Deployment, weir: Shell, tmp_path: Path
) -> None:
    for scenario, marked in (("missing", "missing"), ("unseen", "unseen")):
        truth = tmp_path / f"{scenario}.jsonl"
        weir("send", PIPELINE, "--scenario", scenario, "--count", "100", "--truth", str(truth))
        keys = [one["key"] for one in lines(truth.read_text()) if one.get(marked)]
        weir("infer", PIPELINE, json.dumps(request()))
        (answer,) = lines(weir("inspect", PIPELINE, "--key", str(keys[0]), "--json"))
        outputs = {one["name"]: one["data"] for one in answer["value"]["outputs"]}  # type: ignore[index]
        assert outputs["violations"] == [2 if scenario == "missing" else 1]
    printed = weir("send", PIPELINE, "--scenario", "bursts", "--rate", "20", "--duration", "2s")
    assert "sent 40 bursts requests" in printed
    assert "bursts needs --rate" in weir("send", PIPELINE, "--scenario", "bursts", fails=True)
    assert "--duration needs --rate" in weir("send", PIPELINE, "--duration", "2s", fails=True)
