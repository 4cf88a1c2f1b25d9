"""Benchmark of false alarms: how many windows without drift are called drift."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.pool import Pool
from typing import NamedTuple

import numpy as np
from rich.table import Table
from scipy.stats import binomtest

from benchmarks.drift.arms import ARMS, calibrations_of, detector_of
from benchmarks.drift.populations import Population

_CONFIDENCE = 0.99


class AlarmCounts(NamedTuple):
    """The number of windows per arm that were called drift, of `windows` windows of `size` rows."""

    population: str
    size: int
    windows: int
    alarms: tuple[int, ...]


class Task(NamedTuple):
    """One reference of a population, and the number of windows to draw per size."""

    population: Population
    seed: int
    windows: int

    def run(self) -> list[AlarmCounts]:
        """Judge windows of every size."""
        split = self.population.split(self.seed)
        detector = detector_of(self.population, split)
        counts = []
        for size in self.population.sizes:
            calibrations = calibrations_of(detector, split, size)
            alarms = np.zeros(len(ARMS), dtype=int)
            for window in self.population.windows(split, size, self.windows, self.seed):
                result = detector.test(window)
                alarms += [arm.calls(result, size, calibrations) for arm in ARMS]
            counts.append(AlarmCounts(self.population.name, size, self.windows, tuple(alarms.tolist())))
        return counts


def measure(population: Population, references: int, windows: int, pool: Pool) -> Iterator[Table]:
    """Yield a table for each window size."""
    tasks = [Task(population, seed, windows) for seed in range(references)]
    for of_size in zip(*pool.imap(Task.run, tasks), strict=True):
        yield _table(population, list(of_size))


def _table(population: Population, counts: list[AlarmCounts]) -> Table:
    size, windows = counts[0].size, sum(one.windows for one in counts)
    table = Table(
        *("called drift by", "stated", "mean", "median", "90 %", "99 % bound", "at most stated"),
        title=f"false alarms: {population.name}, windows of {size:,} rows",
        caption=f"references of {population.reference:,} rows: {len(counts)}; windows: {windows:,}; "
        f"calibrated on {population.pool:,} rows",
    )
    for i, arm in enumerate(ARMS):
        rates = [one.alarms[i] / one.windows for one in counts]
        alarms = sum(one.alarms[i] for one in counts)
        bound = binomtest(alarms, windows, alternative="less").proportion_ci(_CONFIDENCE).high
        shares = [np.mean(rates), np.median(rates), np.quantile(rates, 0.9), bound]
        holds = "yes" if bound <= arm.level else "no"
        table.add_row(arm.name, f"{arm.level:.0%}", *(f"{share:.2%}" for share in shares), holds)
    return table
