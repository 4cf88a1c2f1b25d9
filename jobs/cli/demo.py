"""The verb `weir demo`."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from jobs.cli.option_groups import Form
from jobs.cli.options import print_notes
from jobs.cli.printable_output import console as terminal_console
from jobs.data.table_format import TableFormat
from jobs.flink.paths import home
from jobs.local_stack import stack as stacks
from jobs.local_stack.ports import Ports, free_ports
from jobs.local_stack.stack import Stack
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics


def demo(
    data: Annotated[
        Path | None, typer.Option(help="CSV file of census data  [default: generated people]")
    ] = None,
    free: Annotated[
        bool, typer.Option("--free-ports", help="use any free ports instead of the default ones")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="leave the stack and the job running")] = False,
    *,
    form: Form,
) -> None:
    """Run a complete example on this machine and compare the results with the truth; exit code 0 means PASS.

    A running stack is used and not stopped.
    """
    console = terminal_console()
    running = stacks.find(home())
    stack = running or stacks.up(
        home(), free_ports() if free else Ports(), lambda line: console.print(line, highlight=False)
    )
    try:
        console.print(f"Flink web UI {stack.web_ui}, Kafka {stack.brokers.servers}", highlight=False)
        passed = _demo(stack, data, form, keep, console)
    finally:
        if running is None and not keep:
            console.print(f"stopping the stack: {stack.down()} processes")
    raise typer.Exit(0 if passed else 1)


def _demo(stack: Stack, data: Path | None, form: TableFormat, keep: bool, console: Console) -> bool:
    from jobs.data.synthetic_census import TARGET, census_like
    from jobs.data.table_files import read_table
    from jobs.demo import checks, output, run

    census = read_table(data, form) if data else None
    print_notes(census.notes if census else [])
    table = census.frame.drop(columns=["fnlwgt", "education-num"], errors="ignore") if census else None
    connection = Connection(stack.brokers, Topics("weir", f"demo-{uuid.uuid4().hex[:6]}"))
    folder = home() / "demo"
    people = census_like(30_000, seed=0) if table is None else table
    trained = run.prepare(folder, people, TARGET, connection, console)
    job = run.submit_job(stack, folder, connection, console)
    try:
        results = run.send_and_read(connection, folder / "models", trained.features, console)
    finally:
        if not keep:
            stack.cluster.rest.cancel(job)
    examples = ("normal-0", "outliers-0", "drift-4999")
    output.show_answers(console, [answer for id_ in examples for answer in results.answers.get(id_, [])[:1]])
    output.show_outliers(
        console, [(phase, checks.judge_outliers(phase, results.answers)) for phase in results.phases]
    )
    output.show_windows(console, results.windows)
    verdicts = checks.check(*results)
    output.show_checks(console, verdicts)
    return all(check.passed for check in verdicts)
