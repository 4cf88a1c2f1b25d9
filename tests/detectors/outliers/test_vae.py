from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neural_network import MLPRegressor

from detectors.outliers.network import Layer, forward
from detectors.outliers.vae import Networks, VariationalAutoencoder

Rows = NDArray[np.float64]
FEATURES, HIDDEN, LATENT = 6, 4, 2


def layer(inputs: int, outputs: int, activation: str = "linear", seed: int = 0) -> Layer:
    rng = np.random.default_rng([inputs, outputs, seed])
    weights = rng.normal(size=(inputs, outputs)) / np.sqrt(inputs)
    return Layer(weights.astype(np.float32), rng.normal(size=outputs).astype(np.float32) / 10, activation)


NETWORKS = Networks(
    encoder=(layer(FEATURES, HIDDEN, "relu"),),
    mean=layer(HIDDEN, LATENT),
    log_var=layer(HIDDEN, LATENT, seed=1),
    decoder=(layer(LATENT, HIDDEN, "tanh"), layer(HIDDEN, FEATURES)),
)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return np.random.default_rng(0).normal(size=(200, FEATURES))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("relu", "relu"), ("tanh", "tanh"), ("logistic", "sigmoid"), ("identity", "linear")],
)
def test_a_network_answers_as_scikit_learns(rows: Rows, theirs: str, ours: str) -> None:
    network = MLPRegressor(hidden_layer_sizes=(5, 3), activation=theirs, max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        network.fit(rows, rows[:, :2])
    layers = [Layer(*parts, ours) for parts in zip(network.coefs_, network.intercepts_, strict=True)]
    layers[-1] = layers[-1]._replace(activation="linear")
    np.testing.assert_allclose(forward(layers, rows), network.predict(rows), rtol=1e-12)


def test_a_network_that_gives_nothing_scores_the_mean_square(rows: Rows) -> None:
    nothing = Layer(np.zeros((HIDDEN, FEATURES)), np.zeros(FEATURES))
    silent = NETWORKS._replace(decoder=(NETWORKS.decoder[0], nothing))
    detector = VariationalAutoencoder(silent, 1.0)
    np.testing.assert_allclose(detector.contributions(rows), rows**2, rtol=1e-12)
    np.testing.assert_allclose(detector.score(rows), (rows**2).mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize(("percent", "counted"), [(100, 6), (50, 3), (51, 4), (1, 1)])
def test_the_strangest_features_make_the_score(rows: Rows, percent: float, counted: int) -> None:
    detector = VariationalAutoencoder(NETWORKS, 1.0, outlier_perc=percent)
    largest = np.sort(detector.contributions(rows), axis=1)[:, FEATURES - counted :]
    np.testing.assert_allclose(detector.score(rows), largest.mean(axis=1), rtol=1e-12)


def test_values_are_judged_one_by_one_where_asked(rows: Rows) -> None:
    result = VariationalAutoencoder(NETWORKS, 1.0, outlier_type="feature").predict(rows)
    assert result.feature_score is not None
    assert np.array_equal(result.is_outlier, result.feature_score > 1.0)
    assert 0 < result.is_outlier.mean() < 1


def test_a_row_draws_the_same_in_any_company(rows: Rows) -> None:
    detector = VariationalAutoencoder(NETWORKS, 1.0, samples=7)
    assert detector.draws(rows).shape == (200, 7, LATENT)
    assert np.array_equal(detector.draws(rows)[5], detector.draws(rows[5:6])[0])
    assert not np.array_equal(detector.draws(rows)[5], detector.draws(rows)[6])


def test_many_rows_score_as_few(rows: Rows) -> None:
    detector = VariationalAutoencoder(NETWORKS, 1.0)
    many = np.tile(rows, (21, 1))
    np.testing.assert_allclose(detector.score(many)[-200:], detector.score(rows), rtol=1e-12)


def test_other_draws_give_scores_that_vary_around_the_expected(rows: Rows) -> None:
    """Means of 10 draws scatter around the mean of many as means of 10 do."""
    detector = VariationalAutoencoder(NETWORKS, 1.0)
    draws = np.random.default_rng(1).normal(size=(len(rows), 500, LATENT))
    single = np.stack([detector.feature_score(rows, draws[:, [i]]).mean(axis=1) for i in range(500)])
    expected, error = single.mean(axis=0), single.std(axis=0)
    distance = (detector.score(rows) - expected) / (error * np.sqrt(1 / 10 + 1 / 500))
    assert abs(distance.mean()) < 4 / np.sqrt(len(rows))
    assert 0.85 < distance.std() < 1.15


# What is missing or extreme.


def test_a_missing_value_scores_nothing_and_enters_as_zero(rows: Rows) -> None:
    detector = VariationalAutoencoder(NETWORKS, 1.0)
    holes, zeros = rows.copy(), rows.copy()
    holes[::2, 1], zeros[::2, 1] = np.nan, 0
    scores, expected = detector.contributions(holes), detector.contributions(zeros)
    assert (scores[::2, 1] == 0).all()
    expected[::2, 1] = 0
    assert np.array_equal(scores, expected)


@pytest.mark.parametrize("extreme", [np.inf, -np.inf, 1e300, 3e38])
@pytest.mark.parametrize("activation", ["relu", "tanh", "exponential", "softmax"])
def test_an_extreme_value_is_an_outlier(rows: Rows, extreme: float, activation: str) -> None:
    networks = NETWORKS._replace(encoder=(layer(FEATURES, HIDDEN, activation),))
    row = rows[:1].copy()
    row[0, 2] = extreme
    detector = VariationalAutoencoder(networks, 1.0)
    assert detector.predict(row).is_outlier.tolist() == [1]
    assert not np.isnan(detector.contributions(row)).any()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"mean": layer(5, LATENT)}, "layer 0 of the latent mean has 5 inputs, but receives 4 values"),
        ({"log_var": layer(HIDDEN, 3)}, "latent mean and variance have 2 and 3 values"),
        (
            {"decoder": (layer(LATENT, 5),)},
            "the decoder must have 6 outputs, as many as the encoder has inputs",
        ),
        ({"encoder": (layer(FEATURES, HIDDEN, "prelu"),)}, "has activation 'prelu'; known are linear, relu"),
        (
            {"mean": Layer(np.zeros((HIDDEN, 2)), np.zeros(3))},
            r"weights of shape \(4, 2\) and a bias of shape \(3,\)",
        ),
        ({"mean": Layer(np.full((HIDDEN, 2), np.nan), np.zeros(2))}, "weights that are NaN or infinite"),
    ],
)
def test_networks_that_do_not_fit_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VariationalAutoencoder(NETWORKS._replace(**changed), 1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"samples": 0}, "samples must be at least 1"), ({"outlier_perc": 0}, "outlier_perc must be above 0")],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VariationalAutoencoder(NETWORKS, 1.0, **options)
