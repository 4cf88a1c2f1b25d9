from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from operators.storage.ownership import writers_in, writers_on_path
from tests.operators.storage.other_users import STRANGER, as_root, give_away


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the caller's own, with a file in a folder in it."""
    (tmp_path / "above" / "m" / "in").mkdir(parents=True)
    (tmp_path / "above" / "m" / "in" / "file").write_text("")
    for path in (tmp_path / "above", *(tmp_path / "above").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return tmp_path / "above" / "m"


def test_ones_own_folder_is_nobody_elses(folder: Path) -> None:
    assert writers_in(folder) is None
    assert writers_in(folder / "in" / "file") is None


@pytest.mark.parametrize("name", ["", "in", "in/file", ".."])
def test_what_everyone_can_write_is_named_with_the_remedy(folder: Path, name: str) -> None:
    path = Path(os.path.normpath(folder / name))
    path.chmod(path.stat().st_mode | 0o002)
    assert writers_in(folder) == f"{path} is writable by everyone: chmod o-w {path}"


@as_root
@pytest.mark.parametrize("name", ["", "in", "in/file", ".."])
def test_what_a_group_can_write_is_named_with_the_remedy(folder: Path, name: str) -> None:
    path = Path(os.path.normpath(folder / name))
    give_away(path, group=True)
    path.chmod(path.stat().st_mode | 0o020)
    assert writers_in(folder) == f"{path} is writable by group {STRANGER}: chmod g-w {path}"
    path.chmod(path.stat().st_mode & ~0o020)
    assert writers_in(folder) is None, "only owned by it"


@as_root
@pytest.mark.parametrize("name", ["", "in", "in/file", ".."])
def test_what_belongs_to_another_user_is_named(folder: Path, name: str) -> None:
    path = Path(os.path.normpath(folder / name))
    give_away(path)
    assert (writers_in(folder) or "").startswith(f"{path} belongs to user {STRANGER}")


def test_in_a_sticky_folder_above_nobody_moves_what_others_own(folder: Path) -> None:
    folder.parent.chmod(0o1777)
    assert writers_in(folder) is None
    assert writers_on_path(folder) is None
    folder.chmod(0o1777)
    assert writers_in(folder) == f"{folder} is writable by everyone: chmod o-w {folder}", (
        "they can add a file"
    )


@as_root
def test_the_callers_private_group_is_the_caller(folder: Path) -> None:
    """Root's own group has no other member, as with the umask 002 that goes with such groups."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | 0o020)
    assert writers_in(folder) is None


@as_root
def test_an_access_list_is_not_hidden_by_a_private_group(folder: Path) -> None:
    """Group bits stand for the list's mask then: a stranger with rwx looks like the group."""
    entries = [(1, 7, -1), (2, 7, STRANGER), (4, 5, -1), (0x10, 7, -1), (0x20, 0, -1)]
    value = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, rights, who & 0xFFFFFFFF) for tag, rights, who in entries
    )
    try:
        os.setxattr(folder, "system.posix_acl_access", value)
    except OSError:
        pytest.skip("a file system without access lists")
    assert (writers_in(folder) or "").startswith(f"{folder} is writable by group root")


def test_a_link_is_looked_through_to_what_it_leads_to(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert writers_in(tmp_path / "link") is None
    folder.chmod(0o777)
    assert (writers_in(tmp_path / "link") or "").startswith(f"{folder} is writable by everyone")
