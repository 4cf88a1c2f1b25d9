"""The figures that decide whether the job is fast: each a ratio to a peer, measured in the same round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from rich.table import Table

# What one round measured: numbers by name.
Numbers = Mapping[str, float]


class Figure(NamedTuple):
    """A ratio, and the values that it should have `at_least` and that it aims at.

    With `is_cost`, smaller is better, and `at_least` is the highest value that is good enough.
    """

    text: str
    ratio: Callable[[Numbers], float]
    at_least: float
    aim: float
    is_cost: bool = False

    def verdict(self, value: float) -> str:
        """Return which of the two values is reached."""
        for name, wanted in (("aim", self.aim), ("enough", self.at_least)):
            if value <= wanted if self.is_cost else value >= wanted:
                return name
        return "missed"


def _hand(numbers: Numbers) -> str:
    """Return the name of the faster hand-written loop."""
    return max(("confluent-kafka", "kafka-python"), key=lambda client: numbers[f"hand {client}, events/s"])


FIGURES = (
    Figure(
        "events/s to the faster hand-written loop, parallelism 1",
        lambda n: n["job p1, events/s"] / n[f"hand {_hand(n)}, events/s"],
        1.3,
        2,
    ),
    Figure(
        "events/s to the faster hand-written loop, parallelism 2",
        lambda n: n["job p2, events/s"] / n[f"hand {_hand(n)}, events/s"],
        2.5,
        4,
    ),
    Figure(
        "events/s to the loop on kafka-python, parallelism 1",
        lambda n: n["job p1, events/s"] / n["hand kafka-python, events/s"],
        1.3,
        2,
    ),
    Figure(
        "events/s to the loop on kafka-python, parallelism 2",
        lambda n: n["job p2, events/s"] / n["hand kafka-python, events/s"],
        2.5,
        4,
    ),
    Figure("events/s to the loop row by row", lambda n: n["job p1, events/s"] / n["row, events/s"], 50, 200),
    Figure(
        "events/s to MLServer, everything in one model",
        lambda n: n["job p1, events/s"] / n["mlserver, events/s"],
        30,
        100,
    ),
    Figure(
        "events/s to MLServer, three models",
        lambda n: n["job p1, events/s"] / n["mlserver three models, events/s"],
        30,
        100,
    ),
    Figure("p50 at 500/s to the floor's", lambda n: n["job, p50 ms"] / n["floor, p50 ms"], 2, 1.3, True),
    Figure("p99 at 500/s to the floor's", lambda n: n["job, p99 ms"] / n["floor, p99 ms"], 2, 1.5, True),
    Figure(
        "p50 to MLServer's, at the highest rate that it sustains",
        lambda n: n["job at MLServer's rate, p50 ms"] / n["mlserver, p50 ms"],
        0.5,
        0.2,
        True,
    ),
    Figure(
        "time of a drift test to alibi-detect's, window 1,000, reference 10,000",
        lambda n: n["drift test, ms"] / n["alibi-detect, ms"],
        0.2,
        0.05,
        True,
    ),
    Figure(
        "events/s with monitors to the classifier alone",
        lambda n: n["job p1, events/s"] / n["classifier alone, events/s"],
        0.7,
        0.85,
    ),
    Figure(
        "processor time an event to the faster loop's",
        lambda n: n["job p1, processor µs"] / n[f"hand {_hand(n)}, processor µs"],
        1.5,
        0.8,
        True,
    ),
    Figure(
        "events/s exactly-once to at-least-once",
        lambda n: n["exactly-once, events/s"] / n["job p1, events/s"],
        0.8,
        0.95,
    ),
)


def tables(rounds: Sequence[Numbers]) -> tuple[Table, Table]:
    """Return the medians of what the rounds measured, and of the figures, which are ratios within a round."""
    measured = Table("measured", "median", "lowest", "highest")
    for name in rounds[0]:
        values = [numbers[name] for numbers in rounds]
        measured.add_row(name, *(f"{value:,.4g}" for value in (np.median(values), min(values), max(values))))
    figures = Table("figure", "median", "lowest", "highest", "enough", "aim", "reached")
    for figure in FIGURES:
        values = [figure.ratio(numbers) for numbers in rounds]
        shown = (float(np.median(values)), min(values), max(values), figure.at_least, figure.aim)
        figures.add_row(figure.text, *(f"{value:.3g}" for value in shown), figure.verdict(shown[0]))
    return measured, figures
