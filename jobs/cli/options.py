"""Options that several verbs share, and functions that evaluate them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.printable_output import console
from jobs.flink.command_line import Flink, flink_from_environment
from jobs.flink.paths import home
from jobs.flink.rest_api import Rest
from jobs.local_stack.ports import listens
from jobs.local_stack.stack import find
from jobs.streaming.settings import Settings
from operators.core.errors import DeploymentError

Bootstrap = Annotated[
    str,
    typer.Option(
        "--bootstrap-servers",
        envvar="WEIR_BOOTSTRAP_SERVERS",
        help="host:port of Kafka brokers, comma-separated  [default: of --kafka-config, or of `weir up`]",
        show_default=False,
    ),
]
KafkaConfig = Annotated[
    str,
    typer.Option(
        "--kafka-config",
        envvar="WEIR_KAFKA_CONFIG",
        help="properties file of Kafka clients: TLS, user and password, brokers  [default: none of them]",
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
        help="folders and URIs from which pickles and Python code may run, comma-separated",
    ),
]
ArtifactCache = Annotated[
    str,
    typer.Option(
        envvar="WEIR_ARTIFACT_CACHE",
        help="folder for models fetched from stores  [default: in the temporary folder]",
        show_default=False,
    ),
]
StoresSetting = Annotated[
    str,
    typer.Option(
        "--stores",
        envvar="WEIR_STORES",
        help="stores for storageUri: YAML or JSON, as a file or as text  [default: built-in stores]",
        show_default=False,
    ),
]
Pipeline = Annotated[str, typer.Argument(help="name of the pipeline")]
Served = Annotated[
    str,
    typer.Option(
        "--pipelines", help="pipelines of the job, comma-separated; empty: all pipelines of the namespace"
    ),
]
Rate = Annotated[
    float, typer.Option(help="false-alarm rate: share of windows without drift reported as DRIFT")
]
Seed = Annotated[int, typer.Option(help="seed of all random numbers")]
Models = Annotated[Path, typer.Option(help="folder of the models that `weir train` writes")]

Separator = Annotated[str, typer.Option(help="separator of CSV cells: one character, or tab")]
Decimal = Annotated[str, typer.Option(help="decimal separator of numbers in a CSV: point or comma")]
Encoding = Annotated[str, typer.Option(help="encoding of a CSV, such as latin-1 or cp1252")]
Categorical = Annotated[str, typer.Option(help="columns of categories, comma-separated")]
Numeric = Annotated[str, typer.Option(help="columns of quantities, comma-separated")]
MissingValues = Annotated[
    str | None,
    typer.Option(
        help="words for missing values in addition to empty cells, comma-separated  [default: ? in a CSV]",
        show_default=False,
    ),
]


def split_names(text: str) -> list[str]:
    """Return the names of a comma-separated option.

    >>> split_names("age, wage")
    ['age', 'wage']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def print_notes(notes: Iterable[str]) -> None:
    """Print notes about a file to standard error, because standard output is for results."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


@contextmanager
def require_extra(extra: str) -> Iterator[None]:
    """Import what an extra installs; DeploymentError that names the extra if a module is missing."""
    try:
        yield
    except ImportError as error:
        raise DeploymentError(f"{error}; install the extra: pip install 'weir[{extra}]'") from None


def refuse_taken(port: int) -> None:
    """Raise DeploymentError if another program listens on the port."""
    if listens(port):
        raise DeploymentError(f"port {port} is in use by another program; choose another one with --port")


def find_flink_rest() -> Rest | None:
    """Return the REST API of the running stack's cluster, or else of the one that FLINK_CONF_DIR configures.

    None if there is neither.
    """
    cluster = _flink()
    return cluster.rest if cluster else None


def _flink() -> Flink | None:
    stack = find(home())
    return stack.flink if stack else flink_from_environment()


def require_flink() -> Flink:
    """Return the Flink cluster to use; DeploymentError if there is none."""
    cluster = _flink()
    if cluster is None:
        raise DeploymentError(
            f"no stack is running in {home()}; start one with `weir up`, or set FLINK_CONF_DIR to the "
            "configuration folder of your own cluster"
        )
    return cluster


def job_name_of(prefix: str, namespace: str, pipelines: str) -> str:
    """Return the name of the job that serves these pipelines, or all pipelines of the namespace."""
    return Settings(prefix=prefix, namespace=namespace, pipelines=pipelines).job_name


@contextmanager
def waiting(activity: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal that a long activity is in progress.

    Yields a function that shows the next activity. Without a terminal, the function prints a line, so that
    logs show the progress.
    """
    terminal = console(stderr=True)
    with terminal.status(f"{activity} …") as status:

        def show_progress(activity: str) -> None:
            if terminal.is_terminal:
                status.update(f"{activity} …")
            else:
                print(f"{activity} …", file=sys.stderr, flush=True)

        yield show_progress
