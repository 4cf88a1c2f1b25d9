"""Benchmark of power: how many windows with drift are called drift, by Weir and by alibi-detect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.pool import Pool
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.drift.arms import ARMS, calibrations_of, detector_of
from benchmarks.drift.populations import Population, Rows, Split

_NUMBER, _CATEGORY = "age", "workclass"
_SHOWN = [arm for arm in ARMS if arm.level == 0.01 or not arm.calibrated]


class Change(NamedTuple):
    """A change that is applied to a window of a population."""

    name: str
    apply: Callable[[Population, Split, Rows, np.random.Generator], Rows]


def _unchanged(population: Population, split: Split, rows: Rows, rng: np.random.Generator) -> Rows:
    return rows


def _older(
    deviations: float, population: Population, split: Split, rows: Rows, rng: np.random.Generator
) -> Rows:
    """Add `deviations` standard deviations to the ages, rounded to integers at random up or down."""
    column = population.features.names.index(_NUMBER)
    moved = rows.copy()
    years = deviations * split.reference[:, column].std()
    moved[:, column] = np.floor(rows[:, column] + years + rng.random(len(rows)))
    return moved


def _move_to_second(
    points: int, population: Population, split: Split, rows: Rows, rng: np.random.Generator
) -> Rows:
    """Move `points` percent of all rows from the most frequent category to the second."""
    column = population.features.names.index(_CATEGORY)
    codes, counts = np.unique(split.reference[:, column], return_counts=True)
    second, first = codes[np.argsort(counts)[-2:]]
    holders = np.flatnonzero(rows[:, column] == first)
    moved = rows.copy()
    moved[rng.choice(holders, round(points / 100 * len(rows)), replace=False), column] = second
    return moved


CHANGES = (
    Change("none", _unchanged),
    *(Change(f"{_NUMBER} + {d:g} sd", partial(_older, d)) for d in (0.1, 0.25, 0.5)),
    *(Change(f"{_CATEGORY}, {p} points", partial(_move_to_second, p)) for p in (5, 15, 30)),
)


class DriftCounts(NamedTuple):
    """The number of windows called drift per change, of `windows` windows of `size` rows.

    `drifts` has shape (changes, 1 + arms): column 0 is alibi-detect, the others are the arms.
    """

    size: int
    windows: int
    drifts: NDArray[np.int64]


class Task(NamedTuple):
    """One reference of a population, and the number of windows to draw per size."""

    population: Population
    seed: int
    windows: int

    def run(self) -> list[DriftCounts]:
        """Judge windows of every size with every change; assert that results equal alibi-detect's."""
        from alibi_detect.cd import TabularDrift

        split = self.population.split(self.seed)
        categories = dict.fromkeys(self.population.features.categorical)
        alibi_detector = TabularDrift(split.reference, categories_per_feature=categories)
        return [self._of_size(split, alibi_detector, size) for size in self.population.sizes]

    def _of_size(self, split: Split, alibi_detector: Any, size: int) -> DriftCounts:
        detector = detector_of(self.population, split)
        calibrations = calibrations_of(detector, split, size)
        drifts = np.zeros((len(CHANGES), 1 + len(_SHOWN)), dtype=np.int64)
        rng = np.random.default_rng([self.seed, size])
        for window in self.population.windows(split, size, self.windows, self.seed):
            for i, change in enumerate(CHANGES):
                rows = change.apply(self.population, split, window, rng)
                result, expected = detector.test(rows), alibi_detector.predict(rows)["data"]
                assert result.is_drift == expected["is_drift"]
                assert np.array_equal(result.p_val, expected["p_val"])
                drifts[i] += [
                    expected["is_drift"],
                    *(arm.calls(result, size, calibrations) for arm in _SHOWN),
                ]
        return DriftCounts(size, self.windows, drifts)


def measure(population: Population, references: int, windows: int, pool: Pool) -> Iterator[Table]:
    """Yield a table for each window size."""
    tasks = [Task(population, seed, windows) for seed in range(references)]
    for of_size in zip(*pool.imap(Task.run, tasks), strict=True):
        yield _table(population, list(of_size))


def _table(population: Population, counts: list[DriftCounts]) -> Table:
    size, windows = counts[0].size, sum(one.windows for one in counts)
    table = Table(
        *("change", "alibi-detect", *(arm.name for arm in _SHOWN)),
        title=f"called drift: {population.name}, windows of {size:,} rows",
        caption=f"references of {population.reference:,} rows: {len(counts)}; windows: {windows:,}; "
        "each is_drift and p-value equals alibi-detect's",
    )
    shares = sum(one.drifts for one in counts) / windows
    for change, row in zip(CHANGES, shares.tolist(), strict=True):
        table.add_row(change.name, *(f"{share:.0%}" for share in row))
    return table
