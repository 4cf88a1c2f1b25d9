"""Throughput, latency and cost of the job, compared with peers in one run on one machine.

python -m benchmarks [--rounds 5] [--requests 300000] [--seconds 20] [--settings="--batch-ms 50"]

A round measures everything once, one after the other. The figures are ratios within a round, so that a
machine that is faster or slower for minutes changes them little; what is shown is their median.
"""

from __future__ import annotations

import argparse
import os

from rich.console import Console

from benchmarks import figures, latency, throughput
from benchmarks.drift import speed
from benchmarks.figures import Numbers
from benchmarks.harness import running_harness


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=300_000, help="of each throughput")
    parser.add_argument("--seconds", type=float, default=20, help="of each latency")
    parser.add_argument("--settings", default="", help="settings of the job")
    arguments = parser.parse_args()
    console = Console()
    rounds: list[Numbers] = []
    with running_harness(console, arguments.settings.split()) as harness:
        throughput.warm_up(harness, arguments.requests)
        for number in range(arguments.rounds):
            name = f"round{number}"
            drift, alibi = speed.compare()
            rounds.append(
                {
                    **throughput.measure(harness, name, arguments.requests),
                    **latency.measure(harness, name, arguments.seconds),
                    "drift test, ms": drift,
                    "alibi-detect, ms": alibi,
                }
            )
            console.print(f"round {number + 1} of {arguments.rounds}", *figures.tables(rounds))
    console.print(f"{os.cpu_count()} cores shared by broker, JVMs, workers, loops and clients")


if __name__ == "__main__":
    main()
