"""weir validate, weir apply, weir diff."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.options import (
    ArtifactCache,
    Bootstrap,
    Manifests,
    Namespace,
    Prefix,
    StoresSetting,
    TrustedRoots,
    connection,
    waiting,
)
from jobs.releases import apply as applying
from jobs.releases.validation import manifests
from operators.kafka.topics import Topics
from operators.storage.trusted_roots import make_policy

Partitions = Annotated[int, typer.Option(help="partitions of topics that are created")]
Message = Annotated[str, typer.Option("-m", "--message", help="why, for the history")]


def validate(
    filename: Manifests,
    with_artifacts: Annotated[
        bool,
        typer.Option(
            "--with-artifacts", help="ask the stores of models too, and take a missing document for an error"
        ),
    ] = False,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
    stores: StoresSetting = "",
) -> None:
    """Check manifests and the models on this machine; needs no cluster. Exit code 1 means errors.

    What is in a store, and documents that are named and not there, are notices unless --with-artifacts.
    """
    site = make_policy(trusted_roots, artifact_cache, stores)
    with waiting("loading the models") as say:
        if with_artifacts:
            checked = manifests.check(filename, Topics(), site, on_progress=say)
        else:
            checked = manifests.check_text(filename, Topics(), site)
    for notice in checked.notices:
        print(f"notice: {notice}")
    checked.require()
    print(f"{len(checked.releases) + len(checked.unloaded)} pipelines are valid")
    for release in checked.releases:
        print(f"  {release.name}: {', '.join(release.artifacts)}")
    for pipeline in checked.unloaded:
        steps = ", ".join(step.name for step in pipeline.spec.steps)
        print(f"  {pipeline.metadata.name}: {steps} (the text; not with all its models)")


def apply(
    filename: Manifests,
    message: Message = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="tell what would change, and change nothing")
    ] = False,
    partitions: Partitions = 2,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
    stores: StoresSetting = "",
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Publish models and pipelines; running jobs take them up, without a restart.

    What did not change is left alone. A Model or a Monitor that is applied without its pipelines changes
    those that are live.
    """
    where = connection(bootstrap_servers, prefix, namespace)
    site = make_policy(trusted_roots, artifact_cache, stores)
    with waiting("applying") as say:
        done = applying.apply(filename, where, site, message, partitions, dry_run=dry_run, on_progress=say)
    for notice in done.notices:
        print(f"notice: {notice}")
    for one in done.applied:
        generation = f" (generation {one.generation})" if one.generation else ""
        print(f"{one.kind} {one.name} {one.verb}{' (dry run)' if dry_run else generation}")
        if dry_run:
            _tell(one)


def diff(
    filename: Manifests,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
    stores: StoresSetting = "",
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Tell what applying would change. Exit code 0 means nothing, 1 something, as for kubectl."""
    where = connection(bootstrap_servers, prefix, namespace)
    site = make_policy(trusted_roots, artifact_cache, stores)
    with waiting("comparing") as say:
        done = applying.apply(filename, where, site, dry_run=True, on_progress=say)
    differing = [one for one in done.applied if one.verb != "unchanged"]
    for one in differing:
        print(f"{one.kind} {one.name}: would be {one.verb}")
        _tell(one)
    raise typer.Exit(1 if differing else 0)


def _tell(one: applying.Applied) -> None:
    for line in one.differences:
        print(f"  {line}")
