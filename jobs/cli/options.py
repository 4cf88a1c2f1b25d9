"""Options that several verbs share, and what they stand for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from jobs.data.table_format import TableFormat, words_of
from jobs.flink.command_line import Flink, of_environment
from jobs.flink.paths import home
from jobs.flink.rest_api import Rest
from jobs.local_stack.ports import listens
from jobs.local_stack.stack import find
from jobs.streaming.settings import Settings
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics

Bootstrap = Annotated[
    str,
    typer.Option(
        "--bootstrap-servers",
        envvar="WEIR_BOOTSTRAP_SERVERS",
        help="Kafka brokers  [default: those of `weir up`]",
        show_default=False,
    ),
]
Prefix = Annotated[str, typer.Option(envvar="WEIR_PREFIX", help="first part of every topic name")]
Namespace = Annotated[str, typer.Option(envvar="WEIR_NAMESPACE", help="second part of every topic name")]
Manifests = Annotated[
    list[Path],
    typer.Option("-f", "--filename", help="manifest file, folder, or - for standard input; repeatable"),
]
TrustedRoots = Annotated[
    str,
    typer.Option(
        "--trusted-roots",
        envvar="WEIR_TRUSTED_ROOTS",
        help="folders and URIs whose pickles and Python may run, by commas",
    ),
]
ArtifactCache = Annotated[
    str,
    typer.Option(
        envvar="WEIR_ARTIFACT_CACHE",
        help="where fetched models are kept  [default: below the temporary folder]",
        show_default=False,
    ),
]
StoresSetting = Annotated[
    str,
    typer.Option(
        "--stores",
        envvar="WEIR_STORES",
        help="stores that storageUri names: a YAML or JSON file, or its text  [default: the built-in ones]",
        show_default=False,
    ),
]
Pipeline = Annotated[str, typer.Argument(help="name of the pipeline")]
Served = Annotated[
    str, typer.Option("--pipelines", help="of a job that serves only some of the namespace, by commas")
]
Rate = Annotated[float, typer.Option(help="share of windows without drift that may be called DRIFT")]
Seed = Annotated[int, typer.Option(help="seed of everything random")]
Models = Annotated[Path, typer.Option(help="folder that `weir train` wrote")]

Separator = Annotated[str, typer.Option(help="of a CSV's cells: one character, or tab")]
Decimal = Annotated[str, typer.Option(help="of a CSV's numbers: a point, or a comma")]
Encoding = Annotated[str, typer.Option(help="of a CSV, such as latin-1 or cp1252")]
MissingValues = Annotated[
    str | None,
    typer.Option(
        help="words that mean missing besides the empty cell, by commas  [default: ? in a CSV]",
        show_default=False,
    ),
]


def table_format(separator: str, decimal: str, encoding: str, missing_values: str | None) -> TableFormat:
    """Return how a table is written, of the four options that say so."""
    return TableFormat(separator, decimal, encoding, words_of(missing_values)).check()


def print_notes(notes: Iterable[str]) -> None:
    """Print what was decided about a file on standard error: standard output is for results."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def refuse_taken(port: int) -> None:
    """Raise DeploymentError where something else listens on a port."""
    if listens(port):
        raise DeploymentError(f"port {port} is in use by another program: choose another with --port")


def connection(bootstrap: str, prefix: str, namespace: str) -> Connection:
    """Return where Kafka is: as told, else the stack that is up, else localhost:9092.

    `WEIR_REQUESTS_PREFIX` says where requests are, as it does for the job.
    """
    if not bootstrap:
        stack = find(home())
        bootstrap = stack.bootstrap_servers if stack else "localhost:9092"
    return Connection(bootstrap, Topics(prefix, namespace, os.environ.get("WEIR_REQUESTS_PREFIX", "")))


def find_flink_rest() -> Rest | None:
    """Return the cluster of the stack that is up, else the one that FLINK_CONF_DIR configures, if any."""
    found = _flink()
    return found.rest if found else None


def _flink() -> Flink | None:
    stack = find(home())
    return stack.flink if stack else of_environment()


def require_flink() -> Flink:
    """Return that cluster, or say how to have one."""
    found = _flink()
    if found is None:
        raise DeploymentError(
            f"no stack is up in {home()}: start one with `weir up`, or set FLINK_CONF_DIR to the "
            "configuration of a cluster of your own"
        )
    return found


def job_name_of(prefix: str, namespace: str, pipelines: str) -> str:
    """Return the name of the job that serves these pipelines, or all of the namespace."""
    return Settings(prefix=prefix, namespace=namespace, pipelines=pipelines).job_name


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal that something takes its time.

    Yields a function that shows what else does; elsewhere it prints a line, so that a log is not silent.
    """
    console = Console(stderr=True)
    with console.status(f"{what} …") as status:

        def say(what: str) -> None:
            if console.is_terminal:
                status.update(f"{what} …")
            else:
                print(f"{what} …", file=sys.stderr, flush=True)

        yield say
