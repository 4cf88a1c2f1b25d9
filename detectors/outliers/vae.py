"""Variational autoencoders: strange is what the network cannot reconstruct."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.input_rows import bounded, of_width
from detectors.outliers.draws import row_seeds, standard_normals
from detectors.outliers.network import Layer, check_layers, forward
from detectors.results import OutlierResult

Numbers = NDArray[np.float64]
# Bounds the memory of a large batch: some 40 MB at 10 samples and layers of 50 values.
_ROWS_AT_ONCE = 2_000


class Networks(NamedTuple):
    """Row → encoder → mean and logarithm of the variance of the latent vector → decoder → row."""

    encoder: tuple[Layer, ...]
    mean: Layer
    log_var: Layer
    decoder: tuple[Layer, ...]


class VariationalAutoencoder:
    """Scores rows by the squared error of their reconstruction, averaged over draws of the latent vector.

    Parameters
    ----------
    networks:
        The trained networks. The decoder gives as many values as the encoder takes.
    threshold:
        Rows with a score strictly above are outliers.
    samples:
        How many latent vectors are drawn for a row.
    outlier_type:
        With ``feature`` each value of a row is judged by its own score, with ``instance`` the row.
    outlier_perc:
        The row's score is the mean of so many percent of its features' scores, the largest ones.

    Notes
    -----
    Scores are those of ``alibi_detect.od.OutlierVAE`` 0.11.4 (Seldon Technologies, Apache-2.0) with
    ``score_type`` mse, within the rounding of TensorFlow's float32, for the same draws ε of the latent
    vector mean + exp(log_var / 2)·ε (Kingma & Welling 2014, ICLR). alibi-detect draws anew at every call, so
    that a row has another score each time. Here a row's draws follow from its content, as float32: a row has
    one score, in any company and however often it is scored.

    Reconstruction is computed in float64 from rows and weights in float32: a row's score differs by less
    than one part in 1e12 between batches. A missing value (NaN) enters the encoder as 0, the mean of data
    that were standardised, and scores 0 itself; alibi-detect never flags such a row. What float32 cannot
    hold counts as its largest, and a reconstruction that overflows is infinitely strange.
    """

    def __init__(
        self,
        networks: Networks,
        threshold: float,
        samples: int = 10,
        outlier_type: Literal["instance", "feature"] = "instance",
        outlier_perc: float = 100.0,
    ) -> None:
        if samples < 1:
            raise ValueError(f"samples must be at least 1, got {samples}")
        if not 0 < outlier_perc <= 100:
            raise ValueError(f"outlier_perc must be above 0 and at most 100, got {outlier_perc:g}")
        self.networks = _wide(networks)
        self.threshold = float(threshold)
        self.samples = samples
        self.outlier_type = outlier_type
        self.n_features = len((*self.networks.encoder, self.networks.mean)[0].weights)
        self.n_latent = _check(self.networks, self.n_features)
        self._counted = int(np.ceil(0.01 * outlier_perc * self.n_features))

    def score(self, x: ArrayLike) -> Numbers:
        """Score rows of shape (n, features): float64 (n,), higher is stranger.

        Raises ValueError for rows of another width.
        """
        return self.instance_score(self.contributions(x))

    def contributions(self, x: ArrayLike) -> Numbers:
        """Return each feature's own score, float64 (n, features): alibi-detect's `feature_score`.

        A strange value spoils the latent vector, and so some of its error shows in features that go with it.
        """
        rows = of_width(x, self.n_features)
        parts = np.split(rows, range(_ROWS_AT_ONCE, len(rows), _ROWS_AT_ONCE))
        return np.concatenate([self.feature_score(part, self.draws(part)) for part in parts])

    def draws(self, x: ArrayLike) -> Numbers:
        """Return the draws that belong to rows: standard normal, shape (n, samples, latent)."""
        seeds = row_seeds(_as_seen(of_width(x, self.n_features)).astype(np.float32))
        return standard_normals(seeds, self.samples * self.n_latent).reshape(-1, self.samples, self.n_latent)

    def feature_score(self, x: ArrayLike, draws: ArrayLike) -> Numbers:
        """Score each feature with given draws, shape (n, any number of samples, latent)."""
        rows, given = of_width(x, self.n_features), np.asarray(draws, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            errors = (bounded(rows)[:, np.newaxis] - self._reconstructed(_as_seen(rows), given)) ** 2
            score = np.where(np.isnan(errors), np.inf, errors).mean(axis=1)
        return np.where(np.isnan(rows), 0.0, score)

    def instance_score(self, feature_score: Numbers) -> Numbers:
        """Return rows' scores, shape (n,), from those of their features."""
        return np.asarray(np.sort(feature_score, axis=1)[:, -self._counted :].mean(axis=1))

    def predict(self, x: ArrayLike) -> OutlierResult:
        """Score and judge rows of shape (n, features), with `outlier_type` feature each value of them."""
        feature_score = self.contributions(x)
        score = self.instance_score(feature_score)
        judged = feature_score if self.outlier_type == "feature" else score
        return OutlierResult((judged > self.threshold).astype(np.int64), score, feature_score)

    def _reconstructed(self, rows: Numbers, draws: Numbers) -> Numbers:
        encoded = forward(self.networks.encoder, rows)
        mean = forward([self.networks.mean], encoded)
        deviation = np.exp(0.5 * forward([self.networks.log_var], encoded))
        latent = mean[:, np.newaxis] + deviation[:, np.newaxis] * draws
        decoded = forward(self.networks.decoder, latent.reshape(-1, self.n_latent))
        return decoded.reshape(len(rows), draws.shape[1], self.n_features)


def _as_seen(rows: NDArray[np.generic]) -> Numbers:
    """Return what the encoder gets: float32's values, 0 for what is missing."""
    seen = bounded(rows).astype(np.float32).astype(np.float64)
    return np.where(np.isnan(seen), 0.0, seen)


def _wide(networks: Networks) -> Networks:
    def wide(layer: Layer) -> Layer:
        weights, bias = (np.asarray(part, dtype=np.float64) for part in layer[:2])
        return layer._replace(weights=weights, bias=bias)

    encoder, decoder = (tuple(map(wide, layers)) for layers in (networks.encoder, networks.decoder))
    return Networks(encoder, wide(networks.mean), wide(networks.log_var), decoder)


def _check(networks: Networks, features: int) -> int:
    """Return the latent vector's length; ValueError for networks that do not fit together."""
    encoded = check_layers("encoder", networks.encoder, features)
    latent = check_layers("latent mean", [networks.mean], encoded)
    check_layers("latent variance", [networks.log_var], encoded)
    if len(networks.log_var.bias) != latent:
        raise ValueError(f"latent mean and variance have {latent} and {len(networks.log_var.bias)} values")
    if check_layers("decoder", networks.decoder, latent) != features:
        raise ValueError(f"the decoder must give the {features} values that the encoder takes")
    return latent
