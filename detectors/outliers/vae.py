"""Variational autoencoders: outliers are rows that the network cannot reconstruct."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.input_rows import bounded, require_width
from detectors.outliers.draws import row_seeds, standard_normals
from detectors.outliers.network import Layer, check_layers, forward
from detectors.results import OutlierResult

Numbers = NDArray[np.float64]
# Bounds the memory of a large batch: about 40 MB with 10 samples and layers of 50 values.
_ROWS_AT_ONCE = 2_000
_MOST_SAMPLES = 1_000


class Networks(NamedTuple):
    """The networks of an autoencoder.

    The encoder maps a row to the inputs of `mean` and `log_var`: mean and logarithm of the variance of the
    latent vector. The decoder maps a latent vector to a row.
    """

    encoder: tuple[Layer, ...]
    mean: Layer
    log_var: Layer
    decoder: tuple[Layer, ...]


class VariationalAutoencoder:
    """Scores rows by the squared error of their reconstruction, averaged over draws of the latent vector.

    Parameters
    ----------
    networks:
        The trained networks. The decoder has as many outputs as the encoder has inputs.
    threshold:
        Rows with a score strictly above are outliers.
    samples:
        Number of latent vectors that are drawn per row, from 1 to 1,000.
    outlier_type:
        ``feature`` judges each value by its own score, ``instance`` each row by the row's score.
    outlier_perc:
        The score of a row is the mean of its largest feature scores; this is their share in percent.

    Notes
    -----
    For the same draws ε of the latent vector mean + exp(log_var / 2)·ε (Kingma & Welling 2014, ICLR), scores
    equal those of ``alibi_detect.od.OutlierVAE`` 0.11.4 (Seldon Technologies, Apache-2.0) with ``score_type``
    mse, within the rounding of TensorFlow's float32. alibi-detect makes new draws at every call, so that the
    score of a row changes. Here the draws of a row depend only on its content, as float32: a row has the same
    score whenever and with whichever rows it is scored.

    The reconstruction is computed in float64 from rows and weights in float32. A row's score differs by less
    than one part in 1e12 between batches. For a missing value (NaN), the encoder receives 0, the mean of
    standardised data, and the value's own score is 0; alibi-detect never flags such a row. Values outside the
    range of float32 are clipped to it. A reconstruction that overflows has an infinite score.
    """

    def __init__(
        self,
        networks: Networks,
        threshold: float,
        samples: int = 10,
        outlier_type: Literal["instance", "feature"] = "instance",
        outlier_perc: float = 100.0,
    ) -> None:
        if not 1 <= samples <= _MOST_SAMPLES:
            raise ValueError(f"samples must be at least 1 and at most {_MOST_SAMPLES}, got {samples}")
        if not 0 < outlier_perc <= 100:
            raise ValueError(f"outlier_perc must be above 0 and at most 100, got {outlier_perc:g}")
        self.networks = _as_float64(networks)
        self.threshold = float(threshold)
        self.samples = samples
        self.outlier_type = outlier_type
        self.n_features = len((*self.networks.encoder, self.networks.mean)[0].weights)
        self.n_latent = _check(self.networks, self.n_features)
        self._n_largest = int(np.ceil(0.01 * outlier_perc * self.n_features))

    def score(self, x: ArrayLike) -> Numbers:
        """Score rows of shape (n, features): float64 (n,); a higher score is more anomalous.

        Raises ValueError for rows of another width.
        """
        return self.instance_score(self.contributions(x))

    def contributions(self, x: ArrayLike) -> Numbers:
        """Return the score of each feature, float64 (n, features): alibi-detect's `feature_score`.

        An anomalous value changes the latent vector, so that correlated features have an error too.
        """
        rows = require_width(x, self.n_features)
        parts = np.split(rows, range(_ROWS_AT_ONCE, len(rows), _ROWS_AT_ONCE))
        return np.concatenate([self.feature_score(part, self.draws(part)) for part in parts])

    def draws(self, x: ArrayLike) -> Numbers:
        """Return the standard normal draws of each row, shape (n, samples, latent)."""
        seeds = row_seeds(_encoder_inputs(require_width(x, self.n_features)).astype(np.float32))
        return standard_normals(seeds, self.samples * self.n_latent).reshape(-1, self.samples, self.n_latent)

    def feature_score(self, x: ArrayLike, draws: ArrayLike) -> Numbers:
        """Score each feature with these draws, shape (n, any number of samples, latent)."""
        rows, latent_draws = require_width(x, self.n_features), np.asarray(draws, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            errors = (
                bounded(rows)[:, np.newaxis] - self._reconstruct(_encoder_inputs(rows), latent_draws)
            ) ** 2
            score = np.where(np.isnan(errors), np.inf, errors).mean(axis=1)
        return np.where(np.isnan(rows), 0.0, score)

    def instance_score(self, feature_score: Numbers) -> Numbers:
        """Return the scores of rows, shape (n,), from the scores of their features."""
        return np.asarray(np.sort(feature_score, axis=1)[:, -self._n_largest :].mean(axis=1))

    def predict(self, x: ArrayLike) -> OutlierResult:
        """Score and judge rows of shape (n, features); with `outlier_type` feature, judge each value."""
        feature_score = self.contributions(x)
        score = self.instance_score(feature_score)
        judged = feature_score if self.outlier_type == "feature" else score
        return OutlierResult((judged > self.threshold).astype(np.int64), score, feature_score)

    def _reconstruct(self, rows: Numbers, draws: Numbers) -> Numbers:
        encoded = forward(self.networks.encoder, rows)
        mean = forward([self.networks.mean], encoded)
        deviation = np.exp(0.5 * forward([self.networks.log_var], encoded))
        latent = mean[:, np.newaxis] + deviation[:, np.newaxis] * draws
        decoded = forward(self.networks.decoder, latent.reshape(-1, self.n_latent))
        return decoded.reshape(len(rows), draws.shape[1], self.n_features)


def _encoder_inputs(rows: NDArray[np.generic]) -> Numbers:
    """Return the inputs of the encoder: values rounded to float32, 0 for missing ones."""
    inputs = bounded(rows).astype(np.float32).astype(np.float64)
    return np.where(np.isnan(inputs), 0.0, inputs)


def _as_float64(networks: Networks) -> Networks:
    def wide(layer: Layer) -> Layer:
        weights, bias = (np.asarray(part, dtype=np.float64) for part in layer[:2])
        return layer._replace(weights=weights, bias=bias)

    encoder, decoder = (tuple(map(wide, layers)) for layers in (networks.encoder, networks.decoder))
    return Networks(encoder, wide(networks.mean), wide(networks.log_var), decoder)


def _check(networks: Networks, features: int) -> int:
    """Return the length of the latent vector; raise ValueError for networks that do not fit together."""
    encoded = check_layers("encoder", networks.encoder, features)
    latent = check_layers("latent mean", [networks.mean], encoded)
    check_layers("latent variance", [networks.log_var], encoded)
    if len(networks.log_var.bias) != latent:
        raise ValueError(f"latent mean and variance have {latent} and {len(networks.log_var.bias)} values")
    if check_layers("decoder", networks.decoder, latent) != features:
        raise ValueError(f"the decoder must have {features} outputs, as many as the encoder has inputs")
    return latent
