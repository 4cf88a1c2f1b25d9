"""Tables that show the results of the demonstration on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from jobs.demo.checks import Check, Outliers, Phase, Window
from jobs.kafka.pipeline_client import Answer
from operators.core.printable import printable

_STYLE = {"DRIFT": "bold red", "OK": "green"}


def show_answers(console: Console, answers: list[Answer]) -> None:
    """Print some responses exactly as they are on the topic."""
    console.rule("some responses", align="left")
    for answer in answers:
        console.print(printable(answer.value.decode()), highlight=False, soft_wrap=True)


def show_outliers(console: Console, rows: list[tuple[Phase, Outliers]]) -> None:
    """Print the flags of each phase against the truth, one line per phase."""
    console.rule("outliers, row by row", align="left")
    table = Table("phase", "rows", "outliers", "flagged", "found", "false", "rate", "truth")
    for phase, flags in rows:
        counts = (flags.rows, flags.true, flags.flagged, flags.found, flags.false_flags)
        numbers = (f"{count:,}" for count in counts)
        rate, truth = flags.flagged / flags.rows, flags.true / flags.rows
        table.add_row(phase.scenario, *numbers, f"{rate:.1%}", f"{truth:.1%}")
    console.print(table)


def show_windows(console: Console, windows: list[Window]) -> None:
    """Print every drift window with its verdict and its features with the largest effects."""
    console.rule("drift, window by window", align="left")
    table = Table("window", "phase", "rows", "is_drift", "state", "moved most (effect)")
    for window in windows:
        style = _STYLE.get(window.state, "")
        state = f"[{style}]{window.state}[/{style}]" if style else window.state
        numbers = (str(window.number), window.scenario, str(window.rows), str(window.is_drift))
        table.add_row(*numbers, state, _largest_effects(window))
    console.print(table)


def show_checks(console: Console, checks: list[Check]) -> None:
    """Print the result of each check, then PASS or FAIL."""
    console.rule("against the truth", align="left")
    for check in checks:
        mark = "[green]ok  [/green]" if check.passed else "[bold red]FAIL[/bold red]"
        console.print(mark, check.text, highlight=False)
    passed = all(check.passed for check in checks)
    console.print("[bold green]PASS[/bold green]" if passed else "[bold red]FAIL[/bold red]")


def _largest_effects(window: Window, most: int = 2) -> str:
    effects: dict[str, float] = {}
    for feature in window.features:
        effects[feature.feature] = max(effects.get(feature.feature, 0.0), feature.effect or 0.0)
    return ", ".join(f"{name} {effects[name]:.2f}" for name in window.ranked[:most])
