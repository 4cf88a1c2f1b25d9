"""Throughput and latency of the job, compared with hand-written loops in one run on one machine.

python -m benchmarks [--requests 250000] [--settings="--batch-ms 50"]
"""

from __future__ import annotations

import argparse
import os
from subprocess import Popen

import numpy as np
from psutil import Process
from rich.console import Console
from rich.table import Table

from benchmarks.harness import PIPELINE, Harness, Measured, running_harness
from benchmarks.peers import HAND, hand_python

BATCH = 1_000
_CLIENTS = ("kafka-python", "confluent-kafka")


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
    """Measure both loops, then the job, after another job has warmed up the cluster."""
    table = Table("Kafka to Kafka, one row per request", "events/s", "to the loop", "processor µs an event")
    hands = {client: _hand(harness, client, requests) for client in _CLIENTS}
    fastest = max(hand.rate for hand in hands.values())
    with harness.filled("warm", requests) as connection, harness.job(connection, 1):
        harness.answered(connection, requests)
    for client, hand in hands.items():
        table.add_row(f"hand-written loop, {client}", *_cells(hand, fastest))
    for p in parallelism:
        with harness.filled(f"job{p}", requests) as connection, harness.job(connection, p):
            table.add_row(
                f"the job, parallelism {p}", *_cells(harness.measure(connection, requests), fastest)
            )
    console.print(table)
    console.print(f"{requests:,} requests, {os.cpu_count()} cores shared by broker, JVMs, workers and loop")


def _cells(measured: Measured, fastest: float) -> tuple[str, str, str]:
    return f"{measured.rate:,.0f}", f"{measured.rate / fastest:.2f}", f"{measured.processor:.0f}"


def _hand(harness: Harness, client: str, requests: int) -> Measured:
    with harness.filled(client, requests) as connection:
        topics = connection.topics.inputs(PIPELINE), connection.topics.outputs(PIPELINE)
        command = [hand_python(), HAND, client, connection.bootstrap, *topics, harness.models]
        loop = Popen([*map(str, command), str(requests), str(BATCH)])
        try:
            return harness.measure(connection, requests, [Process(loop.pid)])
        finally:
            # All responses are in the topic, or the loop has failed.
            loop.kill()
            loop.wait()


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
