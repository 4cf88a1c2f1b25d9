"""Where rows come from: the real census extract, or as many generated people as are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.feature_encoding import Features, encode, infer_features
from jobs.data.synthetic_census import TARGET, census_like
from jobs.data.table_files import read_table

Rows = NDArray[np.float64]
_CSV = "WEIR_CENSUS_CSV"
_FEW = 30_000
# Of people who are generated, so many more than are wanted make up for those that miss a value.
_SPARE = 1.3


class Split(NamedTuple):
    """Disjoint rows; windows are drawn from `rest`, or generated where it is None."""

    reference: Rows
    pool: Rows
    rest: Rows | None


class Population(NamedTuple):
    """`rows` to split at random, or None where they are generated; windows of `sizes` can be had.

    Of `complete` ones no row misses a value: alibi-detect has no answer for the others.
    """

    name: str
    features: Features
    sizes: tuple[int, ...]
    reference: int
    pool: int
    complete: bool
    rows: Rows | None

    def split(self, seed: int) -> Split:
        """Return a reference, a pool to calibrate from and rows for windows."""
        sizes = [self.reference, self.reference + self.pool]
        if self.rows is None:
            reference, pool, _ = np.split(self._people(sizes[1], [seed]), sizes)
            return Split(reference, pool, None)
        return Split(*np.split(np.random.default_rng(seed).permutation(self.rows), sizes))

    def windows(self, split: Split, size: int, number: int, seed: int) -> Iterator[Rows]:
        """Draw windows without drift; within one nobody comes twice."""
        rng = np.random.default_rng([seed, size])
        for window in range(number):
            if split.rest is None:
                yield self._people(size, [seed, size, window])
            else:
                yield split.rest[rng.choice(len(split.rest), size, replace=False)]

    def _people(self, number: int, seeds: list[int]) -> Rows:
        seed = int(np.random.SeedSequence([1, *seeds]).generate_state(1)[0])
        rows = _encoded(census_like(int(number * _SPARE) if self.complete else number, seed), self.features)
        return (_whole(rows) if self.complete else rows)[:number]


def census(complete: bool = False) -> Population:
    """Return the census extract, 12 features; without it generated people under a name that says so."""
    path = os.environ.get(_CSV)
    table = read_table(Path(path)).frame if path else census_like(_FEW, seed=1)
    table = table.drop(columns=["fnlwgt", "education-num", TARGET], errors="ignore")
    features = infer_features(table)
    rows = encode(table, features)
    name = "census" if path else f"generated, as {_CSV} is not set"
    whole = _whole(rows) if complete else rows
    return Population(name, features, (100, 300, 1_000, 3_000), 10_000, 6_000, complete, whole)


def people(complete: bool = False) -> Population:
    """Return people who are generated anew for every window, without end."""
    features = infer_features(census_like(_FEW, seed=1).drop(columns=TARGET))
    return Population("generated", features, (10_000, 30_000), 100_000, 100_000, complete, None)


def _whole(rows: Rows) -> Rows:
    return rows[~np.isnan(rows).any(axis=1)]


def _encoded(table: pd.DataFrame, features: Features) -> Rows:
    """Encode as `encode` does, quicker."""
    columns = []
    for name in features.names:
        words = features.categories.get(name)
        if words is None:
            columns.append(table[name].to_numpy(dtype=float))
        else:
            codes = pd.Categorical(table[name], categories=words).codes
            columns.append(np.where(codes < 0, np.nan, codes))
    return np.column_stack(columns)
