"""weir up, weir down."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.flink.paths import home
from jobs.local_stack import stack as stacks
from jobs.local_stack.ports import Ports, free_ports


def up(
    free: Annotated[bool, typer.Option("--free-ports", help="take ports that are free now")] = False,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Flink's logs as JSON, a line each")] = False,
) -> None:
    """Start Kafka and a Flink cluster on this machine."""
    running = stacks.find(home())
    if running is None:
        ports = free_ports() if free else Ports()
        running = stacks.up(home(), ports, on_progress=lambda line: print(f"  {line}"), json_logs=json_logs)
        print("The stack is up:")
    else:
        print("A stack is up already (`weir down` stops it):")
    print(f"  Flink web UI  {running.web_ui}\n  Kafka         {running.bootstrap_servers}")
    print(f"  logs          {running.folder}/kafka/broker.log, {running.cluster.folder}/log/")


def down() -> None:
    """Stop them, with every process they left."""
    running = stacks.find(home())
    if running is None:
        print(f"no stack is up in {home()}")
    else:
        print(f"stopped {running.down()} processes")
