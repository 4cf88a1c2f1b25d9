"""A drift detector of one number and one category, windows of rows for it, and their reports."""

from __future__ import annotations

import numpy as np

from detectors.drift.confirmation import Streak
from detectors.drift.tabular import TabularDrift
from operators.models.feature_rows import FeatureRows
from operators.models.runtimes.batched import WindowRules
from operators.models.runtimes.drift import DriftModel
from operators.rows.chunks import Chunk, SubtaskId
from operators.rows.lineage import lineage_of
from operators.windows.report import encode_report

RNG = np.random.default_rng(0)
REFERENCE = np.column_stack([RNG.normal(size=2_000), RNG.integers(0, 3, 2_000)])
STEP = DriftModel(
    TabularDrift(REFERENCE, categories_per_feature={1: None}),
    ["age", "work"],
    ["age", "work"],
    FeatureRows(2, ["age", "work"], {"work": ["Private", "State-gov", "Self-emp"]}),
)


def chunk(rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Chunk:
    n = len(rows)
    return Chunk(
        "p",
        "d",
        3,
        3,
        False,
        SubtaskId(),
        rows,
        ("requests",),
        np.zeros(n, dtype=np.int8),
        np.arange(n, dtype=np.int32) % 2,
        np.arange(n, dtype=np.int64) + 10,
        np.arange(n, dtype=np.int64) + 1_000,
    )


NOTHING = Streak()


def reported(step: DriftModel, window: Chunk, streak: Streak = NOTHING) -> bytes:
    verdict = step.judge(step.count(window.rows), len(window.rows), WindowRules())
    return encode_report(lineage_of(window), 12, verdict, streak, "sha256:abc")
