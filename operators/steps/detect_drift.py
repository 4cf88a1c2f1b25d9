"""Drift detectors: a verdict for a window of rows."""

from __future__ import annotations

import numpy as np

from detectors.results import DriftResult
from detectors.tabular import TabularDrift
from operators.columns import Array, Column, Tensors
from operators.steps import check_width, numeric_table


class DetectDrift:
    """Tests the rows of each request, as MLServer does; in a batched step the monitor tests windows.

    `columns` names each column of the reference, `features` the feature that each column encodes.
    """

    monitor = True

    def __init__(self, detector: TabularDrift, columns: list[str], features: list[str]) -> None:
        self.detector = detector
        self.columns = columns
        self.features = features

    def rows(self, tensors: Tensors, content_type: str) -> Column:
        """Return the rows to gather, shape (rows, features), or raise what is wrong with them."""
        column = numeric_table(tensors, content_type)
        check_width(column.data, self.detector.n_features)
        if np.isinf(column.data).any():
            raise ValueError("the rows contain infinity")
        return column

    def infer(self, tensors: Tensors, content_type: str) -> Tensors:
        """Test each request's rows as a window of their own."""
        column = self.rows(tensors, content_type)
        results = [
            self.detector.test(window) for window in np.split(column.data, column.bounds()[1:-1], axis=0)
        ]
        each = np.ones(len(results), dtype=np.int64)
        outputs = [drift_tensors(result) for result in results]
        return {
            name: Column(np.concatenate([output[name] for output in outputs]), each) for name in outputs[0]
        }


def drift_tensors(result: DriftResult) -> dict[str, Array]:
    """Arrange a verdict as MLServer does: a leading axis of 1 before alibi-detect's values."""
    return {
        "is_drift": np.array([[result.is_drift]], dtype=np.int64),
        "distance": result.distance[np.newaxis],
        "p_val": result.p_val[np.newaxis],
        "threshold": np.atleast_1d(np.asarray(result.threshold, dtype=np.float64))[np.newaxis],
    }
