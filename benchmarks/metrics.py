"""What metrics cost: processor time and throughput of the job with them and without, in turn.

python -m benchmarks.metrics [--rounds 5] [--requests 120000] [--parallelism 1]

Without: the same bundle, in which nothing is counted. Where others use the cores too, processor time (of
broker, JVMs and workers together, from submission until all is answered) tells more than throughput.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.bed import laid
from jobs import submitting
from jobs.bundle import write_bundle
from jobs.stack.layout import BUNDLE
from jobs.stack.stack import Stack

_SILENT = """

Metrics.count = Metrics.show = lambda self, *given, **labels: None
PipelineMetrics.count = WindowMetrics.closed = lambda self, *given: None
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=120_000)
    parser.add_argument("--parallelism", type=int, default=1)
    given = parser.parse_args()
    console = Console()
    kinds: dict[str, Callable[[], Path]] = {"with metrics": write_bundle, "without": _silent_bundle}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    with laid(console) as bed:
        for number in range(given.rounds):
            for kind in sorted(kinds, reverse=bool(number % 2)):
                submitting.write_bundle = kinds[kind]
                with bed.filled(f"{kind.split()[0]}{number}", given.requests) as where:
                    before = _processor_seconds(bed.stack)
                    with bed.job(where, given.parallelism):
                        rates[kind].append(bed.answered_rate(where, given.requests))
                        seconds[kind].append(_processor_seconds(bed.stack) - before)
    _show("events/s", rates, console)
    _show("processor seconds", seconds, console)


def _silent_bundle() -> Path:
    with zipfile.ZipFile(write_bundle()) as archive:
        sources = {name: archive.read(name) for name in archive.namelist()}
    sources["operators/metrics.py"] += _SILENT.encode()
    with zipfile.ZipFile(BUNDLE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sources.items():
            archive.writestr(name, source)
    return BUNDLE


def _processor_seconds(stack: Stack) -> float:
    """Return what the processes of a stack that live now have used so far."""
    times = [process.cpu_times() for process in stack.processes()]
    return float(sum(time.user + time.system for time in times))


def _show(unit: str, measured: dict[str, list[float]], console: Console) -> None:
    table = Table(unit, *measured, "with, more")
    with_, without = (np.array(measured[kind]) for kind in measured)
    more = with_ / without - 1
    for number, cells in enumerate(zip(with_, without, more, strict=True), 1):
        table.add_row(str(number), *(f"{cell:,.1f}" for cell in cells[:2]), f"{cells[2]:+.1%}")
    medians = [float(np.median(values)) for values in (with_, without, more)]
    table.add_row("median", *(f"{value:,.1f}" for value in medians[:2]), f"{medians[2]:+.1%}")
    console.print(table)


if __name__ == "__main__":
    main()
