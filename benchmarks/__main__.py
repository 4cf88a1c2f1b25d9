"""Throughput and latency of the job, beside a hand-written loop, in one run on one machine.

python -m benchmarks [--requests 250000] [--settings="--batch-ms 50"]
"""

from __future__ import annotations

import argparse
import os

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.bed import Harness, running_harness
from benchmarks.loop import run_loop

BATCH = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=250_000)
    parser.add_argument("--rates", type=float, nargs="*", default=[50, 500])
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--parallelism", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--settings", default="", help="settings of the job")
    given = parser.parse_args()
    console = Console()
    with running_harness(console, given.settings.split()) as bed:
        _throughput(bed, given.requests, given.parallelism, console)
        _latency(bed, given.rates, given.seconds, console)


def _throughput(bed: Harness, requests: int, parallelism: list[int], console: Console) -> None:
    table = Table("Kafka to Kafka, one row a request", "events/s", "of the loop")
    with bed.filled("loop", requests) as where:
        loop = run_loop(where, bed.models, requests, BATCH)
    table.add_row(f"hand-written loop, batches of {BATCH:,}, scikit-learn", f"{loop:,.0f}", "1.0")
    for p in parallelism:
        with bed.filled(f"job{p}", requests) as where, bed.job(where, p):
            rate = bed.answered_rate(where, requests)
        table.add_row(
            f"the job, parallelism {p}, windows of 500 tested", f"{rate:,.0f}", f"{rate / loop:.1f}"
        )
    console.print(table)
    console.print(f"{requests:,} requests, {os.cpu_count()} cores shared by broker, JVMs, workers and loop")


def _latency(bed: Harness, rates: list[float], seconds: float, console: Console) -> None:
    table = Table("request to response, parallelism 1", "answered", "p50 ms", "p90 ms", "p99 ms")
    for rate in rates:
        with bed.filled(f"rate{rate:g}", 0) as where, bed.job(where, 1):
            delays = bed.delays(where, rate, seconds)[:, 1]
        p50, p90, p99 = np.percentile(delays, [50, 90, 99])
        table.add_row(
            f"{rate:g} requests/s for {seconds:g} s",
            f"{len(delays):,}",
            *(f"{q:.0f}" for q in (p50, p90, p99)),
        )
    console.print(table)


if __name__ == "__main__":
    main()
