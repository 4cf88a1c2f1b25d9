from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from operators.core.errors import DeploymentError
from operators.models.load import load_step
from operators.storage.artifact_cache import ArtifactCache
from operators.storage.digest import digest
from operators.storage.fetch import fetch, resolve
from operators.storage.trusted_roots import ArtifactPolicy, locate, make_policy
from tests.operators.storage.model import arm, model
from tests.operators.storage.other_users import STRANGER, as_root, give_away
from tests.support.paths import FOLDERS

FOLDER = FOLDERS / "xgboost-binary"


def site_of(cache: Path) -> ArtifactPolicy:
    return make_policy("/", str(cache))


def compartments(cache: Path) -> list[Path]:
    return [path for path in cache.iterdir() if path.is_dir()]


def test_what_is_kept_is_the_callers_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        found = resolve(str(FOLDER), None, site_of(tmp_path / "a" / "b" / "cache"))
    finally:
        os.umask(before)
    folder = found.folder
    while folder != tmp_path:
        status = folder.lstat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o700, os.geteuid()), folder
        folder = folder.parent


def test_the_default_is_below_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert make_policy("", "").cache == tmp_path / f"weir-artifacts-{os.geteuid()}"


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o722, 0o755, 0o750])
@pytest.mark.parametrize("which", ["cache", "compartment", "entry"])
def test_a_folder_of_it_that_is_open_to_others_is_not_used(tmp_path: Path, mode: int, which: str) -> None:
    cache = tmp_path / "cache"
    found = resolve(str(FOLDER), None, site_of(cache))
    path = {"cache": cache, "compartment": found.folder.parent, "entry": found.folder}[which]
    path.chmod(mode)
    remedy = "remove it with its contents" if mode & 0o022 else f"chmod 700 {path}"
    with pytest.raises(
        DeploymentError, match=f"{path} is .*{mode:04o}.*: {remedy}, or name a folder of your own"
    ):
        fetch(locate(str(FOLDER), site_of(cache)), found.digest, cache)
    path.chmod(0o700)
    assert fetch(locate(str(FOLDER), site_of(cache)), found.digest, cache) == found.folder


@as_root
@pytest.mark.parametrize("which", ["cache", "compartment", "entry"])
def test_a_folder_of_it_that_another_user_made_is_not_used(tmp_path: Path, which: str) -> None:
    cache = tmp_path / "cache"
    found = resolve(str(FOLDER), None, site_of(cache))
    path = {"cache": cache, "compartment": found.folder.parent, "entry": found.folder}[which]
    give_away(path)
    with pytest.raises(DeploymentError, match=f"{path} belongs to another user .*--artifact-cache"):
        fetch(locate(str(FOLDER), site_of(cache)), found.digest, cache)


@pytest.mark.parametrize("which", ["cache", "compartment", "entry"])
def test_a_folder_of_it_that_is_a_link_is_not_used(tmp_path: Path, which: str) -> None:
    cache = tmp_path / "cache"
    found = resolve(str(FOLDER), None, site_of(cache))
    path = {"cache": cache, "compartment": found.folder.parent, "entry": found.folder}[which]
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeploymentError, match=f"{path} is a link or a file.*: remove it, or name"):
        fetch(locate(str(FOLDER), site_of(cache)), found.digest, cache)


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(DeploymentError, match="is a link or a file"):
        ArtifactCache(tmp_path / "cache")
    with pytest.raises(
        DeploymentError, match=r"cannot be used as artifact cache: .*Not a directory.*--artifact-cache"
    ):
        ArtifactCache(tmp_path / "cache" / "below")


def test_a_folder_above_it_that_others_can_write_is_refused(tmp_path: Path) -> None:
    """They could put a folder of theirs in its place."""
    (tmp_path / "open" / "mine").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(DeploymentError, match=f"{tmp_path}/open is writable by everyone: chmod o-w"):
        ArtifactCache(tmp_path / "open" / "mine" / "cache")
    (tmp_path / "open").chmod(0o1777)
    assert ArtifactCache(tmp_path / "open" / "mine" / "cache").folder.is_dir()


@as_root
def test_a_folder_above_it_that_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    give_away(tmp_path / "theirs")
    with pytest.raises(DeploymentError, match=f"{tmp_path}/theirs belongs to user {STRANGER}"):
        ArtifactCache(tmp_path / "theirs" / "cache")
    assert list((tmp_path / "theirs").iterdir()) == []


def test_a_link_above_it_is_followed_to_where_nobody_else_writes(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert ArtifactCache(tmp_path / "link" / "cache").folder == (tmp_path / "real" / "cache").resolve()
    (tmp_path / "real").chmod(0o777)
    with pytest.raises(DeploymentError, match="real is writable by everyone"):
        ArtifactCache(tmp_path / "link" / "cache")


@as_root
def test_a_link_above_it_that_another_user_made_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    give_away(tmp_path / "link")
    with pytest.raises(DeploymentError, match=f"{tmp_path}/link belongs to user {STRANGER}"):
        ArtifactCache(tmp_path / "link" / "cache")


@pytest.mark.parametrize("root", ["/", ""])
def test_a_copy_that_was_tampered_with_is_replaced(tmp_path: Path, root: str) -> None:
    site = make_policy(root, str(tmp_path / "cache"))
    found = resolve(str(FOLDER), None, site)
    (found.folder / "model.json").write_text("half")
    (found.folder / "more.joblib").write_text("more")
    assert digest(fetch(locate(str(FOLDER), site), found.digest, site.cache)) == digest(FOLDER)
    (found.folder / "model.json").unlink()
    (found.folder / "model.json").symlink_to(FOLDER / "model.json")
    assert digest(fetch(locate(str(FOLDER), site), found.digest, site.cache)) == digest(FOLDER)
    load_step(model(), str(FOLDER), found.digest, site)


def test_a_copy_that_was_tampered_with_is_not_loaded_when_its_origin_is_gone(tmp_path: Path) -> None:
    site = make_policy(str(tmp_path), str(tmp_path / "cache"))
    trace = tmp_path / "trace"
    folder = shutil.copytree(FOLDER, tmp_path / "m")
    found = resolve(str(folder), None, site)
    evil = arm(tmp_path / "evil", trace)
    shutil.rmtree(found.folder)
    shutil.copytree(evil, found.folder)
    found.folder.chmod(0o700)
    shutil.rmtree(folder)
    with pytest.raises(DeploymentError, match="is not a folder"):
        load_step(model(), str(folder), found.digest, site)
    assert not trace.exists()


def test_copies_of_trusted_and_other_places_are_kept_apart(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    trusted = [resolve(str(FOLDER), None, make_policy(str(root), str(cache))) for root in FOLDER.parents[:2]]
    other = resolve(str(FOLDER), None, make_policy("", str(cache)))
    assert len({one.folder for one in (*trusted, other)}) == len(compartments(cache)) == 3
    assert {one.digest for one in (*trusted, other)} == {digest(FOLDER)}
    again = resolve(FOLDER.as_uri(), None, make_policy(FOLDER.parent.as_uri(), str(cache)))
    assert again.folder == trusted[0].folder, "a root has one name, however it is written"


def test_nothing_is_left_of_what_could_not_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="has changed since it was applied"):
        fetch(locate(str(FOLDER), site_of(tmp_path)), f"sha256:{'0' * 64}", tmp_path / "cache")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    assert list((tmp_path / "cache").glob("half-*")) == []


def test_what_an_ended_process_left_is_removed_later(tmp_path: Path) -> None:
    site = site_of(tmp_path / "cache")
    with ArtifactCache(site.cache).partial_copy() as fresh, ArtifactCache(site.cache).partial_copy() as old:
        (old / "part").write_text("x")
        os.utime(old, (0, 0))
        resolve(str(FOLDER), None, site)
        assert fresh.exists()
        assert not old.exists()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder like the temporary folder, that every user of the machine reaches."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o1777)
        yield Path(folder)


def as_stranger(command: str) -> int:
    return subprocess.run(
        ["/bin/sh", "-c", command],
        user=STRANGER,
        group=STRANGER,
        extra_groups=[],
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


@as_root
def test_another_user_cannot_prepare_the_cache_in_the_temporary_folder(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    cache = make_policy("/", "").cache
    for prepared in (f"mkdir -m 777 {cache}", f"mkdir -m 777 {shared}/x && ln -s {shared}/x {cache}"):
        assert as_stranger(prepared) == 0
        with pytest.raises(DeploymentError, match=r"belongs to another user|is a link or a file"):
            resolve(str(FOLDER), None, make_policy("/", ""))
        assert as_stranger(f"rm -r {cache}") == 0


@as_root
def test_another_user_cannot_swap_a_file_or_a_folder_of_the_cache(shared: Path) -> None:
    found = resolve(str(FOLDER), None, site_of(shared / "cache"))
    path = found.folder
    while path != shared:
        assert as_stranger(f"mv {path} {shared}/gone") != 0
        assert as_stranger(f"echo > {path}/model.json") != 0
        assert as_stranger(f"ls {path}") != 0
        path = path.parent
    assert digest(found.folder) == found.digest
