"""Accuracy and speed of the outlier detectors, compared with scikit-learn and alibi-detect.

python -m benchmarks.outliers [--seeds 5]

Autoencoders are included if TensorFlow is installed: pip install 'weir[vae]'.
"""

from __future__ import annotations

import argparse
import copy
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from timeit import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import IsolationForest as Estimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from detectors.outliers.isolation_forest import IsolationForest
from detectors.outliers.mahalanobis import fit_mahalanobis
from detectors.outliers.vae import VariationalAutoencoder
from jobs.models.convert.vae import export_vae
from operators.models.formats.outlier_detector import read_vae

Rows = NDArray[np.float64]
Score = Callable[[Rows], Rows]
Scorers = dict[str, Score]
# Name: (function that loads the data, classes that are anomalies).
DATA = {
    "breast cancer: malignant": (load_breast_cancer, (0,)),
    "wine: class 0": (load_wine, (0,)),
    "iris: virginica": (load_iris, (2,)),
    "digits: 8": (load_digits, (8,)),
    "digits: 0": (load_digits, (0,)),
}
# Anomalies per ordinary test row.
ANOMALIES = 0.1
EPOCHS = 30


class Split(NamedTuple):
    """Ordinary rows for training, rows for the test, and a mask of the test's anomalies.

    All rows are scaled by means and standard deviations of the training rows.
    """

    train: Rows
    test: Rows
    is_outlier: NDArray[np.bool_]


def split(load: Any, anomalous: tuple[int, ...], seed: int) -> Split:
    """Use 40 % of the ordinary rows for the test, with a tenth of that number of anomalies (at least 5)."""
    rows, classes = load(return_X_y=True)
    is_anomaly = np.isin(classes, anomalous)
    train, ordinary = train_test_split(rows[~is_anomaly], test_size=0.4, random_state=seed)
    rng = np.random.default_rng(seed)
    anomalies = rng.choice(rows[is_anomaly], max(5, int(ANOMALIES * len(ordinary))), replace=False)
    scaler = StandardScaler().fit(train)
    is_outlier = np.arange(len(ordinary) + len(anomalies)) >= len(ordinary)
    order = rng.permutation(len(is_outlier))
    test = scaler.transform(np.vstack((ordinary, anomalies)))
    return Split(scaler.transform(train), test[order], is_outlier[order])


def scorers(train: Rows, seed: int) -> Scorers:
    """Fit all detectors to the same rows; detectors of the same kind have the same settings."""
    estimator = Estimator(random_state=seed).fit(train)
    envelope = EllipticEnvelope(random_state=seed).fit(train)
    return {
        "forest": IsolationForest(estimator, 0.0).score,
        "forest, scikit-learn": lambda x: -estimator.decision_function(x),
        "forest, alibi-detect": _alibi_forest(train, seed),
        "Mahalanobis": fit_mahalanobis(train).score,
        "Mahalanobis, scikit-learn's EllipticEnvelope": envelope.mahalanobis,
        "Mahalanobis, alibi-detect": _alibi_mahalanobis(train, train.shape[1]),
        "Mahalanobis, 3 components": fit_mahalanobis(train, n_components=3).score,
        "Mahalanobis, 3 components, alibi-detect": _alibi_mahalanobis(train, 3),
        **_autoencoders(train, seed),
    }


def _alibi_forest(train: Rows, seed: int) -> Score:
    from alibi_detect.od import IForest

    np.random.seed(seed)
    detector = IForest(threshold=0.0)
    detector.fit(train)
    return detector.score


def _alibi_mahalanobis(train: Rows, n_components: int) -> Score:
    """Return alibi-detect's score after it learned from the rows; a copy scores, as scoring changes it."""
    from alibi_detect.od import Mahalanobis

    detector = Mahalanobis(threshold=0.0, n_components=n_components)
    detector.score(train)
    return lambda x: copy.deepcopy(detector).score(x)


def _autoencoders(train: Rows, seed: int) -> Scorers:
    """Train the autoencoder of Seldon's income example; return the scores of alibi-detect and of Weir."""
    try:
        import tensorflow as tf
        from alibi_detect.od import OutlierVAE
        from tensorflow.keras import Sequential
        from tensorflow.keras.layers import Dense
    except ImportError:
        return {}
    tf.keras.utils.set_random_seed(seed)
    sizes = (25, 10, 5)
    encoder = Sequential([Dense(size, "relu") for size in sizes])
    decoder = Sequential([*(Dense(size, "relu") for size in reversed(sizes)), Dense(train.shape[1])])
    theirs = OutlierVAE(1.0, encoder_net=encoder, decoder_net=decoder, latent_dim=2, samples=5)
    theirs.fit(train.astype(np.float32), loss_fn=tf.keras.losses.mse, epochs=EPOCHS, verbose=False)
    ours = _exported(theirs)
    return {"autoencoder": ours.score, "autoencoder, alibi-detect": lambda x: theirs.score(x)[1]}


def _exported(detector: Any) -> VariationalAutoencoder:
    with tempfile.TemporaryDirectory() as folder:
        export_vae(detector, Path(folder))
        return read_vae(Path(folder))


def areas(seeds: int) -> Iterator[tuple[str, str, list[float]]]:
    """Yield the data, the detector and the areas under the ROC curve, one per seed."""
    for name, (load, anomalous) in DATA.items():
        area_lists: dict[str, list[float]] = {}
        for seed in range(seeds):
            data = split(load, anomalous, seed)
            for detector, score in scorers(data.train, seed).items():
                area = roc_auc_score(data.is_outlier, score(data.test))
                area_lists.setdefault(detector, []).append(float(area))
        yield from ((name, detector, each) for detector, each in area_lists.items())


def row_times(features: int, rows: int) -> Iterator[tuple[str, float, float]]:
    """Yield the detector, the microseconds for one row, and the microseconds per row for 1,000 rows."""
    rng = np.random.default_rng(0)
    train, many = rng.normal(size=(rows, features)), rng.normal(size=(1_000, features))
    forest = IsolationForest(Estimator(random_state=0).fit(train), 0.0)
    contributions = {
        "forest, contributions": forest.contributions,
        "Mahalanobis, contributions": fit_mahalanobis(train).contributions,
    }
    for name, score in {**scorers(train, 0), **contributions}.items():
        one_row = _microseconds(lambda score=score: score(many[:1]), 50)
        per_row = _microseconds(lambda score=score: score(many), 1) / 1_000
        yield name, one_row, per_row


def _microseconds(call: Callable[[], object], number: int) -> float:
    return min(repeat(call, number=number, repeat=5)) / number * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--features", type=int, default=40)
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    console = Console()
    area_lists = list(areas(arguments.seeds))
    table = Table("area under the ROC curve (standard deviation)", *DATA)
    for detector in dict.fromkeys(detector for _, detector, _ in area_lists):
        cells = [f"{np.mean(a):.3f} ({np.std(a):.3f})" for _, d, a in area_lists if d == detector]
        table.add_row(detector, *cells)
    console.print(table)
    console.print(
        f"{arguments.seeds} splits: trained on 60 % of the ordinary rows; one anomaly per ten other rows"
    )
    times = Table(f"rows of {arguments.features} features", "one row, µs", "1,000 rows, µs per row")
    for detector, one_row, per_row in row_times(arguments.features, 10_000):
        times.add_row(detector, f"{one_row:,.0f}", f"{per_row:,.1f}")
    console.print(times)


if __name__ == "__main__":
    main()
