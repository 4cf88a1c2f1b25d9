"""weir infer, weir send."""

from __future__ import annotations

from pathlib import Path
from time import monotonic, sleep
from typing import Annotated

import msgspec
import numpy as np
import typer
from rich.progress import track

from jobs.cli.options import Bootstrap, Models, Namespace, Pipeline, Prefix, connection, waiting
from jobs.client import PipelineClient, request_body
from jobs.data.features import Features
from jobs.data.traffic import SCENARIOS, make_traffic
from operators.errors import DeploymentError


def infer(
    pipeline: Pipeline,
    body: Annotated[str, typer.Argument(help="V2 request as JSON, or @file")],
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Send one request through Kafka and print what comes back."""
    data = Path(body[1:]).read_bytes() if body.startswith("@") else body.encode()
    with (
        PipelineClient(connection(bootstrap_servers, prefix, namespace), pipeline) as client,
        waiting("waiting for the answer"),
    ):
        answer = client.ask(data)
    text = answer.value.decode("utf-8", "replace")
    if answer.failed:
        raise DeploymentError(f"{answer.headers.get('weir-error-reason', b'').decode()}: {text}")
    print(text)


def send(
    pipeline: Pipeline,
    scenario: Annotated[str, typer.Option(help=f"one of {', '.join(SCENARIOS)}")] = "normal",
    count: Annotated[int, typer.Option(help="how many requests")] = 1_000,
    rate: Annotated[float, typer.Option(help="requests a second; 0: as fast as it goes")] = 0.0,
    seed: Annotated[int, typer.Option(help="which rows are drawn")] = 1,
    models: Models = Path("models"),
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Send traffic whose truth is known: held-out rows as they are, drifted, or with outliers."""
    holdout, features = read_holdout(models)
    try:
        traffic = make_traffic(scenario, holdout, features, count, seed)
    except ValueError as error:
        raise DeploymentError(str(error)) from None
    started = monotonic()
    with PipelineClient(connection(bootstrap_servers, prefix, namespace), pipeline) as client:
        for i, row in enumerate(track(traffic.rows, f"sending {scenario}", transient=True)):
            wait = started + i / rate - monotonic() if rate else 0
            if wait > 0:
                sleep(wait)
            client.send(request_body(row[np.newaxis], f"{scenario}-{seed}-{i}"))
        client.producer.flush()
    seconds = monotonic() - started
    print(f"sent {count:,} {scenario} requests to {client.inputs} in {seconds:.1f} s")
    if traffic.moved:
        print(f"moved: {', '.join(traffic.moved)}")
    if traffic.outlier.any():
        print(f"outliers among them: {int(traffic.outlier.sum()):,}")


def read_holdout(models: Path) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], Features]:
    """Read the rows that training kept back, and what their columns are."""
    try:
        holdout = np.load(models / "holdout.npy", allow_pickle=False)
        return holdout, msgspec.json.decode((models / "features.json").read_bytes(), type=Features)
    except (OSError, ValueError) as error:
        raise DeploymentError(f"{models} holds no held-out rows ({error}): run `weir train` first") from None
