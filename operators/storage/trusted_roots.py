"""Which folders may hold code: pickles and Python files run whatever they hold when they are loaded.

Trust belongs to where bytes come from, not to what a record calls them: a place is looked up once
(`locate`), its bytes are copied from there, and what was found decides.

Remote places have one name each, which `Stores.canonical` gives them: `gcs://` is `gs://`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import msgspec

from operators.core.errors import DeploymentError, describe
from operators.storage.store_settings import read_stores
from operators.storage.stores import Stores
from operators.storage.uris import local_path, remote_parts


class ArtifactPolicy(NamedTuple):
    """What this machine's operator says: roots whose code may run, and where copies of folders are kept."""

    trusted_roots: tuple[str, ...]
    cache: Path
    stores: Stores = Stores()


class Origin(NamedTuple):
    """Where a folder's bytes come from: its real path where it is local, and the trusted root it is below."""

    uri: str
    path: Path | None
    root: str | None
    stores: Stores = Stores()


class UntrustedError(DeploymentError):
    """A folder that is below no trusted root runs code when it is loaded."""


def make_policy(trusted_roots: str, cache: str, stores: str = "") -> ArtifactPolicy:
    """Read the operator's settings: roots by commas; an empty cache is one below the temporary folder.

    `stores` is a YAML or JSON file, or its text. Raises DeploymentError for a root that is neither a folder
    nor a URI that can be opened, and for stores that make no sense.
    """
    roots = tuple(root.strip() for root in trusted_roots.split(",") if root.strip())
    known = Stores(read_stores(stores))
    for root in roots:
        if local_path(root) is None:
            known.find(root)
    default = Path(tempfile.gettempdir()) / f"weir-artifacts-{os.geteuid()}"
    return ArtifactPolicy(roots, Path(cache) if cache else default, known)


def locate(uri: str, site: ArtifactPolicy) -> Origin:
    """Find where a URI leads now, and the first trusted root that it is below.

    Links are followed here, and only here: whoever reads the folder reads it at `path`. Raises
    DeploymentError for a URI that is not opened.
    """
    path = local_path(uri)
    real = _real(path) if path is not None else None
    parts = () if real else _parts(uri, site)
    root = next((root for root in site.trusted_roots if _below(real, parts, root, site)), None)
    return Origin(uri, real, None if root is None else _named(root, site), site.stores)


def require_trust(origin: Origin, file: str, site: ArtifactPolicy) -> None:
    """Raise UntrustedError unless the folder's bytes come from below a trusted root."""
    if origin.root is not None:
        return
    roots = ", ".join(site.trusted_roots) or "none"
    raise UntrustedError(
        f"{file} runs code when it is loaded, and {origin.uri} is below no trusted root ({roots}); "
        "if you trust who can write there, name its root with --trusted-roots or WEIR_TRUSTED_ROOTS"
    )


def _below(real: Path | None, parts: tuple[str, ...], root: str, site: ArtifactPolicy) -> bool:
    path = local_path(root)
    if path is not None:
        return real is not None and real.is_relative_to(_real(path))
    above = _parts(root, site)
    return real is None and parts[: len(above)] == above


def _named(root: str, site: ArtifactPolicy) -> str:
    """Return one name for a root however it is written; links in it are its owner's to move.

    The name of a remote one says how its store is opened: another server of the same name is another root.
    """
    path = local_path(root)
    if path is not None:
        return os.path.abspath(path)
    store = msgspec.json.encode(site.stores.find(root)[1], order="sorted").decode()
    return f"{'/'.join(_parts(root, site))} {store}"


def _parts(uri: str, site: ArtifactPolicy) -> tuple[str, ...]:
    """Split a remote URI whose store is known, by the store's one name."""
    site.stores.find(uri)
    return remote_parts(site.stores.canonical(uri))


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, names that no file can have
        raise DeploymentError(f"{path} cannot be found: {describe(error)}") from error
