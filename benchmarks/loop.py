"""A hand-written loop for comparison: a Kafka client, batches, the same scikit-learn models; no windows."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic
from typing import Any

import joblib
import numpy as np
from kafka import KafkaProducer

from benchmarks.harness import PIPELINE
from operators.kafka.connection import Connection
from operators.kafka.consumer import open_consumer


def run_loop(connection: Connection, models: Path, requests: int, batch: int) -> float:
    """Answer the requests in the topic; return events/s."""
    preprocess = joblib.load(models / "income-preprocess" / "model.joblib")
    classifier = joblib.load(models / "income-classifier" / "model.joblib")
    outlier = joblib.load(models / "income-outlier" / "IForest.joblib")
    threshold = json.loads((models / "income-outlier" / "IForest.json").read_text())["threshold"]
    consumer, _ = open_consumer(connection.bootstrap, [connection.topics.inputs(PIPELINE)])
    consumer.seek_to_beginning()
    producer = KafkaProducer(bootstrap_servers=connection.bootstrap, linger_ms=5, batch_size=200_000)
    done, started = 0, monotonic()
    with consumer:
        while done < requests:
            for records in consumer.poll(timeout_ms=500, max_records=batch).values():
                decoded = [json.loads(record.value) for record in records]
                rows = np.array([request["inputs"][0]["data"] for request in decoded], dtype=float)
                prepared = preprocess.transform(rows)
                labels = classifier.predict(prepared)
                scores = -outlier.decision_function(prepared)
                for record, request, label, score in zip(records, decoded, labels, scores, strict=True):
                    body = _response(request["id"], int(label), float(score), bool(score > threshold))
                    producer.send(connection.topics.outputs(PIPELINE), value=body, key=record.key)
                done += len(records)
    producer.flush()
    producer.close()
    return requests / (monotonic() - started)


def _response(id_: str, label: int, score: float, flagged: bool) -> bytes:
    def tensor(name: str, datatype: str, value: Any) -> dict[str, Any]:
        return {"name": name, "shape": [1, 1], "datatype": datatype, "data": [value]}

    outputs = [
        tensor("predict", "INT64", label),
        tensor("is_outlier", "INT64", int(flagged)),
        tensor("instance_score", "FP64", score),
    ]
    return json.dumps({"model_name": PIPELINE, "id": id_, "outputs": outputs}).encode()
