"""The verb `weir repair`."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.option_groups import Kafka
from jobs.cli.text_table import print_columns
from jobs.releases.repair import repair as repair_control


def repair(
    apply: Annotated[
        bool, typer.Option("--apply", help="write the repairs  [default: only list them]")
    ] = False,
    *,
    kafka: Kafka,
) -> None:
    """List invalid records of the control topic; with --apply, repair them.

    Valid records are not changed. Exit code 1 means that repairable records remain.
    """
    repairs = repair_control(kafka, apply=apply)
    if not repairs:
        print(f"every record of {kafka.topics.control} is valid")
        return
    names = ("key", "place", "repair", "reason")
    rows = [(one.skipped.shown_key, one.skipped.place, one.what, one.skipped.reason) for one in repairs]
    print_columns(names, rows)
    written = sum(one.record is not None for one in repairs)
    if apply:
        print(f"{written} records written")
    elif written:
        print(f"nothing was written; weir repair --apply writes {written} records")
        raise typer.Exit(1)
