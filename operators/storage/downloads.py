"""Lists and copies a folder of a store, within the store's limits."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from operators.core.errors import DeploymentError, describe
from operators.storage.http_index import HttpIndex
from operators.storage.limits import Allowance
from operators.storage.stores import Stores, open_store


def list_files(uri: str, stores: Stores) -> list[str]:
    """Return the names of all files below a URI, relative to it.

    Raises DeploymentError if it cannot be listed, contains no file or a name that is not the plain name of
    a file below it, or exceeds a limit of its store.
    """
    filesystem, root = open_store(uri, stores)
    allowance = Allowance(uri, stores.find(uri)[1].limits)
    try:
        files = _find(filesystem, root, allowance)
    except DeploymentError:
        raise
    except Exception as error:  # each store has its own errors
        raise DeploymentError(f"{uri} cannot be listed: {describe(error)}") from error
    names = [file.removeprefix(root).lstrip("/") for file in files]
    # Some programs mark a folder by an empty object whose name ends with a slash.
    names = [name for name in names if name and not name.endswith("/")]
    if any(".." in PurePosixPath(name).parts for name in names):
        raise DeploymentError(f"{uri} contains a file whose name leads out of the folder; remove it")
    for name in names:
        if not name.isprintable() or PurePosixPath(name).as_posix() != name:
            raise DeploymentError(f"{uri} contains {name!r}, which is no plain name of a file; rename it")
    if not names:
        raise DeploymentError(f"{uri} contains no file; check storageUri, or upload the model first")
    return names


def download(uri: str, names: list[str], stores: Stores, target: Path) -> None:
    """Copy the files `names` of a URI into an empty folder.

    Raises DeploymentError if it exceeds a limit of its store, and the store's own errors.
    """
    filesystem, root = open_store(uri, stores)
    allowance = Allowance(uri, stores.find(uri)[1].limits)
    allowance.take_files(len(names))
    for name in names:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():  # on a file system that does not distinguish all names
            raise DeploymentError(f"{uri} contains {name!r} and another file of this name; rename one")
        _get_file(filesystem, f"{root}/{name}", path, allowance)


def _find(filesystem: Any, root: str, allowance: Allowance) -> list[str]:
    if isinstance(filesystem, HttpIndex):
        return filesystem.find(root, allowance)
    files: list[str] = _within(filesystem, allowance, filesystem._find, root)
    allowance.take_files(len(files))
    return files


def _get_file(filesystem: Any, source: str, target: Path, allowance: Allowance) -> None:
    if isinstance(filesystem, HttpIndex):
        filesystem.get_file(source, str(target), allowance)
        return
    from fsspec import Callback

    class Counter(Callback):  # type: ignore[misc]
        """Counts the bytes of a file as they arrive."""

        counted = 0

        def set_size(self, size: int | None) -> None:
            allowance.require_bytes(size or 0)

        def relative_update(self, inc: int = 1) -> None:
            self.counted += inc
            allowance.take_bytes(inc)

    callback = Counter()
    _within(filesystem, allowance, filesystem._get_file, source, str(target), callback=callback)
    allowance.take_bytes(max(0, target.stat().st_size - callback.counted))


def _within(filesystem: Any, allowance: Allowance, call: Any, *args: Any, **settings: Any) -> Any:
    """Run a call of an asynchronous filesystem; cancel it when the time is over."""
    from fsspec.asyn import sync
    from fsspec.exceptions import FSTimeoutError

    try:
        return sync(filesystem.loop, call, *args, timeout=allowance.seconds(), **settings)
    except FSTimeoutError:
        allowance.seconds()
        raise
