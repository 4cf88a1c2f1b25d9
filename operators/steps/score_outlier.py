"""Outlier detectors: a flag and a score for every row."""

from __future__ import annotations

from detectors.isolation_forest import IsolationForest
from operators.columns import Column, Tensors
from operators.steps import check_width, numeric_table


class ScoreOutlier:
    """Answers `instance_score` (FP64) and `is_outlier` (INT64), both [1, rows] a request."""

    monitor = True

    def __init__(self, detector: IsolationForest) -> None:
        self._detector = detector

    def infer(self, tensors: Tensors, content_type: str) -> Tensors:
        """Score all rows at once."""
        column = numeric_table(tensors, content_type)
        check_width(column.data, self._detector.n_features)
        result = self._detector.predict(column.data)
        return {
            "instance_score": Column(result.instance_score, column.rows, flat=True),
            "is_outlier": Column(result.is_outlier, column.rows, flat=True),
        }
