"""What metrics cost, in throughput and in processor time.

python -m benchmarks.metrics [--rounds 6] [--requests 120000] [--parallelism 1]

Two runs of one job on a shared machine differ by more than metrics cost. So in every other run everything is
counted eleven times, under ten more labels: what that costs more, divided by ten, is what counting once
costs, and so is the noise divided by ten. Processor time is that of broker, JVMs and workers together. A job
before the first round warms the cluster up.
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

from benchmarks.bed import Harness, running_harness
from jobs.flink import submit
from jobs.flink.bundle import write_bundle
from jobs.flink.paths import BUNDLE
from jobs.local_stack.stack import Stack

MORE = 10

_COUNTS_MORE = f"""

def _more(method):
    def counted(self, name, value, **labels):
        method(self, name, value, **labels)
        for copy in range({MORE}):
            method(self, name, value, **labels, copy=str(copy))
    return counted


Metrics.count, Metrics.show = _more(Metrics.count), _more(Metrics.show)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--requests", type=int, default=120_000)
    parser.add_argument("--parallelism", type=int, default=1)
    given = parser.parse_args()
    console = Console()
    bundles = {"once": write_bundle, "more": _counts_more}
    spent: dict[str, list[tuple[float, float]]] = {kind: [] for kind in bundles}
    with running_harness(console) as bed:
        _run(bed, "warm", given.requests, given.parallelism)
        for number in range(given.rounds):
            for kind in sorted(bundles, reverse=bool(number % 2)):
                submit.write_bundle = bundles[kind]
                spent[kind].append(_run(bed, f"{kind}{number}", given.requests, given.parallelism))
    _show(*(np.array(spent[kind]) for kind in bundles), console)


def _run(bed: Harness, name: str, requests: int, parallelism: int) -> tuple[float, float]:
    """Return microseconds of time and of processor time for an event, of the last three fifths."""
    with bed.filled(name, requests) as where, bed.job(where, parallelism):
        started = bed.answered(where, requests * 2 // 5)
        before = _processor_seconds(bed.stack)
        ended = bed.answered(where, requests)
        seconds = _processor_seconds(bed.stack) - before
        return 1e6 / bed.answered_rate(where, requests), 1e6 * seconds / (ended - started)


def _counts_more() -> Path:
    with zipfile.ZipFile(write_bundle()) as archive:
        sources = {name: archive.read(name) for name in archive.namelist()}
    sources["operators/metrics/flink_metrics.py"] += _COUNTS_MORE.encode()
    with zipfile.ZipFile(BUNDLE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sources.items():
            archive.writestr(name, source)
    return BUNDLE


def _processor_seconds(stack: Stack) -> float:
    """Return what the processes of a stack that live now have used so far."""
    times = [process.cpu_times() for process in stack.processes()]
    return float(sum(time.user + time.system for time in times))


def _show(once: Any, more: Any, console: Console) -> None:
    table = Table("µs an event", "counted once", f"{MORE} times more", "once costs", "95 % of it")
    for i, what in enumerate(("time", "processor time")):
        one = (more[:, i] - once[:, i]) / MORE
        cost = one / (once[:, i] - one)
        low, high = bootstrap([cost], np.mean, random_state=0).confidence_interval
        cells = (f"{np.median(column[:, i]):,.0f}" for column in (once, more))
        table.add_row(what, *cells, f"{cost.mean():.1%}", f"{low:.1%} to {high:.1%}")
    console.print(table)


if __name__ == "__main__":
    main()
