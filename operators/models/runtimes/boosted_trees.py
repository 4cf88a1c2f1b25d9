"""Boosted trees of XGBoost and LightGBM, walked by treelite: neither library is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import treelite

from operators.core.errors import DeploymentError, MismatchError
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.content_types import PLAIN, ContentTypes
from operators.models.feature_rows import FeatureRows
from operators.models.runtimes.xgboost_predictions import Answer
from operators.models.step import InferenceOptions


class Ensemble(NamedTuple):
    """Trees of treelite, and what a library makes of their sums.

    `answers` turn sums of shape (rows,) or (rows, outputs) into what each method returns; without `margins`
    treelite has applied the objective's link already. Rows are compared in the precision of `dtype`, which is
    the library's own. Columns in `whole` are categories: their fraction is cut off. `names` are the columns
    by which content type `pd` finds them; None says that it takes them in their order. `known_as` is what the
    library makes of a column's name.
    """

    trees: Any
    answers: Mapping[str, Answer]
    dtype: type[np.floating[Any]]
    names: Sequence[str] | None
    margins: bool = True
    whole: Sequence[int] = ()
    known_as: Callable[[str], str] = str


class BoostedTreesModel:
    """Answers `predict` and, for XGBoost's classifiers, `predict_proba`, as their MLServer runtimes do.

    NaN are missing values.
    """

    monitor = False

    def __init__(self, ensemble: Ensemble, method: str, content_types: ContentTypes = PLAIN) -> None:
        self.functions = tuple(ensemble.answers)
        if method not in ensemble.answers:
            raise DeploymentError(f"predict_fn must be one of {', '.join(self.functions)}, got {method!r}")
        self._ensemble = ensemble
        self._method = method
        self._content_types = content_types
        width = int(ensemble.trees.num_feature)
        self._table = FeatureRows(width, ensemble.names, content_types=content_types, single=True)

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Answer every row with each wanted method."""
        if self._content_types.names_columns(options):
            self._require_names()
            tensors = {self._ensemble.known_as(name): column for name, column in tensors.items()}
        column = self._table.read(tensors, options)
        wanted = options.chosen(self.functions, self._method)
        with np.errstate(over="ignore", divide="ignore"):
            sums = self._sums(column.data)
            return {name: TensorColumn(self._ensemble.answers[name](sums), column.rows) for name in wanted}

    def _require_names(self) -> None:
        if self._ensemble.names is not None and not self._ensemble.names:
            raise MismatchError(
                "was trained without names of columns, so content_type pd finds none: train it on named "
                "columns, or send one tensor without it"
            )

    def _sums(self, rows: Array) -> Array:
        trees, dtype = self._ensemble.trees, self._ensemble.dtype
        # Both libraries hold whole numbers in single precision.
        rows = (rows if rows.dtype.kind == "f" else rows.astype(np.float32)).astype(dtype)
        if self._ensemble.whole:
            rows[:, self._ensemble.whole] = np.trunc(rows[:, self._ensemble.whole])
        margins = self._ensemble.margins
        sums: Array = treelite.gtil.predict(trees, np.ascontiguousarray(rows), nthread=1, pred_margin=margins)
        sums = sums[:, :, 0] if sums.shape[1] > 1 else sums[:, 0, :]
        return sums[:, 0] if sums.shape[1] == 1 else np.ascontiguousarray(sums)
