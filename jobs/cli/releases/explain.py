"""The verb `weir explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.options import (
    ArtifactCache,
    Bootstrap,
    Namespace,
    Prefix,
    StoresSetting,
    TrustedRoots,
    connection,
    waiting,
)
from jobs.releases.explain import explain as lines
from jobs.releases.explain import find_release
from jobs.releases.validation import manifests
from operators.control.control_topic import read_control
from operators.kafka.topics import Topics
from operators.storage.trusted_roots import make_policy


def explain(
    name: Annotated[str, typer.Argument(help="name of a pipeline")],
    filename: Annotated[
        list[Path] | None,
        typer.Option(
            "-f", "--filename", help="manifests of the pipeline  [default: as applied]", show_default=False
        ),
    ] = None,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
    stores: StoresSetting = "",
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Print a pipeline's compiled plan and all its settings, with defaults; needs no cluster with -f."""
    topics = Topics(prefix, namespace)
    if filename:
        site = make_policy(trusted_roots, artifact_cache, stores)
        with waiting("loading the models") as on_progress:
            checked = manifests.check(filename, topics, site, on_progress=on_progress).require()
        release = find_release(checked.releases, name)
    else:
        release = find_release(read_control(connection(bootstrap_servers, prefix, namespace)).live(), name)
    print("\n".join(lines(release, topics)))
