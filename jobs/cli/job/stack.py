"""The verbs `weir up` and `weir down`."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.flink.paths import home
from jobs.local_stack import stack as stacks
from jobs.local_stack.ports import default_ports, free_ports


def up(
    free: Annotated[
        bool, typer.Option("--free-ports", help="use any free ports instead of the default ones")
    ] = False,
    brokers: Annotated[
        int, typer.Option(help="number of Kafka brokers; 3 keep their records if one is lost", min=1, max=9)
    ] = 1,
    json_logs: Annotated[
        bool, typer.Option("--json-logs", help="write Flink's logs as JSON, one object per line")
    ] = False,
) -> None:
    """Start the stack on this machine: Kafka and a Flink cluster."""
    running = stacks.find(home())
    if running is None:
        ports = free_ports(brokers) if free else default_ports(brokers)
        running = stacks.up(home(), ports, lambda line: print(f"  {line}"), json_logs=json_logs)
        print("The stack is running:")
    else:
        print("A stack is already running (`weir down` stops it):")
    print(f"  Flink web UI  {running.web_ui}\n  Kafka         {running.brokers.servers}")
    print(f"  logs          {running.folder}/kafka/broker.log, {running.cluster.folder}/log/")


def down() -> None:
    """Stop the stack that `weir up` started, with all its processes."""
    running = stacks.find(home())
    if running is None:
        print(f"no stack is running in {home()}")
    else:
        print(f"stopped {running.down()} processes")
