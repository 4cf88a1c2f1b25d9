"""weir inspect."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.options import Bootstrap, Namespace, Prefix, connection
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
            help="how many of the last records  [default: 1; with --since all]",
            min=1,
            show_default=False,
        ),
    ] = None,
    since: Annotated[str, typer.Option(help="none before a moment: 10m ago, or ISO time")] = "",
    until: Annotated[str, typer.Option(help="none after a moment")] = "",
    key: Annotated[str, typer.Option(help="of the record")] = "",
    id_: Annotated[str, typer.Option("--id", help="of the request")] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(help="is_outlier=1, instance_score>0.5, state=DRIFT; repeatable", show_default=False),
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on as records come")] = False,
    tap: Annotated[
        str, typer.Option(help="publish all inputs and outputs of steps for so long, and follow: 60s")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="a record a line, with all that Kafka knows")] = False,
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Print records of a pipeline or of a step: requests, responses, dead letters, reports, and taps.

    Steps' inputs and outputs are on topics only while somebody reads them: another pipeline, or --tap.
    """
    place = connection(bootstrap_servers, prefix, namespace)
    target = parse_expression(expression, place.topics)
    wanted = RecordFilter(
        moment_of(since) if since else 0.0,
        moment_of(until) if until else 0.0,
        key,
        id_,
        tuple(map(parse_condition, where or ())),
    )
    if tap:
        begin_tap(target.pipeline, place, seconds_of(tap))
    with Reader(place.bootstrap, target) as reader:
        found = [] if tap else reader.there(wanted, last or (None if since else 1))
        for shown in found:
            print(shown.json(target.tensor) if json else shown.line(target.tensor))
        if follow or tap:
            going_on = for_seconds(seconds_of(tap)) if tap else lambda: True
            for shown in reader.to_come(wanted, going_on):
                print(shown.json(target.tensor) if json else shown.line(target.tensor), flush=True)
        elif not found:
            raise DeploymentError(f"{target.topic} holds no such record of pipeline {target.pipeline}")
