"""Requests out, and the answers with their keys back to whoever waits."""

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

# A topic that was not there is looked for again after so many seconds.
_LOOK_AGAIN = 3.0
_log = logging.getLogger(__name__)


class BusyError(Exception):
    """As many requests wait for their answers as may."""


class Correlator:
    """Sends requests to pipelines and hands each answer to the coroutine that waits for its key.

    `names` tells which pipelines there are; `most` bounds how many requests wait at a time. Answers to keys
    that nobody waits for, and a second answer to one, are passed over.
    """

    def __init__(self, connection: Connection, names: Callable[[], Iterable[str]], most: int) -> None:
        self._connection = connection
        self._names = names
        self._most = most
        self._waiting: dict[bytes, asyncio.Future[Answer]] = {}
        self._listening: frozenset[str] = frozenset()
        self._positions: dict[TopicPartition, int] = {}
        self._stop = Event()
        self._thread = Thread(target=self._listen, name="answers", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen; answers are handed over in this loop."""
        self._loop = loop
        self._producer = KafkaProducer(
            bootstrap_servers=self._connection.bootstrap,
            linger_ms=1,
            max_request_size=MOST_BYTES,
            max_block_ms=5_000,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop, whoever waits."""
        self._stop.set()
        self._thread.join(timeout=5.0)
        self._producer.close(timeout=5)

    def listens(self, pipeline: str) -> bool:
        """Tell whether an answer of the pipeline would be heard."""
        return self._topics.outputs(pipeline) in self._listening

    async def ask(
        self, pipeline: str, body: bytes, headers: Sequence[tuple[str, bytes]], seconds: float
    ) -> Answer:
        """Send one request and wait for its answer.

        Raises BusyError when too many wait already, TimeoutError when none comes, KafkaError when it cannot
        be sent.
        """
        if len(self._waiting) >= self._most:
            raise BusyError
        key = uuid.uuid4().hex.encode()
        self._waiting[key] = answer = self._loop.create_future()
        try:
            async with asyncio.timeout(seconds):
                while not self.listens(pipeline):
                    await asyncio.sleep(0.05)
                await asyncio.to_thread(self._send, pipeline, key, body, headers)
                got: Answer = await answer
                return got
        finally:
            del self._waiting[key]

    def _send(self, pipeline: str, key: bytes, body: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        topic = self._topics.inputs(pipeline)
        self._producer.send(topic, value=body, key=key, headers=list(headers))

    @property
    def _topics(self) -> Topics:
        return self._connection.topics

    def _listen(self) -> None:
        def listen() -> None:
            self._listen_to(frozenset(map(self._topics.outputs, self._names())))

        # Between two calls no request may wait: it is sent only once its answer is listened for.
        repeat(listen, self._stop, log_failure(_log, "reading answers"), pause=0.0)

    def _listen_to(self, topics: frozenset[str]) -> None:
        """Listen to these topics until there are others: where it was left, a new one from its end on.

        Requests to a pipeline are sent only after its answers are listened to, so that none is missed.
        """
        consumer, partitions = open_consumer(self._connection.bootstrap, sorted(topics), "read_uncommitted")
        with consumer:
            ends = consumer.end_offsets(partitions) if partitions else {}
            for partition, end in ends.items():
                consumer.seek(partition, self._positions.setdefault(partition, end))
            self._listening = frozenset(partition.topic for partition in partitions)
            self._positions = {one: at for one, at in self._positions.items() if one in ends}
            again = monotonic() + _LOOK_AGAIN
            while not self._stop.is_set():
                for partition, records in consumer.poll(timeout_ms=100).items():
                    answers = [Answer(r.key or b"", r.value or b"", dict(r.headers)) for r in records]
                    self._loop.call_soon_threadsafe(self._hand_over, answers)
                    self._positions[partition] = records[-1].offset + 1
                missing = topics != self._listening and monotonic() > again
                if missing or topics != frozenset(map(self._topics.outputs, self._names())):
                    return

    def _hand_over(self, answers: list[Answer]) -> None:
        for answer in answers:
            waiting = self._waiting.get(answer.key)
            if waiting and not waiting.done():
                waiting.set_result(answer)
