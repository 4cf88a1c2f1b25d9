"""Folders from local paths, and from S3 and Google Cloud Storage as their protocols' emulators serve them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import fsspec
import numpy as np
import pytest

from jobs.local_stack.ports import free_ports
from operators.core.errors import DeploymentError
from operators.models.load import load_step
from operators.models.step import InferenceOptions
from operators.storage.digest import digest
from operators.storage.fetch import fetch, resolve
from operators.storage.trusted_roots import locate, make_policy
from tests.operators.storage.model import model, one_request, settings
from tests.support.paths import FOLDERS

NOWHERE = make_policy("", "")
FOLDER = FOLDERS / "xgboost-binary"


@contextmanager
def server(command: list[str], port: int) -> Iterator[str]:
    """Run an emulator until the test is over; it is ready when it answers anything."""
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = monotonic() + 60
        while not _answers(url):
            assert process.poll() is None, "the emulator ended"
            assert monotonic() < deadline, "the emulator does not answer"
            sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5):
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket on S3."""
    port = free_ports().web
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with server(command, port) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", url)
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir("models")
        yield "s3://models"


@pytest.fixture(scope="module")
def gs() -> Iterator[str]:
    """A bucket on Google Cloud Storage."""
    port = free_ports().web
    command = [str(Path(sys.executable).with_name("gcp-storage-emulator"))]
    command += ["start", "--host=127.0.0.1", f"--port={port}", "--in-memory", "--default-bucket=models"]
    with server(command, port) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", url)
        yield "gs://models"


@pytest.fixture(params=["s3", "gs"])
def bucket(request: pytest.FixtureRequest) -> str:
    """Either of them."""
    return str(request.getfixturevalue(request.param))


def upload(folder: Path, uri: str) -> str:
    """Copy a folder to a URI of its own."""
    filesystem, root = fsspec.core.url_to_fs(uri)
    for path in folder.rglob("*"):
        if path.is_file():
            filesystem.pipe(f"{root}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return uri


def test_a_remote_folder_is_loaded_and_answers(bucket: str, tmp_path: Path) -> None:
    uri = upload(FOLDER, f"{bucket}/one")
    site = make_policy("", str(tmp_path))
    found = resolve(uri, None, site)
    assert (found.uri, found.digest) == (uri, digest(FOLDER))
    step = load_step(model(), uri, found.digest, site)
    assert "predict" in step.infer(one_request(np.zeros((2, 6))), InferenceOptions())


def test_it_is_fetched_once_and_then_read_without_the_storage(bucket: str, tmp_path: Path) -> None:
    uri = upload(FOLDER, f"{bucket}/once")
    found = resolve(uri, None, make_policy("", str(tmp_path)))
    filesystem, root = fsspec.core.url_to_fs(uri)
    filesystem.rm(root, recursive=True)
    assert fetch(locate(uri, NOWHERE), found.digest, tmp_path) == found.folder
    with pytest.raises(DeploymentError, match=r"once.* (contains no file|cannot be (read|listed))"):
        fetch(locate(uri, NOWHERE), found.digest, tmp_path / "another cache")


def test_a_spoilt_copy_in_the_cache_is_fetched_again(bucket: str, tmp_path: Path) -> None:
    uri = upload(FOLDER, f"{bucket}/spoilt")
    found = resolve(uri, None, make_policy("", str(tmp_path)))
    (found.folder / "model.json").write_text("half")
    assert digest(fetch(locate(uri, NOWHERE), found.digest, tmp_path)) == digest(FOLDER)


def test_a_remote_folder_that_changed_is_refused(bucket: str, tmp_path: Path) -> None:
    uri = upload(FOLDER, f"{bucket}/changed")
    found = resolve(uri, None, make_policy("", str(tmp_path)))
    filesystem, root = fsspec.core.url_to_fs(uri)
    filesystem.pipe(f"{root}/model.json", b"{}")
    with pytest.raises(
        DeploymentError, match="has changed since it was applied, or was not copied completely"
    ):
        fetch(locate(uri, NOWHERE), found.digest, tmp_path / "cold")
    assert list((tmp_path / "cold").glob("half-*")) == []


def test_a_bucket_that_is_not_there_is_an_error(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"nowhere.* (contains no file|cannot be)"):
        resolve(f"{bucket}/nowhere", None, make_policy("", str(tmp_path)))
    with pytest.raises(DeploymentError, match=r"(contains no file|cannot be)"):
        resolve(bucket.replace("models", "no-such-bucket") + "/x", None, make_policy("", str(tmp_path)))


def test_a_storage_whose_library_is_missing_names_the_extra(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from operators.storage.fetch import resolve\n"
        "from operators.storage.trusted_roots import make_policy\n"
        "resolve('s3://models/x', None, make_policy('', 'cache'))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "s3:// needs an extra: pip install 'weir[s3]'" in done.stderr


def versions(folder: Path, *names: str) -> Path:
    for name in names:
        shutil.copytree(FOLDER, folder / name)
    return folder


@pytest.mark.parametrize("where", ["local", "remote"])
def test_the_version_folder_is_chosen_as_seldon_does(s3: str, tmp_path: Path, where: str) -> None:
    folder = versions(tmp_path / "models", "1", "2", "10", "old")
    uri = str(folder) if where == "local" else upload(folder, f"{s3}/{tmp_path.name}")
    site = make_policy("", str(tmp_path / "cache"))
    assert resolve(uri, None, site).uri == f"{uri}/10"
    assert resolve(uri, 2, site).uri == f"{uri}/2"
    with pytest.raises(DeploymentError, match=r"has no folder 3 \(spec.artifactVersion\); there is 1, 2, 10"):
        resolve(uri, 3, site)


def test_settings_at_the_top_win_over_version_folders(tmp_path: Path) -> None:
    folder = settings(versions(tmp_path, "1"), implementation="x.Y")
    assert resolve(str(folder), None, make_policy("", str(tmp_path / "cache"))).uri == str(folder)


def test_a_file_uri_is_a_local_folder(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "a folder")
    site = make_policy("", str(tmp_path / "cache"))
    found = resolve(f"file://{str(folder).replace(' ', '%20')}", None, site)
    assert (found.uri, found.digest, digest(found.folder)) == (str(folder), digest(FOLDER), digest(FOLDER))


def test_a_half_copied_local_folder_is_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "half")
    recorded: Any = digest(folder)
    (folder / "model.json").unlink()
    with pytest.raises(
        DeploymentError, match="has changed since it was applied, or was not copied completely"
    ):
        fetch(locate(str(folder), NOWHERE), recorded, tmp_path / "cache")


def test_settings_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    folder = settings(tmp_path / "m", implementation="x.Y", parameters={"uri": "../secret.joblib"})
    with pytest.raises(DeploymentError, match=r"parameters.uri is .*, which is outside the model.s folder"):
        load_step(model(), str(folder), digest(folder), make_policy("/", ""))
