"""The verb `weir doctor`."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from jobs.cli.option_groups import Kafka, Site
from jobs.cli.options import find_flink_rest
from jobs.cli.text_table import print_columns
from jobs.status.doctor.check import Check
from jobs.status.doctor.checks import run_checks
from jobs.status.doctor.evidence import gather


def doctor(
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    *,
    kafka: Kafka,
    site: Site,
) -> None:
    """Check the settings of a namespace, its jobs and this machine, and print the remedy of each fault.

    Exit code 1 means that a check has an error. Warnings do not change the exit code.
    """
    checks = run_checks(gather(kafka, find_flink_rest(), site))
    if json:
        print(msgspec.json.format(msgspec.json.encode([one._asdict() for one in checks]), indent=2).decode())
    else:
        print_columns(Check._fields, checks)
    if any(one.level == "error" for one in checks):
        raise typer.Exit(1)
