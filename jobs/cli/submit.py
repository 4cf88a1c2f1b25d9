"""weir submit."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from jobs import submitting
from jobs.cli.options import ArtifactCache, TrustedRoots, the_stack, waiting
from jobs.settings import parse_settings
from operators.artifacts.trust import make_site
from operators.control import read_control
from operators.errors import DeploymentError


def submit(
    arguments: Annotated[list[str] | None, typer.Argument(help="job settings, after --")] = None,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
) -> None:
    """Submit the job with `flink run`, which is printed.

    Settings of the job follow two dashes: weir submit -- --parallelism 2
    """
    stack = the_stack()
    settings = parse_settings(
        ["--bootstrap-servers", stack.bootstrap_servers, *(arguments or [])], os.environ
    )
    control = read_control(settings.connection)
    if not control.heads:
        raise DeploymentError("nothing has been applied yet: run `weir apply -f …` first")
    warning = submitting.memory_warning(stack, control.live())
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    command = submitting.flink_run(stack, arguments or [], make_site(trusted_roots, artifact_cache))
    print(submitting.printable(stack, command))
    with waiting("flink run"):
        job = submitting.submit(stack, command)
    print(f"job {job} is submitted: {stack.web_ui}/#/job/running/{job}/overview")
