"""A hand-written loop: a Kafka client, batches, the same scikit-learn models; no windows, no checks.

python hand.py CLIENT BOOTSTRAP REQUESTS_TOPIC RESPONSES_TOPIC MODELS COUNT BATCH

It answers COUNT requests of a topic, at most BATCH at once; CLIENT is kafka-python or confluent-kafka.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np

# Key and value of a record.
Record = tuple[bytes, bytes]
Send = Callable[[bytes, bytes], object]


def kafka_python(bootstrap: str, topic: str, to: str, batch: int) -> tuple[Iterator[list[Record]], Send, Any]:
    """Return batches of records, a function that sends a response, and one that waits for the responses."""
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    partitions = consumer.partitions_for_topic(topic) or set()
    consumer.assign([TopicPartition(topic, partition) for partition in partitions])
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, batch_size=200_000)

    def batches() -> Iterator[list[Record]]:
        while True:
            for records in consumer.poll(timeout_ms=500, max_records=batch).values():
                yield [(record.key, record.value) for record in records]

    return batches(), lambda key, value: producer.send(to, value=value, key=key), producer.flush


def confluent_kafka(
    bootstrap: str, topic: str, to: str, batch: int
) -> tuple[Iterator[list[Record]], Send, Any]:
    """Return the same as `kafka_python`, from the client on librdkafka."""
    from confluent_kafka import Consumer, Producer

    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": f"hand-{to}", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000}
    )

    def batches() -> Iterator[list[Record]]:
        while True:
            producer.poll(0)
            records = consumer.consume(num_messages=batch, timeout=0.05)
            if records:
                yield [(record.key(), record.value()) for record in records]

    return batches(), lambda key, value: producer.produce(to, value=value, key=key), producer.flush


class Answerer:
    """The models of `weir train`, loaded as a data scientist would."""

    def __init__(self, models: Path) -> None:
        self._preprocess = joblib.load(models / "income-preprocess" / "model.joblib")
        self._classifier = joblib.load(models / "income-classifier" / "model.joblib")
        self._outlier = joblib.load(models / "income-outlier" / "IForest.joblib")
        self._threshold = json.loads((models / "income-outlier" / "IForest.json").read_text())["threshold"]

    def compute(self, rows: Any) -> tuple[Any, Any, Any]:
        """Return classes, outlier flags and outlier scores of rows (n, features), each of shape (n,)."""
        prepared = self._preprocess.transform(rows)
        return self._classifier.predict(prepared), *self.outliers(prepared)

    def outliers(self, prepared: Any) -> tuple[Any, Any]:
        """Return outlier flags and scores of preprocessed rows, each of shape (n,)."""
        scores = -self._outlier.decision_function(prepared)
        return (scores > self._threshold).astype(int), scores

    def answer(self, values: list[bytes]) -> Iterator[bytes]:
        """Yield the response of each request."""
        requests = [json.loads(value) for value in values]
        rows = np.array([request["inputs"][0]["data"] for request in requests], dtype=float)
        for request, label, flag, score in zip(requests, *self.compute(rows), strict=True):
            outputs = [
                _tensor("predict", "INT64", int(label)),
                _tensor("is_outlier", "INT64", int(flag)),
                _tensor("instance_score", "FP64", float(score)),
            ]
            yield json.dumps({"model_name": "income", "id": request["id"], "outputs": outputs}).encode()


def _tensor(name: str, datatype: str, value: float) -> dict[str, Any]:
    return {"name": name, "shape": [1, 1], "datatype": datatype, "data": [value]}


def main() -> None:
    client, bootstrap, topic, to, models, count, batch = sys.argv[1:]
    connect = {"kafka-python": kafka_python, "confluent-kafka": confluent_kafka}[client]
    answerer = Answerer(Path(models))
    batches, send, flush = connect(bootstrap, topic, to, int(batch))
    done = 0
    for records in batches:
        for (key, _), response in zip(records, answerer.answer([value for _, value in records]), strict=True):
            send(key, response)
        done += len(records)
        if done >= int(count):
            break
    flush()


if __name__ == "__main__":
    main()
