"""Outlier detectors: a flag and a score for every row."""

from __future__ import annotations

import msgspec

from detectors.isolation_forest import IsolationForest
from operators.columns import Column, Tensors
from operators.steps import Ask
from operators.steps.tables import Table


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an answer shows: alibi-detect's own arguments to `predict`."""

    return_instance_score: bool = True


ALL = Shown()


class ScoreOutlier:
    """Answers `instance_score` (FP64) and `is_outlier` (INT64), both [1, rows] a request."""

    monitor = True
    functions = ()

    def __init__(self, detector: IsolationForest, table: Table, shown: Shown = ALL) -> None:
        self._detector = detector
        self._table = table
        self._shown = shown

    def infer(self, tensors: Tensors, ask: Ask) -> Tensors:
        """Score all rows at once."""
        column = self._table.read(tensors, ask)
        result = self._detector.predict(column.data)
        outputs = {"is_outlier": Column(result.is_outlier, column.rows, flat=True)}
        if self._shown.return_instance_score:
            outputs = {"instance_score": Column(result.instance_score, column.rows, flat=True), **outputs}
        return outputs
