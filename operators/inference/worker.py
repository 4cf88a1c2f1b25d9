"""One subtask of infer: what it serves now, exchanged between two micro-batches. No Flink here."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from logging import ERROR, INFO
from queue import SimpleQueue
from time import time
from typing import NamedTuple

from operators.control.status import Event, Serving, WorkerStatus
from operators.control.status_publisher import StatusPublisher
from operators.core.event_log import log_event
from operators.core.micro_batch import RequestBatch, ResponseBatch
from operators.inference.control_follower import ControlFollower
from operators.inference.deployments import Deployment, Deployments
from operators.inference.engine import Engine
from operators.inference.verdict_follower import VerdictFollower
from operators.kafka.connection import Connection
from operators.kafka.skipped_records import Skipped
from operators.metrics.tally import Tally
from operators.pipeline.load import ModelCache
from operators.storage.trusted_roots import ArtifactPolicy
from operators.windows.chunks import SubtaskId


class Identity(NamedTuple):
    """Which subtask of which job, of how many, and how often it was started before."""

    job: str
    sender: SubtaskId
    attempt: int = 0


class Worker:
    """Answers micro-batches with the pipelines that the control topic says are live, of those in `only`.

    `on_batch` is called after each micro-batch with what it did in each pipeline; from `answer` only.
    """

    def __init__(
        self,
        connection: Connection,
        site: ArtifactPolicy,
        limit: int,
        only: Collection[str],
        identity: Identity,
        on_batch: Callable[[Mapping[str, Tally]], None],
    ) -> None:
        self._topics = connection.topics
        self._limit = limit
        self._identity = identity
        self._on_batch = on_batch
        self._deployments = Deployments(ModelCache(site), only)
        self._serving: dict[str, Deployment] = {}
        self._verdicts = VerdictFollower(connection, self._skip)
        self._follower = ControlFollower(connection, self._deployments, self._swap_engine, self._skip)
        self._heartbeat = StatusPublisher(connection, self._status)
        self._happened: SimpleQueue[Event] = SimpleQueue()
        self._skipped: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self._started_at = self._processed_at = time()

    def start(self) -> None:
        """Load what is live, and begin to follow; DeploymentError when Kafka does not answer."""
        self._follower.start()
        self._heartbeat.start()

    def close(self) -> None:
        """Stop the background threads."""
        self._follower.close()
        self._verdicts.close()
        self._heartbeat.close()

    def answer(self, records: RequestBatch) -> ResponseBatch:
        """Answer every record with the pipelines as they are at this moment."""
        engine = self._engine
        answers = engine.answer(records)
        self._processed_at = time()
        return answers

    def serving(self, pipeline: str) -> tuple[int, int, dict[str, str]]:
        """Return the generation that serves a pipeline, the one that should, and the digests of the models
        that serve, by name; zeros and nothing where it has ended."""
        deployment = self._serving.get(pipeline)
        artifacts = deployment.served.release.artifacts if deployment and deployment.generation else {}
        digests = {name: artifact.digest for name, artifact in artifacts.items()}
        return (deployment.generation, deployment.head, digests) if deployment else (0, 0, digests)

    def drain_events(self) -> Iterator[Event]:
        """Yield, once each, the events since the last call; for metrics, which only the thread that answers
        may touch."""
        while not self._happened.empty():
            yield self._happened.get()

    def skipped(self) -> Iterator[tuple[str, int]]:
        """Yield topics, and how many records on each could not be used since the last call; for metrics."""
        while not self._skipped.empty():
            yield self._skipped.get()

    def _skip(self, skipped: Sequence[Skipped]) -> None:
        """Report records that could not be used; called from the threads that follow topics.

        There may be very many: of those that name one pipeline, or none, the newest stands for all.
        """
        for topic, count in Counter(one.topic for one in skipped).items():
            self._skipped.put((topic, count))
        counts = Counter(one.pipeline for one in skipped)
        for pipeline, newest in {one.pipeline: one for one in skipped}.items():
            log_event("RecordSkipped", ERROR, pipeline=pipeline, records=counts[pipeline], why=newest)
            event = Event(at=time(), pipeline=pipeline, generation=0, what="RecordSkipped", why=str(newest))
            self._heartbeat.publish(event)

    def _swap_engine(self) -> None:
        """Let the next micro-batch find what is live now; called from the thread that follows control."""
        deployments = self._deployments
        self._verdicts.follow(
            {step for deployment in deployments.deployments.values() for step in _batched(deployment)}
        )
        self._engine = Engine(
            deployments.served,
            self._topics,
            self._limit,
            self._verdicts.of,
            self._on_batch,
            deployments.ended,
            self._identity.sender,
            deployments.taps,
        )
        before, self._serving = self._serving, deployments.deployments
        for event in _events(before, self._serving):
            self._heartbeat.publish(event)
            level = ERROR if event.what == "LoadFailed" else INFO
            log_event(event.what, level, pipeline=event.pipeline, generation=event.generation, why=event.why)
            self._happened.put(event)

    def _status(self) -> WorkerStatus:
        job, sender, attempt = self._identity
        return WorkerStatus(
            job=job,
            subtask=sender.subtask,
            subtasks=sender.subtasks,
            attempt=attempt,
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=self._started_at,
            at=time(),
            processed_at=self._processed_at,
            pipelines={
                name: Serving(deployment.generation, deployment.head, deployment.failure)
                for name, deployment in self._serving.items()
            },
        )


def _batched(deployment: Deployment) -> list[str]:
    plan = deployment.served.plan
    return [planned.name for planned in plan.steps if planned.batch] if plan else []


def _events(before: dict[str, Deployment], after: dict[str, Deployment]) -> list[Event]:
    events = [
        Event(at=time(), pipeline=name, generation=deployment.head, what="Deleted")
        for name, deployment in before.items()
        if name not in after
    ]
    for name, deployment in after.items():
        now = (deployment.generation, deployment.head, deployment.failure)
        then = before.get(name)
        if then is None or now != (then.generation, then.head, then.failure):
            what: Event = Event(
                at=time(),
                pipeline=name,
                generation=deployment.head,
                what="LoadFailed" if deployment.failure else "Serving",
                why=deployment.failure,
            )
            events.append(what)
    return events
