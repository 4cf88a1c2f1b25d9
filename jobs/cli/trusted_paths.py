"""What a command is pointed at by its path: trusted where it belongs to whoever calls, and to nobody else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from operators.core.errors import DeploymentError
from operators.storage.ownership import user_name, writers_in
from operators.storage.trusted_roots import ArtifactPolicy, UntrustedError, locate, require_trust

T = TypeVar("T")


def load_named(path: Path, site: ArtifactPolicy, load: Callable[[Path, ArtifactPolicy], T]) -> T:
    """Load what the command line names: code in it runs below a trusted root, or if it is the caller's own.

    Prints which path is trusted as the caller's own. Raises DeploymentError where others can change what is
    there, with who and the remedy.
    """
    try:
        return load(path, site)
    except UntrustedError as error:
        return load(path, _trust_own(path.resolve(), site, error))


def require_trusted(path: Path, site: ArtifactPolicy) -> None:
    """Raise DeploymentError unless code at a path that the command line names may run."""
    if path.exists():  # whoever opens it says so otherwise
        load_named(path, site, lambda at, here: require_trust(locate(str(at.resolve()), here), str(at), here))


def _trust_own(real: Path, site: ArtifactPolicy, error: UntrustedError) -> ArtifactPolicy:
    try:
        others = writers_in(real)
    except OSError as failure:
        others = f"{real} cannot be looked through: {failure}"
    if others:
        raise DeploymentError(f"{error}; it is not trusted as your own, because {others}") from error
    owner = user_name(os.geteuid())
    print(f"trusting {real}: it belongs to you ({owner}) and nobody else can write there", file=sys.stderr)
    return site._replace(trusted_roots=(*site.trusted_roots, str(real)))


@contextmanager
def writing_for_oneself() -> Iterator[None]:
    """Let nobody else write to the files and folders that are written meanwhile, whatever the umask."""
    before = os.umask(0o022)
    os.umask(before | 0o022)
    try:
        yield
    finally:
        os.umask(before)
