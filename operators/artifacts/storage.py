"""storageUri → a local folder: where it lies, or fetched once and kept by its digest."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote

from operators.artifacts.digests import digest
from operators.errors import DeploymentError, describe

SETTINGS = "model-settings.json"
_NUMBER = re.compile(r"[0-9]+")


class Found(NamedTuple):
    """A model's folder: its URI with the chosen version, a local copy, and its digest."""

    uri: str
    folder: Path
    digest: str


def find(uri: str, version: int | None, cache: Path) -> Found:
    """Find a model's folder and what it holds now.

    A model-settings.json at the top wins; else it is the folder named by the version, else the highest
    numbered folder, else the top. Raises DeploymentError for what is missing or cannot be read.
    """
    path = local_path(uri)
    if path is not None:
        if not _is_folder(path):
            raise DeploymentError(f"{path} is not a folder: check storageUri, or train the model first")
        names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
        folder = path / _version_folder(names, version, uri)
        return Found(str(folder), folder, digest(folder))
    names = _list(uri)
    chosen = _version_folder(names, version, uri)
    if chosen:
        uri = f"{uri.rstrip('/')}/{chosen}"
        names = [name.removeprefix(f"{chosen}/") for name in names if name.startswith(f"{chosen}/")]
    folder, found = _download(uri, names, cache)
    return Found(uri.rstrip("/"), folder, found)


def fetch(uri: str, recorded: str, cache: Path) -> Path:
    """Return a local folder that has the recorded digest; DeploymentError where the URI holds another."""
    path, kept = local_path(uri), _kept(cache, recorded)
    if path is not None and path.is_dir() and digest(path) == recorded:
        return path
    if kept.is_dir() and digest(kept) == recorded:
        return kept
    path, found = _download(uri, _list(uri), cache) if path is None else (path, digest(path))
    if found != recorded:
        raise DeploymentError(
            f"{uri} has changed since it was applied, or was not copied whole "
            f"({found}, recorded {recorded}); copy it again, or apply it again"
        )
    return path


def keep(uri: str, recorded: str, cache: Path) -> None:
    """Keep a copy of a local folder by its digest, for when others have taken its place."""
    path = local_path(uri)
    if path is None or _kept(cache, recorded).is_dir():
        return
    with _half(uri, cache) as half:
        shutil.copytree(path, half, dirs_exist_ok=True)
        _settle(half, cache)


def local_path(uri: str) -> Path | None:
    """Return the path of a local URI, None for a remote one."""
    if uri.startswith("file://"):
        return Path(unquote(uri.removeprefix("file://")))
    return None if "://" in uri else Path(uri)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no file can have such a name
        return False


def _version_folder(names: list[str], version: int | None, uri: str) -> str:
    if SETTINGS in names:
        return ""
    folders = {PurePosixPath(name).parts[0] for name in names if "/" in name}
    numbers = sorted((name for name in folders if _NUMBER.fullmatch(name)), key=int)
    if version is None:
        return numbers[-1] if numbers else ""
    if str(version) not in numbers:
        there = ", ".join(numbers) or "no numbered folder"
        raise DeploymentError(f"{uri} has no folder {version} (spec.artifactVersion); there is {there}")
    return str(version)


def _list(uri: str) -> list[str]:
    filesystem, root = _open(uri)
    try:
        files = filesystem.find(root)
    except Exception as error:  # each storage raises its own
        raise DeploymentError(f"{uri} cannot be listed: {describe(error)}") from error
    names = [file.removeprefix(root).lstrip("/") for file in files]
    names = [name for name in names if name and ".." not in PurePosixPath(name).parts]
    if not names:
        raise DeploymentError(f"{uri} holds no file: check storageUri, or upload the model first")
    return names


def _download(uri: str, names: list[str], cache: Path) -> tuple[Path, str]:
    """Copy files of a remote folder into the cache; it appears there whole or not at all."""
    filesystem, root = _open(uri)
    with _half(uri, cache) as half:
        for name in names:
            target = half / name
            target.parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(f"{root}/{name}", str(target))
        return _settle(half, cache)


@contextmanager
def _half(uri: str, cache: Path) -> Iterator[Path]:
    """Make a folder in the cache to copy to, and remove what is left of it."""
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    if cache.stat().st_uid != os.getuid():
        raise DeploymentError(
            f"{cache} belongs to another user: name a folder of your own with --artifact-cache"
        )
    half = Path(tempfile.mkdtemp(prefix="half-", dir=cache))
    try:
        yield half
    except DeploymentError:
        raise
    except OSError as error:
        raise DeploymentError(f"{uri} cannot be copied to {cache}: {error}") from error
    except Exception as error:  # each storage raises its own
        raise DeploymentError(f"{uri} cannot be read: {describe(error)}") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _settle(half: Path, cache: Path) -> tuple[Path, str]:
    """Give a folder in the cache the name of its digest."""
    found = digest(half)
    kept = _kept(cache, found)
    if kept.is_dir() and digest(kept) == found:
        return kept, found
    spoilt = Path(tempfile.mkdtemp(prefix="half-", dir=cache)) / "spoilt"
    with suppress(OSError):  # nothing was kept, or another process replaced it just now
        kept.rename(spoilt)
    with suppress(OSError):
        half.rename(kept)
    shutil.rmtree(spoilt.parent, ignore_errors=True)
    if digest(kept) != found:
        raise DeploymentError(f"{kept} cannot be replaced: remove it")
    return kept, found


def _kept(cache: Path, found: str) -> Path:
    return cache / found.replace(":", "-")


def _open(uri: str) -> tuple[Any, str]:
    import fsspec

    scheme = uri.partition("://")[0]
    try:
        filesystem, root = fsspec.core.url_to_fs(uri)
    except ImportError as error:
        raise DeploymentError(f"{uri}: {scheme}:// needs an extra: pip install 'weir[{scheme}]'") from error
    except Exception as error:  # each storage raises its own
        raise DeploymentError(f"{uri}: {describe(error)}") from error
    filesystem.invalidate_cache()
    return filesystem, str(root).rstrip("/")
