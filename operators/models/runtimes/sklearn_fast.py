"""Fast forms of fitted scikit-learn estimators: the same answers with less overhead.

scikit-learn needs about 3 to 15 ms for a forest or a ColumnTransformer, however few the rows, because it
checks its input again for each tree or column. A forest's compiled trees are called directly; a
ColumnTransformer of imputers, scalers and one-hot encoders becomes a few numpy operations. The fast form is
an optimisation. An estimator stays unchanged if it is not supported, if its fast form raises, or if that
differs from scikit-learn in a single bit of a probe's answer. Only scikit-learn's own classes are supported:
a subclass may do anything.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline

from operators.core.errors import describe
from operators.core.tensors import Array
from operators.models.runtimes.column_transformer import Block, compile_block

_log = logging.getLogger(__name__)


def compile_estimator(estimator: Any) -> Any:
    """Return the fast form of a fitted estimator, or the estimator itself if it has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _fast_form(estimator)
    except Exception as error:  # fitted estimators of all kinds and versions may raise anything
        _log.info("%s has no fast form: %s", type(estimator).__name__, describe(error))
        return estimator


def _fast_form(estimator: Any) -> Any:
    kind = type(estimator)
    if kind is Pipeline:
        return _FastPipeline([compile_estimator(step) for _, step in estimator.steps], estimator)
    if kind in (RandomForestClassifier, ExtraTreesClassifier) and estimator.n_outputs_ == 1:
        return _verified(_FastClassifier(estimator), estimator, "predict_proba")
    if kind in (RandomForestRegressor, ExtraTreesRegressor) and estimator.n_outputs_ == 1:
        return _verified(_FastRegressor(estimator), estimator, "predict")
    if kind is ColumnTransformer:
        blocks = [compile_block(fitted, columns) for _, fitted, columns in estimator.transformers_]
        if all(block is not None for block in blocks):
            return _verified(
                _FastColumnTransformer([block for block in blocks if block], estimator),
                estimator,
                "transform",
            )
    return estimator


def classes_of(fast: Any) -> Array | None:
    """Return the classes of a compiled forest, which predicts the most probable one; None for others."""
    if isinstance(fast, _FastPipeline):
        return classes_of(fast.steps[-1])
    return np.asarray(fast.classes) if isinstance(fast, _FastClassifier) else None


def _verified(fast: Any, estimator: Any, method: str) -> Any:
    """Return the fast form if it gives equal answers to probes of both float widths, else the estimator."""
    for probe in _probes(fast, int(estimator.n_features_in_)):
        if not _is_identical(getattr(fast, method)(probe), getattr(estimator, method)(probe)):
            return estimator
    return fast


def _is_identical(answer: Any, expected: Any) -> bool:
    return (
        type(answer) is type(expected)
        and answer.dtype == expected.dtype
        and np.array_equal(answer, expected, equal_nan=True)
    )


def _probes(fast: Any, n_features: int) -> list[Array]:
    rng = np.random.default_rng(0)
    probe = rng.normal(scale=3.0, size=(64, n_features))
    if isinstance(fast, _FastColumnTransformer):
        for block in fast.blocks:
            block.fill(probe, rng)
        probe[::9] = np.nan
    return [probe, probe.astype(np.float32), probe[:1]]


class _FastPipeline:
    """A scikit-learn Pipeline of compiled steps."""

    def __init__(self, steps: list[Any], original: Pipeline) -> None:
        self.steps = steps
        self._original = original

    def _before_last(self, x: Any) -> Any:
        for step in self.steps[:-1]:
            x = x if step in (None, "passthrough") else step.transform(x)
        return x

    def predict(self, x: Any) -> Any:
        return self.steps[-1].predict(self._before_last(x))

    def predict_proba(self, x: Any) -> Any:
        return self.steps[-1].predict_proba(self._before_last(x))

    def transform(self, x: Any) -> Any:
        return self._original.transform(x)


class _FastForest:
    """The trees of a forest, added up in scikit-learn's order."""

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self._trees = [fitted.tree_ for fitted in estimator.estimators_]

    def _mean(self, x: Any) -> Array | None:
        """Return the mean of the trees, (rows, values); None for rows that scikit-learn may refuse."""
        rows = np.asarray(x)
        if rows.ndim != 2 or rows.shape[1] != self._estimator.n_features_in_:
            return None
        with np.errstate(over="ignore"):
            narrow = np.ascontiguousarray(rows, dtype=np.float32)
        if not np.isfinite(narrow).all():
            return None
        total = self._trees[0].predict(narrow)
        for tree in self._trees[1:]:
            total += tree.predict(narrow)
        total /= len(self._trees)
        return np.asarray(total)


class _FastClassifier(_FastForest):
    """A forest of classification trees."""

    def __init__(self, estimator: Any) -> None:
        super().__init__(estimator)
        self.classes = estimator.classes_

    def predict_proba(self, x: Any) -> Any:
        mean = self._mean(x)
        return self._estimator.predict_proba(x) if mean is None else mean

    def predict(self, x: Any) -> Any:
        return self.classes.take(np.argmax(self.predict_proba(x), axis=1), axis=0)


class _FastRegressor(_FastForest):
    """A forest of regression trees."""

    def predict(self, x: Any) -> Any:
        mean = self._mean(x)
        return self._estimator.predict(x) if mean is None else mean[:, 0]


class _FastColumnTransformer:
    """A ColumnTransformer of compiled blocks."""

    def __init__(self, blocks: list[Block], estimator: ColumnTransformer) -> None:
        self.blocks = blocks
        self._estimator = estimator

    def transform(self, x: Any) -> Any:
        rows = np.asarray(x)
        if rows.ndim != 2 or rows.dtype.kind != "f" or rows.shape[1] != self._estimator.n_features_in_:
            return self._estimator.transform(x)
        if np.isinf(rows).any():
            return self._estimator.transform(x)
        return np.hstack([block.transform(rows) for block in self.blocks])
