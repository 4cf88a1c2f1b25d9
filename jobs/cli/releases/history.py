"""The verbs `weir history` and `weir rollback`."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from jobs.cli.option_groups import Kafka, Site
from jobs.cli.options import (
    Pipeline,
    waiting,
)
from jobs.cli.releases.apply import Message, Partitions
from jobs.cli.text_table import print_columns
from jobs.releases.diff import describe_changes
from jobs.releases.rollback import roll_back
from operators.control.control_topic import read_control
from operators.core.errors import DeploymentError, does_not_exist


def history(
    pipeline: Pipeline,
    json: Annotated[bool, typer.Option("--json", help="print JSON, one generation per line")] = False,
    *,
    kafka: Kafka,
) -> None:
    """List a pipeline's generations: who applied each, when, why, and what it changed."""
    control = read_control(kafka)
    releases = control.history(pipeline)
    if not releases:
        raise DeploymentError(does_not_exist(f"pipeline {pipeline}", control.names()))
    rows = []
    for release, before in zip(releases, [*releases[1:], None], strict=True):
        is_live = control.heads.get(pipeline) == release.generation
        lines = describe_changes(before, release)
        entry = {
            "generation": release.generation,
            "live": is_live,
            "created_at": release.created_at,
            "created_by": release.created_by,
            "message": release.message,
            "changed": lines,
        }
        if json:
            print(msgspec.json.encode(entry).decode())
        number = f"{release.generation}{' (live)' if is_live else ''}"
        first, *others = lines or [""]
        rows.append((number, release.created_at, release.created_by, release.message, first))
        rows += [("", "", "", "", line) for line in others]
    if not json:
        print_columns(("generation", "created", "by", "message", "changed"), rows)


def rollback(
    pipeline: Pipeline,
    to: Annotated[
        int | None,
        typer.Option(help="generation to restore  [default: the previous one]", show_default=False),
    ] = None,
    message: Message = "",
    partitions: Partitions = 2,
    *,
    site: Site,
    kafka: Kafka,
) -> None:
    """Publish the content of an earlier generation again, as a new generation.

    This also restores a deleted pipeline.
    """
    with waiting("loading the models"):
        release = roll_back(pipeline, to, kafka, site, message, partitions)
    print(f"pipeline {pipeline} updated (generation {release.generation}): {release.message}")
