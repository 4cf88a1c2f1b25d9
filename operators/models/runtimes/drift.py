"""Drift detectors: a verdict for each window of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from detectors.counts import Counts
from detectors.drift.calibration import Calibration, least_effect
from detectors.drift.judgement import column_order, ranked_features
from detectors.drift.tabular import TabularDrift
from detectors.histogram import Histogram
from detectors.results import DriftResult
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.column_origins import Origin
from operators.models.feature_rows import FeatureRows
from operators.models.runtimes.batched import ROWS, Verdict, WindowRules
from operators.models.runtimes.verdict_details import (
    CalibratedWindow,
    ColumnHistogram,
    DriftDetails,
    DriftFeature,
)
from operators.models.step import InferenceOptions

# Number of histograms in a report, for the columns that come first in its ranking.
_HISTOGRAMS = 5


class PredictParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """alibi-detect's arguments to `predict`, which select the tensors of a verdict."""

    drift_type: Literal["batch", "feature"] = "batch"
    return_p_val: bool = True
    return_distance: bool = True


DEFAULT_PARAMETERS = PredictParameters()


class DriftModel:
    """Tests the rows of each request, as MLServer does; in a batched step, the monitor tests windows.

    `columns` are the names of the reference's columns, `features` the feature that each column encodes.
    `origins` maps a column to the conversion of its values to the feature's own units.
    """

    monitor = True
    functions = ()

    def __init__(
        self,
        detector: TabularDrift,
        columns: Sequence[str],
        features: Sequence[str],
        table: FeatureRows | None = None,
        parameters: PredictParameters = DEFAULT_PARAMETERS,
        calibrations: Sequence[Calibration] = (),
        origins: Mapping[str, Origin] = MappingProxyType({}),
    ) -> None:
        self.detector = detector
        self.columns = list(columns)
        self.features = list(features)
        self.calibrations = list(calibrations)
        self.width = detector.n_features
        self._parameters = parameters
        self._origins = dict(origins)
        self._table = table or FeatureRows(detector.n_features)

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Test each request's rows as one window."""
        column = self.rows(tensors, options)
        results = [
            self.detector.test(window) for window in np.split(column.data, column.bounds()[1:-1], axis=0)
        ]
        one_row_each = np.ones(len(results), dtype=np.int64)
        outputs = [self._tensors(result) for result in results]
        return {
            name: TensorColumn(np.concatenate([output[name] for output in outputs]), one_row_each)
            for name in outputs[0]
        }

    def gather(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Return the rows only: a verdict needs the whole window."""
        return {ROWS: self.rows(tensors, options)}

    def count(self, rows: Array) -> list[Counts]:
        """Reduce rows to counts per column."""
        return self.detector.count(rows)

    def add(self, parts: Sequence[Sequence[Counts]]) -> list[Counts]:
        """Add the counts of parts of a window."""
        return self.detector.add(parts)

    def judge(self, counts: Sequence[Counts], rows: int, rules: WindowRules) -> Verdict:
        """Judge a window by its counts and its number of rows."""
        judgement, result = rules.judgement, self.detector.judge(counts)
        drifted = judgement.drifted(result, rows, self.calibrations)
        insufficient = judgement.insufficient(result, rows, self.calibrations)
        columns = column_order(result, drifted, insufficient)
        details = DriftDetails(
            correction=self.detector.correction,
            min_n=judgement.min_n,
            min_effect=judgement.min_effect,
            calibrated=[CalibratedWindow(one.window, one.rate) for one in self.calibrations],
            reference_n=self.detector.n_reference,
            ranked=ranked_features(result, drifted, self.features, insufficient),
            features=list(self._features(result, drifted, insufficient, rows)),
            histograms=[self._histogram(i, counts[i]) for i in columns[:_HISTOGRAMS]],
        )
        return Verdict(judgement.state(result, rows, self.calibrations), self._tensors(result), details)

    def rows(self, tensors: Tensors, options: InferenceOptions) -> TensorColumn:
        """Return the rows to test.

        Raises MismatchError for tensors that do not match the reference, ValueError for infinity and for
        texts in a column of numbers.
        """
        column = self._table.read(tensors, options)
        if np.isinf(column.data).any():
            raise ValueError("the rows contain infinity")
        return column

    def _tensors(self, result: DriftResult) -> dict[str, Array]:
        return drift_tensors(result, self.detector.p_val, self._parameters)

    def _features(
        self, result: DriftResult, drifted: NDArray[np.bool_], insufficient: NDArray[np.bool_], rows: int
    ) -> Iterator[DriftFeature]:
        least = least_effect(self.calibrations, rows, self.width)
        for i, column in enumerate(self.columns):
            yield DriftFeature(
                column=column,
                feature=self.features[i],
                test="chi-square" if i in self.detector.categorical else "kolmogorov-smirnov",
                p_val=float(result.p_val[i]),
                distance=float(result.distance[i]),
                effect=round(float(result.effect[i]), 6),
                least_effect=round(float(least[i]), 6) if self.calibrations else UNSET,
                psi=round(float(result.psi[i]), 6),
                n=int(result.n[i]),
                missing=int(result.missing[i]),
                unseen=int(result.unseen[i]),
                rejected=bool(result.rejected[i]),
                drifted=bool(drifted[i]),
                insufficient=bool(insufficient[i]),
            )

    def _histogram(self, i: int, counts: Counts) -> ColumnHistogram:
        histogram, column = self.detector.histogram(i, counts), self.columns[i]
        return ColumnHistogram(
            column=column,
            **_bins(histogram, self._table.texts(column), self._origins.get(column)),
            reference=histogram.reference.round(5).tolist(),
            window=histogram.window.round(5).tolist(),
        )


def _bins(histogram: Histogram, texts: Sequence[str], origin: Origin | None) -> dict[str, Any]:
    """Return the names of all bins but the last, as fields of a ColumnHistogram."""
    if histogram.edges is not None:
        edges = histogram.edges.tolist()
        bins = {"edges": _rounded(edges)}
        if origin is not None and origin.category is None:
            bins["raw"] = _rounded([origin.raw(edge) for edge in edges])
        return bins
    assert histogram.codes is not None
    codes = histogram.codes.tolist()
    categories = [texts[int(code)] if 0 <= code < len(texts) else f"{code:g}" for code in codes]
    if origin is None or origin.category is None:
        return {"categories": categories}
    raw = [origin.text(code) or text for code, text in zip(codes, categories, strict=True)]
    return {"categories": categories, "raw": raw}


def _rounded(edges: Sequence[float]) -> list[float]:
    """Round to six significant digits, or to more where two edges would become equal."""
    for digits in range(6, 17):
        rounded = [float(f"{edge:.{digits}g}") for edge in edges]
        if len(set(rounded)) == len(set(edges)):
            return rounded
    return list(edges)


def drift_tensors(
    result: DriftResult, p_val: float, parameters: PredictParameters = DEFAULT_PARAMETERS
) -> dict[str, Array]:
    """Arrange a result as MLServer does: alibi-detect's values behind a leading axis of 1.

    With the `drift_type` `feature`, each feature has a flag, and the threshold is not corrected.
    """
    if parameters.drift_type == "feature":
        is_drift = (result.p_val < p_val).astype(np.int64)[np.newaxis]
        threshold = np.array([[p_val]])
    else:
        is_drift = np.array([[result.is_drift]], dtype=np.int64)
        threshold = np.atleast_1d(np.asarray(result.threshold, dtype=np.float64))[np.newaxis]
    tensors: dict[str, Array] = {"is_drift": is_drift}
    if parameters.return_distance:
        tensors["distance"] = result.distance[np.newaxis]
    if parameters.return_p_val:
        tensors |= {"p_val": result.p_val[np.newaxis], "threshold": threshold}
    return tensors
