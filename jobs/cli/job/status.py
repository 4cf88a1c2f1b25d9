"""The verb `weir status`."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from jobs.cli.option_groups import Kafka
from jobs.cli.options import find_flink_rest, waiting
from jobs.cli.text_table import print_columns
from jobs.status.condition import Condition
from jobs.status.conditions import conditions
from jobs.status.snapshot import Snapshot, take_snapshot
from jobs.status.wait import await_condition
from operators.core.timestamps import iso_seconds

_EVENTS = 10


def status(
    name: Annotated[str, typer.Argument(help="a pipeline or a model  [default: everything]")] = "",
    wait: Annotated[
        str,
        typer.Option(
            "-w", "--wait", help="condition to wait for: JobRunning, PipelineReady or ModelAvailable"
        ),
    ] = "",
    timeout: Annotated[float, typer.Option(help="seconds to wait for the condition of --wait")] = 60.0,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    *,
    kafka: Kafka,
) -> None:
    """Print the conditions of the job, the pipelines and the models, with the reason of each.

    Exit code 1 means that the condition of --wait was not met in time, or Kafka or Flink does not answer.
    """
    kafka, rest = kafka, find_flink_rest()

    def read_conditions() -> list[Condition]:
        return conditions(take_snapshot(kafka, rest), kafka.topics)

    if wait:
        with waiting(f"waiting for {wait}"):
            await_condition(read_conditions, wait, name, timeout)
    snapshot = take_snapshot(kafka, rest)
    current = conditions(snapshot, kafka.topics)
    current = [one for one in current if name in ("", one.of) or one.type == "JobRunning"]
    if json:
        print(msgspec.json.format(msgspec.json.encode([one._asdict() for one in current]), indent=2).decode())
    else:
        names = ("condition", "of", "status", "reason", "since", "message")
        print_columns(names, [(*one[:4], one.since, one.message) for one in current])
        _show_events(name, snapshot)
    if snapshot.control is None or snapshot.jobs is None:
        raise typer.Exit(1)


def _show_events(name: str, seen: Snapshot) -> None:
    events = sorted(seen.status.events.values(), key=lambda one: one.at) if seen.status else []
    last = [one for one in events if name in ("", one.pipeline)][-_EVENTS:]
    if last:
        print()
        print_columns(
            ("at", "pipeline", "generation", "event", "why"),
            [(iso_seconds(one.at), one.pipeline, str(one.generation), one.what, one.why) for one in last],
        )
