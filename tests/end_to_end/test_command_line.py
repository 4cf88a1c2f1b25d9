"""The `weir` command as a user types it, on a stack of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.local_stack import processes
from jobs.local_stack.stack import find
from tests.support.paths import EXAMPLES, FOLDERS

WEIR = Path(sys.executable).with_name("weir")
INCOME = EXAMPLES / "income"
ONE = '{"id":"1","inputs":[{"name":"x","shape":[1,12],"datatype":"FP64","data":[40,2,1,1,3,0,3,1,0,0,40,4]}]}'


class Shell:
    """Runs `weir` in a folder, with a stack of the folder's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"

    def __call__(self, *arguments: str, fails: bool = False, text: str = "") -> str:
        environment = {**os.environ, "WEIR_HOME": str(self.home), "COLUMNS": "200"}
        done = subprocess.run(
            [WEIR, *arguments],
            cwd=self.folder,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == (1 if fails else 0), done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def weir(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("shell")
    (folder / "models").symlink_to(models)
    (folder / "examples").mkdir()
    for file in INCOME.glob("*.yaml"):
        target = folder / "examples" / "income" / file.name
        target.parent.mkdir(exist_ok=True)
        target.write_text(file.read_text().replace("size: 500", "size: 50"))
    shell = Shell(folder)
    yield shell
    stack = find(shell.home)
    if stack:
        stack.down()


def test_without_a_stack_the_remedy_is_printed(weir: Shell) -> None:
    assert "start one with `weir up`" in weir("submit", fails=True)
    assert "no stack is running" in weir("down")


def test_manifests_are_validated_without_a_broker(weir: Shell) -> None:
    assert "2 pipelines are valid" in weir("validate", "-f", "examples/income")
    (weir.folder / "bad.yaml").write_text("kind: Pipeline\nmetadata: {name: p}\nspec: {stepz: []}\n")
    assert "bad.yaml: document 1" in weir("validate", "-f", "bad.yaml", fails=True)


def test_manifests_come_from_standard_input_too(weir: Shell) -> None:
    documents = "\n---\n".join(file.read_text() for file in sorted(INCOME.glob("*.yaml")))
    documents = documents.replace("../../models", "models")
    assert "2 pipelines are valid" in weir("validate", "-f", "-", text=documents)
    assert "-: document 1: " in weir("validate", "-f", "-", text="kind: Model", fails=True)


def test_models_outside_the_trusted_roots_are_refused_with_the_remedy(weir: Shell) -> None:
    refused = weir("validate", "-f", "examples/income", "--trusted-roots", "elsewhere", fails=True)
    assert "add its root to --trusted-roots or WEIR_TRUSTED_ROOTS" in refused
    models = ("income", "income-preprocess", "income-classifier", "income-outlier")
    assert all(f"Model {name}: " in refused for name in models), "every one of them, at once"


def test_a_plan_is_drawn_without_a_cluster(weir: Shell) -> None:
    drawn = weir("explain", "income-workflow", "-f", "examples/income")
    assert "├─ income-drift-preprocessed: mlserver_alibi_detect.AlibiDetectRuntime" in drawn
    assert "reads    income-preprocess.outputs" in drawn
    assert "spec.output.stepsJoin inner" in drawn
    assert "--min-effect 0.1" in drawn
    assert "there is no pipeline nobody; there are" in weir(
        "explain", "nobody", "-f", "examples/income", fails=True
    )


def test_detectors_saved_with_dill_are_converted(weir: Shell) -> None:
    shutil.copytree(FOLDERS / "dill-iforest", weir.folder / "old")
    assert "wrote old/IForest.json" in weir("convert", "old")


def test_the_whole_way_from_up_to_down(weir: Shell) -> None:
    assert "The stack is running" in weir("up", "--free-ports")
    assert "A stack is already running" in weir("up")
    assert "no pipeline has been applied yet" in weir("submit", fails=True)

    assert "income-workflow created (generation 1)" in weir("apply", "-f", "examples/income")
    assert "income-workflow unchanged (generation 1)" in weir("apply", "-f", "examples/income")
    workflow = weir.folder / "examples" / "income" / "workflow.yaml"
    workflow.write_text(workflow.read_text().replace("size: 50", "size: 40"))
    again = weir("apply", "-f", "examples/income", "-m", "smaller windows")
    assert "income-workflow updated (generation 2)" in again
    assert "income-production unchanged (generation 1)" in again

    submitted = weir("submit", "--", "--checkpoint-interval-ms", "1000")
    assert "flink run -d -pym jobs.production_monitoring -pyfs" in submitted
    assert re.search(r"job [0-9a-f]{32} is running", submitted)

    answer = json.loads(weir("infer", "income-workflow", ONE))
    assert answer["id"] == "1"
    assert answer["model_version"] == "2"
    assert "BAD_REQUEST" in weir("infer", "income-workflow", '{"inputs": []}', fails=True)
    assert "there is no topic" in weir("infer", "nobody", ONE, fails=True)

    assert "sent 100 drift requests" in weir(
        "send", "income-workflow", "--scenario", "drift", "--count", "100"
    )
    weir("infer", "income-workflow", ONE)
    assert "pipeline income-workflow, generation 2" in weir("explain", "income-workflow")
    shown = weir("status", "-w", "PipelineReady")
    assert re.search(r"PipelineReady +income-workflow +True +Ready ", shown)
    assert re.search(r"JobRunning +weir.default +True +Running ", shown)
    assert re.search(r"income-classifier .*SKLearnModel .*[0-9.]+ MiB", weir("get"))
    assert "kind: Monitor" in weir("get", "income-monitor")
    assert "kind: Pipeline" in weir("get", "income-workflow")
    assert "there is no document nobody; there are Model/income, " in weir("get", "nobody", fails=True)
    assert '"name":"predict"' in weir("inspect", "income-workflow.outputs.predict")

    stack = find(weir.home)
    assert stack is not None
    identity = stack._saved.id
    assert "stopped" in weir("down")
    assert processes.stack_processes(identity) == []


def test_a_port_in_use_is_named_with_the_remedy(weir: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code = f"from jobs.local_stack.ports import Ports, check_free; check_free(Ports(kafka={port}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"port {port} (kafka)" in done.stderr
    assert "--free-ports" in done.stderr


def test_without_java_the_remedy_is_printed(weir: Shell) -> None:
    environment = {**os.environ, "WEIR_HOME": str(weir.folder / "nowhere"), "JAVA_HOME": "/nonexistent"}
    done = subprocess.run(
        [WEIR, "up", "--free-ports"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "install Java 17" in done.stderr
    assert "Traceback" not in done.stderr
