"""Feed-forward networks on numpy arrays, computed as Keras does for predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit, softmax

Numbers = NDArray[np.float64]


class Layer(NamedTuple):
    """A layer that computes activation(x · weights + bias) for rows x of shape (n, inputs).

    `weights` have shape (inputs, outputs), or (outputs,) if each value is only scaled; `bias` has shape
    (outputs,). `alpha` is the slope or scale below 0 of activations that have one.
    """

    weights: Numbers
    bias: Numbers
    activation: str = "linear"
    alpha: float = 0.0


def forward(layers: Sequence[Layer], x: Numbers) -> Numbers:
    """Apply all layers to rows of shape (n, inputs), in float64."""
    for layer in layers:
        x = x @ layer.weights if layer.weights.ndim == 2 else x * layer.weights
        x = ACTIVATIONS[layer.activation](x + layer.bias, layer.alpha)
    return x


def check_layers(name: str, layers: Sequence[Layer], inputs: int) -> int:
    """Return the number of outputs of the layers for this number of inputs.

    Raises ValueError for layers that do not fit together. `name` names them in the error.
    """
    for i, layer in enumerate(layers):
        where = f"layer {i} of the {name}"
        if layer.activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise ValueError(f"{where} has activation {layer.activation!r}; known are {known}")
        if layer.weights.ndim not in (1, 2) or layer.bias.shape != layer.weights.shape[-1:]:
            shapes = f"weights of shape {layer.weights.shape} and a bias of shape {layer.bias.shape}"
            raise ValueError(f"{where} has {shapes}, which do not match")
        if layer.weights.shape[0] != inputs:
            raise ValueError(f"{where} has {layer.weights.shape[0]} inputs, but receives {inputs} values")
        if not (np.isfinite(layer.weights).all() and np.isfinite(layer.bias).all()):
            raise ValueError(f"{where} has weights that are NaN or infinite")
        inputs = len(layer.bias)
    return inputs


def _elu(x: Numbers, alpha: float) -> Numbers:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _selu(x: Numbers, alpha: float) -> Numbers:
    """Return SELU of Klambauer et al. (2017, NeurIPS); the constants preserve mean 0 and variance 1."""
    return 1.0507009873554805 * _elu(x, 1.6732632423543772)


ACTIVATIONS: dict[str, Callable[[Numbers, float], Numbers]] = {
    "linear": lambda x, alpha: x,
    "relu": lambda x, alpha: np.maximum(x, 0),
    "leaky_relu": lambda x, alpha: np.where(x > 0, x, alpha * x),
    "elu": _elu,
    "selu": _selu,
    "tanh": lambda x, alpha: np.tanh(x),
    "sigmoid": lambda x, alpha: np.asarray(expit(x)),
    "softplus": lambda x, alpha: np.logaddexp(0, x),
    "softsign": lambda x, alpha: x / (1 + np.abs(x)),
    "softmax": lambda x, alpha: np.asarray(softmax(x, axis=-1)),
    "swish": lambda x, alpha: np.asarray(x * expit(x)),
    "gelu": lambda x, alpha: np.asarray(x * (1 + erf(x / np.sqrt(2))) / 2),
    "exponential": lambda x, alpha: np.exp(x),
}
