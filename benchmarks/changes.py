"""Latency while a running job takes up another generation, beside the moments before.

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

from benchmarks.bed import PIPELINE, Harness, running_harness
from jobs.kafka.pipeline_client import consumer_from_now
from jobs.releases.apply import apply
from operators.kafka.connection import Connection
from operators.models.probe import write_probe
from operators.storage.trusted_roots import make_policy

# The JVM's warm-up, how long it is quiet before a change, and how long the change counts, in seconds.
_WARM, _QUIET, _CHANGED = 20.0, 5.0, 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=6)
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--rate", type=float, default=200)
    given = parser.parse_args()
    console = Console()
    with running_harness(console) as bed, bed.filled("changes", 0) as where:
        _grow(bed.models, given.trees)
        manifests = bed.models.parent / "changes" / "examples" / "income"
        apply([manifests], where, make_policy(str(bed.models), ""), "grown")
        with bed.job(where, 2):
            _measure(bed, where, given.changes, given.rate, console)


def _grow(models: Path, trees: int) -> None:
    """Put a larger forest in the place of the workflow's classifier."""
    folder = models / "income-classifier"
    rows = joblib.load(models / "income-preprocess" / "model.joblib").transform(
        np.load(models / "holdout.npy")
    )
    before = joblib.load(folder / "model.joblib")
    after = RandomForestClassifier(n_estimators=trees, random_state=1).fit(rows, before.predict(rows))
    joblib.dump(after, folder / "model.joblib")
    write_probe(folder, rows[:5], {"predict": after.predict(rows[:5])})


def _measure(bed: Harness, where: Connection, changes: int, rate: float, console: Console) -> None:
    moments: list[float] = []
    changing = Thread(target=_change, args=(where, changes, moments), daemon=True)
    changing.start()
    answers = bed.delays(where, rate, _WARM + changes * (_QUIET + _CHANGED) + _QUIET)
    changing.join()
    sent, took, generation = answers.T
    table = Table("change", "slowest before, ms", "slowest during, ms", "median during, ms", "generations")
    for number, moment in enumerate(moments, 1):
        before = (sent > moment - _QUIET * 1000) & (sent < moment)
        during = (sent >= moment) & (sent < moment + _CHANGED * 1000)
        cells = (took[before].max(), took[during].max(), np.median(took[during]))
        seen = ", ".join(str(int(one)) for one in np.unique(generation[during]))
        table.add_row(str(number), *(f"{cell:.0f}" for cell in cells), seen)
    console.print(table)
    console.print(f"{len(answers):,} answers at {rate:g} requests a second")


def _change(where: Connection, changes: int, moments: list[float]) -> None:
    """Let two generations serve in turn: only the head moves, so that nothing else takes the cores."""
    answers = consumer_from_now(where.bootstrap, [where.topics.outputs(PIPELINE)])
    while not answers.poll(timeout_ms=200):
        pass
    answers.close()
    producer = KafkaProducer(bootstrap_servers=where.bootstrap)
    sleep(_WARM)
    for number in range(changes):
        sleep(_QUIET)
        moments.append(time() * 1000)
        head = b'{"generation":%d}' % (1 + number % 2)
        producer.send(where.topics.control, key=f"head/{PIPELINE}".encode(), value=head, partition=0).get()
        sleep(_CHANGED)
    producer.close()


if __name__ == "__main__":
    main()
