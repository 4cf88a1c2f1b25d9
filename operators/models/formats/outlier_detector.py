"""Files of outlier detectors: settings in JSON and arrays in npz, neither of which can run code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from detectors.array_files import read_npz
from detectors.outliers.category_values import CategoryValues
from detectors.outliers.mahalanobis import Mahalanobis
from detectors.outliers.network import Layer
from detectors.outliers.vae import Networks, VariationalAutoencoder
from operators.core.errors import DeploymentError
from operators.core.tensors import Array
from operators.models.json_files import read_json

Arrays = dict[str, Array]
_VALUES = "values_"
_LATENT = ("mean", "log_var")


class SavedMahalanobis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Mahalanobis.json`: the settings of a Mahalanobis detector.

    `Mahalanobis.npz` contains `mean` and `covariance`, and for example `values_2` for the categories of
    feature 2. `one_hot` maps the first column of a one-hot encoded feature to its number of columns.
    """

    threshold: float
    n_components: int | None = None
    one_hot: dict[int, int] = {}


class SavedLayer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One layer: the activation after its weights and bias."""

    activation: str = "linear"
    alpha: float = 0.0


class SavedVae(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`OutlierVAE.json`: the settings of a variational autoencoder.

    `OutlierVAE.npz` contains `encoder_0_weights`, `encoder_0_bias`, …, `mean_…`, `log_var_…`, `decoder_0_…`.
    """

    threshold: float
    samples: int
    encoder: list[SavedLayer]
    decoder: list[SavedLayer]
    score_type: str = "mse"


def write_mahalanobis(detector: Mahalanobis, folder: Path) -> list[Path]:
    """Write `Mahalanobis.json` and `Mahalanobis.npz`; return their paths."""
    categories = detector.categories
    settings = SavedMahalanobis(detector.threshold, detector.n_components, categories.one_hot)
    arrays = {"mean": detector.mean, "covariance": detector.covariance}
    arrays |= {f"{_VALUES}{feature}": values for feature, values in categories.values.items()}
    return _write(folder / "Mahalanobis.json", settings, arrays)


def read_mahalanobis(folder: Path) -> Mahalanobis:
    """Read the files of `write_mahalanobis`; raise DeploymentError, which names the file and the error."""
    path = folder / "Mahalanobis.json"
    saved = read_json(path, SavedMahalanobis)
    arrays = _arrays(path.with_suffix(".npz"))
    try:
        mean, covariance = arrays.pop("mean"), arrays.pop("covariance")
        values = {int(name.removeprefix(_VALUES)): array for name, array in arrays.items()}
        categories = CategoryValues(values, saved.one_hot)
        return Mahalanobis(mean, covariance, saved.threshold, saved.n_components, categories)
    except (KeyError, ValueError) as error:
        raise _incomplete(path, error) from None


def write_vae(detector: VariationalAutoencoder, folder: Path) -> list[Path]:
    """Write `OutlierVAE.json` and `OutlierVAE.npz`, weights as float32; return their paths."""
    networks = detector.networks
    encoder, decoder = (_settings(layers) for layers in (networks.encoder, networks.decoder))
    settings = SavedVae(detector.threshold, detector.samples, encoder, decoder)
    layers = {f"encoder_{i}": layer for i, layer in enumerate(networks.encoder)}
    layers |= {"mean": networks.mean, "log_var": networks.log_var}
    layers |= {f"decoder_{i}": layer for i, layer in enumerate(networks.decoder)}
    arrays = {}
    for name, layer in layers.items():
        arrays[f"{name}_weights"] = layer.weights.astype(np.float32)
        arrays[f"{name}_bias"] = layer.bias.astype(np.float32)
    return _write(folder / "OutlierVAE.json", settings, arrays)


def read_vae(
    folder: Path, outlier_type: Literal["instance", "feature"] = "instance", outlier_perc: float = 100.0
) -> VariationalAutoencoder:
    """Read the files of `write_vae`; raise DeploymentError, which names the file and the error."""
    path = folder / "OutlierVAE.json"
    saved = read_json(path, SavedVae)
    if saved.score_type != "mse":
        raise DeploymentError(
            f"{path}: score_type is {saved.score_type!r}; it must be 'mse', because "
            "alibi-detect computes no other score"
        )
    arrays = _arrays(path.with_suffix(".npz"))
    try:
        networks = Networks(
            _layers(arrays, "encoder", saved.encoder),
            _layer(arrays, "mean", SavedLayer()),
            _layer(arrays, "log_var", SavedLayer()),
            _layers(arrays, "decoder", saved.decoder),
        )
        if arrays:
            raise ValueError(f"these arrays belong to no layer: {', '.join(arrays)}")
        return VariationalAutoencoder(networks, saved.threshold, saved.samples, outlier_type, outlier_perc)
    except (KeyError, ValueError) as error:
        raise _incomplete(path, error) from None


def _settings(layers: Sequence[Layer]) -> list[SavedLayer]:
    return [SavedLayer(layer.activation, layer.alpha) for layer in layers]


def _layers(arrays: Arrays, name: str, saved: Sequence[SavedLayer]) -> tuple[Layer, ...]:
    return tuple(_layer(arrays, f"{name}_{i}", layer) for i, layer in enumerate(saved))


def _layer(arrays: Arrays, name: str, saved: SavedLayer) -> Layer:
    return Layer(arrays.pop(f"{name}_weights"), arrays.pop(f"{name}_bias"), saved.activation, saved.alpha)


def _write(path: Path, settings: msgspec.Struct, arrays: Arrays) -> list[Path]:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(settings)))
    np.savez(path.with_suffix(".npz"), **arrays)
    return [path, path.with_suffix(".npz")]


def _arrays(path: Path) -> Arrays:
    try:
        arrays = read_npz(path)
    except (OSError, ValueError) as error:
        raise DeploymentError(f"{path} is not a readable npz of arrays: {error}; convert it again") from None
    not_numeric = [name for name, array in arrays.items() if array.dtype.kind not in "fiu"]
    if not_numeric:
        raise DeploymentError(
            f"{path}: {not_numeric[0]} is an array of {arrays[not_numeric[0]].dtype}; it must contain numbers"
        )
    return arrays


def _incomplete(path: Path, error: Exception) -> DeploymentError:
    reason = f"the array {error} is missing" if isinstance(error, KeyError) else str(error)
    files = f"{path} and {path.with_suffix('.npz').name}"
    return DeploymentError(f"{files} are not a complete detector: {reason}; convert or train it again")
