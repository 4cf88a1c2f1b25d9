"""A job of its own for a test, on the shared broker and cluster."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import msgspec

from jobs.flink import submit
from jobs.flink.paths import ROOT
from jobs.kafka.pipeline_client import Answer, PipelineClient
from jobs.local_stack.stack import Stack
from jobs.releases.apply import apply
from operators.kafka.brokers import Brokers
from operators.kafka.connection import Connection
from operators.kafka.consumer import open_consumer
from operators.kafka.topics import Topics
from operators.storage.trusted_roots import make_policy

PATIENCE = 180.0


class Deployment:
    """Pipelines applied to a namespace, and the job that serves them."""

    def __init__(self, stack: Stack, connection: Connection, job: str) -> None:
        self.stack = stack
        self.connection = connection
        self.topics = connection.topics
        self.job = job

    def client(self, pipeline: str) -> PipelineClient:
        return PipelineClient(self.connection, pipeline)

    def failures(self) -> int:
        """Count what made the job restart so far."""
        history = self.stack.cluster.rest.get(f"/jobs/{self.job}/exceptions")["exceptionHistory"]
        return len(history["entries"])

    def checkpoints(self) -> int:
        """Count the completed checkpoints."""
        return int(self.stack.cluster.rest.get(f"/jobs/{self.job}/checkpoints")["counts"]["completed"])

    def records_read(self, operator: str) -> int:
        """Count the records that an operator has read since the job began again."""
        vertices = self.stack.cluster.rest.get(f"/jobs/{self.job}")["vertices"]
        (vertex,) = (one for one in vertices if operator in one["name"].split(" -> ")[0].split(", "))
        return int(vertex["metrics"]["read-records"])

    def records(self, topic: str, enough: Callable[[list[Any]], bool]) -> list[Any]:
        """Read a topic's committed records from its beginning until there are enough."""
        consumer, _ = open_consumer(self.connection.brokers, [topic])
        found: list[Any] = []
        with consumer:
            consumer.seek_to_beginning()
            deadline = monotonic() + PATIENCE
            while not enough(found):
                assert monotonic() < deadline, f"{topic}: {len(found)} records are not enough"
                for records in consumer.poll(timeout_ms=200).values():
                    found += records
        return found

    def reports(self, step: str, wanted: int) -> list[dict[str, Any]]:
        records = self.records(self.topics.model_outputs(step), lambda found: len(found) >= wanted)
        return [msgspec.json.decode(record.value) for record in records]

    def report(self, step: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read reports until there is one whose parameters are the wanted ones."""

        def matching(found: list[Any]) -> list[dict[str, Any]]:
            reports = [msgspec.json.decode(record.value) for record in found]
            return [report for report in reports if wanted(report["parameters"])]

        return matching(self.records(self.topics.model_outputs(step), lambda found: bool(matching(found))))[0]

    def reports_of(self, pipeline: str, step: str, wanted: int) -> list[dict[str, Any]]:
        """Read the reports of one of several pipelines that share a step."""

        def own(found: list[Any]) -> list[Any]:
            return [record for record in found if dict(record.headers)["pipeline"] == pipeline.encode()]

        records = self.records(self.topics.model_outputs(step), lambda found: len(own(found)) >= wanted)
        return [msgspec.json.decode(record.value) for record in own(records)]


@contextmanager
def deployed(
    stack: Stack, folder: Path, models: Path, namespace: str, *, size: int = 500, settings: Iterable[str] = ()
) -> Iterator[Deployment]:
    """Apply the example pipelines with windows of `size`, submit the job, and cancel it in the end."""
    manifests = folder / "examples" / "income"
    shutil.copytree(ROOT / "examples" / "income", manifests)
    (folder / "models").symlink_to(models)
    for file in manifests.glob("*.yaml"):
        file.write_text(file.read_text().replace("size: 500", f"size: {size}"))
    with running(stack, manifests, models, namespace, settings) as deployment:
        yield deployment


@contextmanager
def running(
    stack: Stack,
    manifests: Path,
    models: Path,
    namespace: str,
    settings: Iterable[str] = (),
    before_submit: Callable[[], object] = lambda: None,
    brokers: Brokers | None = None,
    job_brokers: Brokers | None = None,
) -> Iterator[Deployment]:
    """Apply a folder of manifests, submit the job, and cancel it in the end.

    `brokers` are those of the stack unless given, and the job's own the same unless given.
    """
    connection = Connection(brokers or stack.brokers, Topics("weir", namespace))
    site = make_policy(str(models), str(manifests.parent / "cache"))
    apply([manifests], connection, site, "test", partitions=2)
    before_submit()
    where = submit.connection_arguments(job_brokers or connection.brokers, site)
    arguments = [*where, "--namespace", namespace, "--checkpoint-interval-ms", "1000", *settings]
    job = submit.submit(stack.flink, submit.flink_run(arguments))
    try:
        _await_tasks(stack, job)
        yield Deployment(stack, connection, job)
    finally:
        stack.cluster.rest.cancel(job)


def _await_tasks(stack: Stack, job: str) -> None:
    """Wait until every task of a job runs.

    When a job is cancelled Beam may count the users of its Python workers wrongly, which PyFlink 2.3 takes
    for fatal: the TaskManager ends, and the stack starts another.
    """
    stack.await_taskmanager()
    submit.await_running(stack.cluster.rest, job, PATIENCE)


def await_answers(client: PipelineClient, keys: Iterable[bytes]) -> dict[bytes, list[Answer]]:
    """Read answers until every key has one."""
    answers: dict[bytes, list[Answer]] = defaultdict(list)
    waiting = set(keys)
    for answer in client.answers(PATIENCE if waiting else 0):
        answers[answer.key].append(answer)
        waiting.discard(answer.key)
        if not waiting:
            break
    assert not waiting, f"{len(waiting)} requests were not answered, {sorted(waiting)[:3]} among them"
    return answers


def await_true(condition: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < deadline, f"{what} did not come true within {PATIENCE:g} s"
        sleep(0.2)
