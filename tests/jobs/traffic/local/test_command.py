"""`weir infer --local` in a process that can reach nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jobs.cli.app import app
from jobs.kafka.pipeline_client import request_body
from operators.core.errors import DeploymentError
from tests.corpus.payloads import good
from tests.jobs.traffic.local.deployed import deploy

# The command's own entry point, with every way out closed; at its end, PyFlink must not be imported.
ALONE = """
import socket, sys
def refuse(*arguments):
    raise AssertionError(f"a connection: {arguments}")
socket.socket.connect = socket.socket.connect_ex = refuse
from jobs.cli.main import main
try:
    main()
finally:
    assert not {"pyflink", "py4j"} & sys.modules.keys()
"""
ONE = good().decode()


class Weir:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = 0

    def __call__(self, *arguments: str, text: str = "", **environment: str) -> str:
        """Run the command; what it prints, errors last."""
        done = subprocess.run(
            [sys.executable, "-c", ALONE, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYFLINK_GATEWAY_DISABLED": "1", "COLUMNS": "200", **environment},
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        self.code = done.returncode
        return done.stdout + done.stderr

    def infer(self, name: str, *arguments: str, text: str = "", **environment: str) -> str:
        where = ("--local", "-f", "examples/income", "--trusted-roots", "models")
        return self("infer", name, *arguments, *where, text=text, **environment)


@pytest.fixture(scope="module")
def weir(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Weir:
    folder = tmp_path_factory.mktemp("command")
    deploy(folder, models)
    (folder / "one.json").write_text(ONE)
    rows = np.load(models / "holdout.npy")[:120]
    lines = [request_body(row[None], str(i)).decode() for i, row in enumerate(rows)]
    (folder / "good.jsonl").write_text("\n".join(lines))
    (folder / "bad.jsonl").write_text(f"{lines[0]}\n\n{{nope\n{lines[1]}\n")
    return Weir(folder)


def test_one_request_is_answered_as_through_kafka(weir: Weir) -> None:
    answers = [weir.infer("income-production", one) for one in (ONE, "@one.json")]
    answers.append(weir.infer("income-production", "-", text=ONE))
    assert weir.code == 0
    bodies = [one.splitlines()[0] for one in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    body = json.loads(bodies[0])
    assert (body["model_name"], body["model_version"], body["id"]) == ("income-production", "1", "good")
    assert [tensor["name"] for tensor in body["outputs"]] == ["predict", "is_outlier"]


def test_a_request_that_fails_is_an_error_with_exit_code_1(weir: Weir) -> None:
    output = weir.infer("income-production", '{"inputs": []}')
    assert weir.code == 1
    assert output.endswith("\nerror: BAD_REQUEST: inputs is empty; a request needs at least one tensor\n")


def test_many_requests_are_shown_as_a_table(weir: Weir) -> None:
    lines = weir.infer("income-workflow", "--data", "good.jsonl", WEIR_MIN_N="50").splitlines()
    assert weir.code == 0
    start = lines.index("OFFSET   ID          STATUS     OUTPUTS")
    assert [line.split()[:3] for line in lines[start + 1 : start + 121]] == [
        [str(i), str(i), "answered"] for i in range(120)
    ]
    assert "is_drift 0 (INSUFFICIENT_DATA)" in lines[start + 100]
    assert "is_drift 0 (OK)" in lines[start + 101], "the first window of 100 rows closed"
    windows = [line.split() for line in lines if line.startswith("income-drift-preprocessed ")]
    assert [line[:4] for line in windows] == [
        ["income-drift-preprocessed", "1", "0-99", "100"],
        ["income-drift-preprocessed", "2", "(partial)", "100-119"],
    ]
    assert windows[1][5] == "INSUFFICIENT_DATA"
    assert "120 requests: 120 answered, 0 failed" in lines


def test_dead_letters_are_listed_with_exit_code_1(weir: Weir) -> None:
    output = weir.infer("income-workflow", "--data", "bad.jsonl")
    assert weir.code == 1
    (letter,) = [line.split(maxsplit=3) for line in output.splitlines() if "the value is not JSON" in line]
    assert letter[:3] == ["2", "UNREADABLE", "-"]
    assert "3 requests: 2 answered, 1 failed" in output


def test_records_are_lines_of_json(weir: Weir) -> None:
    lines = weir.infer("income-workflow", "--data", "bad.jsonl", "--json").splitlines()
    assert weir.code == 1
    records = [json.loads(line) for line in lines if not line.startswith("notice: ")]
    kinds = [(one["kind"], one.get("offset", one.get("partial"))) for one in records]
    assert [one for one in kinds if one[0] != "outlier"] == [
        ("response", 0),
        ("dead_letter", 2),
        ("response", 3),
        *[("report", True)] * 3,
    ]
    assert records[0]["topic"] == "weir.default.pipeline.income-workflow.outputs"
    assert records[0]["value"]["id"] == "0"
    letter = next(one for one in records if one["kind"] == "dead_letter")
    assert (letter["reason"], letter["step"], letter["value"]) == ("UNREADABLE", "", "{nope")


TALKS = """
print("loaded")
class Talks:
    def __init__(self, folder, extra):
        print("made")
    def predict(self, inputs):
        print("asked")
        return inputs
"""
TALKING = """
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {name: talks}
spec: {storageUri: talks}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Pipeline
metadata: {name: talking}
spec: {steps: [{name: talks}], output: {steps: [talks]}}
"""


def test_what_a_model_prints_is_not_among_the_records(weir: Weir) -> None:
    folder = weir.folder / "talks"
    folder.mkdir()
    (folder / "talks.py").write_text(TALKS)
    (folder / "model-settings.json").write_text('{"name": "talks", "implementation": "talks.Talks"}')
    (weir.folder / "talking.yaml").write_text(TALKING)
    arguments = (
        "infer",
        "talking",
        ONE,
        "--local",
        "-f",
        "talking.yaml",
        "--trusted-roots",
        "talks",
        "--json",
    )
    record, *printed = weir(*arguments).splitlines()
    assert json.loads(record)["kind"] == "response"
    assert {"loaded", "made", "asked"} <= set(printed)


def test_errors_in_manifests_are_those_of_weir_validate(weir: Weir) -> None:
    (weir.folder / "bad.yaml").write_text("kind: Pipeline\nmetadata: {name: p}\nspec: {stepz: []}\n")
    output = weir("infer", "p", ONE, "--local", "-f", "bad.yaml")
    assert weir.code == 1
    assert output == weir("validate", "-f", "bad.yaml")
    output = weir(
        "infer", "income-workflow", ONE, "--local", "-f", "examples/income", "--trusted-roots", "no"
    )
    assert output == weir("validate", "-f", "examples/income", "--trusted-roots", "no")
    assert "is below no trusted root" in output


def test_a_name_that_no_pipeline_has_is_refused_with_those_that_there_are(weir: Weir) -> None:
    output = weir.infer("nobody", ONE)
    assert weir.code == 1
    assert "there is no pipeline nobody; there are income-production, income-workflow" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["p", ONE, "--local"], "--local needs manifests; set -f"),
        (["p", ONE, "-f", "examples/income"], "-f, --data, --external and --json need --local"),
        (["p", "--local", "-f", "x"], "--local needs either one request or --data, not both"),
        (
            ["p", ONE, "--local", "-f", "x", "--data", "y"],
            "--local needs either one request or --data, not both",
        ),
        (
            ["p", "-", "--local", "-f", "-"],
            "standard input can contain the request or the manifests, not both",
        ),
        (["p", "@nowhere", "--bootstrap-servers", "x"], "nowhere: the request cannot be read"),
        (["p"], "the request is missing"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(DeploymentError, match=re.escape(message)):
        CliRunner().invoke(app, ["infer", *arguments], catch_exceptions=False)


def test_a_table_is_read_with_the_options_of_the_other_commands(weir: Weir) -> None:
    names = json.loads((weir.folder / "models" / "features.json").read_text())["names"]
    (weir.folder / "german.csv").write_text(f"{';'.join(names)}\n{';'.join('0' for _ in names)}\n")
    refused = weir.infer("income-workflow", "--data", "german.csv")
    assert (weir.code, "use --separator ';'" in refused) == (1, True)
    output = weir.infer("income-workflow", "--data", "german.csv", "--separator", ";", "--decimal", ",")
    assert weir.code == 0, output
    assert "1 requests: 1 answered, 0 failed" in output


def test_options_for_tables_need_a_table(weir: Weir) -> None:
    assert "need --local and --data" in weir.infer("income-workflow", ONE, "--tensor")
    assert weir.code == 1
