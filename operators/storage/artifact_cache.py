"""Private copies of model folders, so that a worker loads exactly the files that were checked.

    CACHE/root-0123…/sha256-4567…      copied from below that trusted root
    CACHE/untrusted/sha256-4567…       copied from elsewhere: never loaded as code

The cache must belong to the calling user and have mode 0700; otherwise it is not used.
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
from time import time

from operators.core.errors import DeploymentError
from operators.storage.digest import digest, entries_of
from operators.storage.ownership import user_name, writers_on_path

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARTIAL = "half-"
# No copy takes a day (`Limits.minutes`). The time is that of the last change at the copy's top.
_ABANDONED_SECONDS = 2 * 86_400
_REMEDY = "or name a folder of your own with --artifact-cache"


class ArtifactCache:
    """A cache that only the calling user can access.

    It is created if it does not exist. Raises DeploymentError if others can access it.
    """

    def __init__(self, folder: Path) -> None:
        try:
            path = Path(os.path.abspath(folder))
            for parent in reversed([parent for parent in path.parents if not parent.exists()]):
                parent.mkdir(mode=0o700, exist_ok=True)
            fault = writers_on_path(path)
            if fault:
                raise DeploymentError(f"{folder} cannot be used as artifact cache: {fault}, {_REMEDY}")
            self.folder = path.parent.resolve() / path.name
            _make_private(self.folder)
            self._remove_abandoned()
        except OSError as error:
            raise DeploymentError(
                f"{folder} cannot be used as artifact cache: {error}; name another with --artifact-cache"
            ) from error

    def _remove_abandoned(self) -> None:
        """Remove the partial copies of processes that ended before they could remove them."""
        for partial_copy in self.folder.glob(f"{_PARTIAL}*"):
            with suppress(OSError):  # another process has removed it
                if time() - partial_copy.lstat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(partial_copy, ignore_errors=True)

    def find(self, root: str | None, recorded: str) -> Path | None:
        """Return the copy with this digest from below a trusted root, None if there is none.

        A root of None means all untrusted places.
        """
        if not _DIGEST.fullmatch(recorded):
            return None
        kept = self._path_of(root, recorded)
        if not kept.is_dir():
            return None
        _make_private(kept)
        return kept if _has_digest(kept, recorded) else None

    @contextmanager
    def partial_copy(self) -> Iterator[Path]:
        """Create a folder to copy to; remove it afterwards unless `keep` moved it."""
        partial_copy = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self.folder))
        try:
            yield partial_copy
        finally:
            shutil.rmtree(partial_copy, ignore_errors=True)

    def keep(self, partial_copy: Path, root: str | None) -> tuple[Path, str]:
        """Move a complete copy to the path of its digest, atomically; return the path and the digest."""
        copied = digest(partial_copy)
        existing = self.find(root, copied)
        if existing:
            return existing, copied
        kept = self._path_of(root, copied)
        if kept.exists():  # corrupt
            self._remove(kept)
        with suppress(OSError):  # another process was faster
            partial_copy.rename(kept)
        if digest(kept) != copied:
            raise DeploymentError(f"{kept} is corrupt and cannot be replaced; remove it")
        return kept, copied

    def discard(self, root: str | None, recorded: str) -> None:
        """Remove a copy."""
        self._remove(self._path_of(root, recorded))

    def _remove(self, kept: Path) -> None:
        """Rename a copy, then delete it, so that other processes see all of it or nothing."""
        # The rename fails if it does not exist, or if another process was faster.
        with self.partial_copy() as partial_copy, suppress(OSError):
            kept.rename(partial_copy / "gone")

    def _path_of(self, root: str | None, sha256: str) -> Path:
        compartment = (
            "untrusted" if root is None else f"root-{hashlib.sha256(os.fsencode(root)).hexdigest()[:32]}"
        )
        _make_private(self.folder / compartment)
        return self.folder / compartment / sha256.replace(":", "-")


def copy_files(source: Path, target: Path) -> None:
    """Copy the contents of a folder's files, without modes or owners, into a private folder."""
    for name, path, link in entries_of(source):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if link:
            copy.symlink_to(link)
        else:
            _copy(path, copy)


def _copy(path: Path, target: Path) -> None:
    # If a link or a pipe has replaced the file since it was listed: do not follow the link or wait.
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as source:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise DeploymentError(f"{path} is not a file any more; try again")
        with target.open("xb") as copy:
            shutil.copyfileobj(source, copy, 1024 * 1024)


def _has_digest(kept: Path, recorded: str) -> bool:
    try:
        return digest(kept) == recorded
    except (DeploymentError, OSError):  # links that someone added, files that cannot be read
        return False


def _make_private(folder: Path) -> None:
    """Create a folder that only the user can access; raise DeploymentError if others can access it."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = os.lstat(folder)
    if stat.S_ISLNK(status.st_mode) or not stat.S_ISDIR(status.st_mode):
        raise DeploymentError(f"{folder} is a link or a file, but must be a folder: remove it, {_REMEDY}")
    if status.st_uid != os.geteuid():
        raise DeploymentError(
            f"{folder} belongs to another user ({user_name(status.st_uid)}): remove it, {_REMEDY}"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise DeploymentError(
            f"{folder} is writable by others (mode {_mode(status)}), so its contents cannot be trusted: "
            f"remove it with its contents, {_REMEDY}"
        )
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise DeploymentError(
            f"{folder} is open to others (mode {_mode(status)}): chmod 700 {folder}, {_REMEDY}"
        )


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"
