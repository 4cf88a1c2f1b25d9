"""The job is stopped, upgraded and scaled by the command line, under traffic; its windows go on exactly."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from jobs.flink.rest_api import Job
from jobs.local_stack.stack import Stack
from tests.end_to_end.deployment import deployed
from tests.end_to_end.traffic import traffic
from tests.end_to_end.windows import assert_each_request_is_in_one_window

WEIR = Path(sys.executable).with_name("weir")
STORES = '{"lab":{"protocol":"http","endpoint":"https://files.example/a,b: c"}}'
NAMESPACE, STEP, SIZE = "upgraded", "income-drift-preprocessed", 700


def test_state_survives_a_change_of_parallelism_an_upgrade_and_a_stop(
    stack: Stack, models: Path, tmp_path: Path
) -> None:
    rest = stack.cluster.rest

    def weir(*arguments: str, fails: bool = False) -> str:
        environment = {**os.environ, "WEIR_HOME": str(stack.folder)}
        command = [WEIR, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == (1 if fails else 0), done.stdout + done.stderr
        return done.stdout + done.stderr

    def the_job() -> Job:
        (job,) = rest.jobs(f"weir.{NAMESPACE}")
        return job

    holdout: Any = np.load(models / "holdout.npy")
    with (
        deployed(stack, tmp_path, models, NAMESPACE, size=SIZE, settings=("--stores", STORES)) as one,
        traffic(one, "income-workflow", holdout, rate=150) as seen,
    ):
        one.reports(STEP, 1)
        refused = weir("submit", "--", "--namespace", NAMESPACE, fails=True)
        assert f"job weir.{NAMESPACE} is already running" in refused
        one_pipeline = ["--pipelines", "income-workflow"]
        refused = weir("submit", "--", "--namespace", NAMESPACE, *one_pipeline, fails=True)
        assert f"job weir.{NAMESPACE} runs, and serves pipelines of this job too" in refused

        printed = weir("scale", "2", "--namespace", NAMESPACE)
        assert "flink stop" in printed
        assert re.search(r"flink run -d -s \S+savepoint-\S+ ", printed)
        assert rest.parameters(the_job().id)["parallelism"] == "2"
        one.reports(STEP, 3)

        weir("upgrade", "--namespace", NAMESPACE, "--", "--batch-ms", "10")
        settings = rest.parameters(the_job().id)
        assert (settings["parallelism"], settings["batch_ms"]) == ("2", "10")
        assert settings["checkpoint_interval_ms"] == "1000", "as it was submitted"
        assert settings["stores"] == STORES
        one.reports(STEP, 5)

        stopped = weir("stop", "--namespace", NAMESPACE)
        assert rest.jobs(f"weir.{NAMESPACE}") == []
        assert f"no job weir.{NAMESPACE} runs" in weir("stop", "--namespace", NAMESPACE, fails=True)
        found = re.search(r"weir submit -s (\S+)", stopped)
        assert found
        printed = weir("status", "income-workflow", "--namespace", NAMESPACE)
        assert re.search(r"PipelineReady +income-workflow +False +NoJob", printed)
        weir("submit", "-s", found[1], "--", "--namespace", NAMESPACE, "--checkpoint-interval-ms", "1000")
        weir("status", "income-workflow", "-w", "PipelineReady", "--namespace", NAMESPACE)
        one.reports(STEP, 7)
        rest_of_the_job = the_job().id
    try:
        seen.assert_each_is_answered_once()
        assert not [answer for answer in seen.seen if answer.failed]
        reports = [report["parameters"] for report in one.reports(STEP, 7)]
        assert [report["window"] for report in reports] == list(range(1, len(reports) + 1))
        assert {report["n"] for report in reports} == {SIZE}
        assert_each_request_is_in_one_window(reports)
    finally:
        rest.cancel(rest_of_the_job)
