"""Converting alibi-detect's dill and pickle files to arrays, JSON and TOML, which need no dill."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import numpy as np

from detectors.outliers.category_values import CategoryValues
from detectors.outliers.mahalanobis import Mahalanobis
from jobs.models.convert.vae import check_settings, export_vae, require_threshold
from operators.core.errors import DeploymentError, describe
from operators.models.formats.alibi_detect import SUFFIXES
from operators.models.formats.outlier_detector import write_mahalanobis
from operators.storage.artifact_cache import copy_files
from operators.storage.trusted_roots import ArtifactPolicy, locate, require_trust

# Its arguments are the output folder, the dill file and its content. It returns the written files.
_Writer = Callable[[Path, Path, Any], Iterable[Path]]


def convert(folder: Path, site: ArtifactPolicy) -> list[Path]:
    """Write the runtime's files beside each dill or pickle file of a detector; return their paths.

    DeploymentError for a folder that is not trusted, and for a detector that cannot be converted.
    """
    candidates = [
        (folder / f"{name}{suffix}", write) for name, write in _WRITERS.items() for suffix in SUFFIXES
    ]
    existing = [(path, write) for path, write in candidates if path.is_file()]
    if not existing:
        saved = sorted(path.name for path in folder.glob("*") if path.suffix in SUFFIXES)
        raise DeploymentError(
            f"{folder} contains {', '.join(saved) or 'no .dill and no .pickle file'}; it must contain one of "
            f"{', '.join(_WRITERS)} with the suffix {' or '.join(SUFFIXES)}"
        )
    origin = locate(str(folder.resolve()), site)
    for path, _ in existing:
        require_trust(origin, str(path), site)
    with TemporaryDirectory() as private:
        try:
            copy_files(origin.path or folder, Path(private))
            return [
                file for path, write in existing for file in _convert(Path(private, path.name), folder, write)
            ]
        except DeploymentError as error:
            raise DeploymentError(str(error).replace(private, str(folder))) from error
        except OSError as error:
            raise DeploymentError(f"{folder} cannot be converted: {error}") from error


def _convert(path: Path, folder: Path, write: _Writer) -> Iterable[Path]:
    """Read a dill file of the private copy; write the converted files beside the original."""
    state = _load(path)
    try:
        return write(folder, path, state)
    except (AttributeError, TypeError, ValueError) as error:
        raise DeploymentError(f"{path} is not a detector saved by alibi-detect: {describe(error)}") from error


def _load(path: Path) -> Any:
    import dill

    try:
        with path.open("rb") as file:
            return dill.load(file)
    except Exception as error:  # a pickle can raise anything
        raise DeploymentError(
            f"{path} cannot be read here: {describe(error)}; convert it with the versions of Python, numpy "
            "and scikit-learn that saved it"
        ) from error


def _forest(folder: Path, path: Path, state: Any) -> Iterable[Path]:
    estimator, threshold = _part_of(state, path, "isolationforest"), _part_of(state, path, "threshold")
    require_threshold(str(path), threshold)
    joblib.dump(estimator, folder / "IForest.joblib", compress=1)
    saved = {"threshold": float(threshold), "estimator": "IForest.joblib"}
    (folder / "IForest.json").write_text(json.dumps(saved), "utf-8")
    return folder / "IForest.json", folder / "IForest.joblib"


def _mahalanobis(folder: Path, path: Path, state: Any) -> Iterable[Path]:
    keys = ("threshold", "mean", "C", "n_components", "d_abs", "cat_vars", "ohe")
    threshold, mean, covariance, components, values, columns, one_hot = (
        _part_of(state, path, k) for k in keys
    )
    require_threshold(str(path), threshold)
    if np.ndim(mean) == 0:
        raise DeploymentError(f"{path} has not been fitted: score rows with it before saving it")
    categories = CategoryValues(values, columns if one_hot else None)
    return write_mahalanobis(Mahalanobis(mean, covariance, threshold, components, categories), folder)


def _vae(folder: Path, path: Path, state: Any) -> Iterable[Path]:
    check_settings(_part_of(state, path, "threshold"), _part_of(state, path, "score_type"))
    # Without these, TensorFlow and transformers print advice about GPUs and PyTorch on standard error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        from alibi_detect.saving import load_detector

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            detector = load_detector(path.parent)
    except ImportError as error:
        raise DeploymentError(
            f"{path} contains networks that only TensorFlow can read: install it with pip install 'weir[vae]'"
        ) from error
    except Exception as error:  # reading files of Keras and TensorFlow can raise anything
        raise DeploymentError(f"{folder} cannot be read by alibi-detect: {describe(error)}") from error
    return export_vae(detector, folder)


def _drift(folder: Path, path: Path, state: Any) -> Iterable[Path]:
    x_ref = np.asarray(_part_of(_part_of(state, path, "args"), path, "x_ref"))
    options = _part_of(state, path, "kwargs")
    if _part_of(state, path, "other").get("preprocess_fn") is not None:
        raise DeploymentError(
            f"{path} has a preprocess_fn, which would run code: train the detector on preprocessed data, and "
            "preprocess requests in a step of the pipeline"
        )
    np.save(folder / "x_ref.npy", x_ref)
    lines = [f'name = "{path.stem}"', 'x_ref = "x_ref.npy"']
    for key in ("p_val", "correction", "alternative", "update_x_ref"):
        if key in options:
            lines.append(f"{key} = {_toml(options[key])}")
    categories = options.get("categories_per_feature")
    if categories:
        lines.append("[categories_per_feature]")
        lines += [f"{int(feature)} = {_toml(codes)}" for feature, codes in categories.items()]
    (folder / "config.toml").write_text("\n".join(lines) + "\n", "utf-8")
    return folder / "config.toml", folder / "x_ref.npy"


def _part_of(state: Any, path: Path, key: str) -> Any:
    if not isinstance(state, dict) or key not in state:
        raise DeploymentError(f"{path} is not a detector saved by alibi-detect: it has no {key!r}")
    return state[key]


def _toml(value: Any) -> str:
    if value is None:
        return '"None"'
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple, np.ndarray)):
        return f"[{', '.join(repr(float(item)) for item in value)}]"
    return json.dumps(value.item() if isinstance(value, np.generic) else value)


_WRITERS: dict[str, _Writer] = {
    "IForest": _forest,
    "Mahalanobis": _mahalanobis,
    "OutlierVAE": _vae,
    "KSDrift": _drift,
    "ChiSquareDrift": _drift,
    "TabularDrift": _drift,
}
