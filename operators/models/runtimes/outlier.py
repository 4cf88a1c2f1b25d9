"""Outlier detectors: a flag and a score for every row, and the columns that explain a flag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec
import numpy as np

from detectors.results import OutlierResult
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.column_origins import Origin
from operators.models.feature_rows import FeatureRows
from operators.models.step import InferenceOptions

# Number of columns in the explanation of a flagged row.
_EXPLAINED = 5


class Detector(Protocol):
    """The interface of an outlier detector, for rows of shape (n, features)."""

    n_features: int

    @property
    def threshold(self) -> float | Array:
        """The score above which a row, or each of its values, is flagged."""

    def predict(self, x: Array) -> OutlierResult:
        """Return the scores and flags of rows."""

    def contributions(self, x: Array) -> Array:
        """Return how much each feature contributes to a row's being an outlier, float64 (n, features)."""


class PredictParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """alibi-detect's arguments to `predict`, which select the tensors of an answer.

    Some detectors have no feature scores in alibi-detect, because their score is not computed from them.
    For these, Weir's `return_feature_score` returns the contributions of flagged rows instead.
    """

    return_instance_score: bool = True
    return_feature_score: bool = False


DEFAULT_PARAMETERS = PredictParameters()


class FlaggedRow(NamedTuple):
    """A flagged row: its position, its score, the threshold, and the columns that explain the flag.

    `columns` are tuples of name, contribution, value, and the value in the feature's own units, which is None
    where the column's origin is not known. The greatest contribution comes first.
    """

    row: int
    score: float
    threshold: float
    columns: list[tuple[str, float, float, float | str | None]]


@runtime_checkable
class ExplainableStep(Protocol):
    """A step that can explain why it flagged rows."""

    def explain(
        self, tensors: Tensors, outputs: Tensors, options: InferenceOptions, limit: int
    ) -> list[FlaggedRow]:
        """Return the first `limit` flagged rows, with an explanation of each."""


class OutlierModel:
    """Returns `instance_score` (FP64), `feature_score` (FP64) and `is_outlier` (INT64).

    `parameters` select the scores. The shape per request is [1, rows] or [1, rows, features]. `columns` are
    the names of the features; `origins` maps a column to the conversion of its values to the feature's own
    units.
    """

    monitor = True
    functions = ()

    def __init__(
        self,
        detector: Detector,
        table: FeatureRows,
        parameters: PredictParameters = DEFAULT_PARAMETERS,
        columns: Sequence[str] = (),
        origins: Mapping[str, Origin] = MappingProxyType({}),
    ) -> None:
        self.detector = detector
        self._table = table
        self._parameters = parameters
        self.columns = list(columns)
        self._origins = dict(origins)
        self._tensor_parameters = {"columns": msgspec.json.encode(list(columns)).decode()} if columns else {}

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Score all rows at once."""
        column = self.rows(tensors, options)
        result = self.detector.predict(column.data)
        outputs: Tensors = {}
        if self._parameters.return_instance_score:
            outputs["instance_score"] = TensorColumn(result.instance_score, column.rows, flat=True)
        if self._parameters.return_feature_score:
            scores = self._feature_score(column.data, result)
            outputs["feature_score"] = TensorColumn(
                scores, column.rows, flat=True, parameters=self._tensor_parameters
            )
        outputs["is_outlier"] = TensorColumn(result.is_outlier, column.rows, flat=True)
        return outputs

    def explain(
        self, tensors: Tensors, outputs: Tensors, options: InferenceOptions, limit: int
    ) -> list[FlaggedRow]:
        """Return the first `limit` flagged rows, with an explanation of each."""
        flags = outputs["is_outlier"].data
        flagged = np.flatnonzero(flags.reshape(len(flags), -1).any(axis=1))[:limit]
        if not len(flagged):
            return []
        rows = self.rows(tensors, options).data[flagged]
        scores, contributions = self.detector.predict(rows).instance_score, self.detector.contributions(rows)
        greatest = np.argsort(-contributions, axis=1)[:, :_EXPLAINED]
        return [
            FlaggedRow(
                row,
                float(score),
                float(np.max(self.detector.threshold)),
                [
                    self._contribution(c, float(contributions[i, c]), float(rows[i, c]))
                    for c in greatest[i].tolist()
                ],
            )
            for i, (row, score) in enumerate(zip(flagged.tolist(), scores.tolist(), strict=True))
        ]

    def _contribution(
        self, column: int, contribution: float, value: float
    ) -> tuple[str, float, float, float | str | None]:
        name = self.columns[column] if self.columns else str(column)
        origin = self._origins.get(name)
        return name, contribution, value, origin.text(value) if origin else None

    def rows(self, tensors: Tensors, options: InferenceOptions) -> TensorColumn:
        """Return the rows to score.

        Raises MismatchError for tensors that do not match the detector, ValueError for texts in a column of
        numbers.
        """
        return self._table.read(tensors, options)

    def _feature_score(self, rows: Array, result: OutlierResult) -> Array:
        """Return feature scores; without any, the contributions of flagged rows, and NaN for other rows."""
        if result.feature_score is not None:
            return result.feature_score
        scores = np.full(rows.shape, np.nan)
        flagged = np.flatnonzero(result.is_outlier)
        if len(flagged):
            scores[flagged] = self.detector.contributions(rows[flagged])
        return scores
