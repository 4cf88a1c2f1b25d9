"""weir validate, weir apply."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs import checking, releasing
from jobs.cli.options import (
    ArtifactCache,
    Bootstrap,
    Manifests,
    Namespace,
    Prefix,
    TrustedRoots,
    connection,
    waiting,
)
from operators.artifacts.trust import make_site
from operators.topics import Topics


def validate(
    filename: Manifests, trusted_roots: TrustedRoots = "models", artifact_cache: ArtifactCache = ""
) -> None:
    """Check manifests and the models they name; needs no cluster. Exit code 1 means errors."""
    with waiting("loading the models"):
        checked = checking.check(filename, Topics(), make_site(trusted_roots, artifact_cache))
    for notice in checked.notices:
        print(f"notice: {notice}")
    checked.require()
    print(f"{len(checked.releases)} pipelines are valid")
    for release in checked.releases:
        print(f"  {release.name}: {', '.join(release.artifacts)}")


def apply(
    filename: Manifests,
    message: Annotated[str, typer.Option("-m", "--message", help="why, for the history")] = "",
    partitions: Annotated[int, typer.Option(help="partitions of topics that are created")] = 2,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Publish pipelines and their models as releases; a job that starts serves them."""
    where = connection(bootstrap_servers, prefix, namespace)
    site = make_site(trusted_roots, artifact_cache)
    with waiting("applying"):
        applying = releasing.apply(filename, where, site, message, partitions)
    for notice in applying.notices:
        print(f"notice: {notice}")
    for one in applying.applied:
        print(f"pipeline {one.name} {one.verb} (generation {one.generation})")
