"""How long a window takes, and what is kept of it, beside alibi-detect in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    """A reference, the categorical features, and how to draw a window."""

    name: str
    reference: Rows
    categories: dict[int, Any]
    window: Callable[[int], Rows]


class Times(NamedTuple):
    """Seconds of one call among many, in the median and at best."""

    median: float
    best: float

    def told(self) -> str:
        """Tell them in milliseconds."""
        return f"{self.median * 1e3:.2f} ({self.best * 1e3:.2f})"


def measure(people: Population) -> Iterator[Table]:
    """Yield a table of times and one of memory for people and for continuous features."""
    both = (_continuous(), _mixed(people))
    for kind in both:
        yield _times(kind)
    yield _memory(both)


def _continuous() -> Kind:
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(REFERENCE, FEATURES))
    return Kind(f"{FEATURES} continuous features", reference, {}, lambda n: rng.normal(size=(n, FEATURES)))


def _mixed(people: Population) -> Kind:
    """Draw with replacement: there are fewer people than a large window has rows."""
    assert people.rows is not None
    rows = np.random.default_rng(0).permutation(people.rows)
    rest, rng = rows[REFERENCE:], np.random.default_rng(1)
    features = people.features
    name = f"{people.name}: {len(features.numeric)} numbers, {len(features.categorical)} categories"
    categories: dict[int, Any] = dict.fromkeys(features.categorical)
    return Kind(name, rows[:REFERENCE], categories, lambda n: rest[rng.integers(len(rest), size=n)])


def _times(kind: Kind) -> Table:
    from alibi_detect.cd import TabularDrift as Theirs

    ours = TabularDrift(kind.reference, categories_per_feature=kind.categories)
    theirs = Theirs(kind.reference, categories_per_feature=kind.categories)
    table = Table(
        *("rows", "alibi-detect", "Weir", "times as quick", "of it counting", "of it judging"),
        title=f"ms a window, median (best): {kind.name}",
        caption=f"reference of {REFERENCE:,} rows",
    )
    for size in WINDOWS:
        window = kind.window(size)
        counts = ours.count(window)
        one, other, counting, judging = _timed(
            lambda window=window: theirs.predict(window),
            lambda window=window: ours.test(window),
            lambda window=window: ours.count(window),
            lambda counts=counts: ours.judge(counts),
        )
        quicker = f"{one.median / other.median:.1f} ({one.best / other.best:.1f})"
        table.add_row(f"{size:,}", one.told(), other.told(), quicker, counting.told(), judging.told())
    return table


def _timed(*calls: Callable[[], object]) -> list[Times]:
    """Time calls in turn, so that what else the machine does falls on all of them."""
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
        title="KB that a window takes as rows, and as counts",
        caption="rows as float64; counts as a key and a number of 8 bytes each",
    )
    for size in _ROWS:
        kept = []
        for kind in kinds:
            window = kind.window(size)
            counts = TabularDrift(kind.reference, categories_per_feature=kind.categories).count(window)
            kept += [window.nbytes, sum(one.keys.nbytes + one.counts.nbytes for one in counts)]
        table.add_row(f"{size:,}", *(f"{size_ / 1e3:,.0f}" for size_ in kept))
    return table
