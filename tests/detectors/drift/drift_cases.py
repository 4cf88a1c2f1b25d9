"""Every detector of windows, on the same features, behind one face: rows → counts → an answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from alibi_detect.cd import TabularDrift as Saved
from alibi_detect.saving import save_detector
from numpy.typing import NDArray

from detectors.counts import Counts
from detectors.drift.alibi_detect_files import read_drift
from detectors.drift.calibration import Calibration, calibrate
from detectors.drift.judgement import Judgement
from detectors.drift.tabular import TabularDrift
from detectors.quality.data_quality import Quality, quality_of
from operators.models.formats.calibration import read_calibrations, write_calibrations
from operators.models.formats.data_quality import FILE, read_quality, write_quality

Rows = NDArray[np.float64]
NAMES = ["continuous", "whole", "mostly zero", "few", "sparse", "two"]
FEATURES = len(NAMES)
CATEGORIES = {"few": 5, "sparse": 40, "two": 2}
TOLERANCE = 0.05
JUDGEMENT = Judgement(min_n=1, min_effect=0.1)


def drawn(n: int, seed: int) -> Rows:
    """Rows whose quantities float32 holds exactly."""
    rng = np.random.default_rng(seed)
    columns = [
        (rng.normal(size=n) * 1024).round() / 1024,
        rng.poisson(3, n),
        (rng.exponential(size=n) * (rng.random(n) < 0.1)).round(1) * 8,
        rng.integers(0, 5, n),
        np.minimum(rng.geometric(0.2, n) - 1, 39),
        rng.integers(0, 2, n),
    ]
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])


REFERENCE, HELD_OUT, WINDOW = drawn(3_000, 1), drawn(3_000, 2), drawn(400, 3)


class Answer(NamedTuple):
    """What a window showed: a verdict, and arrays whose row i describes feature i alone."""

    state: str
    verdict: int
    drifted: NDArray[np.bool_]
    features: tuple[NDArray[Any], ...]


class Case:
    """A detector of some order of columns, the way from rows to an answer, and how it is kept in a folder."""

    detector: Any

    def count(self, rows: Any) -> list[Counts]:
        counts: list[Counts] = self.detector.count(rows)
        return counts

    def answer(self, rows: Any) -> Answer:
        return self.judge(self.count(rows), len(rows))


class Drift(Case):
    def __init__(
        self,
        order: Sequence[int],
        categorical: Sequence[str],
        calibrated: bool = False,
        correction: str = "bonferroni",
    ) -> None:
        self.reference = REFERENCE[:, order]
        self.options: Any = {
            "categories_per_feature": {i: None for i, f in enumerate(order) if NAMES[f] in categorical},
            "correction": correction,
        }
        self.detector = TabularDrift(self.reference, **self.options)
        self.calibrations: list[Calibration] = (
            [calibrate(self.detector, HELD_OUT[:, order], 100, 0.05, windows=200)] if calibrated else []
        )

    def judge(self, counts: list[Counts], rows: int) -> Answer:
        result = self.detector.judge(counts)
        state = JUDGEMENT.state(result, rows, self.calibrations)
        drifted = JUDGEMENT.drifted(result, rows, self.calibrations)
        alone = (result.distance, result.p_val, result.n, result.effect, result.psi)
        return Answer(state, result.is_drift, drifted, (*alone, result.missing, result.unseen))

    def save(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            save_detector(Saved(self.reference, **self.options), folder)
        write_calibrations(folder, self.calibrations)

    def load(self, folder: Path) -> None:
        self.detector = read_drift(folder)
        self.calibrations = read_calibrations(folder, FEATURES)


class Checked(Case):
    def __init__(self, order: Sequence[int]) -> None:
        self.names = [NAMES[f] for f in order]
        texts = {name: [f"{name} {code}" for code in range(n)] for name, n in CATEGORIES.items()}
        self.detector: Quality = quality_of(REFERENCE[:, order], self.names, texts)

    def count(self, rows: Any) -> list[Counts]:
        return self.detector.count(self.detector.check(list(np.asarray(rows).T)))

    def judge(self, counts: list[Counts], rows: int) -> Answer:
        result = self.detector.judge(counts, TOLERANCE)
        state = "VIOLATION" if result.is_violation else "OK"
        alone = (result.counts, result.shares, result.allowed)
        return Answer(state, result.is_violation, result.violates.any(axis=1), alone)

    def save(self, folder: Path) -> None:
        write_quality(folder, self.detector)

    def load(self, folder: Path) -> None:
        self.detector = read_quality(folder / FILE)


MAKERS: dict[str, Callable[[Sequence[int]], Any]] = {
    "kolmogorov-smirnov": lambda order: Drift(order, ()),
    "chi-square": lambda order: Drift(order, NAMES),
    "mixed": lambda order: Drift(order, CATEGORIES),
    "mixed, false discovery rate": lambda order: Drift(order, CATEGORIES, correction="fdr"),
    "calibrated": lambda order: Drift(order, CATEGORIES, calibrated=True),
    "quality": Checked,
}
CASES = {name: make(range(FEATURES)) for name, make in MAKERS.items()}


def moved(rows: Rows = WINDOW) -> Rows:
    """Rows of which every feature moved, some values to where the reference has none, some missing."""
    rows = rows + np.array([0.75, 2, 8, 1, 20, 1])
    rows[::9, 0] = rows[::7, 1] = rows[::5, 4] = np.nan
    return rows
