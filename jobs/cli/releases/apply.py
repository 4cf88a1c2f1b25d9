"""The verbs `weir validate`, `weir apply` and `weir diff`."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.option_groups import Kafka, Site
from jobs.cli.options import (
    Manifests,
    waiting,
)
from jobs.releases import apply as applying
from jobs.releases.validation import manifests
from operators.kafka.topics import Topics

Partitions = Annotated[int, typer.Option(help="partitions of each new topic")]
Message = Annotated[str, typer.Option("-m", "--message", help="reason for the change, shown in the history")]


def validate(
    filename: Manifests,
    with_artifacts: Annotated[
        bool,
        typer.Option(
            "--with-artifacts",
            help="also fetch models from stores, and report a missing document as an error",
        ),
    ] = False,
    *,
    site: Site,
) -> None:
    """Check manifests and the models on this machine; needs no cluster. Exit code 1 means errors.

    Without --with-artifacts, a model in a store or a reference to a missing document is only a notice.
    """
    with waiting("loading the models") as on_progress:
        if with_artifacts:
            checked = manifests.check(filename, Topics(), site, on_progress=on_progress)
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
        print(f"  {pipeline.metadata.name}: {steps} (only the text; not all models were loaded)")


def apply(
    filename: Manifests,
    message: Message = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the changes without applying them")
    ] = False,
    partitions: Partitions = 2,
    *,
    site: Site,
    kafka: Kafka,
) -> None:
    """Publish models and pipelines; running jobs load them without a restart.

    Unchanged pipelines keep their generation; a quarantined one serves again. A Model or a Monitor that is
    applied without its pipelines changes the live pipelines that use it.
    """
    with waiting("applying") as on_progress:
        result = applying.apply(
            filename, kafka, site, message, partitions, dry_run=dry_run, on_progress=on_progress
        )
    for notice in result.notices:
        print(f"notice: {notice}")
    for applied in result.applied:
        generation = f" (generation {applied.generation})" if applied.generation else ""
        print(f"{applied.kind} {applied.name} {applied.verb}{' (dry run)' if dry_run else generation}")
        if dry_run:
            _print_differences(applied)


def diff(
    filename: Manifests,
    *,
    site: Site,
    kafka: Kafka,
) -> None:
    """Print the changes that `weir apply` would make; like kubectl, exit code 0 means none, 1 means some."""
    with waiting("comparing") as on_progress:
        result = applying.apply(filename, kafka, site, dry_run=True, on_progress=on_progress)
    differing = [one for one in result.applied if one.verb != "unchanged"]
    for applied in differing:
        print(f"{applied.kind} {applied.name}: would be {applied.verb}")
        _print_differences(applied)
    raise typer.Exit(1 if differing else 0)


def _print_differences(applied: applying.Applied) -> None:
    for line in applied.differences:
        print(f"  {line}")
