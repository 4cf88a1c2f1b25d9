"""Drift detectors: a verdict for a window of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from detectors.results import DriftResult
from detectors.tabular import TabularDrift
from operators.columns import Array, Column, Tensors
from operators.steps import Ask
from operators.steps.tables import Table


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a verdict shows: alibi-detect's own arguments to `predict`."""

    drift_type: Literal["batch", "feature"] = "batch"
    return_p_val: bool = True
    return_distance: bool = True


ALL = Shown()


class DetectDrift:
    """Tests the rows of each request, as MLServer does; in a batched step the monitor tests windows.

    `columns` names each column of the reference, `features` the feature that each column encodes.
    """

    monitor = True
    functions = ()

    def __init__(
        self,
        detector: TabularDrift,
        columns: Sequence[str],
        features: Sequence[str],
        table: Table | None = None,
        shown: Shown = ALL,
    ) -> None:
        self.detector = detector
        self.columns = list(columns)
        self.features = list(features)
        self.shown = shown
        self._table = table or Table(detector.n_features)

    def rows(self, tensors: Tensors, ask: Ask) -> Column:
        """Return the rows to gather, shape (rows, features), or raise what is wrong with them."""
        column = self._table.read(tensors, ask)
        if np.isinf(column.data).any():
            raise ValueError("the rows contain infinity")
        return column

    def infer(self, tensors: Tensors, ask: Ask) -> Tensors:
        """Test each request's rows as a window of their own."""
        column = self.rows(tensors, ask)
        results = [
            self.detector.test(window) for window in np.split(column.data, column.bounds()[1:-1], axis=0)
        ]
        each = np.ones(len(results), dtype=np.int64)
        outputs = [drift_tensors(result, self.detector.p_val, self.shown) for result in results]
        return {
            name: Column(np.concatenate([output[name] for output in outputs]), each) for name in outputs[0]
        }


def drift_tensors(result: DriftResult, p_val: float, shown: Shown = ALL) -> dict[str, Array]:
    """Arrange a verdict as MLServer does: a leading axis of 1 before alibi-detect's values.

    With `drift_type` feature there is a flag for each feature, and the threshold is not corrected.
    """
    if shown.drift_type == "feature":
        is_drift = (result.p_val < p_val).astype(np.int64)[np.newaxis]
        threshold = np.array([[p_val]])
    else:
        is_drift = np.array([[result.is_drift]], dtype=np.int64)
        threshold = np.atleast_1d(np.asarray(result.threshold, dtype=np.float64))[np.newaxis]
    tensors: dict[str, Array] = {"is_drift": is_drift}
    if shown.return_distance:
        tensors["distance"] = result.distance[np.newaxis]
    if shown.return_p_val:
        tensors |= {"p_val": result.p_val[np.newaxis], "threshold": threshold}
    return tensors
