"""A TaskManager is killed in the middle of a window."""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import joblib
import numpy as np
import psutil
from alibi_detect.saving import load_detector

from jobs.kafka.pipeline_client import request_body
from jobs.local_stack.stack import Stack
from tests.end_to_end.deployment import await_answers, await_true, deployed, running
from tests.end_to_end.windows import assert_each_request_is_in_one_window

SIZE, REQUESTS, RATE = 1_300, 20_000, 1_000
STEP = "income-drift-preprocessed"


def workers_of(pid: int) -> list[psutil.Process]:
    """Return the Python workers that a TaskManager started."""
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if "python" in child.name()]


def test_no_window_and_no_request_is_lost_when_a_taskmanager_is_killed(
    stack: Stack, models: Path, tmp_path: Path
) -> None:
    holdout = np.load(models / "holdout.npy")
    bodies = [request_body(row[None], "r") for row in holdout]
    with (
        deployed(stack, tmp_path, models, "recovery", size=SIZE, settings=["--parallelism", "2"]) as one,
        one.client("income-workflow") as client,
    ):
        client.ask(bodies[0], seconds=120)

        def send() -> None:
            started = monotonic()
            for i in range(REQUESTS):
                client.send(bodies[i % len(bodies)], key=f"r{i}".encode())
                if i % 100 == 99:
                    sleep(max(0.0, started + i / RATE - monotonic()))
            client.producer.flush()

        sender = Thread(target=send)
        sender.start()
        # Some windows are committed, more rows are on their way: now.
        one.reports(STEP, 4)
        (victim,) = stack.taskmanagers
        orphans = workers_of(victim)
        assert orphans
        os.kill(victim, signal.SIGKILL)
        sender.join()

        await_answers(client, [f"r{i}".encode() for i in range(REQUESTS)])
        assert one.failures() > 0
        await_true(lambda: not any(orphan.is_running() for orphan in orphans), "the orphans are gone")

        wanted = (REQUESTS + 1) // SIZE
        reports = [report["parameters"] for report in one.reports(STEP, wanted)]
        assert [report["window"] for report in reports] == list(range(1, wanted + 1))
        assert {report["n"] for report in reports} == {SIZE}
        assert {sum(member["rows"] for member in report["members"]) for report in reports} == {SIZE}
        assert_each_request_is_in_one_window(reports)
        rows = {
            (record.partition, record.offset): holdout[int(record.key[1:]) % len(holdout)]
            for record in one.records(client.inputs, lambda found: len(found) > REQUESTS)
            if record.key.startswith(b"r") and record.key[1:].isdigit()
        }
        # The first window also holds the first request, which is none of the numbered ones.
        assert_verdicts_are_alibi_detects(one.reports(STEP, wanted)[1:], rows, models)


SHARDED = """
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {{name: income-preprocess}}
spec: {{storageUri: {models}/income-preprocess}}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {{name: income-drift-preprocessed}}
spec: {{storageUri: {models}/income-drift-preprocessed}}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Pipeline
metadata: {{name: sharded}}
spec:
  steps:
    - {{name: income-preprocess}}
    - {{name: income-drift-preprocessed, inputs: [income-preprocess], batch: {{size: 20000}}}}
  output: {{steps: [income-preprocess]}}
---
apiVersion: weir/v1alpha1
kind: Monitor
metadata: {{name: sharded}}
spec:
  pipeline: sharded
  drift: [{{step: income-drift-preprocessed, sharded: true}}]
"""


def test_no_row_of_a_sharded_step_is_lost_or_counted_twice_when_a_taskmanager_is_killed(
    stack: Stack, models: Path, tmp_path: Path
) -> None:
    """Each request holds 50 rows, of which a shard's parts of 1,000 rows hold all or none."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "sharded.yaml").write_text(SHARDED.format(models=models))
    holdout = np.load(models / "holdout.npy")
    parts = [holdout[(start + np.arange(50)) % len(holdout)] for start in range(0, 2_000, 50)]
    bodies = [request_body(part, "r") for part in parts]
    requests, seconds = 4_000, 20.0
    with (
        running(stack, manifests, models, "sharded", ["--parallelism", "2"]) as one,
        one.client("sharded") as client,
    ):
        keys = []
        started = monotonic()
        for i in range(requests):
            keys.append(client.send(bodies[i % len(bodies)], key=f"r{i}".encode()))
            if i == requests // 2:
                (victim,) = stack.taskmanagers
                os.kill(victim, signal.SIGKILL)
            if i % 20 == 19:
                sleep(max(0.0, started + i * seconds / requests - monotonic()))
        client.producer.flush()
        await_answers(client, keys)
        assert one.failures() > 0
        await_true(lambda: one.records_read("count") > 0, "rows are counted in shards")
        # All rows but those of the open window; each window may be a twentieth larger than its size.
        wanted = int(requests * 50 / 20_000 / 1.05)
        reports = one.reports(STEP, wanted)
        parameters = [report["parameters"] for report in reports]
        assert [one["window"] for one in parameters] == list(range(1, len(reports) + 1))
        assert all(20_000 <= one["n"] < 21_000 for one in parameters)
        members = [member for one in parameters for member in one["members"]]
        assert all(
            member["rows"] == 50 * (member["last_offset"] - member["first_offset"] + 1) for member in members
        )
        assert_each_request_is_in_one_window(
            [
                {"members": [{**member, "rows": member["rows"] // 50} for member in one["members"]]}
                for one in parameters
            ]
        )
        rows = {
            (record.partition, record.offset): parts[int(record.key[1:]) % len(parts)]
            for record in one.records(client.inputs, lambda found: len(found) >= requests)
        }
        assert_verdicts_are_alibi_detects(reports, rows, models)


TIMED = """
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {{name: income-drift}}
spec: {{storageUri: {models}/income-drift}}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Pipeline
metadata: {{name: timed}}
spec:
  steps: [{{name: income-drift, batch: {{size: 1000, windowMs: 12000}}}}]
  output: {{steps: [income-drift]}}
"""


def test_a_window_whose_time_runs_out_while_the_taskmanager_is_dead_still_closes(
    stack: Stack, models: Path, tmp_path: Path
) -> None:
    """It is killed right after a checkpoint, and no request comes after it to close the window."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "timed.yaml").write_text(TIMED.format(models=models))
    holdout = np.load(models / "holdout.npy")[:30]
    with running(stack, manifests, models, "dying") as one, one.client("timed") as client:
        keys = [client.send(request_body(row[None], "r")) for row in holdout]
        client.producer.flush()
        await_answers(client, keys)
        before = one.checkpoints()
        await_true(lambda: one.checkpoints() > before + 1, "a checkpoint after the last answer")
        (victim,) = stack.taskmanagers
        os.kill(victim, signal.SIGKILL)
        (report,) = one.reports("income-drift", 1)
        assert one.failures() > 0
        assert (report["parameters"]["n"], report["parameters"]["window"]) == (30, 1)


def assert_verdicts_are_alibi_detects(
    reports: list[dict[str, Any]], rows: dict[tuple[int, int], Any], models: Path
) -> None:
    """Compute every window again from the requests that its report names."""
    preprocess = joblib.load(models / "income-preprocess" / "model.joblib")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector = load_detector(models / STEP)
    for report in reports:
        window = [
            rows[member["partition"], offset]
            for member in report["parameters"]["members"]
            for offset in range(member["first_offset"], member["last_offset"] + 1)
        ]
        expected = detector.predict(preprocess.transform(np.vstack(window)))["data"]
        outputs = {output["name"]: output["data"] for output in report["outputs"]}
        assert outputs["is_drift"] == [expected["is_drift"]]
        assert np.array_equal(np.float32(outputs["p_val"]), expected["p_val"])
        assert np.array_equal(np.float32(outputs["distance"]), expected["distance"])
