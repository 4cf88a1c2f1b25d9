"""Outlier detectors: a flag and a score for every row, and which features made it strange."""

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

# So many columns are told of a flagged row.
_TOLD = 5


class Detector(Protocol):
    """What every outlier detector offers, for rows of shape (n, features)."""

    n_features: int

    @property
    def threshold(self) -> float | Array:
        """The score above which a row, or each of its values, is flagged."""

    def predict(self, x: Array) -> OutlierResult:
        """Score and judge rows."""

    def contributions(self, x: Array) -> Array:
        """Return what each feature adds to the strangeness, float64 (n, features)."""


class PredictParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an answer shows: alibi-detect's own arguments to `predict`.

    A detector whose score is not made of features' scores has none in alibi-detect: `return_feature_score` is
    Weir's own there, and shows the contributions of the rows that are flagged.
    """

    return_instance_score: bool = True
    return_feature_score: bool = False


ALL = PredictParameters()


class FlaggedRow(NamedTuple):
    """A flagged row: its position among the rows, score and threshold, and the columns that made it strange.

    `columns` are name, contribution, value, and what the value is in the feature's own, None where that is
    not known; the greatest contribution first.
    """

    row: int
    score: float
    threshold: float
    columns: list[tuple[str, float, float, float | str | None]]


@runtime_checkable
class ExplainableStep(Protocol):
    """A step that can tell why it flagged rows."""

    def explain(
        self, tensors: Tensors, outputs: Tensors, options: InferenceOptions, most: int
    ) -> list[FlaggedRow]:
        """Return the first so many flagged rows, and why each was."""


class OutlierModel:
    """Answers `instance_score` (FP64), `feature_score` (FP64) and `is_outlier` (INT64), as far as shown.

    Their shapes are [1, rows] and [1, rows, features] a request; `columns` names the features, `origins` says
    what a column's values are in its feature's own.
    """

    monitor = True
    functions = ()

    def __init__(
        self,
        detector: Detector,
        table: FeatureRows,
        shown: PredictParameters = ALL,
        columns: Sequence[str] = (),
        origins: Mapping[str, Origin] = MappingProxyType({}),
    ) -> None:
        self.detector = detector
        self._table = table
        self._shown = shown
        self.columns = list(columns)
        self._origins = dict(origins)
        self._named = {"columns": msgspec.json.encode(list(columns)).decode()} if columns else {}

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Score all rows at once."""
        column = self.rows(tensors, options)
        result = self.detector.predict(column.data)
        outputs: Tensors = {}
        if self._shown.return_instance_score:
            outputs["instance_score"] = TensorColumn(result.instance_score, column.rows, flat=True)
        if self._shown.return_feature_score:
            scores = self._feature_score(column.data, result)
            outputs["feature_score"] = TensorColumn(scores, column.rows, flat=True, parameters=self._named)
        outputs["is_outlier"] = TensorColumn(result.is_outlier, column.rows, flat=True)
        return outputs

    def explain(
        self, tensors: Tensors, outputs: Tensors, options: InferenceOptions, most: int
    ) -> list[FlaggedRow]:
        """Return the first so many flagged rows, and why each was."""
        flags = outputs["is_outlier"].data
        flagged = np.flatnonzero(flags.reshape(len(flags), -1).any(axis=1))[:most]
        if not len(flagged):
            return []
        rows = self.rows(tensors, options).data[flagged]
        scores, contributions = self.detector.predict(rows).instance_score, self.detector.contributions(rows)
        order = np.argsort(-contributions, axis=1)[:, :_TOLD]
        return [
            FlaggedRow(
                number,
                float(score),
                float(np.max(self.detector.threshold)),
                [self._reason(c, float(contributions[i, c]), float(rows[i, c])) for c in order[i].tolist()],
            )
            for i, (number, score) in enumerate(zip(flagged.tolist(), scores.tolist(), strict=True))
        ]

    def _reason(
        self, column: int, contribution: float, value: float
    ) -> tuple[str, float, float, float | str | None]:
        name = self.columns[column] if self.columns else str(column)
        origin = self._origins.get(name)
        return name, contribution, value, origin.text(value) if origin else None

    def rows(self, tensors: Tensors, options: InferenceOptions) -> TensorColumn:
        """Return the rows that are scored, or raise what is wrong with them."""
        return self._table.read(tensors, options)

    def _feature_score(self, rows: Array, result: OutlierResult) -> Array:
        """Return the features' scores, or for flagged rows their contributions and NaN for the others."""
        if result.feature_score is not None:
            return result.feature_score
        scores = np.full(rows.shape, np.nan)
        flagged = np.flatnonzero(result.is_outlier)
        if len(flagged):
            scores[flagged] = self.detector.contributions(rows[flagged])
        return scores
