"""The verb `weir alerts`."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from jobs.cli.option_groups import Kafka
from jobs.cli.text_table import print_columns
from jobs.kafka.firing_alerts import firing, read_alerts


def alerts(
    pipeline: Annotated[str, typer.Argument(help="only alerts of this pipeline", show_default=False)] = "",
    history: Annotated[bool, typer.Option("--all", help="all published alerts, oldest first")] = False,
    json: Annotated[bool, typer.Option("--json", help="print JSON, one alert per line")] = False,
    *,
    kafka: Kafka,
) -> None:
    """Print the alerts that fire, since when, and why; exit code 1 if any alert fires."""
    published, skipped = read_alerts(kafka)
    if skipped:
        print(
            f"skipped {len(skipped)} records that are not alerts, the last one: {skipped[-1]}",
            file=sys.stderr,
        )
    active = firing(published)
    selected = published if history else active
    shown = [one for one in selected if pipeline in ("", one.labels.get("pipeline"))]
    if json:
        for alert in shown:
            print(msgspec.json.encode(alert).decode())
    elif shown:
        print_columns(
            ["status", "severity", "alert", "of", "since", "what"],
            [
                [
                    one.status,
                    one.labels.get("severity", ""),
                    one.labels.get("alertname", ""),
                    "/".join(filter(None, (one.labels.get("pipeline"), one.labels.get("step")))),
                    one.starts_at,
                    one.annotations.get("summary", ""),
                ]
                for one in shown
            ],
        )
    else:
        print("no alert is firing")
    if any(pipeline in ("", one.labels.get("pipeline")) for one in active):
        raise typer.Exit(1)
