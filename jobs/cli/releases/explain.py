"""The verb `weir explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.option_groups import Kafka, Site
from jobs.cli.options import (
    waiting,
)
from jobs.releases.explain import explain as lines
from jobs.releases.explain import find_release
from jobs.releases.validation import manifests
from operators.control.control_topic import read_control


def explain(
    name: Annotated[str, typer.Argument(help="name of a pipeline")],
    filename: Annotated[
        list[Path] | None,
        typer.Option(
            "-f", "--filename", help="manifests of the pipeline  [default: as applied]", show_default=False
        ),
    ] = None,
    *,
    site: Site,
    kafka: Kafka,
) -> None:
    """Print a pipeline's compiled plan and all its settings, with defaults; needs no cluster with -f."""
    if filename:
        with waiting("loading the models") as on_progress:
            checked = manifests.check(filename, kafka.topics, site, on_progress=on_progress).require()
        release = find_release(checked.releases, name)
    else:
        release = find_release(read_control(kafka).live(), name)
    print("\n".join(lines(release, kafka.topics)))
