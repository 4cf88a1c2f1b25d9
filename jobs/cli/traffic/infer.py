"""The verb `weir infer`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from jobs.cli.option_groups import Form, Kafka
from jobs.cli.options import (
    ArtifactCache,
    Categorical,
    Numeric,
    Pipeline,
    TrustedRoots,
    split_names,
    waiting,
)
from jobs.cli.text_table import print_columns
from jobs.data.declared_columns import DeclaredColumns
from jobs.data.table_format import TableFormat
from jobs.kafka.pipeline_client import PipelineClient
from jobs.releases.explain import find_release
from jobs.releases.validation import manifests as checking
from jobs.streaming.settings import Settings, parse_settings
from jobs.traffic.local import text_output
from jobs.traffic.local.emitted_records import Emitted, EmittedDeadLetter, EmittedReport, EmittedResponse
from jobs.traffic.local.pipeline import LocalPipeline, LocalRequest, redirect_model_output
from jobs.traffic.local.request_files import read_requests
from jobs.traffic.local.table_requests import TableOptions
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection


def infer(
    pipeline: Pipeline,
    body: Annotated[
        str,
        typer.Argument(
            metavar="[REQUEST]",
            help="a V2 request: JSON, @FILE, or - for standard input",
            show_default=False,
        ),
    ] = "",
    local: Annotated[
        bool, typer.Option("--local", help="run the pipeline in this process, without Kafka and Flink")
    ] = False,
    filename: Annotated[
        list[Path] | None,
        typer.Option(
            "-f",
            "--filename",
            help="manifest file, folder, or - for standard input; repeatable",
            show_default=False,
            rich_help_panel="With --local",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="many requests: .jsonl, one per line; or rows: .csv, .parquet, .npy",
            show_default=False,
            rich_help_panel="With --local",
        ),
    ] = None,
    rows_per_request: Annotated[
        int, typer.Option(help="rows of a table that form one request", min=1, rich_help_panel="With --local")
    ] = 1,
    tensor: Annotated[
        bool,
        typer.Option(
            "--tensor",
            help="send the columns of a table as one tensor of numbers, without their names",
            rich_help_panel="With --local",
        ),
    ] = False,
    categorical: Categorical = "",
    numeric: Numeric = "",
    external: Annotated[
        bool,
        typer.Option(
            "--external",
            help="read the requests as records of the pipeline's external input topic",
            rich_help_panel="With --local",
        ),
    ] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="print records as on the topics, one per line", rich_help_panel="With --local"
        ),
    ] = False,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
    *,
    form: Form,
    kafka: Kafka,
) -> None:
    """Send one request through Kafka; with --local, run any number of requests in this process.

    Exit code 1 means that a request failed.
    """
    declared = DeclaredColumns(split_names(categorical), split_names(numeric), form=form)
    options = TableOptions(declared, tensor)
    if (tensor or declared.types or form != TableFormat()) and not (local and data):
        raise DeploymentError("options for tables, such as --separator and --tensor, need --local and --data")
    if not local:
        if filename or data or external or json:
            raise DeploymentError("-f, --data, --external and --json need --local")
        if not body:
            raise DeploymentError("the request is missing; pass JSON, @FILE, or - for standard input")
        _send(kafka, pipeline, _read(body))
        return
    if not filename:
        raise DeploymentError("--local needs manifests; set -f")
    if bool(body) == bool(data):
        raise DeploymentError("--local needs either one request or --data, not both")
    if body == "-" and Path("-") in filename:
        raise DeploymentError("standard input can contain the request or the manifests, not both")
    job_options = {"pipelines": pipeline, "trusted-roots": trusted_roots, "artifact-cache": artifact_cache}
    job_options |= {"prefix": kafka.topics.prefix, "namespace": kafka.topics.namespace}
    settings = parse_settings([f"--{name}={value}" for name, value in job_options.items()], os.environ)
    local_pipeline = _load(pipeline, filename, settings, external=external)
    if data is None:
        emitted = local_pipeline.answer([LocalRequest(0, _read(body))])
    else:
        requests = read_requests(data, local_pipeline, rows_per_request, _print_notice, options)
        emitted = local_pipeline.answer(requests)
    show = _print_records if json else _print_body if data is None else _print_table
    if show(emitted):
        raise typer.Exit(1)


def _read(body: str) -> bytes:
    if body == "-":
        return sys.stdin.buffer.read()
    if not body.startswith("@"):
        return body.encode()
    try:
        return Path(body[1:]).read_bytes()
    except OSError as error:
        raise DeploymentError(f"{body[1:]}: the request cannot be read: {error}") from None


def _send(kafka: Connection, pipeline: str, body: bytes) -> None:
    """Send a request through Kafka and print the response; DeploymentError if it is an error."""
    with PipelineClient(kafka, pipeline) as client, waiting("waiting for the response"):
        answer = client.ask(body)
    text = answer.value.decode("utf-8", "replace")
    if answer.failed:
        raise DeploymentError(f"{answer.headers.get('weir-error-reason', b'').decode()}: {text}")
    print(text)


def _load(name: str, manifests: list[Path], settings: Settings, *, external: bool) -> LocalPipeline:
    with waiting("loading the models"), redirect_model_output():
        checked = checking.check(manifests, settings.topics, settings.site)
        for notice in checked.notices:
            _print_notice(notice)
        return LocalPipeline(find_release(checked.require().releases, name), settings, external=external)


def _print_notice(notice: str) -> None:
    print(f"notice: {notice}", file=sys.stderr)


def _print_body(emitted: Iterable[Emitted]) -> bool:
    """Print the response to a single request, as if it came through Kafka; return whether it failed."""
    for record in emitted:
        if isinstance(record, EmittedDeadLetter):
            severity = "error" if record.failed else "notice"
            print(f"{severity}: {record.reason}: {record.message}", file=sys.stderr)
            if record.failed:
                return True
        elif isinstance(record, EmittedResponse):
            print(record.body.decode("utf-8", "replace"))
    return False


def _print_records(emitted: Iterable[Emitted]) -> bool:
    """Print one record per line as they are emitted; return whether a request failed."""
    has_failed = False
    for record in emitted:
        print(msgspec.json.encode(record.as_json()).decode())
        has_failed |= isinstance(record, EmittedDeadLetter) and record.failed
    return has_failed


def _print_table(emitted: Iterable[Emitted]) -> bool:
    """Print one line per request, then windows and dead letters; return whether a request failed."""
    windows: list[EmittedReport] = []
    letters: list[EmittedDeadLetter] = []
    answered = 0
    print(text_output.HEADER)
    for record in emitted:
        if isinstance(record, EmittedResponse):
            answered += 1
            print(text_output.response_line(record))
        elif isinstance(record, EmittedReport):
            windows.append(record)
        elif isinstance(record, EmittedDeadLetter):
            letters.append(record)
            if record.failed:
                print(text_output.failed_line(record))
    _print_part(text_output.WINDOWS, map(text_output.window_row, windows))
    _print_part(text_output.DEAD_LETTERS, map(text_output.letter_row, letters))
    failed = sum(one.failed for one in letters)
    print(f"\n{answered + failed:,} requests: {answered:,} answered, {failed:,} failed")
    return failed > 0


def _print_part(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    if lines := list(rows):
        print()
        print_columns(header, lines)
