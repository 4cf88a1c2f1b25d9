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
# What `predict_fn` may name besides: functions of rows that learn nothing.
_KNOWN = {*METHODS, "predict_log_proba", "decision_function", "score_samples", "inverse_transform", "apply"}


class SklearnModel:
    """Calls methods of a fitted estimator; each output tensor has its method's name, as in MLServer.

    `method` is the one that is called unless a request's `outputs` name others; `names` are the columns that
    the estimator was fitted on, None where they had no names.
    """

    monitor = False

    def __init__(self, estimator: Any, method: str, content_types: ContentTypes = PLAIN) -> None:
        if method not in _KNOWN or not callable(getattr(estimator, method, None)):
            there = ", ".join(name for name in METHODS if hasattr(estimator, name))
            raise DeploymentError(
                f"predict_fn is {method!r}, which a {type(estimator).__name__} does not offer; there "
                f"are {there}"
            )
        self.functions = tuple(name for name in METHODS if hasattr(estimator, name))
        self._method = method
        self._content_types = content_types
        self._width = int(getattr(estimator, "n_features_in_", 0))
        self.names: list[str] | None = getattr(estimator, "feature_names_in_", np.array(None)).tolist()
        quick = compile_estimator(estimator)
        self._classes = classes_of(quick)
        self._named = {name: getattr(estimator, name) for name in (*self.functions, method)}
        self._plain = {
            name: _or_original(getattr(quick, name, call), call) for name, call in self._named.items()
        }

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Answer every row with each wanted method."""
        wanted = options.chosen(self.functions, self._method)
        rows = next(iter(tensors.values())).rows
        named = self._content_types.names_columns(options)
        call = self._columns if named else self._table
        outputs: Tensors = {}
        with np.errstate(over="ignore"):
            for name in dict.fromkeys((*options.besides, *wanted)):
                answer = self._chosen(outputs) if name == "predict" else None
                answered = _tensors(name, call(name, tensors, options) if answer is None else answer, rows)
                outputs |= {
                    one: column._replace(hidden=name not in wanted) for one, column in answered.items()
                }
        return {name: outputs[name] for name in (*wanted, *outputs) if name in outputs}

    def _chosen(self, outputs: Tensors) -> Array | None:
        """Return the most probable classes, where a forest's probabilities are known and decide on them."""
        if self._classes is None or "predict_proba" not in outputs:
            return None
        return np.asarray(self._classes.take(np.argmax(outputs["predict_proba"].data, axis=1)))

    def _columns(self, method: str, tensors: Tensors, options: InferenceOptions) -> Any:
        columns: dict[str, Any] = named_columns(tensors)
        for name, column in tensors.items():
            if self._content_types.of_tensor(name, column) not in ("", "np", "str"):
                # A list, for pandas to choose the column's type.
                columns[name] = self._content_types.decoded(name, column).ravel().tolist()
        if self.names is None:
            return self._named[method](pd.DataFrame(columns).to_numpy())
        missing = [name for name in self.names if name not in columns]
        if missing:
            raise MismatchError(
                f"takes columns by name, but {', '.join(map(repr, missing))} is missing; there are "
                f"{', '.join(map(repr, columns))}: rename them with the step's tensorMap"
            )
        return self._named[method](pd.DataFrame({name: columns[name] for name in self.names}))

    def _table(self, method: str, tensors: Tensors, options: InferenceOptions) -> Any:
        column, kind = self._content_types.single(tensors, options)
        data = column.data
        if self._width:
            check_width(data, self._width)
        elif kind:
            return self._named[method](_one_a_row(data, kind))
        try:
            return self._plain[method](_words(decode(data, kind)))
        except (AttributeError, TypeError) as error:
            if self._width or data.dtype.kind not in "OUS" or data.ndim == 1:
                raise
            raise MismatchError(
                f"{describe(error)}; if it is a model of texts, send them with content_type str"
            ) from error


def _or_original(quick: Callable[[Any], Any], original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let the estimator itself answer, or say what is wrong, where its quick form raises."""

    def call(rows: Any) -> Any:
        try:
            return quick(rows)
        except Exception:
            return original(rows)

    return quick if quick == original else call


def _one_a_row(data: Array, kind: str) -> list[Any]:
    """Return what an estimator of texts takes: a list, not rows of one value."""
    if data.size != len(data):
        raise MismatchError(
            f"content_type {kind} takes one value a row, got rows of shape {list(data.shape[1:])}"
        )
    decoded: list[Any] = decode(data, kind).ravel().tolist()
    return decoded


def _words(data: Array) -> Array:
    """Return text as numpy's own strings: an estimator of numbers then refuses words instead of guessing."""
    if data.dtype.kind == "O" and all(type(value) is str for value in data.ravel().tolist()):
        return data.astype(np.str_)
    return data


def _tensors(method: str, answer: Any, rows: NDArray[np.int64]) -> Tensors:
    if isinstance(answer, pd.DataFrame):
        return {str(name): TensorColumn(answer[name].to_numpy(), rows) for name in answer.columns}
    if isinstance(answer, list):
        raise MismatchError(f"{method} gives {len(answer)} arrays, one for each target: a tensor holds one")
    data = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    if data.ndim == 0 or len(data) != rows.sum():
        raise MismatchError(f"{method} gives shape {list(data.shape)} for {int(rows.sum())} rows")
    return {method: TensorColumn(data, rows)}
