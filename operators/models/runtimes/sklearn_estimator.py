"""scikit-learn estimators: predict, predict_proba or transform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from operators.core.errors import DeploymentError, MismatchError, describe
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.content_types import PLAIN, ContentTypes, decode
from operators.models.runtimes.sklearn_fast import classes_of, compile_estimator
from operators.models.step import InferenceOptions, check_width, named_columns

METHODS = ("predict", "predict_proba", "transform")
# Methods that `predict_fn` can name: they compute rows and fit nothing.
_PREDICT_FNS = {
    *METHODS,
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "inverse_transform",
    "apply",
}


class SklearnModel:
    """Calls methods of a fitted estimator; each output tensor has its method's name, as in MLServer.

    `method` is called unless a request's `outputs` name other methods. `names` are the columns that the
    estimator was fitted on, or None if they had no names. Raises DeploymentError for an unknown method.
    """

    monitor = False

    def __init__(self, estimator: Any, method: str, content_types: ContentTypes = PLAIN) -> None:
        if not any(hasattr(estimator, name) for name in METHODS):
            raise DeploymentError(
                f"the file contains a {type(estimator).__name__}, which is not a fitted estimator of "
                f"scikit-learn: it has none of the methods {', '.join(METHODS)}; save the estimator itself"
            )
        if method not in _PREDICT_FNS or not callable(getattr(estimator, method, None)):
            offered = ", ".join(name for name in METHODS if hasattr(estimator, name))
            raise DeploymentError(
                f"predict_fn is {method!r}, which a {type(estimator).__name__} does not offer; it offers "
                f"{offered}"
            )
        self.functions = tuple(name for name in METHODS if hasattr(estimator, name))
        self._method = method
        self._content_types = content_types
        self._width = int(getattr(estimator, "n_features_in_", 0))
        self.names: list[str] | None = getattr(estimator, "feature_names_in_", np.array(None)).tolist()
        fast = compile_estimator(estimator)
        self._classes = classes_of(fast)
        self._methods = {name: getattr(estimator, name) for name in (*self.functions, method)}
        self._fast_methods = {
            name: _with_fallback(getattr(fast, name, call), call) for name, call in self._methods.items()
        }

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Return the answer of each requested method for every row."""
        requested = options.choose_functions(self.functions, self._method)
        rows = next(iter(tensors.values())).rows
        has_columns = self._content_types.has_named_columns(options)
        call = self._call_with_columns if has_columns else self._call_with_array
        outputs: Tensors = {}
        with np.errstate(over="ignore"):
            for method in dict.fromkeys((*options.required, *requested)):
                answer = self._most_probable(outputs) if method == "predict" else None
                answer = call(method, tensors, options) if answer is None else answer
                outputs |= {
                    name: column._replace(hidden=method not in requested)
                    for name, column in _tensors(method, answer, rows).items()
                }
        return {name: outputs[name] for name in (*requested, *outputs) if name in outputs}

    def _most_probable(self, outputs: Tensors) -> Array | None:
        """Return the most probable classes of a forest whose probabilities are computed, else None."""
        if self._classes is None or "predict_proba" not in outputs:
            return None
        return np.asarray(self._classes.take(np.argmax(outputs["predict_proba"].data, axis=1)))

    def _call_with_columns(self, method: str, tensors: Tensors, options: InferenceOptions) -> Any:
        columns: dict[str, Any] = named_columns(tensors)
        for name, column in tensors.items():
            if self._content_types.of_tensor(name, column) not in ("", "np", "str"):
                # A list lets pandas choose the column's type.
                columns[name] = self._content_types.decoded(name, column).ravel().tolist()
        if self.names is None:
            return self._methods[method](pd.DataFrame(columns).to_numpy())
        missing = [name for name in self.names if name not in columns]
        if missing:
            raise MismatchError(
                f"takes columns by name, but {', '.join(map(repr, missing))} is missing; got "
                f"{', '.join(map(repr, columns))}: rename them with the step's tensorMap"
            )
        return self._methods[method](pd.DataFrame({name: columns[name] for name in self.names}))

    def _call_with_array(self, method: str, tensors: Tensors, options: InferenceOptions) -> Any:
        column, kind = self._content_types.single(tensors, options)
        data = column.data
        if self._width:
            check_width(data, self._width)
        elif kind:
            return self._methods[method](_one_value_per_row(data, kind))
        try:
            return self._fast_methods[method](_as_strings(decode(data, kind)))
        except (AttributeError, TypeError) as error:
            if self._width or data.dtype.kind not in "OUS" or data.ndim == 1:
                raise
            raise MismatchError(
                f"{describe(error)}; if the model takes texts, send them with content_type str"
            ) from error


def _with_fallback(fast: Callable[[Any], Any], original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that calls the estimator's own method if the fast one raises."""

    def call(rows: Any) -> Any:
        try:
            return fast(rows)
        except Exception:
            return original(rows)

    return fast if fast == original else call


def _one_value_per_row(data: Array, kind: str) -> list[Any]:
    """Return a list of decoded values, as estimators of texts expect, instead of rows with one value."""
    if data.size != len(data):
        raise MismatchError(
            f"content_type {kind} takes one value per row, got rows of shape {list(data.shape[1:])}"
        )
    decoded: list[Any] = decode(data, kind).ravel().tolist()
    return decoded


def _as_strings(data: Array) -> Array:
    """Return texts as numpy strings: an estimator of numbers then rejects words instead of guessing."""
    if data.dtype.kind == "O" and all(type(value) is str for value in data.ravel().tolist()):
        return data.astype(np.str_)
    return data


def _tensors(method: str, answer: Any, rows: NDArray[np.int64]) -> Tensors:
    if isinstance(answer, pd.DataFrame):
        return {str(name): TensorColumn(answer[name].to_numpy(), rows) for name in answer.columns}
    if isinstance(answer, list):
        raise MismatchError(
            f"{method} returns {len(answer)} arrays, one for each target; a tensor can contain one"
        )
    data = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    if data.ndim == 0 or len(data) != rows.sum():
        raise MismatchError(f"{method} returns shape {list(data.shape)} for {int(rows.sum())} rows")
    return {method: TensorColumn(data, rows)}
