"""Fetches the folder of a storageUri to a private copy, once for each digest."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from operators.core.errors import DeploymentError, describe
from operators.storage.artifact_cache import ArtifactCache, copy_files
from operators.storage.digest import digest
from operators.storage.downloads import download, list_files
from operators.storage.trusted_roots import ArtifactPolicy, Origin, locate
from operators.storage.uris import local_path

SETTINGS = "model-settings.json"
_NUMBER = re.compile(r"[0-9]+")


class ResolvedArtifact(NamedTuple):
    """A model's folder: its URI including the chosen version, a private copy of it, and the digest."""

    uri: str
    folder: Path
    digest: str


def resolve(uri: str, version: int | None, policy: ArtifactPolicy) -> ResolvedArtifact:
    """Find the folder of a model and copy its present contents.

    If the URI's folder contains model-settings.json, it is that folder. Otherwise it is the subfolder of the
    version; without a version the subfolder with the highest number; without any the URI's folder. Raises
    DeploymentError if the folder does not exist or cannot be read.
    """
    path = local_path(uri)
    if path is not None:
        if not _is_folder(path):
            raise DeploymentError(f"{path} is not a folder: check storageUri, or train the model first")
        names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
        uri = str(path / _version_folder(names, version, uri))
        return _resolve_origin(locate(uri, policy), names, policy.cache)
    names = list_files(uri, policy.stores)
    chosen = _version_folder(names, version, uri)
    if chosen:
        uri = f"{uri.rstrip('/')}/{chosen}"
        names = [name.removeprefix(f"{chosen}/") for name in names if name.startswith(f"{chosen}/")]
    return _resolve_origin(locate(uri.rstrip("/"), policy), names, policy.cache)


def fetch(origin: Origin, recorded: str, folder: Path) -> Path:
    """Return a private copy with the recorded digest, from the cache in `folder` or from its origin.

    Cached copies from another trusted root, or from untrusted places, are not used. Raises DeploymentError if
    the origin has another digest; the copy is then discarded.
    """
    cache = ArtifactCache(folder)
    kept = cache.find(origin.root, recorded)
    if kept:
        return kept
    with _copying(origin, cache) as partial_copy:
        _copy_recorded(origin, recorded, partial_copy)
        return cache.keep(partial_copy, origin.root)[0]


@contextmanager
def fetched(origin: Origin, recorded: str, folder: Path) -> Iterator[Path]:
    """Yield a copy with the recorded digest to load a model from; DeploymentError as `fetch`.

    A copy from an untrusted place belongs to this call alone, because another process that refuses to load
    the same files discards the shared one. It is kept if the block succeeds.
    """
    if origin.root is not None:
        yield fetch(origin, recorded, folder)
        return
    cache = ArtifactCache(folder)
    with _copying(origin, cache) as own:
        kept = cache.find(None, recorded)
        if not (kept and _copied(kept, recorded, own)):
            _copy_recorded(origin, recorded, own)
        yield own
        with suppress(DeploymentError, OSError):  # another process discards it now; this load succeeded
            cache.keep(own, None)


def _copied(kept: Path, recorded: str, target: Path) -> bool:
    """Copy a kept folder. Return False, with the target empty, if it was discarded meanwhile."""
    try:
        copy_files(kept, target)
        if digest(target) == recorded:
            return True
    except (DeploymentError, OSError):
        pass
    shutil.rmtree(target)
    target.mkdir(mode=0o700)
    return False


def _copy_recorded(origin: Origin, recorded: str, target: Path) -> None:
    """Copy a folder from its origin; DeploymentError if it has another digest than the recorded one."""
    names = list_files(origin.uri, origin.stores) if origin.path is None else []
    _copy(origin, names, target)
    copied = digest(target)
    if copied != recorded:
        raise DeploymentError(
            f"{origin.uri} has changed since it was applied, or was not copied completely "
            f"({copied}, recorded {recorded}); copy it again, or apply it again"
        )


def _resolve_origin(origin: Origin, names: list[str], folder: Path) -> ResolvedArtifact:
    cache = ArtifactCache(folder)
    current_digest = digest(origin.path) if origin.path else ""
    kept = cache.find(origin.root, current_digest)
    if kept:
        return ResolvedArtifact(origin.uri, kept, current_digest)
    with _copying(origin, cache) as partial_copy:
        _copy(origin, names, partial_copy)
        return ResolvedArtifact(origin.uri, *cache.keep(partial_copy, origin.root))


@contextmanager
def _copying(origin: Origin, cache: ArtifactCache) -> Iterator[Path]:
    """Create a folder in the cache to copy to; raise DeploymentError for any error while copying."""
    try:
        with cache.partial_copy() as partial_copy:
            yield partial_copy
    except DeploymentError:
        raise
    except OSError as error:
        raise DeploymentError(f"{origin.uri} cannot be copied to {cache.folder}: {error}") from error
    except Exception as error:  # each store has its own errors
        raise DeploymentError(f"{origin.uri} cannot be read: {describe(error)}") from error


def _copy(origin: Origin, names: list[str], partial_copy: Path) -> None:
    """Copy all files of a local folder, or the files `names` of a remote one."""
    if origin.path is not None:
        copy_files(origin.path, partial_copy)
        return
    download(origin.uri, names, origin.stores, partial_copy)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _version_folder(names: list[str], version: int | None, uri: str) -> str:
    if SETTINGS in names:
        return ""
    folders = {PurePosixPath(name).parts[0] for name in names if "/" in name}
    numbers = sorted((name for name in folders if _NUMBER.fullmatch(name)), key=int)
    if version is None:
        return numbers[-1] if numbers else ""
    if str(version) not in numbers:
        existing = ", ".join(numbers) or "no numbered folder"
        raise DeploymentError(f"{uri} has no folder {version} (spec.artifactVersion); there is {existing}")
    return str(version)
