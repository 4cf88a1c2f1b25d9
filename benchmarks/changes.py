"""Latency while a running job switches to another generation, compared with the seconds before.

python -m benchmarks.changes [--changes 6] [--trees 200] [--rate 200]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from threading import Thread
from time import sleep, time

import joblib
import numpy as np
from kafka import KafkaProducer
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import RandomForestClassifier

from benchmarks.harness import PIPELINE, Harness, Workload, running_harness
from jobs.kafka.pipeline_client import consumer_from_now
from jobs.releases.apply import apply
from operators.kafka.connection import Connection
from operators.models.probe import write_probe
from operators.storage.trusted_roots import make_policy

# Seconds of the JVM's warm-up, of no change before each change, and of the measurement after it.
_WARM, _QUIET, _CHANGED = 20.0, 5.0, 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=6)
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--rate", type=float, default=200)
    arguments = parser.parse_args()
    console = Console()
    with running_harness(console) as harness, harness.filled("changes", 0) as workload:
        _grow(harness.models, arguments.trees)
        apply(
            [harness.manifests("changes")], workload.connection, make_policy(str(harness.models), ""), "grown"
        )
        with harness.job(workload, 2):
            _measure(harness, workload, arguments.changes, arguments.rate, console)


def _grow(models: Path, trees: int) -> None:
    """Replace the classifier of the workflow by a larger forest."""
    folder = models / "income-classifier"
    rows = joblib.load(models / "income-preprocess" / "model.joblib").transform(
        np.load(models / "holdout.npy")
    )
    before = joblib.load(folder / "model.joblib")
    after = RandomForestClassifier(n_estimators=trees, random_state=1).fit(rows, before.predict(rows))
    joblib.dump(after, folder / "model.joblib")
    write_probe(folder, rows[:5], {"predict": after.predict(rows[:5])})


def _measure(harness: Harness, workload: Workload, changes: int, rate: float, console: Console) -> None:
    moments: list[float] = []
    changing = Thread(target=_change, args=(workload.connection, changes, moments), daemon=True)
    changing.start()
    responses = harness.delays(workload, rate, _WARM + changes * (_QUIET + _CHANGED) + _QUIET)
    changing.join()
    sent, delay, generation = responses.T
    table = Table("change", "slowest before, ms", "slowest during, ms", "median during, ms", "generations")
    for number, moment in enumerate(moments, 1):
        before = (sent > moment - _QUIET * 1000) & (sent < moment)
        during = (sent >= moment) & (sent < moment + _CHANGED * 1000)
        cells = (delay[before].max(), delay[during].max(), np.median(delay[during]))
        generations = ", ".join(str(int(one)) for one in np.unique(generation[during]))
        table.add_row(str(number), *(f"{cell:.0f}" for cell in cells), generations)
    console.print(table)
    console.print(f"{len(responses):,} responses at {rate:g} requests per second")


def _change(connection: Connection, changes: int, moments: list[float]) -> None:
    """Let two generations serve in turn, by changing only the head, so that nothing else uses the cores."""
    consumer = consumer_from_now(connection.brokers, [connection.topics.outputs(PIPELINE)])
    while not consumer.poll(timeout_ms=200):
        pass
    consumer.close()
    producer = KafkaProducer(**connection.brokers.options())
    sleep(_WARM)
    for number in range(changes):
        sleep(_QUIET)
        moments.append(time() * 1000)
        head = b'{"generation":%d}' % (1 + number % 2)
        key = f"head/{PIPELINE}".encode()
        producer.send(connection.topics.control, key=key, value=head, partition=0).get()
        sleep(_CHANGED)
    producer.close()


if __name__ == "__main__":
    main()
