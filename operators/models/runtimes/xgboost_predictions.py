"""How XGBoost's scikit-learn wrappers convert a booster's margins to predictions.

Source: `PredTransform` of each objective in XGBoost's `src/objective/`, and `XGBClassifier.predict` and
`predict_proba` in its `sklearn.py` (3.2).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import softmax

from operators.core.tensors import Array

Transform = Callable[[Array], Array]
# The sigmoid's exponent is bounded, so that the result is finite in single precision.
_LARGEST_EXPONENT, _TINY = np.float32(88.7), np.float32(1e-16)


def identity(margins: Array) -> Array:
    """Return the margins unchanged."""
    return margins


def sigmoid(margins: Array) -> Array:
    """Return the probabilities of margins, in single precision."""
    exponentials = np.exp(np.minimum(-margins, _LARGEST_EXPONENT))
    return np.asarray(np.float32(1) / (exponentials + np.float32(1) + _TINY))


def _exponential(margins: Array) -> Array:
    return np.asarray(np.exp(margins))


def _hinge(margins: Array) -> Array:
    return (margins > 0).astype(np.float32)


def _softmax(margins: Array) -> Array:
    by_class = _by_class(margins)
    exponentials = np.exp(by_class - by_class.max(axis=1, keepdims=True))
    shares = exponentials / exponentials.sum(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    return np.asarray(shares.reshape(margins.shape))


def _most_probable(margins: Array) -> Array:
    return np.asarray(_by_class(margins).argmax(axis=1), dtype=np.float32)


def _by_class(margins: Array) -> Array:
    """Return margins of shape (rows, classes); those of a single class have shape (rows,)."""
    return margins.reshape(len(margins), -1)


TRANSFORMS: dict[str, Transform] = {
    **dict.fromkeys(("reg:logistic", "binary:logistic"), sigmoid),
    **dict.fromkeys(
        ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"), _exponential
    ),
    **dict.fromkeys(
        ("reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:pseudohubererror"), identity
    ),
    **dict.fromkeys(("reg:absoluteerror", "reg:quantileerror", "reg:expectileerror"), identity),
    **dict.fromkeys(("rank:ndcg", "rank:map", "rank:pairwise", "binary:logitraw"), identity),
    "binary:hinge": _hinge,
    "multi:softprob": _softmax,
    "multi:softmax": _most_probable,
}


def wrapper_answers(objective: str, estimator: str, num_class: int) -> dict[str, Transform]:
    """Return each method's transform of margins, float32 of shape (rows,) or (rows, outputs).

    Raises KeyError for an objective that is not in `TRANSFORMS`.
    """
    transform = TRANSFORMS[objective]
    if estimator != "classifier":
        return {"predict": transform}
    classes = max(num_class, 2)
    return {
        "predict": lambda margins: _labels(transform(margins), classes, objective),
        "predict_proba": lambda margins: _probabilities(margins, transform, classes, objective),
    }


def _labels(values: Array, classes: int, objective: str) -> Array:
    if values.ndim > 1 and classes != 2:
        return np.asarray(values.argmax(axis=1))
    if values.ndim > 1:  # several labels: XGBoost returns floats
        return (values > 0.5).astype(np.float64)
    if objective == "multi:softmax":
        return values.astype(np.int32)
    return (values > 0.5).astype(np.int64)


def _probabilities(margins: Array, transform: Transform, classes: int, objective: str) -> Array:
    if objective == "multi:softmax":
        return np.asarray(softmax(_by_class(margins), axis=1))
    values = transform(margins)
    if values.ndim > 1 and (values.shape[1] == classes or classes == 2):
        return values
    return np.column_stack((1 - values, values))
