"""How well outlier detectors tell anomalies, and how long a row takes, beside scikit-learn and alibi-detect.

python -m benchmarks.outliers [--seeds 5]

Autoencoders take part where there is TensorFlow: pip install 'weir[vae]'.
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
# Each: the data, the classes that are anomalies, and how many anomalies there are to 100 ordinary test rows.
DATA = {
    "breast cancer: malignant": (load_breast_cancer, (0,)),
    "wine: class 0": (load_wine, (0,)),
    "iris: virginica": (load_iris, (2,)),
    "digits: 8": (load_digits, (8,)),
    "digits: 0": (load_digits, (0,)),
}
ANOMALIES = 0.1
EPOCHS = 30


class Split(NamedTuple):
    """Ordinary rows to learn from, scaled by their own means; rows to judge, and which are anomalies."""

    train: Rows
    test: Rows
    is_outlier: NDArray[np.bool_]


def split(load: Any, anomalous: tuple[int, ...], seed: int) -> Split:
    """Keep 40 % of the ordinary rows for the test, and put a tenth as many anomalies among them."""
    rows, classes = load(return_X_y=True)
    strange = np.isin(classes, anomalous)
    train, ordinary = train_test_split(rows[~strange], test_size=0.4, random_state=seed)
    rng = np.random.default_rng(seed)
    anomalies = rng.choice(rows[strange], max(5, int(ANOMALIES * len(ordinary))), replace=False)
    scaler = StandardScaler().fit(train)
    is_outlier = np.arange(len(ordinary) + len(anomalies)) >= len(ordinary)
    order = rng.permutation(len(is_outlier))
    test = scaler.transform(np.vstack((ordinary, anomalies)))
    return Split(scaler.transform(train), test[order], is_outlier[order])


def scorers(train: Rows, seed: int) -> Scorers:
    """Fit every detector on the same rows; the two or three of a kind have the same settings."""
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
    """Return alibi-detect's detector after it saw the rows to learn from; it learns on from every row."""
    from alibi_detect.od import Mahalanobis

    detector = Mahalanobis(threshold=0.0, n_components=n_components)
    detector.score(train)
    return lambda x: copy.deepcopy(detector).score(x)


def _autoencoders(train: Rows, seed: int) -> Scorers:
    """Train an autoencoder as Seldon's income example has it, and score with it on both sides."""
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
    """Yield data, detector and the area under the ROC curve for each seed."""
    for name, (load, anomalous) in DATA.items():
        found: dict[str, list[float]] = {}
        for seed in range(seeds):
            data = split(load, anomalous, seed)
            for detector, score in scorers(data.train, seed).items():
                area = roc_auc_score(data.is_outlier, score(data.test))
                found.setdefault(detector, []).append(float(area))
        yield from ((name, detector, each) for detector, each in found.items())


def row_times(features: int, rows: int) -> Iterator[tuple[str, float, float]]:
    """Yield detector, microseconds for one row and microseconds a row of 1,000."""
    rng = np.random.default_rng(0)
    train, many = rng.normal(size=(rows, features)), rng.normal(size=(1_000, features))
    forest = IsolationForest(Estimator(random_state=0).fit(train), 0.0)
    told = {
        "forest, contributions": forest.contributions,
        "Mahalanobis, contributions": fit_mahalanobis(train).contributions,
    }
    for name, score in {**scorers(train, 0), **told}.items():
        one = _microseconds(lambda score=score: score(many[:1]), 50)
        several = _microseconds(lambda score=score: score(many), 1) / 1_000
        yield name, one, several


def _microseconds(call: Callable[[], object], number: int) -> float:
    return min(repeat(call, number=number, repeat=5)) / number * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--features", type=int, default=40)
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    console = Console()
    found = list(areas(given.seeds))
    table = Table("area under the ROC curve (standard deviation)", *DATA)
    for detector in dict.fromkeys(detector for _, detector, _ in found):
        cells = [f"{np.mean(a):.3f} ({np.std(a):.3f})" for _, d, a in found if d == detector]
        table.add_row(detector, *cells)
    console.print(table)
    console.print(
        f"{given.seeds} splits: learnt from 60 % of the ordinary rows, anomalies a tenth of the others"
    )
    times = Table(f"rows of {given.features} features", "one row, us", "of 1,000, us a row")
    for detector, one, several in row_times(given.features, 10_000):
        times.add_row(detector, f"{one:,.0f}", f"{several:,.1f}")
    console.print(times)


if __name__ == "__main__":
    main()
