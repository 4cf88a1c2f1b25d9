"""The verb `weir inspect`."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.option_groups import Kafka
from jobs.cli.timestamps import moment_of
from jobs.traffic.inspect.expression import parse_expression
from jobs.traffic.inspect.readable_records import parse_condition
from jobs.traffic.inspect.tap import tap as begin_tap
from jobs.traffic.inspect.topic_reader import Reader, RecordFilter, for_seconds
from operators.core.errors import DeploymentError
from operators.resources.durations import seconds_of


def inspect(
    expression: Annotated[
        str,
        typer.Argument(
            help="PIPELINE[.STEP][.inputs|.outputs[.TENSOR]], or PIPELINE.errors", show_default=False
        ),
    ],
    last: Annotated[
        int | None,
        typer.Option(
            "--offset",
            help="number of the newest records to print  [default: 1; with --since all]",
            min=1,
            show_default=False,
        ),
    ] = None,
    since: Annotated[str, typer.Option(help="only records after this time: 10m (ago) or an ISO time")] = "",
    until: Annotated[str, typer.Option(help="only records up to this time: 10m (ago) or an ISO time")] = "",
    key: Annotated[str, typer.Option(help="only records with this key")] = "",
    id_: Annotated[str, typer.Option("--id", help="only requests and responses with this id")] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="condition, such as is_outlier=1, instance_score>0.5 or state=DRIFT; repeatable",
            show_default=False,
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="keep running and print new records")
    ] = False,
    tap: Annotated[
        str,
        typer.Option(
            help="publish all inputs and outputs of the steps for this duration, such as 60s; follow"
        ),
    ] = "",
    json: Annotated[
        bool, typer.Option("--json", help="print JSON with Kafka's metadata, one record per line")
    ] = False,
    *,
    kafka: Kafka,
) -> None:
    """Print records of a pipeline or a step: requests, responses, dead letters, reports and taps.

    The inputs and outputs of a step are published only while another pipeline reads them, or with --tap.
    """
    target = parse_expression(expression, kafka.topics)
    record_filter = RecordFilter(
        moment_of(since) if since else 0.0,
        moment_of(until) if until else 0.0,
        key,
        id_,
        tuple(map(parse_condition, where or ())),
    )
    if tap:
        begin_tap(target.pipeline, kafka, seconds_of(tap))
    with Reader(kafka.brokers, target) as reader:
        existing = [] if tap else reader.existing(record_filter, last or (None if since else 1))
        for record in existing:
            print(record.json(target.tensor) if json else record.line(target.tensor))
        if follow or tap:
            is_active = for_seconds(seconds_of(tap)) if tap else lambda: True
            for record in reader.new(record_filter, is_active):
                print(record.json(target.tensor) if json else record.line(target.tensor), flush=True)
        elif not existing:
            raise DeploymentError(f"{target.topic} contains no such record of pipeline {target.pipeline}")
