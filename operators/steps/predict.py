"""scikit-learn estimators: predict, predict_proba or transform."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from operators.columns import Column, Tensors
from operators.errors import DeploymentError
from operators.steps import check_width, named_columns, the_only
from operators.steps.compiled import compiled

_METHODS = ("predict", "predict_proba", "transform")


class Predict:
    """Calls one method of a fitted estimator; the output tensor has the method's name, as in MLServer."""

    monitor = False

    def __init__(self, estimator: Any, method: str) -> None:
        if method not in _METHODS:
            raise DeploymentError(f"predict_fn must be one of {', '.join(_METHODS)}, got {method!r}")
        if not hasattr(estimator, method):
            raise DeploymentError(f"a {type(estimator).__name__} has no {method}: change predict_fn")
        self._method = method
        self._width = int(getattr(estimator, "n_features_in_", 0))
        self._named = getattr(estimator, method)
        self._plain = getattr(compiled(estimator), method)

    def infer(self, tensors: Tensors, content_type: str) -> Tensors:
        """Answer every row."""
        rows = next(iter(tensors.values())).rows
        with np.errstate(over="ignore"):
            return {self._method: Column(np.asarray(self._answer(tensors, content_type)), rows)}

    def _answer(self, tensors: Tensors, content_type: str) -> Any:
        if content_type == "pd":
            answer = self._named(pd.DataFrame(named_columns(tensors)))
        else:
            data = the_only(tensors).data
            if self._width:
                check_width(data, self._width)
            answer = self._plain(data)
        return answer.toarray() if hasattr(answer, "toarray") else answer
