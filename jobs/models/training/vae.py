"""Training a variational autoencoder with alibi-detect and TensorFlow, and exporting it to arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from detectors.outliers.vae import VariationalAutoencoder
from jobs.models.convert.vae import export_vae
from jobs.models.training.split import Rows
from operators.core.errors import DeploymentError
from operators.models.formats.outlier_detector import read_vae

# The networks of Seldon's income example.
_WIDTHS, _LATENT, _SAMPLES, _EPOCHS = (25, 10, 5), 2, 5, 20


def fit_vae(reference: Rows, seed: int) -> tuple[VariationalAutoencoder, Callable[[Path], None]]:
    """Train on rows of shape (n, columns); return the exported detector and a function that saves it.

    The threshold must be set before saving. The function saves alibi-detect's format and the exported arrays.
    DeploymentError if TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        import tensorflow as tf
        from alibi_detect.od import OutlierVAE
        from alibi_detect.saving import save_detector
    except ImportError as error:
        raise DeploymentError(
            f"--outlier vae needs TensorFlow ({error}): install it with pip install 'weir[vae]'"
        ) from None
    tf.keras.utils.set_random_seed(seed)
    alibi_detector = OutlierVAE(
        threshold=0.0,
        encoder_net=_network(tf, reference.shape[1], _WIDTHS, None),
        decoder_net=_network(tf, _LATENT, _WIDTHS[::-1], reference.shape[1]),
        latent_dim=_LATENT,
        samples=_SAMPLES,
    )
    alibi_detector.fit(
        reference.astype("float32"), loss_fn=tf.keras.losses.mse, epochs=_EPOCHS, verbose=False
    )
    with TemporaryDirectory() as folder:
        export_vae(alibi_detector, Path(folder))
        exported = read_vae(Path(folder))

    def save(folder: Path) -> None:
        alibi_detector.threshold = exported.threshold
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            save_detector(alibi_detector, folder)
        export_vae(alibi_detector, folder)

    return exported, save


def _network(tf: Any, inputs: int, widths: tuple[int, ...], outputs: int | None) -> Any:
    layers = tf.keras.layers
    hidden = [layers.Dense(width, activation="relu") for width in widths]
    last = [layers.Dense(outputs, activation=None)] if outputs else []
    return tf.keras.Sequential([layers.InputLayer(input_shape=(inputs,)), *hidden, *last])
