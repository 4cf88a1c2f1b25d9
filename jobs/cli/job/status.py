"""weir status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from jobs.cli.options import Bootstrap, Namespace, Prefix, connection, find_flink_rest, waiting
from jobs.cli.text_table import print_columns
from jobs.status.conditions import Condition, conditions
from jobs.status.snapshot import Snapshot, take_snapshot
from jobs.status.wait import await_condition

_EVENTS = 10


def status(
    name: Annotated[str, typer.Argument(help="a pipeline or a model  [default: everything]")] = "",
    wait: Annotated[
        str, typer.Option("-w", "--wait", help="wait for JobRunning, PipelineReady or ModelAvailable")
    ] = "",
    timeout: Annotated[float, typer.Option(help="seconds to wait")] = 60.0,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Show what runs, what is ready and what is not, and why.

    Exit code 1 means that what was waited for did not come true, or that Kafka or Flink does not answer.
    """
    where, rest = connection(bootstrap_servers, prefix, namespace), find_flink_rest()

    def look() -> list[Condition]:
        return conditions(take_snapshot(where, rest), where.topics)

    if wait:
        with waiting(f"waiting for {wait}"):
            await_condition(look, wait, name, timeout)
    seen = take_snapshot(where, rest)
    found = conditions(seen, where.topics)
    found = [one for one in found if name in ("", one.of) or one.type == "JobRunning"]
    if json:
        print(msgspec.json.format(msgspec.json.encode([one._asdict() for one in found]), indent=2).decode())
    else:
        names = ("condition", "of", "status", "reason", "since", "message")
        print_columns(names, [(*one[:4], one.since, one.message) for one in found])
        _show_events(name, seen)
    if seen.control is None or seen.jobs is None:
        raise typer.Exit(1)


def _show_events(name: str, seen: Snapshot) -> None:
    events = sorted(seen.status.events.values(), key=lambda one: one.at) if seen.status else []
    last = [one for one in events if name in ("", one.pipeline)][-_EVENTS:]
    if last:
        print()
        print_columns(
            ("at", "pipeline", "generation", "event", "why"),
            [(_time(one.at), one.pipeline, str(one.generation), one.what, one.why) for one in last],
        )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
