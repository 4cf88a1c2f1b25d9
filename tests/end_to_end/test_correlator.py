"""Requests that wait for their responses, against a broker on which the test itself answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Thread

import pytest
from kafka import KafkaProducer

from jobs.kafka.admin import create_topics
from jobs.kafka.pipeline_client import Answer
from jobs.services.gateway.correlator import Correlator
from jobs.services.gateway.held_bytes import BusyError
from operators.kafka.connection import Connection
from operators.kafka.consumer import open_consumer
from operators.kafka.topics import Topics
from tests.end_to_end.deployment import await_true
from tests.support.broker import Broker

TOPICS = Topics("weir", "correlated")


class Scene:
    """A correlator in an event loop of its own, of two requests at most, for the pipelines `names`."""

    def __init__(self, broker: Broker) -> None:
        self.brokers = broker.brokers
        self.names = ["p"]
        self.correlator = Correlator(Connection(broker.brokers, TOPICS), lambda: self.names, max_waiting=2)
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.correlator.start(self.loop)

    def ask(self, body: bytes, pipeline: str = "p", seconds: float = 30.0) -> Future[Answer]:
        asked = self.correlator.ask(pipeline, body, [("a", b"1")], seconds)
        return asyncio.run_coroutine_threadsafe(asked, self.loop)

    def sent(self, pipeline: str, count: int) -> dict[bytes, bytes]:
        """Wait for `count` requests; return their keys by body."""
        consumer, _ = open_consumer(self.brokers, [TOPICS.inputs(pipeline)])
        found: dict[bytes, bytes] = {}

        def poll() -> bool:
            for records in consumer.poll(timeout_ms=200).values():
                assert all(dict(record.headers) == {"a": b"1"} for record in records)
                found.update((record.value, record.key) for record in records)
            return len(found) >= count

        with consumer:
            consumer.seek_to_beginning()
            await_true(poll, "the requests")
        return found

    def respond(self, pipeline: str, *answers: tuple[bytes, bytes]) -> None:
        with KafkaProducer(**self.brokers.options()) as producer:
            for key, body in answers:
                producer.send(TOPICS.outputs(pipeline), key=key, value=body)

    def close(self) -> None:
        self.correlator.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=5.0)
        self.loop.close()


@pytest.fixture
def scene(broker: Broker, request: pytest.FixtureRequest) -> Iterator[Scene]:
    create_topics(broker.brokers, [TOPICS.inputs("p"), TOPICS.outputs("p")], partitions=2)
    scene = Scene(broker)
    yield scene
    scene.close()


def test_each_request_gets_its_own_response_whatever_their_order(scene: Scene) -> None:
    first, second = scene.ask(b"one"), scene.ask(b"two")
    keys = scene.sent("p", 2)
    scene.respond("p", (b"nobody", b"!"), (keys[b"two"], b"2"), (keys[b"one"], b"1"), (keys[b"one"], b"dup"))
    assert (first.result(30).value, second.result(30).value) == (b"1", b"2")


def test_more_requests_than_may_wait_are_refused_at_once(scene: Scene) -> None:
    waiting = [scene.ask(b"three"), scene.ask(b"four")]
    scene.sent("p", 2)
    with pytest.raises(BusyError):
        scene.ask(b"five").result(30)
    keys = scene.sent("p", 2)
    scene.respond("p", (keys[b"three"], b"3"), (keys[b"four"], b"4"))
    assert [one.result(30).value for one in waiting] == [b"3", b"4"]


def test_a_request_without_a_response_fails_after_its_time_and_makes_room(scene: Scene) -> None:
    for body in (b"six", b"seven", b"eight"):
        with pytest.raises(TimeoutError):
            scene.ask(body, seconds=1.5).result(30)


def test_the_first_request_to_a_new_pipeline_waits_until_its_responses_are_read(scene: Scene) -> None:
    create_topics(scene.brokers, [TOPICS.inputs("new"), TOPICS.outputs("new")], partitions=1)
    scene.names = ["p", "new"]
    asked = scene.ask(b"nine", "new")
    keys = scene.sent("new", 1)
    assert scene.correlator.listens("new")
    scene.respond("new", (keys[b"nine"], b"9"))
    assert asked.result(30).value == b"9"
