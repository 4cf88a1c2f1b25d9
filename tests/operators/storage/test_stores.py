"""Names of stores → places, with servers that implement the protocols."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import fsspec
import msgspec
import pytest

from jobs.flink.submit import connection_arguments
from jobs.local_stack.ports import free_ports
from jobs.streaming.settings import parse_settings
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers
from operators.storage.digest import digest
from operators.storage.fetch import fetch, resolve
from operators.storage.store_settings import read_stores
from operators.storage.stores import Stores, open_store
from operators.storage.trusted_roots import locate, make_policy, require_trust
from tests.operators.storage.test_fetch import FOLDER, server, upload
from tests.operators.storage.test_http_index import folder_served, page, pages

SETTING = """
lab:
  protocol: s3
  endpoint: ${LAB_URL}
  options: {key: "${LAB_KEY}", secret: "${LAB_SECRET}"}
"""


@pytest.fixture(scope="module")
def minio() -> Iterator[str]:
    """A server of S3 that is not Amazon's, with a model in it; its URL."""
    port = free_ports().web
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with server(command, port) as url:
        options = {"endpoint_url": url, "key": "key", "secret": "secret"}
        filesystem = fsspec.filesystem("s3", **options)
        filesystem.mkdir("models")
        for path in FOLDER.rglob("*"):
            if path.is_file():
                filesystem.pipe(f"models/income/{path.relative_to(FOLDER).as_posix()}", path.read_bytes())
        yield url


@pytest.fixture
def lab(minio: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("URL", minio), ("KEY", "key"), ("SECRET", "secret")):
        monkeypatch.setenv(f"LAB_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("as_file", [True, False])
def test_a_store_of_the_setting_is_opened_as_it_defines(tmp_path: Path, as_file: bool) -> None:
    setting = SETTING
    if as_file:
        setting = str(tmp_path / "stores.yaml")
        Path(setting).write_text(SETTING)
    site = make_policy("", str(tmp_path / "cache"), setting)
    found = resolve("lab://models/income", None, site)
    assert (found.uri, found.digest) == ("lab://models/income", digest(FOLDER))
    assert fetch(locate(found.uri, site), found.digest, tmp_path / "another").is_dir()


@pytest.mark.usefixtures("lab")
def test_the_setting_may_change_the_endpoint_of_a_built_in_store(tmp_path: Path) -> None:
    """As in Seldon's own samples, whose remote `s3` is MinIO."""
    site = make_policy("", str(tmp_path / "cache"), SETTING.replace("lab:", "s3:"))
    assert resolve("s3://models/income", None, site).digest == digest(FOLDER)


def test_minio_is_found_by_the_environment(
    minio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret"), ("ENDPOINT_URL", minio)):
        monkeypatch.setenv(f"AWS_{name}", value)
    assert resolve("minio://models/income", None, make_policy("", str(tmp_path / "cache"))).digest == digest(
        FOLDER
    )


def test_minio_without_an_address_never_means_amazon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(DeploymentError, match="minio:// has no default server: set its endpoint in"):
        open_store("minio://models/income", Stores())


def test_gcs_is_google_cloud_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_ports().web
    command = [str(Path(sys.executable).with_name("gcp-storage-emulator"))]
    command += ["start", "--host=127.0.0.1", f"--port={port}", "--in-memory", "--default-bucket=models"]
    with server(command, port) as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        upload(FOLDER, "gs://models/one")
        assert resolve("gcs://models/one", None, make_policy("", str(tmp_path / "cache"))).digest == digest(
            FOLDER
        )


def test_a_web_server_of_the_setting_is_asked_below_its_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "released").mkdir()
    (tmp_path / "released" / "income").symlink_to(FOLDER)
    with folder_served(tmp_path) as url:
        text = f'{{"lab": {{"protocol": "http", "endpoint": "{url}/released/"}}}}'
        found = resolve("lab://income", None, make_policy("", str(tmp_path / "cache"), text))
    assert found.digest == digest(FOLDER)


def test_headers_sign_in_and_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_TOKEN", "t0ken")
    answers = {"/m/": page('<a href="x">x</a>'), "/m/x": (200, {}, b"x")}
    with pages(answers) as (url, handler):
        headers = "{Authorization: 'Bearer ${LAB_TOKEN}'}"
        text = f"lab: {{protocol: http, endpoint: '{url}', options: {{headers: {headers}}}}}\n"
        resolve("lab://m", None, make_policy("", str(tmp_path / "cache"), text))
    assert {headers["Authorization"] for headers in handler.seen} == {"Bearer t0ken"}


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_KEY", raising=False)
    with pytest.raises(
        DeploymentError, match=r"stores\.lab\.options\.key: the environment variable LAB_KEY is n"
    ):
        open_store("lab://models/income", Stores(read_stores(SETTING)))


@pytest.mark.parametrize(
    "uri",
    [
        "ftp://host/models",
        "memory://models/income",
        "github://owner:repo@main/models",
        "simplecache::s3://models/income",
        "zip://models.zip",
        "file::s3://models",
        "local://tmp/models",
        "S3://models",
        ":s3,provider=minio:models/income",
        "minio:models/income",
        "://models",
        "lab://models",
    ],
)
def test_nothing_is_opened_but_what_is_known(uri: str) -> None:
    with pytest.raises(DeploymentError, match=r"names no store that is known here; known are azureblob://, "):
        open_store(uri, Stores())


@pytest.mark.parametrize("uri", ["s3://", "gs:///", "minio://", "http://"])
def test_a_store_without_a_bucket_is_refused(uri: str) -> None:
    with pytest.raises(DeploymentError, match="names no bucket or folder"):
        open_store(uri, Stores())


@pytest.mark.parametrize(
    ("scheme", "library", "extra"),
    [("s3", "s3fs", "s3"), ("gcs", "gcsfs", "gs"), ("azureblob", "adlfs", "azure")],
)
def test_a_library_that_is_missing_is_named_as_its_extra(scheme: str, library: str, extra: str) -> None:
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from operators.storage.stores import Stores, open_store\n"
        f"open_store('{scheme}://models/x', Stores())"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert f"{scheme}:// needs an extra: pip install 'weir[{extra}]'" in done.stderr


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("nowhere.yaml", "stores: nowhere.yaml: cannot be read"),
        ("{", "stores: "),
        ("[1]\n", "Expected `object`"),
        ('{"lab": "\\ud800"}', "stores: "),
        ("lab: {}\n", "missing required field `protocol`"),
        ("lab: {protocol: ftp}\n", "Invalid enum value 'ftp'"),
        ("lab: {protocol: s3, end: x}\n", "unknown field `end`"),
        ("Lab: {protocol: s3}\n", "stores: Lab: a store's name is lower-case letters"),
        ("file: {protocol: s3}\n", "and not file"),
        ("'a::b': {protocol: s3}\n", "a store's name is"),
        ("lab: {protocol: http}\n", "lab.endpoint must be an http or https URL"),
        ("lab: {protocol: http, endpoint: 'ftp://x'}\n", "lab.endpoint must be an http or https URL"),
        ("lab: {protocol: http, endpoint: 'http://x', options: {user: x}}\n", "may only contain headers"),
        ("lab: {protocol: azureblob, endpoint: 'http://x'}\n", "endpoint is not used for azureblob"),
        ("lab: {protocol: s3, endpoint: 'http://me:pass@x'}\n", "lab.endpoint contains a user"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(setting: str, message: str) -> None:
    with pytest.raises(DeploymentError, match=message):
        make_policy("", "", setting)


@pytest.mark.parametrize(
    "options",
    [
        "{secret: hunter2}",
        "{key: AKIA}",
        "{token: /etc/key.json}",
        "{client_kwargs: {aws_secret_access_key: hunter2}}",
        "{connection_string: 'AccountKey=x'}",
        "{account_key: 5}",
        "{sas_token: x}",
        "{nested: [{password: hunter2}]}",
    ],
)
def test_a_secret_that_is_written_out_is_refused(options: str) -> None:
    with pytest.raises(DeploymentError, match="may be a secret: write") as caught:
        read_stores(f"lab: {{protocol: s3, options: {options}}}\n")
    assert "hunter2" not in str(caught.value)


def test_what_is_no_secret_may_be_written_out() -> None:
    lab = "lab: {protocol: gs, options: {token: anon, project: p, secret: '${X}'}}\n"
    stores = read_stores(lab + "open: {protocol: s3, options: {anon: true}}\n")
    assert stores["lab"].options["token"] == "anon"


def test_the_job_gets_the_setting_without_its_file_and_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers may be on other machines, and the web UI shows what the job was submitted with."""
    monkeypatch.setenv("LAB_SECRET", "hunter2")
    (tmp_path / "stores.yaml").write_text(SETTING)
    site = make_policy("", "", str(tmp_path / "stores.yaml"))
    arguments = connection_arguments(Brokers("localhost:9092"), site)
    text = arguments[arguments.index("--stores") + 1]
    assert "\n" not in text
    assert "hunter2" not in text
    assert msgspec.json.decode(text)["lab"]["options"]["secret"] == "${LAB_SECRET}"
    (tmp_path / "stores.yaml").unlink()
    settings = parse_settings(arguments, {})
    assert settings.site.stores == site.stores
    assert parse_settings([], {"WEIR_STORES": text}).site.stores == site.stores
    assert cloudpickle.loads(cloudpickle.dumps(settings.site)) == settings.site


@pytest.mark.parametrize(
    ("uri", "root", "setting", "trusted"),
    [
        ("gcs://models/income", "gs://models", "", True),
        ("gs://models/income", "gcs://models", "", True),
        ("gcs://models/income", "gcs://models", "", True),
        ("gcs://models-evil/income", "gs://models", "", False),
        ("minio://models/income", "s3://models", "", False),
        ("s3://models/income", "minio://models", "", False),
        ("http://host/models/income", "https://host/models", "", False),
        ("https://host/models/income", "https://host/models", "", True),
        ("gcs://models/income", "gs://models", "gcs: {protocol: gs, endpoint: 'http://x'}\n", False),
        ("gcs://models/income", "gs://models", "gs: {protocol: gs, endpoint: 'http://x'}\n", False),
        ("lab://models/income", "lab://models", "lab: {protocol: s3}\n", True),
        ("lab://models/income", "s3://models", "lab: {protocol: s3}\n", False),
    ],
)
def test_two_names_are_one_trusted_place_only_where_they_must_be(
    uri: str, root: str, setting: str, trusted: bool
) -> None:
    site = make_policy(root, "", setting)
    if trusted:
        require_trust(locate(uri, site), "model.joblib", site)
    else:
        with pytest.raises(DeploymentError, match="is below no trusted root"):
            require_trust(locate(uri, site), "model.joblib", site)
