"""The verb `weir report`."""

from __future__ import annotations

from pathlib import Path
from time import time
from typing import Annotated

import typer

from jobs.cli.option_groups import Kafka
from jobs.cli.options import Pipeline, require_extra, waiting
from jobs.cli.timestamps import moment_of
from jobs.releases.explain import find_release


def report(
    pipeline: Pipeline,
    out: Annotated[Path, typer.Option("--out", "-o", help="file to write")] = Path("report.html"),
    since: Annotated[str, typer.Option(help="start of the period: 6h (ago) or an ISO time")] = "1h",
    *,
    kafka: Kafka,
) -> None:
    """Write a report about a pipeline over a period, as a self-contained HTML page."""
    with require_extra("dashboard"):
        from jobs.services.views.html_report import write
        from jobs.services.views.kafka_feed import KafkaFeed
    start = moment_of(since)
    feed = KafkaFeed(kafka, time() - start)
    with waiting("reading the topics"):
        feed.read_past()
    release = find_release(list(feed.releases().values()), pipeline)
    page = write(release, feed.history(pipeline), feed.board, start, time())
    out.write_text(page, "utf-8")
    print(f"wrote {out}")
