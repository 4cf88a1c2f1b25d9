"""Trust in paths on the command line: code may run if only the calling user can write there."""

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
    """Load a path that the command line names; its code runs if the path is trusted.

    A path is trusted if it is in a trusted root, or if only the calling user can write to it. In the second
    case, the path is printed to standard error. If other users can write to it, DeploymentError names them
    and the command that fixes the permissions.
    """
    try:
        return load(path, site)
    except UntrustedError as error:
        return load(path, _trust_own(path.resolve(), site, error))


def require_trusted(path: Path, site: ArtifactPolicy) -> None:
    """Raise DeploymentError if the path exists and its code may not run."""
    if path.exists():  # the code that opens the path reports a missing one
        load_named(
            path,
            site,
            lambda named, policy: require_trust(locate(str(named.resolve()), policy), str(named), policy),
        )


def _trust_own(real: Path, site: ArtifactPolicy, error: UntrustedError) -> ArtifactPolicy:
    """Return a policy that also trusts `real`; DeploymentError if other users can write to it."""
    try:
        problem = writers_in(real)
    except OSError as failure:
        problem = f"the permissions in {real} cannot be checked: {failure}"
    if problem:
        raise DeploymentError(f"{error}; it is not trusted as your own, because {problem}") from error
    owner = user_name(os.geteuid())
    print(f"trusting {real}: it belongs to you ({owner}) and no other user can write to it", file=sys.stderr)
    return site._replace(trusted_roots=(*site.trusted_roots, str(real)))


@contextmanager
def writing_for_oneself() -> Iterator[None]:
    """Create files and folders without write permission for other users, whatever the umask is."""
    umask = os.umask(0o022)
    os.umask(umask | 0o022)
    try:
        yield
    finally:
        os.umask(umask)
