"""The cost of metrics, in throughput and in processor time.

python -m benchmarks.metrics [--rounds 6] [--requests 120000] [--parallelism 1]

Two runs of one job on a shared machine differ by more than the cost of metrics. Every other run therefore
counts everything eleven times, with ten more labels. The additional cost, divided by ten, is the cost of
counting once; the noise is divided by ten too. Processor time is that of broker, JVMs and workers together.
A job before the first round warms up the cluster.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import bootstrap

from benchmarks.harness import Harness, running_harness
from jobs.flink import submit
from jobs.flink.bundle import write_bundle
from jobs.flink.paths import BUNDLE

MORE = 10

_REPEAT_COUNTS = f"""

def _repeated(method):
    def counted(self, name, value, **labels):
        method(self, name, value, **labels)
        for copy in range({MORE}):
            method(self, name, value, **labels, copy=str(copy))
    return counted


Metrics.count, Metrics.show = _repeated(Metrics.count), _repeated(Metrics.show)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--requests", type=int, default=120_000)
    parser.add_argument("--parallelism", type=int, default=1)
    arguments = parser.parse_args()
    console = Console()
    bundles = {"once": write_bundle, "more": _write_repeating_bundle}
    costs: dict[str, list[tuple[float, float]]] = {variant: [] for variant in bundles}
    with running_harness(console) as harness:
        _run(harness, "warm", arguments.requests, arguments.parallelism)
        for number in range(arguments.rounds):
            for variant in sorted(bundles, reverse=bool(number % 2)):
                submit.write_bundle = bundles[variant]
                costs[variant].append(
                    _run(harness, f"{variant}{number}", arguments.requests, arguments.parallelism)
                )
    _show(*(np.array(costs[variant]) for variant in bundles), console)


def _run(harness: Harness, name: str, requests: int, parallelism: int) -> tuple[float, float]:
    """Return the microseconds and the processor microseconds per event, for the last half."""
    with harness.filled(name, requests) as workload, harness.job(workload, parallelism):
        measured = harness.measure(workload, requests)
    return 1e6 / measured.rate, measured.processor


def _write_repeating_bundle() -> Path:
    with zipfile.ZipFile(write_bundle()) as archive:
        sources = {name: archive.read(name) for name in archive.namelist()}
    sources["operators/metrics/flink_metrics.py"] += _REPEAT_COUNTS.encode()
    with zipfile.ZipFile(BUNDLE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sources.items():
            archive.writestr(name, source)
    return BUNDLE


def _show(once: Any, more: Any, console: Console) -> None:
    table = Table(
        *("µs per event", "counted once", f"{MORE} times more", "cost of once", "95 % confidence interval")
    )
    for i, what in enumerate(("time", "processor time")):
        once_cost = (more[:, i] - once[:, i]) / MORE
        cost = once_cost / (once[:, i] - once_cost)
        low, high = bootstrap([cost], np.mean, random_state=0).confidence_interval
        cells = (f"{np.median(column[:, i]):,.0f}" for column in (once, more))
        table.add_row(what, *cells, f"{cost.mean():.1%}", f"{low:.1%} to {high:.1%}")
    console.print(table)


if __name__ == "__main__":
    main()
