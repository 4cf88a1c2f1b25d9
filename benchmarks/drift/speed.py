"""Benchmark of time and memory per window, compared with alibi-detect in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from benchmarks.drift.populations import Population, Rows
from detectors.drift.tabular import TabularDrift

REFERENCE, FEATURES = 10_000, 12
WINDOWS = (100, 1_000, 10_000)
_ROWS = (1_000, 10_000, 100_000, 1_000_000)
_SECONDS = 2.0


class Kind(NamedTuple):
    """A reference, its categorical features, and a function that draws a window of a number of rows."""

    name: str
    reference: Rows
    categories: dict[int, Any]
    window: Callable[[int], Rows]


class Times(NamedTuple):
    """Seconds of one call: the median and the minimum of many calls."""

    median: float
    best: float

    def text(self) -> str:
        """Return median (best) in milliseconds."""
        return f"{self.median * 1e3:.2f} ({self.best * 1e3:.2f})"


def measure(people: Population) -> Iterator[Table]:
    """Yield the tables of times for continuous features and for people, then the table of memory."""
    kinds = (_continuous(), _mixed(people))
    for kind in kinds:
        yield _times(kind)
    yield _memory(kinds)


def compare(size: int = 1_000) -> tuple[float, float]:
    """Return the median milliseconds of a test of a window of continuous features: Weir, alibi-detect.

    Windows alternate, because the time of an exact p-value depends on the window.
    """
    kind = _continuous()
    weir, alibi = _detectors(kind)
    ours, theirs = (cycle([kind.window(size) for _ in range(50)]) for _ in range(2))
    weir_times, alibi_times = _timed(lambda: weir.test(next(ours)), lambda: alibi.predict(next(theirs)))
    return weir_times.median * 1e3, alibi_times.median * 1e3


def _detectors(kind: Kind) -> tuple[TabularDrift, Any]:
    from alibi_detect.cd import TabularDrift as AlibiDrift

    return (
        TabularDrift(kind.reference, categories_per_feature=kind.categories),
        AlibiDrift(kind.reference, categories_per_feature=kind.categories),
    )


def _continuous() -> Kind:
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(REFERENCE, FEATURES))
    return Kind(f"{FEATURES} continuous features", reference, {}, lambda n: rng.normal(size=(n, FEATURES)))


def _mixed(people: Population) -> Kind:
    """Return the kind of people; windows draw with replacement, as large ones have more rows than people."""
    assert people.rows is not None
    rows = np.random.default_rng(0).permutation(people.rows)
    rest, rng = rows[REFERENCE:], np.random.default_rng(1)
    features = people.features
    name = f"{people.name}: {len(features.numeric)} numbers, {len(features.categorical)} categories"
    categories: dict[int, Any] = dict.fromkeys(features.categorical)
    return Kind(name, rows[:REFERENCE], categories, lambda n: rest[rng.integers(len(rest), size=n)])


def _times(kind: Kind) -> Table:
    weir_detector, alibi_detector = _detectors(kind)
    table = Table(
        *("rows", "alibi-detect", "Weir", "speed-up", "of which counting", "of which judging"),
        title=f"ms per window, median (best): {kind.name}",
        caption=f"reference of {REFERENCE:,} rows",
    )
    for size in WINDOWS:
        window = kind.window(size)
        counts = weir_detector.count(window)
        alibi, weir, counting, judging = _timed(
            lambda window=window: alibi_detector.predict(window),
            lambda window=window: weir_detector.test(window),
            lambda window=window: weir_detector.count(window),
            lambda counts=counts: weir_detector.judge(counts),
        )
        speedup = f"{alibi.median / weir.median:.1f} ({alibi.best / weir.best:.1f})"
        table.add_row(f"{size:,}", alibi.text(), weir.text(), speedup, counting.text(), judging.text())
    return table


def _timed(*calls: Callable[[], object]) -> list[Times]:
    """Time calls in turn, so that other load of the machine affects all of them."""
    seconds: list[list[float]] = [[] for _ in calls]
    until = perf_counter() + _SECONDS
    while perf_counter() < until:
        for call, taken in zip(calls, seconds, strict=True):
            start = perf_counter()
            call()
            taken.append(perf_counter() - start)
    return [Times(float(np.median(taken)), min(taken)) for taken in seconds]


def _memory(kinds: tuple[Kind, ...]) -> Table:
    table = Table(
        *("rows", *(f"{kind.name}, {what}" for kind in kinds for what in ("rows", "counts"))),
        title="KB of a window as rows and as counts",
        caption="rows: float64; counts: a key and a count of 8 bytes each",
    )
    for size in _ROWS:
        sizes = []
        for kind in kinds:
            window = kind.window(size)
            counts = TabularDrift(kind.reference, categories_per_feature=kind.categories).count(window)
            sizes += [window.nbytes, sum(part.keys.nbytes + part.counts.nbytes for part in counts)]
        table.add_row(f"{size:,}", *(f"{size_ / 1e3:,.0f}" for size_ in sizes))
    return table
