"""Memory and throughput over many events, and throughput of one job with many pipelines.

python -m benchmarks.long_run [--events 2000000] [--pipelines 1 5 20]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import monotonic

from psutil import Process
from rich.console import Console
from rich.table import Table

from benchmarks.harness import PIPELINE, Harness, running_harness

_FIRST = 100_000
_REQUESTS = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--pipelines", type=int, nargs="*", default=[1, 5, 20])
    arguments = parser.parse_args()
    console = Console()
    with running_harness(console) as harness:
        console.print(_memory(harness, arguments.events), _pipelines(harness, arguments.pipelines))


def _memory(harness: Harness, events: int) -> Table:
    """Answer many events, and measure the workers after each tenth, first after 100,000 events."""
    table = Table("events", "MB of Python workers", "to the first", "events/s since the last")
    marks = [_FIRST, *(events * tenth // 10 for tenth in range(1, 11) if events * tenth // 10 > _FIRST)]
    with harness.filled("long", events) as workload, harness.job(workload, 1):
        first, before, since = 0.0, 0, monotonic()
        for mark in marks:
            answered, now = harness.answered(workload, mark), monotonic()
            memory = sum(worker.memory_info().rss for worker in _workers(harness)) / 1e6
            first = first or memory
            rate = (answered - before) / (now - since)
            table.add_row(f"{answered:,}", f"{memory:,.0f}", f"{memory / first:.3f}", f"{rate:,.0f}")
            before, since = answered, now
    return table


def _workers(harness: Harness) -> list[Process]:
    return [process for process in harness.stack.processes() if "python" in process.name()]


def _pipelines(harness: Harness, numbers: list[int]) -> Table:
    """Spread the same requests over copies of the pipeline in one job."""
    table = Table("pipelines", "events/s", "processor µs an event")
    for number in numbers:
        name = f"many{number}"
        copies = _write_copies(harness.manifests(name), number)
        with harness.filled(name, _REQUESTS, *copies) as workload, harness.job(workload, 1):
            measured = harness.measure(workload, _REQUESTS)
        table.add_row(str(number), f"{measured.rate:,.0f}", f"{measured.processor:.0f}")
    return table


def _write_copies(manifests: Path, number: int) -> list[str]:
    """Add copies of the pipeline to the manifests; return their names."""
    text = (manifests / "workflow.yaml").read_text("utf-8")
    names = [f"copy{i}" for i in range(number)]
    copies = "\n---\n".join(text.replace(PIPELINE, name) for name in names)
    (manifests / "copies.yaml").write_text(copies, "utf-8")
    return names


if __name__ == "__main__":
    main()
