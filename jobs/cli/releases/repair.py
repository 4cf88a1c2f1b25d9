"""weir repair."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.options import Bootstrap, Namespace, Prefix, connection
from jobs.cli.text_table import print_columns
from jobs.releases.repair import repair as repair_control


def repair(
    apply: Annotated[bool, typer.Option("--apply", help="write the repairs  [default: list them]")] = False,
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """List records of the control topic that cannot be used, or take them back with --apply.

    Records that can be used are not touched. Exit code 1 means that records stay which can be repaired.
    """
    where = connection(bootstrap_servers, prefix, namespace)
    repairs = repair_control(where, apply=apply)
    if not repairs:
        print(f"every record of {where.topics.control} can be used")
        return
    names = ("key", "place", "repair", "reason")
    rows = [(one.skipped.shown_key, one.skipped.place, one.what, one.skipped.reason) for one in repairs]
    print_columns(names, rows)
    written = sum(one.record is not None for one in repairs)
    if apply:
        print(f"{written} records written")
    elif written:
        print(f"nothing was written: weir repair --apply writes {written} records")
        raise typer.Exit(1)
