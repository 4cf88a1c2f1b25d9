"""Which folders may hold code: pickles and Python files run whatever they hold when they are loaded."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from operators.artifacts.storage import local_path
from operators.errors import DeploymentError


class Site(NamedTuple):
    """What this machine's operator says: roots whose code may run, and where fetched folders are kept."""

    trusted_roots: tuple[str, ...]
    cache: Path


def make_site(trusted_roots: str, cache: str) -> Site:
    """Read the operator's settings: roots by commas; an empty cache is one below the temporary folder."""
    roots = tuple(root.strip() for root in trusted_roots.split(",") if root.strip())
    return Site(
        roots, Path(cache) if cache else Path(tempfile.gettempdir()) / f"weir-artifacts-{os.getuid()}"
    )


def require_trust(uri: str, file: str, site: Site) -> None:
    """Raise DeploymentError unless the folder at this URI lies below a trusted root."""
    if any(_below(uri, root) for root in site.trusted_roots):
        return
    roots = ", ".join(site.trusted_roots) or "none"
    raise DeploymentError(
        f"{file} runs code when it is loaded, and {uri} is below no trusted root ({roots}); if you trust "
        "who can write there, name its root with --trusted-roots or WEIR_TRUSTED_ROOTS"
    )


def _below(uri: str, root: str) -> bool:
    if ".." in uri.split("/") and local_path(uri) is None:
        return False
    here, there = local_path(uri), local_path(root)
    if here is not None and there is not None:
        return here.resolve().is_relative_to(there.resolve())
    return here is there is None and f"{uri.rstrip('/')}/".startswith(f"{root.rstrip('/')}/")
