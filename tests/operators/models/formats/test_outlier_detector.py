from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.outliers.category_values import CategoryValues
from detectors.outliers.mahalanobis import Mahalanobis, fit_mahalanobis
from detectors.outliers.network import Layer
from detectors.outliers.vae import Networks, VariationalAutoencoder
from operators.core.errors import DeploymentError
from operators.models.formats.outlier_detector import read_mahalanobis, read_vae, write_mahalanobis, write_vae

ROWS = np.random.default_rng(0).normal(size=(50, 3))


def mahalanobis() -> Mahalanobis:
    rows = np.column_stack([ROWS, np.eye(4)[np.arange(50) % 4]])
    categories = CategoryValues({3: [0.5, -0.5, 1.0, 0.0]}, {3: 4})
    return fit_mahalanobis(rows, 90.0, 3, categories)


def autoencoder() -> VariationalAutoencoder:
    rng = np.random.default_rng(1)

    def layer(*shape: int, **more: Any) -> Layer:
        return Layer(rng.normal(size=shape).astype(np.float32), rng.normal(size=shape[-1]), **more)

    encoder = (layer(3), layer(3, 4, activation="leaky_relu", alpha=0.3))
    return VariationalAutoencoder(Networks(encoder, layer(4, 2), layer(4, 2), (layer(2, 3),)), 0.25, 6)


def test_a_distance_is_read_as_it_was_written(tmp_path: Path) -> None:
    before = mahalanobis()
    assert [path.name for path in write_mahalanobis(before, tmp_path)] == [
        "Mahalanobis.json",
        "Mahalanobis.npz",
    ]
    after = read_mahalanobis(tmp_path)
    rows = np.column_stack([ROWS, np.eye(4)[np.arange(50) % 4]])
    assert np.array_equal(after.score(rows), before.score(rows))
    assert after.threshold == before.threshold


def test_an_autoencoder_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_vae(autoencoder(), tmp_path)
    once = read_vae(tmp_path, "feature", 40)
    write_vae(once, tmp_path)
    again = read_vae(tmp_path)
    assert np.array_equal(again.contributions(ROWS), once.contributions(ROWS))
    np.testing.assert_allclose(again.contributions(ROWS), autoencoder().contributions(ROWS), rtol=1e-4)
    assert (again.threshold, again.samples) == (0.25, 6)
    assert once.predict(ROWS).is_outlier.shape == (50, 3)


Edit = Callable[[dict[str, Any], dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda s, a: a.pop("mean_bias"),
            r"OutlierVAE\.npz are not a complete detector: the array 'mean_bias' is missing",
        ),
        (lambda s, a: s["encoder"].pop(), "these arrays belong to no layer: encoder_1_weights"),
        (lambda s, a: s["decoder"][0].update(activation="sin"), "activation 'sin'; known are linear, relu"),
        (lambda s, a: a.update(mean_bias=np.zeros(5)), r"a bias of shape \(5,\)"),
        (
            lambda s, a: a.update(mean_bias=np.array(["x"])),
            "mean_bias is an array of <U1; it must contain numbers",
        ),
        (lambda s, a: a.update(mean_bias=np.array([{}])), "is not a readable npz of arrays"),
        (lambda s, a: s.update(samples=0), "samples must be at least 1"),
        (lambda s, a: s.update(score_type="proba"), "score_type is 'proba'; it must be 'mse'"),
        (lambda s, a: s.pop("threshold"), r"OutlierVAE\.json: Object missing required field `threshold`"),
        (lambda s, a: s.update(treshold=1), "unknown field `treshold`"),
    ],
)
def test_an_invalid_autoencoder_is_refused(tmp_path: Path, edit: Edit, message: str) -> None:
    settings_file, arrays_file = write_vae(autoencoder(), tmp_path)
    settings, arrays = json.loads(settings_file.read_text()), dict(np.load(arrays_file))
    edit(settings, arrays)
    settings_file.write_text(json.dumps(settings))
    np.savez(arrays_file, **arrays)
    with pytest.raises(DeploymentError, match=message):
        read_vae(tmp_path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s, a: a.pop("covariance"), "the array 'covariance' is missing"),
        (
            lambda s, a: a.update(mean=np.zeros(2)),
            r"a mean of shape \(2,\) and a covariance of shape \(4, 4\)",
        ),
        (lambda s, a: a.update(values_x=np.zeros(2)), "invalid literal for int"),
        (lambda s, a: s.update(n_components=0), "n_components must be at least 1"),
    ],
)
def test_an_invalid_distance_is_refused(tmp_path: Path, edit: Edit, message: str) -> None:
    settings_file, arrays_file = write_mahalanobis(mahalanobis(), tmp_path)
    settings, arrays = json.loads(settings_file.read_text()), dict(np.load(arrays_file))
    edit(settings, arrays)
    settings_file.write_text(json.dumps(settings))
    np.savez(arrays_file, **arrays)
    with pytest.raises(DeploymentError, match=message):
        read_mahalanobis(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"junk", b"PK\x03\x04junk", b"\x93NUMPY"])
def test_arrays_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes | None) -> None:
    _, arrays_file = write_mahalanobis(mahalanobis(), tmp_path)
    arrays_file.unlink()
    if content is not None:
        arrays_file.write_bytes(content)
    with pytest.raises(DeploymentError, match=r"Mahalanobis\.npz is not a readable npz of arrays"):
        read_mahalanobis(tmp_path)


def test_a_plain_array_is_no_npz(tmp_path: Path) -> None:
    _, arrays_file = write_mahalanobis(mahalanobis(), tmp_path)
    with arrays_file.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DeploymentError, match="is not a readable npz of arrays"):
        read_mahalanobis(tmp_path)
