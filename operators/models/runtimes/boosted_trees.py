"""Boosted trees of XGBoost and LightGBM, evaluated by treelite: neither library is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import treelite

from operators.core.errors import DeploymentError, MismatchError
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.content_types import PLAIN, ContentTypes
from operators.models.feature_rows import FeatureRows
from operators.models.runtimes.xgboost_predictions import Transform
from operators.models.step import InferenceOptions


class Ensemble(NamedTuple):
    """A treelite model, and how its library turns the trees' sums into answers.

    `answers` maps each method to the transform of sums, shape (rows,) or (rows, outputs), that it returns.
    Without `margins`, treelite has already applied the objective's link. Rows are compared in the precision
    `dtype`, which is the library's own. Columns in `categorical` are categories: their values are truncated
    to integers. `names` are the columns that content type `pd` matches by name; None means that it uses the
    columns in their order. `column_name` converts a column's name to the library's form.
    """

    trees: Any
    answers: Mapping[str, Transform]
    dtype: type[np.floating[Any]]
    names: Sequence[str] | None
    margins: bool = True
    categorical: Sequence[int] = ()
    column_name: Callable[[str], str] = str


class BoostedTreesModel:
    """Computes `predict` and, for XGBoost's classifiers, `predict_proba`, as the MLServer runtimes do.

    NaN is a missing value. Raises DeploymentError for an unknown method.
    """

    monitor = False

    def __init__(self, ensemble: Ensemble, method: str, content_types: ContentTypes = PLAIN) -> None:
        self.functions = tuple(ensemble.answers)
        if method not in ensemble.answers:
            raise DeploymentError(f"predict_fn is {method!r}; it must be one of {', '.join(self.functions)}")
        self._ensemble = ensemble
        self._method = method
        self._content_types = content_types
        width = int(ensemble.trees.num_feature)
        self._table = FeatureRows(width, ensemble.names, content_types=content_types, single=True)

    @property
    def has_column_names(self) -> bool:
        """Whether content type `pd` can match columns by name."""
        return self._ensemble.names is None or bool(self._ensemble.names)

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Return the answer of each requested method for every row."""
        if self._content_types.has_named_columns(options):
            self._require_names()
            tensors = {self._ensemble.column_name(name): column for name, column in tensors.items()}
        column = self._table.read(tensors, options)
        methods = options.choose_functions(self.functions, self._method)
        with np.errstate(over="ignore", divide="ignore"):
            sums = self._sums(column.data)
            return {name: TensorColumn(self._ensemble.answers[name](sums), column.rows) for name in methods}

    def _require_names(self) -> None:
        if not self.has_column_names:
            raise MismatchError(
                "was trained without column names, so content_type pd cannot match columns: train it on "
                "named columns, or send a single tensor without content_type pd"
            )

    def _sums(self, rows: Array) -> Array:
        trees, dtype = self._ensemble.trees, self._ensemble.dtype
        # Both libraries store integers in single precision.
        rows = (rows if rows.dtype.kind == "f" else rows.astype(np.float32)).astype(dtype)
        if self._ensemble.categorical:
            rows[:, self._ensemble.categorical] = np.trunc(rows[:, self._ensemble.categorical])
        margins = self._ensemble.margins
        sums: Array = treelite.gtil.predict(trees, np.ascontiguousarray(rows), nthread=1, pred_margin=margins)
        sums = sums[:, :, 0] if sums.shape[1] > 1 else sums[:, 0, :]
        return sums[:, 0] if sums.shape[1] == 1 else np.ascontiguousarray(sums)
