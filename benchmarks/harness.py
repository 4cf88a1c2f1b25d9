"""A test harness: a local stack with models, pipelines in separate namespaces, and requests in Kafka."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

import joblib
import numpy as np
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from psutil import Process
from rich.console import Console
from sklearn.preprocessing import FunctionTransformer

from jobs.data.synthetic_census import TARGET, census_like
from jobs.flink import submit
from jobs.flink.paths import ROOT
from jobs.kafka.pipeline_client import PipelineClient, request_body
from jobs.local_stack.ports import free_ports
from jobs.local_stack.stack import Stack, up
from jobs.models.train import train
from jobs.releases.apply import apply
from operators.kafka.connection import Connection
from operators.kafka.consumer import open_consumer
from operators.kafka.headers import VERSION
from operators.kafka.topics import Topics
from operators.storage.trusted_roots import make_policy

PIPELINE = "income-workflow"
PIPELINES = Path(__file__).with_name("pipelines")
_TIMEOUT_SECONDS = 300.0


@contextmanager
def running_harness(console: Console, settings: Sequence[str] = ()) -> Iterator[Harness]:
    """Train models and start a stack; stop the stack at the end."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models"
        console.print("training …")
        train(census_like(30_000, seed=0), TARGET, models, on_progress=lambda line: None)
        stack = up(Path(folder) / "stack", free_ports(), on_progress=console.print)
        try:
            yield Harness(stack, models, np.load(models / "holdout.npy"), list(settings))
        finally:
            stack.down()


class Measured(NamedTuple):
    """Events/s, and microseconds of processor time an event of all processes but the client."""

    rate: float
    processor: float


class Workload(NamedTuple):
    """Pipelines in a namespace of their own, which get the same number of requests."""

    connection: Connection
    pipelines: tuple[str, ...]

    @property
    def inputs(self) -> list[str]:
        """The topics of their requests."""
        return [self.connection.topics.inputs(pipeline) for pipeline in self.pipelines]

    @property
    def outputs(self) -> list[str]:
        """The topics of their responses."""
        return [self.connection.topics.outputs(pipeline) for pipeline in self.pipelines]


class Harness:
    """The stack, models and requests that all measurements use."""

    def __init__(self, stack: Stack, models: Path, holdout: Any, settings: list[str]) -> None:
        self.models = models
        self.stack = stack
        self.bodies = [request_body(row[np.newaxis], "bench") for row in holdout]
        self._settings = settings
        _write_identity(models)

    @contextmanager
    def filled(self, name: str, requests: int, *pipelines: str) -> Iterator[Workload]:
        """Apply all pipelines in the namespace `name`, and produce requests to some, by default to one."""
        connection = Connection(self.stack.brokers, Topics("bench", name))
        apply([self.manifests(name)], connection, make_policy(str(self.models), ""), "bench", partitions=2)
        workload = Workload(connection, pipelines or (PIPELINE,))
        topics = workload.inputs
        producer = KafkaProducer(**connection.brokers.options(), linger_ms=20, batch_size=200_000)
        for i in range(requests):
            body = self.bodies[i % len(self.bodies)]
            producer.send(topics[i % len(topics)], value=body, key=str(i).encode())
        producer.flush()
        producer.close()
        yield workload

    def manifests(self, name: str) -> Path:
        """Return a folder with the manifests of the example and of the benchmarks, beside the models."""
        manifests = self.models.parent / name / "examples" / "income"
        if not manifests.exists():
            shutil.copytree(ROOT / "examples" / "income", manifests)
            shutil.copytree(PIPELINES, manifests, dirs_exist_ok=True)
            (manifests.parents[1] / "models").symlink_to(self.models)
        return manifests

    @contextmanager
    def job(self, workload: Workload, parallelism: int, *settings: str) -> Iterator[None]:
        """Run the job for a workload's namespace; cancel it at the end."""
        connection = workload.connection
        names = ["--prefix", connection.topics.prefix, "--namespace", connection.topics.namespace]
        flags = [*names, "--parallelism", str(parallelism), *settings, *self._settings]
        arguments = submit.connection_arguments(connection.brokers, make_policy(str(self.models), ""))
        job = submit.submit(self.stack.flink, submit.flink_run([*arguments, *flags]))
        try:
            yield
        finally:
            self.stack.cluster.rest.cancel(job)

    def measure(self, workload: Workload, requests: int, others: Sequence[Process] = ()) -> Measured:
        """Wait for all responses; measure the last half, when the JVM has compiled the job's code.

        Processor time is that of the stack and of `others`.
        """
        started = self.answered(workload, requests // 2)
        before = self._processor_seconds(others)
        ended = self.answered(workload, requests)
        if ended == started:
            raise ValueError(f"{workload.inputs[0]}: {requests} requests are too few to be measured")
        seconds = self._processor_seconds(others) - before
        return Measured(self.answered_rate(workload, requests), 1e6 * seconds / (ended - started))

    def _processor_seconds(self, others: Sequence[Process]) -> float:
        times = [process.cpu_times() for process in (*self.stack.processes(), *others)]
        return float(sum(time.user + time.system for time in times))

    def answered_rate(self, workload: Workload, requests: int) -> float:
        """Wait for all responses; return events/s of the last half."""
        times = np.sort([record.timestamp for record in self._read(workload, workload.outputs, requests)])
        start = len(times) // 2
        return float((len(times) - start) / max(1, times[-1] - times[start]) * 1_000)

    def answered(self, workload: Workload, requests: int) -> int:
        """Wait for this number of responses; return the number that is in the topic then."""
        consumer, partitions = open_consumer(workload.connection.brokers, workload.outputs)
        with consumer:
            return _await_records(consumer, partitions, requests, monotonic() + _TIMEOUT_SECONDS)

    def delays(self, workload: Workload, rate: float, seconds: float) -> Any:
        """Send requests at a rate, after a warm-up of 5 s; return an array of shape (requests, 3).

        Its columns are the timestamp of the request, the milliseconds from it to the timestamp of the
        response, and the generation that answered.
        """
        count = int(rate * seconds)
        with PipelineClient(workload.connection, workload.pipelines[0]) as client:
            client.ask(self.bodies[0], _TIMEOUT_SECONDS)
            for i in range(int(rate * 5)):
                client.send(self.bodies[i % len(self.bodies)])
                sleep(1 / rate)
            started = monotonic()
            for i in range(count):
                wait = started + i / rate - monotonic()
                if wait > 0:
                    sleep(wait)
                client.send(self.bodies[i % len(self.bodies)], key=f"m{i}".encode())
            client.producer.flush()
        sent = {r.key: r.timestamp for r in self._read(workload, workload.inputs, count, b"m")}
        responses = self._read(workload, workload.outputs, count, b"m")
        return np.array(
            [(sent[r.key], r.timestamp - sent[r.key], int(dict(r.headers)[VERSION])) for r in responses]
        )

    def _read(self, workload: Workload, topics: list[str], wanted: int, prefix: bytes = b"") -> list[Any]:
        """Return this number of records of topics whose keys begin with a prefix."""
        consumer, partitions = open_consumer(workload.connection.brokers, topics)
        deadline = monotonic() + _TIMEOUT_SECONDS
        kept_records: list[Any] = []
        with consumer:
            # Reading while the job runs would take a core from it: read only when all records are there.
            _await_records(consumer, partitions, wanted, deadline)
            consumer.seek_to_beginning()
            while len(kept_records) < wanted:
                if monotonic() > deadline:
                    raise TimeoutError(f"{topics[0]}: {len(kept_records)} of {wanted} records")
                for records in consumer.poll(timeout_ms=500, max_records=5_000).values():
                    kept_records += [record for record in records if record.key.startswith(prefix)]
        return kept_records


def _write_identity(models: Path) -> None:
    """Write the model of the pipeline that only passes its request through."""
    folder = models / "identity"
    folder.mkdir()
    joblib.dump(FunctionTransformer(), folder / "model.joblib")
    shutil.copy(models / "income-preprocess" / "model-settings.json", folder)


def _await_records(
    consumer: KafkaConsumer, partitions: list[TopicPartition], wanted: int, deadline: float
) -> int:
    while (available := int(sum(consumer.end_offsets(partitions).values()))) < wanted:
        if monotonic() > deadline:
            raise TimeoutError(f"{partitions[0].topic}: {available} of {wanted} records")
        sleep(0.1)
    return available
