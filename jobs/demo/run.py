"""Steps of the demonstration: train, apply, submit, send three phases of traffic, read the results."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import numpy as np
import pandas as pd
from kafka import KafkaConsumer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from jobs.data.feature_encoding import Features
from jobs.demo.checks import Phase, Window, read_window
from jobs.flink import submit
from jobs.flink.paths import ROOT
from jobs.kafka.pipeline_client import Answer, PipelineClient, consumer_from_now, request_body
from jobs.local_stack.stack import Stack
from jobs.models.train import Trained, train
from jobs.releases.apply import apply
from jobs.traffic.scenarios import make_traffic
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.kafka.consumer import open_consumer
from operators.storage.trusted_roots import ArtifactPolicy, make_policy

PIPELINE, STEP, WINDOW = "income-workflow", "income-drift-preprocessed", 500
PHASES = (("normal", 10_000), ("outliers", 5_000), ("drift", 5_000))
_PATIENCE = 120.0


class Results(NamedTuple):
    """The traffic that was sent, and everything that the job emitted for it.

    `answers` are by request id; `dead` is the number of dead letters by request id.
    """

    phases: list[Phase]
    bad_ids: list[str]
    answers: dict[str, list[Answer]]
    dead: Counter[str]
    windows: list[Window]


def prepare(
    folder: Path, table: pd.DataFrame, target: str, connection: Connection, console: Console
) -> Trained:
    """Train models below a folder, and apply the example pipelines that use them."""
    shutil.rmtree(folder, ignore_errors=True)
    manifests = folder / "examples" / "income"
    shutil.copytree(ROOT / "examples" / "income", manifests)
    with waiting(console, "training"):
        trained = train(table, target, folder / "models", on_progress=lambda line: None)
    with waiting(console, "applying the pipelines"):
        applied = apply([manifests], connection, site(folder), "demo", partitions=2).applied
    for result in applied:
        if result.kind == "pipeline":
            line = f"pipeline {result.name} {result.verb} (generation {result.generation})"
            console.print(line, highlight=False)
    return trained


def site(folder: Path) -> ArtifactPolicy:
    """Return a policy that trusts only the models of this demonstration."""
    return make_policy(str(folder / "models"), "")


def submit_job(stack: Stack, folder: Path, connection: Connection, console: Console) -> str:
    """Submit the job for the demonstration's own namespace, and return its id."""
    settings = ["--prefix", connection.topics.prefix, "--namespace", connection.topics.namespace]
    settings += ["--parallelism", "2", "--checkpoint-interval-ms", "2000"]
    command = submit.flink_run([*submit.connection_arguments(stack.brokers, site(folder)), *settings])
    console.print(stack.flink.printable(command), style="dim", highlight=False, soft_wrap=True)
    with waiting(console, "flink run"):
        return submit.submit(stack.flink, command)


def send_and_read(connection: Connection, models: Path, features: Features, console: Console) -> Results:
    """Send the phases one after another, and read all answers, dead letters and reports.

    DeploymentError where the first answer or a report does not arrive in time.
    """
    holdout = np.load(models / "holdout.npy", allow_pickle=False)
    phases: list[Phase] = []
    answers: dict[str, list[Answer]] = defaultdict(list)
    dead = consumer_from_now(connection.brokers, [connection.topics.errors])
    with PipelineClient(connection, PIPELINE) as client, dead:
        with waiting(console, "waiting for the first answer"):
            client.ask(request_body(holdout[:1], "first"), _PATIENCE)
        with _progress(console) as progress:
            for number, (scenario, count) in enumerate(PHASES):
                traffic = make_traffic(scenario, holdout, features, count, seed=number + 1)
                before = _end_offsets(client, connection)
                ids = [f"{scenario}-{i}" for i in range(count)]
                _exchange(
                    client,
                    ids,
                    [request_body(row[np.newaxis], id_) for id_, row in zip(ids, traffic.rows, strict=True)],
                    answers,
                    progress,
                    scenario,
                )
                spans = {p: (before[p], end) for p, end in _end_offsets(client, connection).items()}
                phases.append(Phase(scenario, traffic, ids, spans))
        malformed = _malformed_requests(holdout)
        with _progress(console) as progress:
            _exchange(client, list(malformed), list(malformed.values()), answers, progress, "malformed")
        letters = Counter(_keys(dead, len(malformed)))
    answered = sum(len(phase.ids) for phase in phases) + 1
    with waiting(console, "waiting for the drift reports to be committed"):
        windows = [read_window(body, phases) for body in _reports(connection, answered // WINDOW)]
    return Results(phases, list(malformed), answers, letters, windows)


@contextmanager
def waiting(console: Console, what: str) -> Iterator[None]:
    """Show on the console that a part of the work runs, then how many seconds it took."""
    started = monotonic()
    with console.status(f"{what} …"):
        yield
    console.print(f"{what}: {monotonic() - started:.1f} s", highlight=False)


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _exchange(
    client: PipelineClient,
    ids: list[str],
    bodies: list[bytes],
    answers: dict[str, list[Answer]],
    progress: Progress,
    what: str,
) -> None:
    """Send requests with their ids as keys, and read until each has an answer or none arrives."""
    task = progress.add_task(f"{what}: requests answered", total=len(ids))
    for id_, body in zip(ids, bodies, strict=True):
        client.send(body, key=id_.encode())
    client.producer.flush()
    pending = set(ids)
    for answer in client.answers(_PATIENCE if pending else 0):
        id_ = answer.key.decode()
        answers[id_].append(answer)
        pending.discard(id_)
        progress.update(task, completed=len(ids) - len(pending))
        if not pending:
            return


def _malformed_requests(holdout: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> dict[str, bytes]:
    """Return requests that cannot be answered, by id, each with a different error."""
    valid = request_body(holdout[:1], "broken")
    return {
        "broken-json": valid[:-1],
        "broken-shape": valid.replace(b"[1,12]", b"[1,13]"),
        "broken-type": valid.replace(b'"FP64"', b'"FP65"'),
        "broken-width": request_body(holdout[:1, :5], "broken"),
        "broken-value": valid.replace(b'"data":[', b'"data":["word",', 1).replace(b"[1,12]", b"[1,13]"),
        "broken-long": b'{"inputs": "' + b"x" * 3_000_000 + b'"}',
    }


def _end_offsets(client: PipelineClient, connection: Connection) -> dict[int, int]:
    consumer, partitions = open_consumer(connection.brokers, [client.inputs])
    with consumer:
        return {partition.partition: end for partition, end in consumer.end_offsets(partitions).items()}


def _keys(consumer: KafkaConsumer, count: int) -> Iterator[str]:
    """Yield the keys of `count` records, of fewer where the deadline passes."""
    deadline, received = monotonic() + _PATIENCE, 0
    while received < count and monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                received += 1
                yield (record.key or b"").decode()


def _reports(connection: Connection, count: int) -> list[bytes]:
    """Return the committed reports, once there are `count`; DeploymentError where that takes too long."""
    consumer, _ = open_consumer(connection.brokers, [connection.topics.model_outputs(STEP)])
    with consumer:
        consumer.seek_to_beginning()
        bodies: list[bytes] = []
        deadline = monotonic() + _PATIENCE
        while len(bodies) < count:
            if monotonic() > deadline:
                raise DeploymentError(
                    f"{len(bodies)} of {count} drift reports arrived within {_PATIENCE:g} s; "
                    "run `weir status`"
                )
            for records in consumer.poll(timeout_ms=200).values():
                bodies += [record.value for record in records]
        return bodies
