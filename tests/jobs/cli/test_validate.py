"""`weir validate`, where models and documents are elsewhere: it checks the text, and lists the rest."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.releases.validation.test_manifests import API, model, pipeline
from tests.support.paths import FOLDERS

WEIR = Path(sys.executable).with_name("weir")
FOLDER = FOLDERS / "xgboost-binary"
MONITOR = "kind: Monitor\nmetadata: {name: m}\nspec: {pipeline: p, "


class Store:
    """A server at a port that takes connections and never answers."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"

    def was_asked(self) -> bool:
        self._listening.settimeout(0)
        try:
            self._listening.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def store() -> Iterator[Store]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Store(listening)


def validate(
    folder: Path, *documents: str, store: str = "http://127.0.0.1:1", options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    parts = [
        text.replace("kind: Monitor", "apiVersion: weir/v1alpha1\nkind: Monitor")
        if "kind: Monitor" in text
        else f"{API}\n{text}"
        for text in documents
    ]
    (folder / "all.yaml").write_text("\n---\n".join(parts))
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": store,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_MAX_ATTEMPTS": "1",
        "STORAGE_EMULATOR_HOST": store,
    }
    command = [WEIR, "validate", *options, "-f", "all.yaml"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize("uri", ["gs://models/income", "s3://models/income"])
def test_a_model_in_a_store_is_a_notice_and_the_store_is_not_asked(
    uri: str, tmp_path: Path, store: Store
) -> None:
    done = validate(tmp_path, model("m", uri), pipeline({"name": "m"}), store=store.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"notice: all.yaml: Model m: not checked here: {uri} is in a store; --with-artifacts fetches it",
        "1 pipelines are valid",
        "  p: m (only the text; not all models were loaded)",
    ]
    assert not store.was_asked()


@pytest.mark.parametrize(
    "uri",
    [
        "s3://user:pass%word@bucket/m",
        "https://user:pass-word@host/m",
        "S3://user:pass-word@bucket/m",
        "nowhere://user:pass-word@bucket/m",
    ],
)
@pytest.mark.parametrize("options", [(), ("--with-artifacts",)])
def test_no_password_of_a_uri_is_printed(uri: str, options: tuple[str, ...], tmp_path: Path) -> None:
    done = validate(tmp_path, model("m", uri), pipeline({"name": "m"}), options=options)
    assert done.returncode == 1
    printed = done.stdout + done.stderr
    assert "(redacted)@" in printed
    assert "user" not in printed.replace("names no bucket, or a user before it", "")
    assert "word" not in printed


def test_with_artifacts_asks_the_store_and_prints_so(tmp_path: Path) -> None:
    documents = (model("m", "s3://models/income"), pipeline({"name": "m"}))
    done = validate(tmp_path, *documents, options=("--with-artifacts",))
    assert done.returncode == 1
    assert done.stderr.startswith("fetching Model m from s3://models/income …\n")
    assert "Model m: s3://models/income cannot be listed: " in done.stderr


def test_a_model_of_no_document_is_a_notice(tmp_path: Path) -> None:
    documents = (pipeline({"name": "away"}, {"name": "here"}), model("here", FOLDER))
    done = validate(tmp_path, *documents)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "notice: all.yaml: Pipeline/p: spec.steps[0].name: not checked here: Model away is not in these "
        "manifests; weir apply looks for it among the documents that were applied before"
    ) in done.stdout
    assert "1 pipelines are valid\n  p: away, here (only the text; not all models were loaded)" in done.stdout
    done = validate(tmp_path, *documents, options=("--with-artifacts",))
    assert done.returncode == 1
    assert "there is no Model away in these manifests; add its document" in done.stderr


def test_a_pipeline_of_no_document_is_a_notice_for_its_monitor(tmp_path: Path) -> None:
    done = validate(tmp_path, MONITOR + "drift: [{step: d}]}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Monitor/m: spec.pipeline: not checked here: Pipeline p is not in these manifests" in done.stdout


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([pipeline({"name": "a", "inputs": ["b"]})], "there is no step b in pipeline p"),
        ([pipeline({"name": "a"}), model("m", "s3://m", memory="lots")], "spec.memory must be a quantity"),
        ([pipeline({"name": "a"}), model("a", "s3://m"), model("b", "./away")], "away is not a folder"),
        ([pipeline({"name": "a"}), MONITOR + "drift: [{step: b}]}"], "pipeline p has no step b"),
        (
            [
                pipeline({"name": "a"}).replace(
                    '{"steps"', '{"input": {"externalInputs": ["q.outputs"]}, "steps"'
                ),
                pipeline({"name": "a"})
                .replace("{name: p}", "{name: q}")
                .replace('{"steps"', '{"input": {"externalInputs": ["p.outputs"]}, "steps"'),
            ],
            "these pipelines would answer each other without end",
        ),
    ],
)
def test_what_is_wrong_in_the_text_is_an_error_all_the_same(
    tmp_path: Path, documents: list[str], message: str
) -> None:
    done = validate(tmp_path, *documents)
    assert done.returncode == 1
    assert message in done.stderr
    assert "not checked here" in done.stdout


def test_a_hidden_feature_may_be_that_of_a_model_in_a_store(models: Path, tmp_path: Path) -> None:
    """The drift detector that is here does not know it, the one in the store may."""
    done = validate(
        tmp_path,
        model("here", models / "income-drift"),
        model("away", "s3://models/away"),
        pipeline({"name": "here", "batch": {"size": 500}}, {"name": "away", "batch": {"size": 500}}),
        MONITOR + "redact: [salary]}",
        options=("--trusted-roots", str(models)),
    )
    assert (done.returncode, done.stderr) == (0, "")
