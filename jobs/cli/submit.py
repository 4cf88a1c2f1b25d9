"""weir submit."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs import submitting
from jobs.cli.options import the_stack, waiting
from jobs.settings import parse_settings
from operators.control import read_control
from operators.errors import DeploymentError


def submit(
    arguments: Annotated[list[str] | None, typer.Argument(help="job settings, after --")] = None,
) -> None:
    """Submit the job with `flink run`, which is printed.

    Settings of the job follow two dashes: weir submit -- --parallelism 2
    """
    stack = the_stack()
    settings = parse_settings(["--bootstrap-servers", stack.bootstrap_servers, *(arguments or [])], {})
    if not read_control(settings.connection).heads:
        raise DeploymentError("nothing has been applied yet: run `weir apply -f …` first")
    command = submitting.flink_run(stack, arguments or [])
    print(submitting.printable(stack, command))
    with waiting("flink run"):
        job = submitting.submit(stack, command)
    print(f"job {job} is submitted: {stack.web_ui}/#/job/running/{job}/overview")
