"""weir validate, weir apply."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs import releasing
from jobs.cli.options import Bootstrap, Manifests, Namespace, Prefix, connection, waiting
from operators.topics import Topics


def validate(filename: Manifests) -> None:
    """Check manifests and the models they name; needs no cluster."""
    releases, notices = releasing.check(filename, Topics())
    print("\n".join([*(f"notice: {notice}" for notice in notices), f"{len(releases)} pipelines are valid"]))
    for release in releases:
        print(f"  {release.name}: {', '.join(release.artifacts)}")


def apply(
    filename: Manifests,
    message: Annotated[str, typer.Option("-m", "--message", help="why, for the history")] = "",
    partitions: Annotated[int, typer.Option(help="partitions of topics that are created")] = 2,
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Publish pipelines and their models as releases; a job that starts serves them."""
    where = connection(bootstrap_servers, prefix, namespace)
    with waiting("applying"):
        applied = releasing.apply(filename, where, message, partitions)
    for one in applied:
        print(f"pipeline {one.name} {one.verb} (generation {one.generation})")
