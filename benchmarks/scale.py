"""What bounds a pipeline as its traffic grows: costs of windows with and without shards, and a sizing table.

python -m benchmarks.scale [--processor 150]

`--processor` is the processor time of an event in µs, of all processes together, as `make bench` measures it.
The costs of windows are measured in this process; the sizing table is computed from both.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from collections import deque
from collections.abc import Callable
from math import ceil
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import joblib
import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from jobs.data.synthetic_census import TARGET, census_like
from jobs.models.train import train
from jobs.releases.validation.manifests import check
from jobs.streaming.settings import Settings
from jobs.traffic.local.flink_in_memory import MemoryBlobs, MemoryValue
from jobs.traffic.local.windows import LocalWindows
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.release_cache import ReleaseCache
from operators.resources.seldon_schema import Batch
from operators.rows.chunks import Chunk, SubtaskId, decode
from operators.windows.messages import decode_rows
from operators.windows.shard import Shard
from operators.windows.step_configs import StepConfigs

STEP = "income-drift-preprocessed"
WINDOWS = (20_000, 100_000, 1_000_000)
RATES = (1_000, 10_000, 100_000, 1_000_000)
_ROWS, _BATCH = 1_000_000, Settings().batch_rows
# Share of a core that a subtask should use at most, to catch up after a restart.
_BUSY = 0.7
# Memory of a slot in MB: a Python worker with the example's models, and its share of a TaskManager.
_WORKER_MB, _TASK_MANAGER_MB = 450, 600
# Bytes of a request and of its response on the wire, with keys and headers.
_REQUEST_BYTES, _RESPONSE_BYTES = 230, 900


class Cost(NamedTuple):
    """Processor time in µs and bytes sent, both of a row, and bytes of state of one window."""

    shard: float
    window: float
    sent: float
    state: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--processor", type=float, default=150)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    console = Console(width=140)
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder))
        costs = {
            (window, sharded): bench.cost(window, sharded) for window in WINDOWS for sharded in (False, True)
        }
    console.print(
        _windows(costs), _sizing(costs[100_000, False], costs[1_000_000, True], arguments.processor)
    )


class _Bench:
    """The drift step of preprocessed rows, and chunks for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        train(census_like(30_000, seed=0), TARGET, folder / "models", on_progress=lambda line: None)
        models = folder / "models"
        preprocess = joblib.load(models / "income-preprocess" / "model.joblib")
        rows = preprocess.transform(np.load(models / "holdout.npy"))
        self._chunks = [_chunk(rows, start).encode() for start in range(0, _ROWS, _BATCH)]

    def cost(self, window: int, sharded: bool) -> Cost:
        """Send a million rows through windows of a size."""
        release, settings = self._release(window)
        panes, held = MemoryBlobs(), MemoryValue()
        windows = LocalWindows(release, STEP, Batch(size=window), settings, panes)
        control = ControlState.empty()
        control.releases["hot", 1] = release
        releases = ReleaseCache(settings.topics, lambda: control)
        shard = Shard(held, MemoryBlobs(), StepConfigs(releases, settings.site, settings.rules))
        in_shard = in_window = 0.0
        sent = most_state = 0
        for chunk in self._chunks:
            messages = [chunk]
            if sharded:
                seconds, (messages, _) = _timed(lambda chunk=chunk: shard.take(decode(chunk)))
                in_shard += seconds
            sent += sum(map(len, messages))
            for message in messages:
                seconds, _ = _timed(lambda m=message: deque(windows.add(decode_rows(m)), maxlen=0))
                in_window += seconds
                most_state = max(most_state, sum(len(blob) for blob in panes.get()))
        return Cost(in_shard / _ROWS * 1e6, in_window / _ROWS * 1e6, sent / _ROWS, most_state)

    def _release(self, window: int) -> tuple[Release, Settings]:
        models = self._folder / "models"
        name = self._folder / f"{window}.yaml"
        documents = [
            {
                "apiVersion": "mlops.seldon.io/v1alpha1",
                "kind": "Model",
                "metadata": {"name": STEP},
                "spec": {"storageUri": str(models / STEP)},
            },
            {
                "apiVersion": "mlops.seldon.io/v1alpha1",
                "kind": "Pipeline",
                "metadata": {"name": "hot"},
                "spec": {"steps": [{"name": STEP, "batch": {"size": window}}]},
            },
        ]
        name.write_bytes(b"\n---\n".join(map(msgspec.json.encode, documents)))
        settings = Settings(trusted_roots=str(models))
        (release,) = check([name], settings.topics, settings.site).require().releases
        return msgspec.structs.replace(release, generation=1), settings


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = process_time()
    result = call()
    return process_time() - start, result


def _chunk(rows: NDArray[np.float64], start: int) -> Chunk:
    n = _BATCH
    offsets = np.arange(start, start + n)
    return Chunk(
        *("hot", STEP, 1, 1, False, SubtaskId(0, 1)),
        *(rows[offsets % len(rows)], ("requests",), np.zeros(n, np.int8), np.zeros(n, np.int32), offsets),
        np.full(n, 1_000, np.int64),
    )


def _windows(costs: dict[tuple[int, bool], Cost]) -> Table:
    table = Table(
        *("rows of a window", "sharded", "µs a row in its shard", "µs a row in its window"),
        *("bytes a row to the window", "state of the window, MB", "rows/s that one window takes"),
    )
    for (window, sharded), cost in costs.items():
        table.add_row(
            *(f"{window:,}", "yes" if sharded else "no", f"{cost.shard:.2f}", f"{cost.window:.2f}"),
            *(f"{cost.sent:.0f}", f"{cost.state / 1e6:.2f}", f"{_BUSY / cost.window * 1e6:,.0f}"),
        )
    return table


def _sizing(plain: Cost, sharded: Cost, processor: float) -> Table:
    table = Table(
        *("events/s", "partitions = subtasks of infer", "slots", "cores, with the broker"),
        *("memory of the slots, GB", "MB/s of requests and responses", "one drift step's window"),
    )
    for rate in RATES:
        cores = rate * processor / 1e6
        subtasks = ceil(cores / _BUSY)
        load = rate * plain.window / 1e6
        shards = load > _BUSY
        share = rate * sharded.window / 1e6 if shards else load
        table.add_row(
            *(f"{rate:,}", str(subtasks), str(subtasks + 1), f"{cores:.1f}"),
            f"{(subtasks + 1) * (_WORKER_MB + _TASK_MANAGER_MB) / 1e3:.1f}",
            f"{rate * (_REQUEST_BYTES + _RESPONSE_BYTES) / 1e6:,.0f}",
            f"{'sharded' if shards else 'one subtask'}, {share:.0%} of a core",
        )
    return table


if __name__ == "__main__":
    main()
