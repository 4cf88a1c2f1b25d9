"""The worker, one subtask of `infer`: it replaces the serving engine between micro-batches. No Flink."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from logging import ERROR, INFO
from queue import SimpleQueue
from time import time
from types import MappingProxyType
from typing import NamedTuple

from operators.control.release import Quarantine, Release
from operators.control.status import Event, Serving, What, WorkerStatus
from operators.control.status_publisher import StatusPublisher
from operators.core.errors import DeploymentError, RecordError
from operators.core.event_log import log_event
from operators.core.micro_batch import RequestBatch, ResponseBatch
from operators.inference.control_follower import ControlFollower
from operators.inference.deployments import Deployment, Deployments
from operators.inference.engine import Engine
from operators.inference.identity import Identity
from operators.inference.verdict_follower import VerdictFollower
from operators.kafka.connection import Connection
from operators.kafka.skipped_records import Skipped
from operators.kafka.topic_watch import TopicWatch
from operators.metrics.tally import Tally
from operators.pipeline.load import LoadedPipeline, ModelCache, load_pipeline
from operators.storage.trusted_roots import ArtifactPolicy

_GOOD_NEWS = ("Serving", "Deleted")


class Callbacks(NamedTuple):
    """What a worker calls while it works.

    `on_batch` receives the tallies of each micro-batch by pipeline. `on_call` receives the release, the step
    and the number of requests before each call of a step. The thread that calls `answer` calls both.
    `on_load` receives pipeline and generation before a release is loaded, and may raise a DeploymentError to
    refuse it; `on_loaded` is called after it.
    """

    on_batch: Callable[[Mapping[str, Tally]], None]
    on_call: Callable[[Release, str, int], None] = lambda release, step, requests: None
    on_load: Callable[[str, int], None] = lambda pipeline, generation: None
    on_loaded: Callable[[], None] = lambda: None


class Worker:
    """Answers micro-batches with the live pipelines of the control topic.

    `limit` is the maximum size of a request and of a response in bytes. `only` restricts the worker to these
    pipelines; if it is empty, it serves all.
    """

    def __init__(
        self,
        connection: Connection,
        site: ArtifactPolicy,
        limit: int,
        only: Collection[str],
        identity: Identity,
        callbacks: Callbacks,
    ) -> None:
        self._topics = connection.topics
        self._limit = limit
        self._identity = identity
        self._callbacks = callbacks
        self._deployments = Deployments(ModelCache(site), only, self._load)
        self._serving: dict[str, Deployment] = {}
        self._verdicts = VerdictFollower(connection, self._skip)
        self._follower = ControlFollower(connection, self._deployments, self._swap_engine, self._skip)
        self._topic_watch = TopicWatch(connection.brokers)
        self._heartbeat = StatusPublisher(connection, self._status)
        self._unread_events: SimpleQueue[Event] = SimpleQueue()
        self._skipped: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self._started_at = self._processed_at = time()

    def start(self) -> None:
        """Load the live releases, and start the threads; DeploymentError if Kafka cannot be reached."""
        self._follower.start()
        self._topic_watch.start()
        self._heartbeat.start()

    def close(self) -> None:
        """Stop the background threads."""
        self._follower.close()
        self._verdicts.close()
        self._topic_watch.close()
        self._heartbeat.close()

    def answer(
        self, records: RequestBatch, condemned: Mapping[int, RecordError] = MappingProxyType({})
    ) -> ResponseBatch:
        """Answer all records with the pipelines that are loaded now, those in `condemned` with an error."""
        engine = self._engine
        answers = engine.answer(records, condemned)
        self._processed_at = time()
        return answers

    def serving(self, pipeline: str) -> tuple[int, int, dict[str, str]]:
        """Return a pipeline's serving generation, its head, and the digests of its serving models by name.

        Returns (0, 0, {}) for a pipeline that was deleted.
        """
        deployment = self._serving.get(pipeline)
        artifacts = deployment.served.release.artifacts if deployment and deployment.generation else {}
        digests = {name: artifact.digest for name, artifact in artifacts.items()}
        return (deployment.generation, deployment.head, digests) if deployment else (0, 0, digests)

    def drain_events(self) -> Iterator[Event]:
        """Yield the events since the last call, for metrics, which only the thread of `answer` may change."""
        while not self._unread_events.empty():
            yield self._unread_events.get()

    def skipped(self) -> Iterator[tuple[str, int]]:
        """Yield topics and their numbers of records skipped since the last call, for metrics."""
        while not self._skipped.empty():
            yield self._skipped.get()

    def stop_serving(self, pipeline: str, generation: int, why: str) -> None:
        """Publish that a generation must not serve; every worker learns it from the control topic."""
        self._heartbeat.stop_serving(pipeline, Quarantine(generation, time(), why))

    def publish(self, event: Event) -> None:
        """Log and publish an event."""
        level = INFO if event.what in _GOOD_NEWS else ERROR
        log_event(event.what, level, pipeline=event.pipeline, generation=event.generation, why=event.why)
        self._heartbeat.publish(event)
        self._unread_events.put(event)

    def _load(self, release: Release, models: ModelCache) -> LoadedPipeline:
        self._callbacks.on_load(release.name, release.generation)
        try:
            return load_pipeline(release, models)
        except MemoryError as error:
            raise DeploymentError("its models need more memory; raise --worker-memory") from error
        finally:
            self._callbacks.on_loaded()

    def _skip(self, skipped: Sequence[Skipped]) -> None:
        """Report records that could not be used; called by the threads that follow topics.

        There can be many such records, so only the newest one per pipeline is reported, with their number.
        """
        for topic, count in Counter(one.topic for one in skipped).items():
            self._skipped.put((topic, count))
        counts = Counter(one.pipeline for one in skipped)
        for pipeline, newest in {one.pipeline: one for one in skipped}.items():
            log_event("RecordSkipped", ERROR, pipeline=pipeline, records=counts[pipeline], why=newest)
            event = Event(at=time(), pipeline=pipeline, generation=0, what="RecordSkipped", why=str(newest))
            self._heartbeat.publish(event)

    def _swap_engine(self) -> None:
        """Replace the engine for the next micro-batch; called by the thread of the control topic."""
        deployments = self._deployments
        self._verdicts.follow(
            {step for deployment in deployments.deployments.values() for step in _batched_steps(deployment)}
        )
        for served in deployments.served:
            external = [served.release.external_topic] if served.release.external_topic else []
            self._topic_watch.want([*served.release.topics, *external])
        self._engine = Engine(
            deployments.served,
            self._topics,
            self._limit,
            self._verdicts.of,
            self._callbacks.on_batch,
            deployments.ended,
            self._identity.sender,
            deployments.taps,
            lambda: self._topic_watch.missing,
            self._callbacks.on_call,
        )
        before, self._serving = self._serving, deployments.deployments
        for event in _events(before, self._serving):
            self.publish(event)

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


def _batched_steps(deployment: Deployment) -> list[str]:
    plan = deployment.served.plan
    return [planned.name for planned in plan.steps if planned.batch] if plan else []


def _events(before: dict[str, Deployment], after: dict[str, Deployment]) -> list[Event]:
    events = [
        Event(at=time(), pipeline=name, generation=deployment.head, what="Deleted")
        for name, deployment in before.items()
        if name not in after
    ]
    for name, deployment in after.items():
        state = (deployment.generation, deployment.head, deployment.failure)
        previous = before.get(name)
        if previous is None or state != (previous.generation, previous.head, previous.failure):
            event = Event(
                at=time(),
                pipeline=name,
                generation=deployment.head,
                what=_what(deployment),
                why=deployment.failure,
            )
            events.append(event)
    return events


def _what(deployment: Deployment) -> What:
    if deployment.is_quarantined:
        return "Quarantined"
    return "LoadFailed" if deployment.failure else "Serving"
