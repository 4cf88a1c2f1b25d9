"""Boosted trees of XGBoost and LightGBM, walked by treelite: neither library is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import treelite

from operators.columns import Array, Column, Tensors
from operators.errors import DeploymentError
from operators.steps import Ask, check_width, the_only

_BINARY, _REGRESSION, _MULTICLASS = 0, 1, 2


class Boosted:
    """Answers `predict` and, for classifiers, `predict_proba`, as their MLServer runtimes do.

    `labels` says that `predict` is a label (INT64) and there are probabilities besides: XGBoost's
    classifiers. Else `predict` is what the booster gives, for a classification its probabilities, in `dtype`.
    Probabilities differ from the libraries' by less than 1e-6: treelite computes them in single precision.
    """

    monitor = False

    def __init__(self, trees: Any, method: str, *, labels: bool, dtype: type[np.floating[Any]]) -> None:
        header = trees.get_header_accessor()
        task = int(np.ravel(header.get_field("task_type"))[0])
        if task not in (_BINARY, _REGRESSION, _MULTICLASS):
            raise DeploymentError("only binary and multi-class classification and regression run here")
        self._binary = task == _BINARY
        self._labels = labels and task != _REGRESSION
        self.functions = ("predict", "predict_proba") if self._labels else ("predict",)
        if method not in self.functions:
            raise DeploymentError(f"predict_fn must be one of {', '.join(self.functions)}, got {method!r}")
        self._trees = trees
        self._method = method
        self._dtype = dtype

    def infer(self, tensors: Tensors, ask: Ask) -> Tensors:
        """Answer every row with each wanted method; NaN are missing values."""
        column = the_only(tensors)
        check_width(column.data, int(self._trees.num_feature))
        rows = np.ascontiguousarray(column.data, dtype=np.float64)
        answer = treelite.gtil.predict(self._trees, rows, nthread=1)[:, 0, :].astype(self._dtype)
        wanted = ask.chosen(self.functions, self._method)
        return {name: Column(self._shown(name, answer), column.rows) for name in wanted}

    def _shown(self, method: str, answer: Array) -> Array:
        if not self._labels:
            return answer[:, 0] if answer.shape[1] == 1 else answer
        if method == "predict_proba":
            return np.hstack((1 - answer, answer)) if self._binary else answer
        return (answer[:, 0] > 0.5).astype(np.int64) if self._binary else np.asarray(answer.argmax(axis=1))
