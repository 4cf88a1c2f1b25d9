"""Private copies of model folders: what was checked is what is loaded, whatever becomes of its origin.

    CACHE/root-0123…/sha256-4567…      copied from below that trusted root
    CACHE/untrusted/sha256-4567…       copied from elsewhere: never loaded as code

The cache belongs to the calling user, with mode 0700; another one is not used.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from operators.core.errors import DeploymentError
from operators.storage.digest import digest, entries_of
from operators.storage.ownership import user_name, writers_on_path

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REMEDY = "or name a folder of your own with --artifact-cache"


class ArtifactCache:
    """A cache that is this user's alone, made where it is missing; DeploymentError where it is not."""

    def __init__(self, folder: Path) -> None:
        try:
            whole = Path(os.path.abspath(folder))
            for above in reversed([one for one in whole.parents if not one.exists()]):
                above.mkdir(mode=0o700, exist_ok=True)
            fault = writers_on_path(whole)
            if fault:
                raise DeploymentError(f"{folder} cannot hold models: {fault}, {_REMEDY}")
            self.folder = whole.parent.resolve() / whole.name
            _make_private(self.folder)
        except OSError as error:
            raise DeploymentError(
                f"{folder} cannot hold models: {error}; name another with --artifact-cache"
            ) from error

    def find(self, root: str | None, recorded: str) -> Path | None:
        """Return the copy from below a trusted root that has this digest, None without one.

        A root of None stands for all places that are not trusted.
        """
        if not _DIGEST.fullmatch(recorded):
            return None
        kept = self._place(root, recorded)
        if not kept.is_dir():
            return None
        _make_private(kept)
        return kept if _holds(kept, recorded) else None

    @contextmanager
    def partial_copy(self) -> Iterator[Path]:
        """Make a folder to copy to, and remove what is left of it."""
        partial_copy = Path(tempfile.mkdtemp(prefix="half-", dir=self.folder))
        try:
            yield partial_copy
        finally:
            shutil.rmtree(partial_copy, ignore_errors=True)

    def keep(self, partial_copy: Path, root: str | None) -> tuple[Path, str]:
        """Give a half the place of its digest; it appears there whole or not at all. Returns both."""
        found = digest(partial_copy)
        known = self.find(root, found)
        if known:
            return known, found
        kept = self._place(root, found)
        if kept.exists():  # spoilt
            self._remove(kept)
        with suppress(OSError):  # another process was quicker
            partial_copy.rename(kept)
        if digest(kept) != found:
            raise DeploymentError(f"{kept} cannot be replaced: remove it")
        return kept, found

    def discard(self, root: str | None, recorded: str) -> None:
        """Forget a copy."""
        self._remove(self._place(root, recorded))

    def _remove(self, kept: Path) -> None:
        """Take a copy away at once, then delete it: whoever looks for it finds all of it or nothing."""
        with (
            self.partial_copy() as partial_copy,
            suppress(OSError),
        ):  # there is none, or another process was quicker
            kept.rename(partial_copy / "gone")

    def _place(self, root: str | None, found: str) -> Path:
        compartment = (
            "untrusted" if root is None else f"root-{hashlib.sha256(os.fsencode(root)).hexdigest()[:32]}"
        )
        _make_private(self.folder / compartment)
        return self.folder / compartment / found.replace(":", "-")


def copy_files(source: Path, target: Path) -> None:
    """Copy the files of a folder, by their bytes and nothing else, into a private one."""
    for name, path, link in entries_of(source):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if link:
            place.symlink_to(link)
        else:
            _copy(path, place)


def _copy(path: Path, target: Path) -> None:
    # Opened without following a link, or waiting for a pipe, that took the file's place just now.
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as source:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise DeploymentError(f"{path} is no file any more: try again")
        with target.open("xb") as copy:
            shutil.copyfileobj(source, copy, 1024 * 1024)


def _holds(kept: Path, recorded: str) -> bool:
    try:
        return digest(kept) == recorded
    except (DeploymentError, OSError):  # links that were put there, files that cannot be read
        return False


def _make_private(folder: Path) -> None:
    """Make a folder that is the user's alone, or raise DeploymentError if what is there is not."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = os.lstat(folder)
    if stat.S_ISLNK(status.st_mode) or not stat.S_ISDIR(status.st_mode):
        raise DeploymentError(
            f"{folder} is a link or a file, no folder to keep models in: remove it, {_REMEDY}"
        )
    if status.st_uid != os.geteuid():
        raise DeploymentError(
            f"{folder} belongs to another user ({user_name(status.st_uid)}): remove it, {_REMEDY}"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise DeploymentError(
            f"{folder} is writable by others (mode {_mode(status)}), so what it holds cannot be trusted: "
            f"remove it with all it holds, {_REMEDY}"
        )
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise DeploymentError(
            f"{folder} is open to others (mode {_mode(status)}): chmod 700 {folder}, {_REMEDY}"
        )


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"
