"""Events per second of the job, and of what it is compared with, from Kafka to Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from subprocess import Popen

from psutil import Process

from benchmarks.figures import Numbers
from benchmarks.harness import PIPELINE, Harness, Measured
from benchmarks.peers import HAND, hand_python, mlserver

# The loop answers at most so many requests at once.
_BATCH = 1_000
_ROW_REQUESTS = 1_500
_MLSERVER_SECONDS = 15.0
_JOBS = {
    "job p1": (PIPELINE, 1),
    "job p2": (PIPELINE, 2),
    "classifier alone": ("classifier-alone", 1),
    "floor": ("floor", 1),
}


def measure(harness: Harness, name: str, requests: int) -> Numbers:
    """Measure the loops, MLServer and the jobs in turn; `name` distinguishes rounds."""
    return dict(_numbers(harness, name, requests))


def warm_up(harness: Harness, requests: int) -> None:
    """Run a job, so that the JVMs of the cluster are warm."""
    with harness.filled("warm", requests) as workload, harness.job(workload, 1):
        harness.answered(workload, requests)


def _numbers(harness: Harness, name: str, requests: int) -> Iterator[tuple[str, float]]:
    for client in ("kafka-python", "confluent-kafka"):
        yield from _named(f"hand {client}", _hand(harness, f"{name}-{client}", client, requests, _BATCH))
    yield "row, events/s", _hand(harness, f"{name}-row", "confluent-kafka", _ROW_REQUESTS, 1).rate
    with mlserver.running(harness.models) as port:
        for shown, models in (("", mlserver.ONE_MODEL), (" three models", mlserver.THREE_MODELS)):
            rate = mlserver.throughput(port, harness.bodies, models, _MLSERVER_SECONDS)
            yield f"mlserver{shown}, events/s", rate
    for job, (pipeline, parallelism) in _JOBS.items():
        namespace = f"{name}-{job.replace(' ', '-')}"
        with harness.filled(namespace, requests, pipeline) as workload, harness.job(workload, parallelism):
            yield from _named(job, harness.measure(workload, requests))
    settings = ("--delivery", "exactly-once")
    with harness.filled(f"{name}-once", requests) as workload, harness.job(workload, 1, *settings):
        # Responses can be counted only after their transaction, so processor time cannot be measured.
        yield "exactly-once, events/s", harness.answered_rate(workload, requests)


def _named(name: str, measured: Measured) -> Iterator[tuple[str, float]]:
    yield f"{name}, events/s", measured.rate
    yield f"{name}, processor µs", measured.processor


def _hand(harness: Harness, namespace: str, client: str, requests: int, batch: int) -> Measured:
    with harness.filled(namespace, requests) as workload:
        topics = workload.inputs[0], workload.outputs[0]
        command = [hand_python(), HAND, client, workload.connection.brokers.servers, *topics, harness.models]
        loop = Popen([*map(str, command), str(requests), str(batch)])
        try:
            return harness.measure(workload, requests, [Process(loop.pid)])
        finally:
            # All responses are in the topic, or the loop has failed.
            loop.kill()
            loop.wait()
