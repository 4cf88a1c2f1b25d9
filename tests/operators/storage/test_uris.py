from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from operators.core.errors import DeploymentError
from operators.models.load import load_step
from operators.storage.digest import digest
from operators.storage.fetch import resolve
from operators.storage.trusted_roots import locate, make_policy
from operators.storage.uris import local_path
from tests.operators.storage.model import arm, load, model

OTHER_STORES = [
    "memory://models/x",
    "memory:models",
    "simplecache::file:///models/x",
    "filecache::s3://models/x",
    "file::/models/x",
    "github://org:repo@main/x",
    "ftp://models/x",
    "lab://models/x",
    "zip://x::file:///models.zip",
    "dir:///models::memory://x",
    "s3:models/x",
    "://models/x",
    "C:\\models",
]
CAPITALS = ["S3://models/x", "File:///models/x", "FILE:///models/x", "Gs://models/x"]
AMBIGUOUS = [
    "s3://models/../x",
    "s3://models/a/..",
    "s3://models/./x",
    "s3://models//x",
    "s3://models/x//",
    "s3://models/%2e%2e/x",
    "s3://models/%2E./x",
    "s3://models/%252e%252e/x",
    "s3://models%2fx",
    "s3://models/..%5cx",
    "s3://models/..\\x",
    "s3://key:secret@models/x",
    "s3://models@evil/x",
    "s3://models/x?versionId=1",
    "s3://models/x#1",
    "s3://models/\nx",
    "s3://models/x::file:///etc",
    "s3://",
    "s3:///models",
    "s3://../models",
    "gs://models/a/../../evil",
    "file:///models/%2e%2e/etc",
    "file:///models/%2E%2E%2fetc",
    "file:///models/%252e%252e/etc",
    "file:///models/../etc",
    "file:///models//etc",
    "file:///models/x?y",
    "file:///models/x#y",
    "file:///models\\x",
    "file:///a%00b",
    "file://",
    "file://models/x",
    "file://localhost/models/x",
]


@pytest.mark.parametrize("uri", [*OTHER_STORES, *CAPITALS, *AMBIGUOUS])
def test_a_uri_that_is_unknown_or_has_two_readings_is_neither_opened_nor_trusted(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a store was opened")

    monkeypatch.setattr("fsspec.filesystem", opened)
    site = make_policy("/,s3://models,gs://models", str(tmp_path / "cache"))
    with pytest.raises(
        DeploymentError, match=r"neither a plain path nor|write the plain names of|names no store"
    ):
        locate(uri, site)
    with pytest.raises(DeploymentError):
        resolve(uri, None, site)
    with pytest.raises(DeploymentError):
        make_policy(uri, "")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("uri", ["memory://models/x", "simplecache::memory://models/x"])
def test_a_record_of_a_release_opens_no_other_store(uri: str, tmp_path: Path) -> None:
    """The store is there, holds the bytes that were recorded, and is not asked for them."""
    folder = arm(tmp_path / "m", tmp_path / "trace")
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/models/x", recursive=True)
    with pytest.raises(DeploymentError, match=r"Model m: .* (is neither a plain path nor|names no store)"):
        load_step(model(), uri, digest(folder), make_policy("/", str(tmp_path / "cache")))
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("models/income", "models/income"),
        ("/models/a::b", "/models/a::b"),
        ("./a:b", "a:b"),
        ("/models/%2e%2e/x", "/models/%2e%2e/x"),
        ("../models/income", "../models/income"),
        ("file:///models/a%20folder/", "/models/a folder"),
        ("file:///", "/"),
        ("s3://models/a/b", None),
        ("s3://models/a%20b/", None),
        ("gs://models", None),
    ],
)
def test_every_other_uri_is_read_in_one_way(uri: str, path: str | None) -> None:
    assert local_path(uri) == (None if path is None else Path(path))


def test_a_folder_whose_name_is_an_encoded_parent_is_that_folder(tmp_path: Path) -> None:
    """A plain path is not decoded, neither where it is checked nor where it is opened."""
    arm(tmp_path / "evil", tmp_path / "trace")
    (tmp_path / "root").mkdir()
    with pytest.raises(DeploymentError, match="is not a folder"):
        load(
            tmp_path / "root" / "%2e%2e" / "evil",
            make_policy(str(tmp_path / "root"), str(tmp_path / "cache")),
        )
    assert not (tmp_path / "trace").exists()
