"""Data quality checks: the issue of each value of a request, and a verdict for each window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.counts import Counts
from detectors.drift.judgement import State
from detectors.quality.data_quality import Quality, QualityResult
from detectors.quality.issues import FINE, ISSUES
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.content_types import PLAIN, ContentTypes
from operators.models.feature_rows import FeatureRows
from operators.models.runtimes.batched import ROWS, Verdict, WindowRules
from operators.models.runtimes.verdict_details import QualityDetails, QualityFeature
from operators.models.step import InferenceOptions

_LEGEND = {str(code): issue for code, issue in enumerate(("fine", *ISSUES))}


class DataQualityModel:
    """Returns `issues` (UINT8 [n, features]) and `violations` (INT64 [n, 1]) for every request.

    `issues` contains a code for each value, `violations` the number of bad values of each row. The parameters
    `features` and `codes` of `issues` are JSON: the names of the columns, and the meaning of each code. In a
    batched step, the monitor also judges windows of the codes.
    """

    monitor = True
    functions = ()

    def __init__(self, quality: Quality, content_types: ContentTypes = PLAIN) -> None:
        self.quality = quality
        self.width = quality.n_features
        self._names = [feature.name for feature in quality.features]
        self._table = FeatureRows(self.width, self._names, content_types=content_types)
        self._legend = {"features": _json(self._names), "codes": _json(_LEGEND)}

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Check every value; raise MismatchError for missing columns or another number of columns."""
        columns, rows = self.columns(tensors, options)
        issues = self.quality.check(columns)
        violations = (issues != FINE).sum(axis=1, dtype=np.int64, keepdims=True)
        return {
            "issues": TensorColumn(issues, rows, parameters=self._legend),
            "violations": TensorColumn(violations, rows),
        }

    def columns(self, tensors: Tensors, options: InferenceOptions) -> tuple[list[Array], NDArray[np.int64]]:
        """Return the values of each checked column, and the number of rows of each request."""
        return self._table.columns(tensors, options)

    def gather(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Answer every request, and return the codes as rows for the window."""
        answers = self.infer(tensors, options)
        return {ROWS: answers["issues"], **answers}

    def count(self, rows: Array) -> list[Counts]:
        """Reduce codes to counts per feature."""
        return self.quality.count(rows)

    def add(self, parts: Sequence[Sequence[Counts]]) -> list[Counts]:
        """Add the counts of parts of a window."""
        return self.quality.add(parts)

    def judge(self, counts: Sequence[Counts], rows: int, rules: WindowRules) -> Verdict:
        """Judge a window by its counts and its number of rows."""
        result = self.quality.judge(counts, rules.tolerance)
        tensors = {issue: result.counts[np.newaxis, :, i] for i, issue in enumerate(ISSUES)}
        tensors["is_violation"] = np.array([[result.is_violation]], dtype=np.int64)
        details = QualityDetails(
            min_n=rules.judgement.min_n,
            tolerance=rules.tolerance,
            ranked=[self._names[i] for i in result.worst().tolist()],
            features=list(self._features(result)),
        )
        return Verdict(_state(result, rows, rules), tensors, details)

    def _features(self, result: QualityResult) -> Iterator[QualityFeature]:
        for feature, counts, shares, violates in zip(
            self.quality.features, result.counts, result.shares, result.violates, strict=True
        ):
            yield QualityFeature(
                feature=feature.name,
                counts=dict(zip(ISSUES, counts.tolist(), strict=True)),
                shares=dict(zip(ISSUES, shares.round(6).tolist(), strict=True)),
                reference_missing=round(feature.missing, 6),
                violating=[issue for issue, bad in zip(ISSUES, violates.tolist(), strict=True) if bad],
            )


def _state(result: QualityResult, rows: int, rules: WindowRules) -> State:
    if rows < rules.judgement.min_n:
        return "INSUFFICIENT_DATA"
    return "VIOLATION" if result.is_violation else "OK"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
