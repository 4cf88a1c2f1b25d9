"""Exporting the Keras networks of an alibi-detect OutlierVAE to arrays that the runtime scores with.

This module does not import TensorFlow; it only uses the objects of the given detector.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from detectors.outliers.network import ACTIVATIONS, Layer
from detectors.outliers.vae import Networks, VariationalAutoencoder
from operators.core.errors import DeploymentError
from operators.models.formats.outlier_detector import write_vae

# Layers that do not change a row during prediction.
_IDENTITY = {
    "InputLayer",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
    "ActivityRegularization",
}
_FLATTENING = {"Flatten", "Reshape"}
# Keras's slope of leaky_relu in a Dense layer; the layer's configuration does not contain it.
_SLOPE = 0.2


def export_vae(detector: Any, folder: Path) -> list[Path]:
    """Write a trained OutlierVAE as `OutlierVAE.json` and `OutlierVAE.npz`; return their paths.

    DeploymentError for a detector without a threshold, for a `score_type` other than mse, and for networks
    with layers other than Dense, BatchNormalization, activations and layers that do not change rows.
    """
    check_settings(detector.threshold, detector.score_type)
    vae = detector.vae
    try:
        encoder, decoder = vae.encoder.encoder_net, vae.decoder.decoder_net
        mean, log_var = vae.encoder.fc_mean, vae.encoder.fc_log_var
    except AttributeError as error:
        raise DeploymentError(
            f"the vae has no encoder and decoder of alibi-detect ({error}): create the detector with "
            "encoder_net and decoder_net"
        ) from None
    if not mean.built:
        # A loaded detector reads these weights from its checkpoint only when it scores its first row.
        vae(np.zeros((1, *encoder.input_shape[1:]), dtype=np.float32))
    networks = Networks(_layers(encoder), _single_layer(mean), _single_layer(log_var), _layers(decoder))
    try:
        exported = VariationalAutoencoder(networks, float(detector.threshold), int(detector.samples))
    except ValueError as error:
        raise DeploymentError(f"the networks do not fit rows of numbers: {error}") from None
    return write_vae(exported, folder)


def check_settings(threshold: float | None, score_type: str) -> None:
    """Raise DeploymentError for settings with which alibi-detect itself cannot predict."""
    if score_type != "mse":
        raise DeploymentError(
            f"score_type is {score_type!r}, which alibi-detect cannot score: create the detector with mse"
        )
    require_threshold("the detector", threshold)


def require_threshold(detector: str, threshold: float | None) -> None:
    """Raise DeploymentError unless the threshold is a finite number, which separates outliers from others."""
    if threshold is None:
        raise DeploymentError(f"{detector} has no threshold: call infer_threshold before saving it")
    if not np.isfinite(threshold):
        raise DeploymentError(
            f"{detector} has the threshold {float(threshold):g}, which is not a finite number: call "
            "infer_threshold on rows with finite scores before saving it"
        )


def _single_layer(dense: Any) -> Layer:
    return _dense(dense, [])[0]


def _layers(network: Any) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for layer in network.layers:
        kind = type(layer).__name__
        if kind not in _IDENTITY | _FLATTENING and kind not in _READERS:
            raise _refused(
                layer,
                f"its type is not one of {', '.join(sorted({*_READERS, *_IDENTITY, *_FLATTENING}))}",
            )
        if kind in _FLATTENING or kind == "InputLayer":
            _check_rows(layer)
        if kind in _READERS:
            layers = _READERS[kind](layer, layers)
    return tuple(layers)


def _check_rows(layer: Any) -> None:
    """Raise DeploymentError unless inputs and outputs of a layer are rows of numbers."""
    config = layer.get_config()
    for shape in (layer.input_shape, layer.output_shape, config.get("batch_input_shape")):
        single = shape[0] if isinstance(shape, list) else shape
        if single is not None and len(single) != 2:
            raise _refused(layer, f"its input or output has the shape {single}, which is not rows of numbers")


def _dense(layer: Any, before: list[Layer]) -> list[Layer]:
    weights, *bias = layer.get_weights()
    activation, alpha = _activation(layer, layer.get_config()["activation"])
    return [*before, Layer(weights, bias[0] if bias else np.zeros(weights.shape[1]), activation, alpha)]


def _batch_normalization(layer: Any, before: list[Layer]) -> list[Layer]:
    """Reduce gamma·(x - mean) / sqrt(variance + epsilon) + beta to one factor and one offset per column."""
    config, weights = layer.get_config(), [part.astype(np.float64) for part in layer.get_weights()]
    gamma = weights.pop(0) if config["scale"] else 1.0
    beta = weights.pop(0) if config["center"] else 0.0
    mean, variance = weights
    factor = gamma / np.sqrt(variance + config["epsilon"])
    return [*before, Layer(factor, beta - mean * factor)]


def _activated(layer: Any, before: list[Layer], activation: str, alpha: float = 0.0) -> list[Layer]:
    """Apply an activation to the output of the last layer."""
    if not before:
        raise _refused(layer, "no layer with weights precedes it")
    last = before[-1]
    if last.activation == "linear":
        return [*before[:-1], last._replace(activation=activation, alpha=alpha)]
    identity = Layer(np.ones(len(last.bias)), np.zeros(len(last.bias)), activation, alpha)
    return [*before, identity]


def _relu(layer: Any, before: list[Layer]) -> list[Layer]:
    config = layer.get_config()
    if config["max_value"] is not None or float(config["threshold"]):
        raise _refused(layer, "it has a max_value or a threshold")
    return _activated(layer, before, "leaky_relu", float(config["negative_slope"]))


def _softmax(layer: Any, before: list[Layer]) -> list[Layer]:
    if layer.get_config()["axis"] not in (-1, 1):
        raise _refused(layer, "its axis is not that of a row's values")
    return _activated(layer, before, "softmax")


def _activation(layer: Any, named: Any) -> tuple[str, float]:
    """Return name and alpha of an activation in Keras's configuration.

    The configuration is the name of a function, or the class and settings of a layer.
    """
    if isinstance(named, dict) and named.get("class_name") in ("LeakyReLU", "ELU"):
        alpha = float(named["config"]["alpha"])
        return ("leaky_relu" if named["class_name"] == "LeakyReLU" else "elu"), alpha
    if not isinstance(named, str) or named not in ACTIVATIONS:
        raise _refused(layer, f"its activation {named!r} is not one of {', '.join(ACTIVATIONS)}")
    return named, {"leaky_relu": _SLOPE, "elu": 1.0}.get(named, 0.0)


def _refused(layer: Any, why: str) -> DeploymentError:
    return DeploymentError(f"layer {layer.name!r} ({type(layer).__name__}) cannot be exported: {why}")


_READERS: dict[str, Callable[[Any, list[Layer]], list[Layer]]] = {
    "Dense": _dense,
    "BatchNormalization": _batch_normalization,
    "Activation": lambda layer, before: _activated(
        layer, before, *_activation(layer, layer.get_config()["activation"])
    ),
    "ReLU": _relu,
    "LeakyReLU": lambda layer, before: _activated(
        layer, before, "leaky_relu", float(layer.get_config()["alpha"])
    ),
    "ELU": lambda layer, before: _activated(layer, before, "elu", float(layer.get_config()["alpha"])),
    "Softmax": _softmax,
}
