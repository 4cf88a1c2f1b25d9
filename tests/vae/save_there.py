"""Run where TensorFlow is: save detectors as alibi-detect does, and what they answer beside each.

python -m tests.vae.save_there FOLDER
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from alibi_detect.cd import ChiSquareDrift, KSDrift, TabularDrift
from alibi_detect.od import Mahalanobis, OutlierVAE
from alibi_detect.saving import load_detector, save_detector
from alibi_detect.utils.mapping import ord2ohe
from tensorflow.keras import Sequential, layers

from jobs.models.convert.alibi_detect_files import convert
from jobs.models.convert.vae import export_vae
from operators.core.errors import DeploymentError
from operators.models.formats.outlier_detector import read_vae
from operators.storage.trusted_roots import make_policy

FEATURES, LATENT, REPEATS = 8, 2, 200
RNG = np.random.default_rng(0)
MIXED = RNG.normal(size=(3, FEATURES))
TRAINED = (RNG.normal(size=(1_500, 3)) @ MIXED + RNG.normal(scale=0.3, size=(1_500, FEATURES))).astype("f4")
ROWS = (RNG.normal(size=(60, 3)) @ MIXED + RNG.normal(scale=0.3, size=(60, FEATURES))).astype("f4")
ROWS[::5, 3] += 6


def dense(units: int, activation: Any = None, **more: Any) -> Any:
    return layers.Dense(units, activation=activation, bias_initializer="random_normal", **more)


def unsettled_normalization() -> Any:
    return layers.BatchNormalization(
        gamma_initializer="random_normal",
        beta_initializer="random_normal",
        moving_mean_initializer="random_normal",
        moving_variance_initializer=tf.keras.initializers.RandomUniform(0.5, 2.0),
    )


ACTIVATIONS = ["relu", "tanh", "sigmoid", "linear", "elu", "selu", "softplus", "softsign", "softmax"]
ACTIVATIONS += ["swish", "gelu", "leaky_relu"]
# What stands between the input and the latent vector, and between that and the output.
NETWORKS: dict[str, Callable[[], list[Any]]] = {
    **{name: (lambda name=name: [dense(6, name), dense(5, name)]) for name in ACTIVATIONS},
    "exponential": lambda: [dense(6, "tanh"), dense(5, "exponential")],
    "activation-layers": lambda: [dense(6), layers.LeakyReLU(0.1), dense(5), layers.ELU(0.7)],
    "more-activation-layers": lambda: [dense(6), layers.ReLU(negative_slope=0.2), dense(5), layers.Softmax()],
    "activation-after-activation": lambda: [dense(6, "tanh"), layers.Activation("relu"), dense(5)],
    "layer-as-activation": lambda: [dense(6, layers.LeakyReLU(0.25)), dense(5, layers.ELU(0.5))],
    "batch-normalization": lambda: [unsettled_normalization(), dense(6, "relu"), unsettled_normalization()],
    "idle-layers": lambda: [
        layers.Flatten(),
        dense(6, "relu"),
        layers.Dropout(0.5),
        layers.GaussianNoise(1.0),
        layers.Reshape((6,)),
    ],
    "no-bias": lambda: [layers.Dense(6, "relu", use_bias=False), dense(5, "tanh")],
}
REFUSED: dict[str, Callable[[], list[Any]]] = {
    "prelu": lambda: [dense(6), layers.PReLU()],
    "hard-sigmoid": lambda: [dense(6, "hard_sigmoid")],
    "capped": lambda: [dense(6), layers.ReLU(max_value=6.0)],
    "lstm": lambda: [dense(6), layers.Reshape((6, 1)), layers.LSTM(4)],
}


def autoencoder(make: Callable[[], list[Any]]) -> Any:
    encoder = Sequential([layers.InputLayer((FEATURES,)), *make()])
    decoder = Sequential([layers.InputLayer((LATENT,)), *make(), dense(FEATURES)])
    detector = OutlierVAE(0.5, encoder_net=encoder, decoder_net=decoder, latent_dim=LATENT, samples=4)
    # Makes the weights, those of the latent vector unlike those of the start.
    detector.score(ROWS)
    for part in (detector.vae.encoder.fc_mean, detector.vae.encoder.fc_log_var):
        part.set_weights(
            [weights + RNG.normal(scale=0.3, size=weights.shape) for weights in part.get_weights()]
        )
    return detector


def trained() -> Any:
    """Train a detector as Seldon's income example does, of sequential networks without an input layer."""
    encoder = Sequential([dense(25, "relu"), dense(10, "relu"), dense(5, "relu")])
    decoder = Sequential([dense(5, "relu"), dense(10, "relu"), dense(25, "relu"), dense(FEATURES)])
    detector = OutlierVAE(None, encoder_net=encoder, decoder_net=decoder, latent_dim=LATENT, samples=5)
    detector.fit(TRAINED, loss_fn=tf.keras.losses.mse, epochs=5, verbose=False)
    detector.infer_threshold(TRAINED, threshold_perc=90)
    return detector


def given(draws: np.ndarray, ask: Callable[[], Any]) -> Any:
    """Let TensorFlow draw what is given, in the order in which alibi-detect repeats rows."""
    original = tf.keras.backend.random_normal
    flat = tf.constant(draws.reshape(-1, draws.shape[-1]), dtype=tf.float32)
    tf.keras.backend.random_normal = lambda shape: tf.reshape(flat, shape)
    try:
        return ask()
    finally:
        tf.keras.backend.random_normal = original


def save_vae(detector: Any, folder: Path) -> None:
    save_detector(detector, folder)
    convert(folder, make_policy("/", ""))
    # The answers of what was saved, as a server would load it.
    detector = load_detector(folder)
    draws = RNG.normal(size=(len(ROWS), detector.samples, LATENT))
    own = read_vae(folder).draws(ROWS)
    answers = {"rows": ROWS, "draws": draws, "threshold": detector.threshold}
    answers["feature_score"], answers["instance_score"] = given(draws, lambda: detector.score(ROWS))
    answers["half"] = given(draws, lambda: detector.score(ROWS, outlier_perc=50.0))[1]
    for kind in ("instance", "feature"):
        result = given(own, lambda kind=kind: detector.predict(ROWS.astype(float), outlier_type=kind))["data"]
        (folder / f"{kind}.json").write_text(
            json.dumps([[k, [1, *v.shape], v.dtype.name] for k, v in result.items()])
        )
        answers |= {f"{kind}_{name}": value for name, value in result.items()}
    np.savez(folder / "answers.npz", **answers)


def save_varying(folder: Path) -> None:
    """Score the same rows again and again, as alibi-detect draws by itself."""
    detector = load_detector(folder)
    tf.random.set_seed(0)
    np.save(folder / "again.npy", [detector.score(ROWS)[1] for _ in range(REPEATS)])


def save_refusals(out: Path) -> None:
    refusals = {}
    for name, make in REFUSED.items():
        refusals[name] = refusal(autoencoder(make), out)
    for attribute, value in (("score_type", "proba"), ("threshold", None)):
        detector = autoencoder(NETWORKS["relu"])
        setattr(detector, attribute, value)
        refusals[attribute] = refusal(detector, out)
    (out / "refusals.json").write_text(json.dumps(refusals))


def refusal(detector: Any, out: Path) -> str:
    try:
        export_vae(detector, out)
    except DeploymentError as error:
        return str(error)
    return ""


def save_mahalanobis(name: str, rows: np.ndarray, out: Path, **options: Any) -> None:
    detector = Mahalanobis(None, start_clip=10**9, **options)
    if detector.cat_vars:
        detector.fit(rows, d_type="abdm")
    detector.infer_threshold(rows[:500], threshold_perc=95)
    save_detector(detector, out / name)
    scores = [load_detector(out / name).predict(row)["data"]["instance_score"][0] for row in rows[500:, None]]
    np.savez(out / name / "answers.npz", rows=rows[500:], score=scores, threshold=detector.threshold)


def save_drift(out: Path) -> None:
    reference = RNG.integers(0, 5, size=(400, 3)).astype(np.float32)
    window = RNG.integers(0, 6, size=(90, 3)).astype(np.float32)
    for class_, options in (
        (KSDrift, {"p_val": 0.01, "correction": "fdr"}),
        (ChiSquareDrift, {"categories_per_feature": {0: 6, 1: 6, 2: 6}}),
        (TabularDrift, {"categories_per_feature": {0: None, 2: None}}),
    ):
        for legacy in (False, True):
            folder = out / f"{class_.__name__}-{'legacy' if legacy else 'toml'}"
            detector = class_(reference, **options)
            save_detector(detector, folder, legacy=legacy)
            result = load_detector(folder).predict(window)["data"]
            np.savez(folder / "answers.npz", window=window, **result)


def main(out: Path) -> None:
    logging.disable(logging.WARNING)
    tf.keras.utils.set_random_seed(0)
    for name, make in NETWORKS.items():
        save_vae(autoencoder(make), out / f"vae-{name}")
    save_vae(trained(), out / "vae-trained")
    save_varying(out / "vae-trained")
    save_refusals(out)
    wide = (RNG.normal(size=(540, 3)) @ MIXED + RNG.normal(scale=0.3, size=(540, FEATURES))).astype(
        np.float64
    )
    save_mahalanobis("mahalanobis-all", wide, out, n_components=FEATURES)
    save_mahalanobis("mahalanobis-three", wide, out, n_components=3)
    codes = np.column_stack([wide[:, :2], RNG.integers(0, 3, 540), wide[:, 2], RNG.integers(0, 4, 540)])
    save_mahalanobis("mahalanobis-codes", codes, out, n_components=5, cat_vars={2: 3, 4: 4})
    ones, columns = ord2ohe(codes, {2: 3, 4: 4})
    save_mahalanobis("mahalanobis-one-hot", ones, out, n_components=5, cat_vars=columns, ohe=True)
    save_drift(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
