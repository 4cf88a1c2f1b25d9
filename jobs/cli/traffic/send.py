"""The verb `weir send`."""

from __future__ import annotations

import sys
from pathlib import Path
from time import monotonic
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from jobs.cli.option_groups import Kafka
from jobs.cli.options import Models, Pipeline
from jobs.cli.printable_output import console
from jobs.data.feature_encoding import Features
from jobs.flink.paths import home
from jobs.kafka.pipeline_client import PipelineClient
from jobs.traffic import send as sending
from jobs.traffic.scenarios import SCENARIOS, make_traffic
from operators.core.errors import DeploymentError
from operators.models.json_files import read_json
from operators.resources.durations import seconds_of


def send(
    pipeline: Pipeline,
    scenario: Annotated[str, typer.Option(help=f"kind of traffic: one of {', '.join(SCENARIOS)}")] = "normal",
    count: Annotated[int, typer.Option(help="number of requests", min=1)] = 1_000,
    rate: Annotated[float, typer.Option(help="requests per second; 0: as fast as possible", min=0)] = 0.0,
    duration: Annotated[str, typer.Option(help="duration, such as 30s or 5m, instead of --count")] = "",
    seed: Annotated[int, typer.Option(help="seed of the random choice of rows")] = 1,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="file to write the truth of each request to  [default: in .weir]", show_default=False
        ),
    ] = None,
    models: Models = Path("models"),
    *,
    kafka: Kafka,
) -> None:
    """Send test traffic with a known truth: held-out rows, unchanged or modified by a scenario."""
    if scenario == "bursts" and not rate:
        raise DeploymentError("scenario bursts needs --rate, the average rate in requests per second")
    if duration:
        if not rate:
            raise DeploymentError("--duration needs --rate, in requests per second")
        count = max(1, round(seconds_of(duration) * rate))
    holdout, features = read_holdout(models)
    try:
        traffic = make_traffic(scenario, holdout, features, count, seed)
    except ValueError as error:
        raise DeploymentError(str(error)) from None
    file = truth or home() / "truth" / f"{pipeline}-{scenario}-{seed}.jsonl"
    started = monotonic()
    with PipelineClient(kafka, pipeline) as client:
        sent = sending.send(client, scenario, traffic, seed, rate, file)
        is_quiet = not sys.stdout.isatty()
        about = f"sending {scenario}"
        shown = track(sent, about, count, transient=True, console=console(), disable=is_quiet)
        number = sum(1 for _ in shown)
    seconds = monotonic() - started
    print(f"sent {number:,} {scenario} requests to {client.inputs} in {seconds:.1f} s")
    if traffic.moved:
        print(f"drifted features: {', '.join(traffic.moved)}")
    for name in ("outlier", "missing", "unseen"):
        if (marked := int(getattr(traffic, name).sum())) > 0:
            print(f"of these, {name}: {marked:,}")
    print(f"truth of each request: {file}")


def read_holdout(models: Path) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], Features]:
    """Return the rows that training held out, shape (rows, features), and the description of their columns.

    Raises DeploymentError if the folder does not contain them.
    """
    try:
        holdout = np.load(models / "holdout.npy", allow_pickle=False)
        return holdout, read_json(models / "features.json", Features)
    except (OSError, ValueError) as error:
        raise DeploymentError(
            f"{models} contains no held-out rows ({error}); run `weir train` first"
        ) from None
