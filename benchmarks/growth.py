"""How the cost of an event grows: with features, windows, references, rows a request, and the encoding.

python -m benchmarks.growth [--events 40000]

Everything runs in this process, without Kafka and Flink: the cost is that of Weir's own code, of decoding,
models, encoding, windows and verdicts. The models are a random forest of 50 trees and an isolation forest of
100, with the monitors that `weir train` adds.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from time import process_time

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from detectors.drift.tabular import TabularDrift
from jobs.kafka.pipeline_client import request_body
from jobs.models.train import train
from jobs.models.training.options import Options
from jobs.releases.validation.manifests import check
from jobs.streaming.settings import Settings
from jobs.traffic.local.windows import LocalWindows
from operators.control.release import Release
from operators.core.micro_batch import RequestBatch
from operators.inference.engine import Engine
from operators.metrics.pipeline_tally import is_tally
from operators.pipeline.load import ModelCache, load_pipeline
from operators.protocol.inference_pb2 import ModelInferRequest
from operators.rows.chunks import decode

FEATURES = (12, 40, 120)
WINDOWS = (100, 1_000, 10_000, 100_000)
REFERENCES = (1_000, 10_000, 100_000, 1_000_000)
ROWS = (1, 10, 100, 1_000)
_NAME = "bench"
_BATCH = Settings().batch_rows
_TRAINING_ROWS = 20_000
# The best of so many runs, because other load can only make a run slower.
_RUNS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=40_000)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        models = {features: _Models(Path(folder) / str(features), features) for features in FEATURES}
        for table in _tables(models, arguments.events):
            console.print(table)


class _Models:
    """Trained models of a number of features, and their pipeline."""

    def __init__(self, folder: Path, features: int) -> None:
        rng = np.random.default_rng(0)
        names = [f"f{i}" for i in range(features)]
        rows = rng.normal(size=(_TRAINING_ROWS, features))
        target = rows[:, 0] + rows[:, 1] + rng.normal(size=len(rows)) > 0
        table = pd.DataFrame(rows, columns=names).assign(target=target.astype(int))
        train(table, "target", folder, Options(_NAME, draws=500), on_progress=lambda line: None)
        self._folder = folder
        self.rows = rng.normal(size=(_TRAINING_ROWS, features))

    def pipeline(self, window: int) -> _Pipeline:
        """Return the pipeline, with windows of a size in rows."""
        manifest = self._folder / f"{_NAME}.yaml"
        sized = self._folder / f"window{window}.yaml"
        sized.write_text(manifest.read_text("utf-8").replace("size: 500", f"size: {window}"), "utf-8")
        settings = Settings(trusted_roots=str(self._folder))
        (release,) = check([sized], settings.topics, settings.site).require().releases
        return _Pipeline(msgspec.structs.replace(release, generation=1), settings)


class _Pipeline:
    """A pipeline and its windows in this process, with the job's micro-batches."""

    def __init__(self, release: Release, settings: Settings) -> None:
        served = load_pipeline(release, ModelCache(settings.site))
        assert served.plan is not None
        self._topic = settings.topics.inputs(release.name)
        self._engine = Engine([served], settings.topics, settings.max_record_bytes, lambda pipeline: {})
        self._windows = {
            planned.name: LocalWindows(release, planned.name, planned.batch, settings)
            for planned in served.plan.steps
            if planned.batch
        }

    def answer(self, values: list[bytes]) -> None:
        """Answer a micro-batch, and add its rows to the windows."""
        n = len(values)
        records = RequestBatch(
            values=values,
            topics=[self._topic] * n,
            partitions=np.zeros(n, dtype=np.int64),
            offsets=np.arange(n),
            timestamps=np.zeros(n, dtype=np.int64),
            lengths=np.full(n, -1),
            infer_types=[None] * n,
            origins=[None] * n,
            readers=[None] * n,
        )
        for messages in self._engine.answer(records).chunks:
            for message in messages or ():
                if not is_tally(message):
                    chunk = decode(message)
                    deque(self._windows[chunk.step].add(chunk), maxlen=0)


def _tables(models: dict[int, _Models], events: int) -> Iterator[Table]:
    few = models[FEATURES[0]]
    by_features = {f: _cost(m, _json(m.rows, 1), events) for f, m in models.items()}
    yield _curve("features", "µs an event", by_features)
    windows = {w: _cost(few, _json(few.rows, 1), max(events, 2 * w), w) for w in WINDOWS}
    yield _curve("rows of a window", "µs an event", windows)
    yield _curve("rows of a reference", "ms a window of 1,000 rows", {n: _drift(n) for n in REFERENCES})
    for encoding, bodies in (("JSON", _json), ("protobuf", _protobuf)):
        by_rows = {n: _cost(few, bodies(few.rows, n), max(1, events // n)) / n for n in ROWS}
        yield _curve(f"rows a request, {encoding}", "µs a row", by_rows)


def _curve(what: str, unit: str, costs: dict[int, float]) -> Table:
    """Return costs, and how many times as much each is as the first."""
    first = next(iter(costs.values()))
    table = Table(what, unit, "to the first")
    for n, cost in costs.items():
        table.add_row(f"{n:,}", f"{cost:.3g}", f"{cost / first:.2f}")
    return table


def _cost(models: _Models, bodies: Sequence[bytes], events: int, window: int = 500) -> float:
    """Return the microseconds of processor time of a request, with everything that follows from it."""
    pipeline = models.pipeline(window)
    requests = list(islice(cycle(bodies), events))
    batches = [requests[start : start + _BATCH] for start in range(0, events, _BATCH)]
    pipeline.answer(batches[0])
    seconds = []
    for _ in range(_RUNS):
        start = process_time()
        for batch in batches:
            pipeline.answer(batch)
        seconds.append(process_time() - start)
    return min(seconds) / events * 1e6


def _drift(reference: int) -> float:
    """Return the milliseconds of a test of 1,000 rows with 12 features."""
    rng = np.random.default_rng(0)
    detector = TabularDrift(rng.normal(size=(reference, FEATURES[0])))
    window = rng.normal(size=(1_000, FEATURES[0]))
    seconds = []
    for _ in range(20 * _RUNS):
        start = process_time()
        detector.test(window)
        seconds.append(process_time() - start)
    return min(seconds) * 1e3


def _json(rows: NDArray[np.float64], n: int) -> list[bytes]:
    return [request_body(part, "bench") for part in _parts(rows, n)]


def _protobuf(rows: NDArray[np.float64], n: int) -> list[bytes]:
    bodies = []
    for part in _parts(rows, n):
        message = ModelInferRequest(id="bench")
        message.inputs.add(name="input_1", datatype="FP64", shape=part.shape)
        message.raw_input_contents.append(part.astype("<f8").tobytes())
        bodies.append(message.SerializeToString())
    return bodies


def _parts(rows: NDArray[np.float64], n: int) -> Iterator[NDArray[np.float64]]:
    """Yield parts of n rows, at most 2,000 of them."""
    return islice((rows[start : start + n] for start in range(0, len(rows) - n + 1, n)), 2_000)


if __name__ == "__main__":
    main()
