"""Outlier thresholds: from a percentile of ordinary rows' scores, or from labelled outliers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


class Threshold(NamedTuple):
    """A threshold and its quality on labelled rows; rows with a score strictly above it are flagged.

    `precision` is the share of outliers among the flagged rows. `recall` is the share of outliers that are
    flagged. `f1` is their harmonic mean. `false_positive_rate` is the share of other rows that are flagged.
    """

    value: float
    precision: float
    recall: float
    f1: float
    false_positive_rate: float


class PerturbedRows(NamedTuple):
    """Rows, float64 (n, columns), and a mask of those that were perturbed, bool (n,)."""

    rows: Numbers
    is_outlier: NDArray[np.bool_]


def percentile_threshold(scores: ArrayLike, percent: float) -> float:
    """Return the `percent` percentile of the scores, as alibi-detect's `infer_threshold` does.

    Between two scores it is interpolated linearly. Raises ValueError for no scores, or missing ones.
    """
    return float(np.percentile(_present(scores), percent))


def labelled_threshold(scores: ArrayLike, is_outlier: ArrayLike) -> Threshold:
    """Return the threshold with the largest F1 (harmonic mean of precision and recall).

    Candidates are all scores, and a value below the lowest one. Of equally good candidates the highest is
    chosen. Scores and labels have shape (n,). Raises ValueError unless there are outliers and other rows.

    >>> labelled_threshold([0.1, 0.4, 0.2, 0.9], [False, False, False, True])
    Threshold(value=0.4, precision=1.0, recall=1.0, f1=1.0, false_positive_rate=0.0)
    """
    score, label = _present(scores), np.asarray(is_outlier, dtype=bool).ravel()
    if score.shape != label.shape:
        raise ValueError(f"there are {len(score)} scores and {len(label)} labels; each row needs both")
    outliers, others = int(label.sum()), int((~label).sum())
    if not outliers or not others:
        raise ValueError(
            f"the labels mark {outliers} outliers and {others} other rows; a threshold needs rows of both"
        )
    candidates = np.unique(score)
    candidates = np.insert(candidates, 0, np.nextafter(candidates[0], -np.inf))
    hits = outliers - np.searchsorted(np.sort(score[label]), candidates, "right")
    alarms = others - np.searchsorted(np.sort(score[~label]), candidates, "right")
    f1 = 2 * hits / (outliers + hits + alarms)
    best = int(np.flatnonzero(f1 == f1.max())[-1])
    hit, alarm = int(hits[best]), int(alarms[best])
    precision = hit / (hit + alarm) if hit + alarm else 0.0
    return Threshold(float(candidates[best]), precision, hit / outliers, float(f1[best]), alarm / others)


def inject_outliers(
    x: ArrayLike,
    columns: Sequence[int],
    percent: float,
    n_std: float = 2.0,
    min_std: float = 1.0,
    rng: np.random.Generator | int = 0,
) -> PerturbedRows:
    """Perturb numeric columns of some rows, as ``alibi_detect.utils.perturbation.inject_outlier_tabular``.

    Each column gets an equal part of `percent` % of the rows. Rows are drawn for each column separately, so
    that a row may be drawn for several columns. A value increases or decreases by max(|z|·n_std, min_std)
    standard deviations of its column, z standard normal. Missing values stay missing. The same seed gives the
    same result on every machine. `x` is not modified.

    Raises ValueError if the percentage is less than one row per column.
    """
    rows = np.array(x, dtype=np.float64)
    generator = np.random.default_rng(rng)
    count = int(len(rows) * percent * 0.01 / max(1, len(columns)))
    if not columns or not 0 < count <= len(rows):
        raise ValueError(
            f"{percent:g} % of {len(rows)} rows over {len(columns)} columns perturb no row, or too many; "
            f"name at least one column, and from 1 to {len(rows)} rows per column"
        )
    is_outlier = np.zeros(len(rows), dtype=bool)
    deviations = np.nanstd(rows, axis=0)
    for column in columns:
        drawn = generator.choice(len(rows), count, replace=False)
        z = generator.standard_normal(count)
        rows[drawn, column] += np.sign(z) * np.maximum(np.abs(z * n_std), min_std) * deviations[column]
        is_outlier[drawn] = True
    return PerturbedRows(rows, is_outlier)


def _present(scores: ArrayLike) -> Numbers:
    score = np.asarray(scores, dtype=np.float64).ravel()
    if not len(score):
        raise ValueError("there are no scores; at least one is needed")
    if np.isnan(score).any():
        raise ValueError(
            f"{int(np.isnan(score).sum())} of {len(score)} scores are missing; each row needs one"
        )
    return score
