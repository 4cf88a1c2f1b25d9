"""A Kafka client that sends requests to a pipeline and reads the responses."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any, NamedTuple

import msgspec
from kafka import KafkaConsumer, KafkaProducer
from numpy.typing import NDArray

from jobs.streaming.kafka_tables import MOST_BYTES
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers
from operators.kafka.connection import Connection
from operators.kafka.consumer import open_consumer
from operators.kafka.headers import ERROR


class Answer(NamedTuple):
    """A record of the outputs topic: a response, or the text of an error.

    It has the key of its request.
    """

    key: bytes
    value: bytes
    headers: dict[str, bytes]

    @property
    def failed(self) -> bool:
        """Whether the record is an error and not a response."""
        return ERROR in self.headers

    def outputs(self) -> dict[str, dict[str, Any]]:
        """Return the response's tensors by name."""
        return {tensor["name"]: tensor for tensor in msgspec.json.decode(self.value)["outputs"]}


class PipelineClient:
    """Sends requests to one pipeline and reads the answers that arrive from now on.

    DeploymentError where the pipeline's outputs topic does not exist.
    """

    def __init__(self, connection: Connection, pipeline: str) -> None:
        self.inputs = connection.topics.inputs(pipeline)
        outputs = connection.topics.outputs(pipeline)
        self.producer = KafkaProducer(
            **connection.brokers.options(), linger_ms=2, max_request_size=MOST_BYTES
        )
        self._consumer = consumer_from_now(connection.brokers, [outputs])
        if not self._consumer.assignment():
            raise DeploymentError(f"there is no topic {outputs}; apply pipeline {pipeline} first")

    def __enter__(self) -> PipelineClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.producer.close()
        self._consumer.close()

    def send(self, body: bytes, key: bytes | None = None, headers: Sequence[tuple[str, bytes]] = ()) -> bytes:
        """Send one request without waiting; return its key, which is random unless given."""
        key = key or uuid.uuid4().hex.encode()
        self.producer.send(self.inputs, value=body, key=key, headers=list(headers))
        return key

    def answers(self, seconds: float) -> Iterator[Answer]:
        """Yield answers as they arrive, until none has arrived for `seconds`."""
        last = monotonic()
        while monotonic() - last < seconds:
            for records in self._consumer.poll(timeout_ms=200).values():
                last = monotonic()
                for record in records:
                    yield Answer(record.key or b"", record.value or b"", dict(record.headers))

    def ask(self, body: bytes, seconds: float = 30.0) -> Answer:
        """Send one request and return its answer; DeploymentError where none arrives in `seconds`."""
        key = self.send(body)
        self.producer.flush()
        for answer in self.answers(seconds):
            if answer.key == key:
                return answer
        raise DeploymentError(f"no answer within {seconds:g} s; run `weir status` to check the job")


def consumer_from_now(brokers: Brokers, topics: list[str]) -> KafkaConsumer:
    """Open a consumer of all partitions of the topics that reads only records produced after this call."""
    consumer, partitions = open_consumer(brokers, topics, "read_uncommitted")
    for partition, end in (consumer.end_offsets(partitions) if partitions else {}).items():
        consumer.seek(partition, end)
    return consumer


def request_body(rows: NDArray[Any], id_: str) -> bytes:
    """Encode rows of shape (n, features) as one V2 request; NaN becomes null."""
    tensor = {"name": "input_1", "shape": list(rows.shape), "datatype": "FP64", "data": rows.ravel().tolist()}
    return msgspec.json.encode({"id": id_, "inputs": [tensor]})
