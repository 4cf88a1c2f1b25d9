"""Populations that rows are drawn from: the real census extract, or any number of generated people."""

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
_SAMPLE = 30_000
# Factor for the number of generated people, to replace those with missing values.
_SURPLUS = 1.3


class Split(NamedTuple):
    """Disjoint rows; windows are drawn from `rest`, or generated if it is None."""

    reference: Rows
    pool: Rows
    rest: Rows | None


class Population(NamedTuple):
    """A population; `rows` are split at random, or generated if None.

    `sizes` are the possible window sizes. `reference` and `pool` are the numbers of rows for the reference
    and for the calibration. A `complete` population has no missing values, as alibi-detect requires.
    """

    name: str
    features: Features
    sizes: tuple[int, ...]
    reference: int
    pool: int
    complete: bool
    rows: Rows | None

    def split(self, seed: int) -> Split:
        """Return a reference, a pool for calibration and rows for windows."""
        sizes = [self.reference, self.reference + self.pool]
        if self.rows is None:
            reference, pool, _ = np.split(self._people(sizes[1], [seed]), sizes)
            return Split(reference, pool, None)
        return Split(*np.split(np.random.default_rng(seed).permutation(self.rows), sizes))

    def windows(self, split: Split, size: int, number: int, seed: int) -> Iterator[Rows]:
        """Yield windows without drift; no row occurs twice in a window."""
        rng = np.random.default_rng([seed, size])
        for window in range(number):
            if split.rest is None:
                yield self._people(size, [seed, size, window])
            else:
                yield split.rest[rng.choice(len(split.rest), size, replace=False)]

    def _people(self, number: int, seeds: list[int]) -> Rows:
        seed = int(np.random.SeedSequence([1, *seeds]).generate_state(1)[0])
        rows = _encoded(census_like(int(number * _SURPLUS) if self.complete else number, seed), self.features)
        return (_complete_rows(rows) if self.complete else rows)[:number]


def census(complete: bool = False) -> Population:
    """Return the census extract with 12 features, or generated people if it is not available."""
    path = os.environ.get(_CSV)
    table = read_table(Path(path)).frame if path else census_like(_SAMPLE, seed=1)
    table = table.drop(columns=["fnlwgt", "education-num", TARGET], errors="ignore")
    features = infer_features(table)
    rows = encode(table, features)
    name = "census" if path else f"generated, as {_CSV} is not set"
    kept_rows = _complete_rows(rows) if complete else rows
    return Population(name, features, (100, 300, 1_000, 3_000), 10_000, 6_000, complete, kept_rows)


def people(complete: bool = False) -> Population:
    """Return a population that generates new people for every window."""
    features = infer_features(census_like(_SAMPLE, seed=1).drop(columns=TARGET))
    return Population("generated", features, (10_000, 30_000), 100_000, 100_000, complete, None)


def _complete_rows(rows: Rows) -> Rows:
    return rows[~np.isnan(rows).any(axis=1)]


def _encoded(table: pd.DataFrame, features: Features) -> Rows:
    """Encode a table as `encode` does, but faster."""
    columns = []
    for name in features.names:
        categories = features.categories.get(name)
        if categories is None:
            columns.append(table[name].to_numpy(dtype=float))
        else:
            codes = pd.Categorical(table[name], categories=categories).codes
            columns.append(np.where(codes < 0, np.nan, codes))
    return np.column_stack(columns)
