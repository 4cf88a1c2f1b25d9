"""Checks of this machine: disks, open files, trusted roots, the artifact cache."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from jobs.status.doctor.check import Check
from jobs.status.doctor.checkpoints import checkpoint_folder
from jobs.status.doctor.evidence import Evidence
from operators.core.errors import DeploymentError
from operators.storage.artifact_cache import ArtifactCache
from operators.storage.ownership import writers_in
from operators.storage.uris import local_path

_GIB = 1024**3
_LITTLE, _TOO_LITTLE = 5 * _GIB, _GIB
# A broker, a TaskManager and a gateway need a file for each segment and connection. JVMs use the hard limit.
_OPEN_FILES = (1024, 16_384)
_ELSEWHERE = "does not exist on this machine"


def machine_checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the checks of paths on this machine: those of the jobs, else those of the command line."""
    jobs = [job.parameters for job in evidence.jobs if job.parameters]
    own = str(evidence.site.cache)
    caches = {job.get("artifact_cache") or own for job in jobs} or {own}
    roots = {root for job in jobs for root in job.get("trusted_roots", "").split(",") if root}
    folder = checkpoint_folder(evidence.configuration)
    if folder:
        yield disk_check("checkpoint disk", folder)
    for cache in sorted(caches):
        yield disk_check("cache disk", cache)
        yield cache_check(Path(cache))
    for root in sorted(roots if jobs else evidence.site.trusted_roots):
        yield root_check(root)
    yield open_files_check(*resource.getrlimit(resource.RLIMIT_NOFILE))


def disk_check(name: str, uri: str) -> Check:
    """Check the free space of the disk of a local folder."""
    path = local_path(uri)
    if path is None or not path.exists():
        return Check("skipped", name, uri, _ELSEWHERE if path else "not a folder of a machine")
    return space_check(name, uri, shutil.disk_usage(path).free)


def space_check(name: str, uri: str, free: int) -> Check:
    """Judge the free bytes of a disk."""
    found = f"{free / _GIB:.1f} GiB free"
    if free >= _LITTLE:
        return Check("ok", name, uri, found)
    remedy = "remove old savepoints, checkpoints and logs, or use a larger disk"
    return Check("error" if free < _TOO_LITTLE else "warning", name, uri, found, remedy)


def cache_check(folder: Path) -> Check:
    """Check that only this user can access an artifact cache; a missing one is not created."""
    if not folder.exists():
        return Check("skipped", "artifact cache", str(folder), _ELSEWHERE)
    try:
        ArtifactCache(folder)
    except DeploymentError as error:
        found, _, remedy = str(error).rpartition(": ")
        return Check("error", "artifact cache", str(folder), found, remedy)
    return Check("ok", "artifact cache", str(folder), "only its user can access it")


def root_check(root: str) -> Check:
    """Check that nobody but root and this user can change what is below a trusted root."""
    name, path = "trusted root", local_path(root)
    if path is None:
        return Check("skipped", name, root, "who can write there is the store's matter")
    try:
        fault = writers_in(path)
    except OSError as error:
        return Check("skipped", name, root, _ELSEWHERE if not path.exists() else str(error))
    if fault:
        found, _, remedy = fault.partition(": ")
        return Check("error", name, root, f"{found}; code in it runs in the workers", remedy)
    return Check("ok", name, root, "only its user can write to it")


def open_files_check(soft: int, hard: int) -> Check:
    """Check the limits of open files of a process that this user starts."""
    found = f"{_text(soft)}, at most {_text(hard)}"
    limits = zip((soft, hard), _OPEN_FILES, strict=True)
    if all(limit == resource.RLIM_INFINITY or limit >= least for limit, least in limits):
        return Check("ok", "open files", "this machine", found)
    remedy = f"raise nofile in /etc/security/limits.conf or LimitNOFILE of the unit to {_OPEN_FILES[1]}"
    return Check("warning", "open files", "this machine", found, remedy)


def _text(limit: int) -> str:
    return "no limit" if limit == resource.RLIM_INFINITY else str(limit)
