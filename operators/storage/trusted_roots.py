"""Trusted roots: the folders whose code may run. Loading a pickle or a Python file runs its code.

Trust depends on the origin of the bytes, not on a URI in a record. A URI is resolved once (`locate`), the
bytes are copied from the resolved place, and this place decides whether they are trusted.

Each remote place has one name, from `Stores.canonical`: `gcs://` is `gs://`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import msgspec

from operators.core.errors import DeploymentError, describe
from operators.storage.limits import Limits
from operators.storage.store_settings import read_stores
from operators.storage.stores import Stores
from operators.storage.uris import local_path, remote_parts


class ArtifactPolicy(NamedTuple):
    """The settings of this machine's operator.

    `trusted_roots` are the roots whose code may run, `cache` is the folder for copies of models, and `stores`
    are the known stores.
    """

    trusted_roots: tuple[str, ...]
    cache: Path
    stores: Stores = Stores()


class Origin(NamedTuple):
    """The origin of a folder's bytes.

    `path` is the real path of a local folder, None for a remote one. `root` is the trusted root that contains
    the folder, None if it is not trusted.
    """

    uri: str
    path: Path | None
    root: str | None
    stores: Stores = Stores()


class UntrustedError(DeploymentError):
    """A folder that is below no trusted root contains code that would run when it is loaded."""


def make_policy(trusted_roots: str, cache: str, stores: str = "") -> ArtifactPolicy:
    """Read the operator's settings.

    `trusted_roots` are comma-separated. If `cache` is empty, it is in the temporary folder. `stores` is the
    path of a YAML or JSON file, or its text. Raises DeploymentError for a root that is neither a path nor
    a URI of a known store, and for invalid stores.
    """
    roots = tuple(root.strip() for root in trusted_roots.split(",") if root.strip())
    known_stores = Stores(read_stores(stores))
    for root in roots:
        if local_path(root) is None:
            known_stores.find(root)
    default = Path(tempfile.gettempdir()) / f"weir-artifacts-{os.geteuid()}"
    return ArtifactPolicy(roots, Path(cache) if cache else default, known_stores)


def locate(uri: str, policy: ArtifactPolicy) -> Origin:
    """Resolve a URI to its present place, and find the first trusted root that contains it.

    Links are followed only here; the folder is later read at `path`. Raises DeploymentError for a URI that no
    store opens.
    """
    path = local_path(uri)
    real = _real(path) if path is not None else None
    parts = () if real else _parts(uri, policy)
    root = next((root for root in policy.trusted_roots if _is_below(real, parts, root, policy)), None)
    return Origin(uri, real, None if root is None else _canonical_root(root, policy), policy.stores)


def require_trust(origin: Origin, file: str, policy: ArtifactPolicy) -> None:
    """Raise UntrustedError unless the folder's bytes come from below a trusted root."""
    if origin.root is not None:
        return
    roots = ", ".join(policy.trusted_roots) or "none"
    raise UntrustedError(
        f"{file} runs code when it is loaded, and {origin.uri} is below no trusted root ({roots}); "
        "if you trust everyone who can write there, add its root to --trusted-roots or WEIR_TRUSTED_ROOTS"
    )


def _is_below(real: Path | None, parts: tuple[str, ...], root: str, policy: ArtifactPolicy) -> bool:
    path = local_path(root)
    if path is not None:
        return real is not None and real.is_relative_to(_real(path))
    root_parts = _parts(root, policy)
    return real is None and parts[: len(root_parts)] == root_parts


def _canonical_root(root: str, policy: ArtifactPolicy) -> str:
    """Return the same name for all spellings of a root.

    Links in a local root are not resolved, because its owner may change them.
    The name of a remote root includes the settings of its store, except its limits: a store on another server
    is another root.
    """
    path = local_path(root)
    if path is not None:
        return os.path.abspath(path)
    settings = msgspec.structs.replace(policy.stores.find(root)[1], limits=Limits())
    store = msgspec.json.encode(settings, order="sorted").decode()
    return f"{'/'.join(_parts(root, policy))} {store}"


def _parts(uri: str, policy: ArtifactPolicy) -> tuple[str, ...]:
    """Split a remote URI of a known store into its parts, with the store's main name."""
    policy.stores.find(uri)
    return remote_parts(policy.stores.canonical(uri))


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a cycle of links, a name that no file can have
        raise DeploymentError(f"{path} cannot be resolved: {describe(error)}") from error
