"""Sends requests to Kafka and matches the responses to them by key."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from jobs.kafka.pipeline_client import Answer
from jobs.services.gateway.held_bytes import BusyError
from jobs.streaming.kafka_tables import MOST_BYTES
from operators.kafka.connection import Connection
from operators.kafka.topic_follower import TopicFollower


class _Responses(TopicFollower):
    """Follows the responses of the live pipelines.

    A request is sent only after its pipeline's responses are followed, so none is missed.
    """

    isolation = "read_uncommitted"
    resumes = True

    def __init__(
        self,
        connection: Connection,
        names: Callable[[], Iterable[str]],
        received: Callable[[list[Answer]], None],
    ) -> None:
        super().__init__(connection, "reading responses")
        self._names = names
        self._received = received

    def topics(self) -> Collection[str]:
        return list(map(self.connection.topics.outputs, self._names()))

    def start_offsets(
        self, consumer: KafkaConsumer, partitions: list[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        ends: Mapping[TopicPartition, int] = consumer.end_offsets(partitions)
        return ends

    def take(self, records: list[Any]) -> None:
        self._received([Answer(r.key or b"", r.value or b"", dict(r.headers)) for r in records])


class Correlator:
    """Sends requests to pipelines and passes each response to the coroutine that waits for its key.

    `names` returns the names of the live pipelines. At most `max_waiting` requests wait at the same time.
    Responses with a key for which no request waits are ignored, and so are duplicates.
    """

    def __init__(self, connection: Connection, names: Callable[[], Iterable[str]], max_waiting: int) -> None:
        self._connection = connection
        self._responses = _Responses(connection, names, self._receive)
        self._max_waiting = max_waiting
        self._waiting: dict[bytes, asyncio.Future[Answer]] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start to consume responses; they are passed on in this event loop."""
        self._loop = loop
        self._producer = KafkaProducer(
            **self._connection.brokers.options(),
            linger_ms=1,
            max_request_size=MOST_BYTES,
            max_block_ms=5_000,
        )
        self._responses.start_in_background()

    def close(self) -> None:
        """Stop, even if requests are waiting."""
        self._responses.close()
        with suppress(KafkaError):  # no broker answers, so the last requests are not sent
            self._producer.close(timeout=5)

    def listens(self, pipeline: str) -> bool:
        """Return whether the pipeline's responses are being consumed."""
        return self._connection.topics.outputs(pipeline) in self._responses.followed

    async def ask(
        self, pipeline: str, body: bytes, headers: Sequence[tuple[str, bytes]], seconds: float
    ) -> Answer:
        """Send one request and wait for its response.

        Raises BusyError if too many requests are waiting, TimeoutError if no response arrives within
        `seconds`, KafkaError if the request cannot be sent.
        """
        if len(self._waiting) >= self._max_waiting:
            raise BusyError
        key = uuid.uuid4().hex.encode()
        self._waiting[key] = future = self._loop.create_future()
        try:
            async with asyncio.timeout(seconds):
                while not self.listens(pipeline):
                    await asyncio.sleep(0.05)
                await asyncio.to_thread(self._send, pipeline, key, body, headers)
                answer: Answer = await future
                return answer
        finally:
            del self._waiting[key]

    def _send(self, pipeline: str, key: bytes, body: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        topic = self._connection.topics.inputs(pipeline)
        self._producer.send(topic, value=body, key=key, headers=list(headers))

    def _receive(self, answers: list[Answer]) -> None:
        self._loop.call_soon_threadsafe(self._resolve, answers)

    def _resolve(self, answers: list[Answer]) -> None:
        for answer in answers:
            future = self._waiting.get(answer.key)
            if future and not future.done():
                future.set_result(answer)
