"""weir infer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from jobs.cli.options import (
    ArtifactCache,
    Bootstrap,
    Namespace,
    Pipeline,
    Prefix,
    TrustedRoots,
    connection,
    waiting,
)
from jobs.cli.text_table import print_columns
from jobs.kafka.pipeline_client import PipelineClient
from jobs.releases.explain import released
from jobs.releases.validation import manifests as checking
from jobs.streaming.settings import Settings, parse_settings
from jobs.traffic.local import text_output
from jobs.traffic.local.emitted_records import Emitted, EmittedDeadLetter, EmittedReport, EmittedResponse
from jobs.traffic.local.pipeline import LocalPipeline, LocalRequest, models_aside
from jobs.traffic.local.request_files import read_requests
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection


def infer(
    pipeline: Pipeline,
    body: Annotated[
        str,
        typer.Argument(
            metavar="[REQUEST]", help="V2 request as JSON, @file, or - for standard input", show_default=False
        ),
    ] = "",
    local: Annotated[
        bool, typer.Option("--local", help="answer in this process, without Kafka and Flink")
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
            help="many requests: .jsonl, one a line; or rows: .csv, .parquet, .npy",
            show_default=False,
            rich_help_panel="With --local",
        ),
    ] = None,
    rows_per_request: Annotated[
        int, typer.Option(help="rows of a table in a request", min=1, rich_help_panel="With --local")
    ] = 1,
    external: Annotated[
        bool,
        typer.Option(
            "--external",
            help="the requests are records of the pipeline's external input",
            rich_help_panel="With --local",
        ),
    ] = False,
    json: Annotated[
        bool,
        typer.Option("--json", help="a record a line, as the topics hold it", rich_help_panel="With --local"),
    ] = False,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Send one request through Kafka, or with --local any number through a pipeline in this process.

    Exit code 1 where a request fails.
    """
    if not local:
        if filename or data or external or json:
            raise DeploymentError("-f, --data, --external and --json need --local")
        if not body:
            raise DeploymentError("give a request, as JSON, @file, or - for standard input")
        _ask(connection(bootstrap_servers, prefix, namespace), pipeline, _read(body))
        return
    if not filename:
        raise DeploymentError("--local needs the manifests: name them with -f")
    if bool(body) == bool(data):
        raise DeploymentError("--local takes one request, or --data with many")
    if body == "-" and Path("-") in filename:
        raise DeploymentError("standard input holds the request or the manifests, not both")
    given = {"pipelines": pipeline, "trusted-roots": trusted_roots, "artifact-cache": artifact_cache}
    given |= {"prefix": prefix, "namespace": namespace}
    settings = parse_settings([f"--{name}={value}" for name, value in given.items()], os.environ)
    here = _load(pipeline, filename, settings, external=external)
    if data is None:
        emitted = here.answer([LocalRequest(0, _read(body))])
    else:
        emitted = here.answer(read_requests(data, here, rows_per_request, _notice))
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
        raise DeploymentError(f"{body[1:]} cannot be read: {error}") from None


def _ask(where: Connection, pipeline: str, body: bytes) -> None:
    with PipelineClient(where, pipeline) as client, waiting("waiting for the answer"):
        answer = client.ask(body)
    text = answer.value.decode("utf-8", "replace")
    if answer.failed:
        raise DeploymentError(f"{answer.headers.get('weir-error-reason', b'').decode()}: {text}")
    print(text)


def _load(name: str, manifests: list[Path], settings: Settings, *, external: bool) -> LocalPipeline:
    with waiting("loading the models"), models_aside():
        checked = checking.check(manifests, settings.topics, settings.site)
        for notice in checked.notices:
            _notice(notice)
        return LocalPipeline(released(checked.require().releases, name), settings, external=external)


def _notice(line: str) -> None:
    print(f"notice: {line}", file=sys.stderr)


def _print_body(emitted: Iterable[Emitted]) -> bool:
    """Print the response to the only request, as if it came through Kafka; return whether it failed."""
    for one in emitted:
        if isinstance(one, EmittedDeadLetter):
            print(f"{'error' if one.failed else 'notice'}: {one.reason}: {one.message}", file=sys.stderr)
            if one.failed:
                return True
        elif isinstance(one, EmittedResponse):
            print(one.body.decode("utf-8", "replace"))
    return False


def _print_records(emitted: Iterable[Emitted]) -> bool:
    """Print a record a line as they come; return whether a request failed."""
    failed = False
    for one in emitted:
        print(msgspec.json.encode(one.as_json()).decode())
        failed |= isinstance(one, EmittedDeadLetter) and one.failed
    return failed


def _print_table(emitted: Iterable[Emitted]) -> bool:
    """Print a line a request as they come, then windows and dead letters; return whether a request failed."""
    windows: list[EmittedReport] = []
    letters: list[EmittedDeadLetter] = []
    answered = 0
    print(text_output.HEADER)
    for one in emitted:
        if isinstance(one, EmittedResponse):
            answered += 1
            print(text_output.response_line(one))
        elif isinstance(one, EmittedReport):
            windows.append(one)
        elif isinstance(one, EmittedDeadLetter):
            letters.append(one)
            if one.failed:
                print(text_output.failed_line(one))
    _print_part(text_output.WINDOWS, map(text_output.window_row, windows))
    _print_part(text_output.DEAD_LETTERS, map(text_output.letter_row, letters))
    failed = sum(one.failed for one in letters)
    print(f"\n{answered + failed:,} requests: {answered:,} answered, {failed:,} failed")
    return failed > 0


def _print_part(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    if there := list(rows):
        print()
        print_columns(header, there)
