"""Sends requests to Kafka and matches the responses to them by key."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from threading import Event, Thread
from time import monotonic

from kafka import KafkaProducer, TopicPartition

from jobs.kafka.pipeline_client import Answer
from jobs.streaming.kafka_tables import MOST_BYTES
from operators.core.background_thread import log_failure, repeat
from operators.kafka.connection import Connection
from operators.kafka.consumer import open_consumer
from operators.kafka.topics import Topics

# Seconds after which a missing topic is looked up again.
_TOPIC_RETRY = 3.0
_log = logging.getLogger(__name__)


class BusyError(Exception):
    """The limit of requests that wait for their responses is reached."""


class Correlator:
    """Sends requests to pipelines and passes each response to the coroutine that waits for its key.

    `names` returns the names of the live pipelines. At most `max_waiting` requests wait at the same time.
    Responses with a key for which no request waits are ignored, and so are duplicates.
    """

    def __init__(self, connection: Connection, names: Callable[[], Iterable[str]], max_waiting: int) -> None:
        self._connection = connection
        self._names = names
        self._max_waiting = max_waiting
        self._waiting: dict[bytes, asyncio.Future[Answer]] = {}
        self._consumed: frozenset[str] = frozenset()
        self._positions: dict[TopicPartition, int] = {}
        self._stop = Event()
        self._thread = Thread(target=self._run, name="answers", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start to consume responses; they are passed on in this event loop."""
        self._loop = loop
        self._producer = KafkaProducer(
            bootstrap_servers=self._connection.bootstrap,
            linger_ms=1,
            max_request_size=MOST_BYTES,
            max_block_ms=5_000,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop, even if requests are waiting."""
        self._stop.set()
        self._thread.join(timeout=5.0)
        self._producer.close(timeout=5)

    def listens(self, pipeline: str) -> bool:
        """Return whether the pipeline's responses are being consumed."""
        return self._topics.outputs(pipeline) in self._consumed

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
        topic = self._topics.inputs(pipeline)
        self._producer.send(topic, value=body, key=key, headers=list(headers))

    @property
    def _topics(self) -> Topics:
        return self._connection.topics

    def _run(self) -> None:
        def consume() -> None:
            self._consume(frozenset(map(self._topics.outputs, self._names())))

        # No pause between two calls: requests to a new pipeline wait until its responses are consumed.
        repeat(consume, self._stop, log_failure(_log, "reading responses"), pause=0.0)

    def _consume(self, topics: frozenset[str]) -> None:
        """Consume these topics until the set of topics changes.

        A topic continues at its last position, a new one starts at its end. A request is sent only after its
        pipeline's responses are consumed, so none is missed.
        """
        consumer, partitions = open_consumer(self._connection.bootstrap, sorted(topics), "read_uncommitted")
        with consumer:
            ends = consumer.end_offsets(partitions) if partitions else {}
            for partition, end in ends.items():
                consumer.seek(partition, self._positions.setdefault(partition, end))
            self._consumed = frozenset(partition.topic for partition in partitions)
            self._positions = {one: offset for one, offset in self._positions.items() if one in ends}
            next_lookup = monotonic() + _TOPIC_RETRY
            while not self._stop.is_set():
                for partition, records in consumer.poll(timeout_ms=100).items():
                    answers = [Answer(r.key or b"", r.value or b"", dict(r.headers)) for r in records]
                    self._loop.call_soon_threadsafe(self._resolve, answers)
                    self._positions[partition] = records[-1].offset + 1
                is_lookup_due = topics != self._consumed and monotonic() > next_lookup
                if is_lookup_due or topics != frozenset(map(self._topics.outputs, self._names())):
                    return

    def _resolve(self, answers: list[Answer]) -> None:
        for answer in answers:
            future = self._waiting.get(answer.key)
            if future and not future.done():
                future.set_result(answer)
