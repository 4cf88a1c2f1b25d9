"""Throughput and latency of the job, compared with a hand-written loop in one run on one machine.

python -m benchmarks [--requests 250000] [--settings="--batch-ms 50"]
"""

from __future__ import annotations

import argparse
import os

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.harness import Harness, running_harness
from benchmarks.loop import run_loop

BATCH = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=250_000)
    parser.add_argument("--rates", type=float, nargs="*", default=[50, 500])
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--parallelism", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--settings", default="", help="settings of the job")
    arguments = parser.parse_args()
    console = Console()
    with running_harness(console, arguments.settings.split()) as harness:
        _throughput(harness, arguments.requests, arguments.parallelism, console)
        _latency(harness, arguments.rates, arguments.seconds, console)


def _throughput(harness: Harness, requests: int, parallelism: list[int], console: Console) -> None:
    table = Table("Kafka to Kafka, one row per request", "events/s", "relative to the loop")
    with harness.filled("loop", requests) as connection:
        loop = run_loop(connection, harness.models, requests, BATCH)
    table.add_row(f"hand-written loop, batches of {BATCH:,}, scikit-learn", f"{loop:,.0f}", "1.0")
    for p in parallelism:
        with harness.filled(f"job{p}", requests) as connection, harness.job(connection, p):
            rate = harness.answered_rate(connection, requests)
        table.add_row(
            f"the job, parallelism {p}, drift tests on windows of 500", f"{rate:,.0f}", f"{rate / loop:.1f}"
        )
    console.print(table)
    console.print(f"{requests:,} requests, {os.cpu_count()} cores shared by broker, JVMs, workers and loop")


def _latency(harness: Harness, rates: list[float], seconds: float, console: Console) -> None:
    table = Table("request to response, parallelism 1", "answered", "p50 ms", "p90 ms", "p99 ms")
    for rate in rates:
        with harness.filled(f"rate{rate:g}", 0) as connection, harness.job(connection, 1):
            delays = harness.delays(connection, rate, seconds)[:, 1]
        p50, p90, p99 = np.percentile(delays, [50, 90, 99])
        table.add_row(
            f"{rate:g} requests/s for {seconds:g} s",
            f"{len(delays):,}",
            *(f"{q:.0f}" for q in (p50, p90, p99)),
        )
    console.print(table)


if __name__ == "__main__":
    main()
