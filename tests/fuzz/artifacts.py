"""Targets: manifests, and the files of saved models. Each input replaces one file of a good folder."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hypothesis import strategies as st

from detectors.array_files import read_npy, read_npz
from detectors.drift.alibi_detect_files import read_drift
from detectors.outliers.category_values import CategoryValues
from detectors.outliers.mahalanobis import fit_mahalanobis
from detectors.outliers.network import Layer
from detectors.outliers.vae import Networks, VariationalAutoencoder
from operators.core.errors import DeploymentError, MismatchError
from operators.models.formats.boosters import ubjson
from operators.models.formats.calibration import read_calibrations
from operators.models.formats.data_quality import read_quality
from operators.models.formats.feature_names import read_names
from operators.models.formats.outlier_detector import read_mahalanobis, read_vae, write_mahalanobis, write_vae
from operators.models.settings import read_settings
from operators.models.step import InferenceOptions
from operators.resources.manifests import read_manifests
from operators.storage.store_settings import read_stores
from tests.corpus.manifests import MALFORMED, MODELS, MONITOR, PIPELINE
from tests.fuzz.bounds import BoundError, Target
from tests.fuzz.inputs import Inputs, edited, odd_value, of_json, other_numbers
from tests.operators.storage.model import load, model, one_request
from tests.support.paths import FOLDERS

# Removed when the process ends.
_KEPT: list[tempfile.TemporaryDirectory[str]] = []
_ROWS = np.random.default_rng(0).normal(size=(60, 3))
_JSON = {
    "features.json": {
        "columns": ["a", "b"],
        "categories": {"a": ["x"]},
        "missing": {"a": 0.5},
        "features": ["a", "b"],
    },
    "calibration.json": [{"window": 5, "rate": 0.1, "effect": [0.1, 0.2], "rows": 9, "windows": 3}],
    "quality.json": {
        "features": [{"name": "a", "low": 0.0, "high": 1.0}, {"name": "b", "categories": ["x"]}]
    },
    "model-settings.json": {"name": "m", "implementation": "a.B", "parameters": {"uri": "x", "extra": {}}},
}
_DRIFT = """name = "TabularDrift"
x_ref = "x_ref.npy"
p_val = 0.05
correction = "bonferroni"
[categories_per_feature]
2 = 3
"""
_STORES = "lab:\n  protocol: s3\n  options: {key: '${A}', anon: true}\n  limits: {gib: 1}\n"


def _new_folder() -> Path:
    _KEPT.append(tempfile.TemporaryDirectory(prefix="fuzz-"))
    return Path(_KEPT[-1].name)


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npz(array: bytes, method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("a.npy", array)
    return file.getvalue()


def _header(shape: str, dtype: str, is_fortran: bool) -> bytes:
    head = f"{{'descr': {dtype}, 'fortran_order': {is_fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(48)


_ARRAY = _npy(np.arange(6.0).reshape(2, 3))
_HEADERS = st.builds(
    _header,
    st.lists(st.sampled_from([-1, 0, 1, 2, 3, 6, 2**31, 2**62, 10**40]), max_size=40).map(tuple).map(str)
    | st.sampled_from(["(6)", "()", "(2L,)", "[2, 3]", "(" * 50, "(True, 6)", "('a',)"]),
    st.sampled_from(
        ["'<f8'", "'|O'", "'|V999999999'", "'<U999999999'", "[('a', '<f8', (99999, 99999))]", "1"]
    ),
    st.booleans(),
)
_ARRAYS = _HEADERS | edited([_ARRAY, _npy(np.zeros((3, 2), "<i4"))])
_ARCHIVES = edited([_npz(_ARRAY, method) for method in (0, 8, 12, 14)]) | st.builds(
    _npz, _HEADERS, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
)


def _written(write: Callable[[Path], Any], files: dict[str, Inputs], read: Callable[[Path], Any]) -> Target:
    """Return a target of the folder that `write` writes, with one of its files replaced."""
    folder = _new_folder()
    write(folder)

    def read_changed(changed: tuple[str, bytes]) -> object:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as copy:
            shutil.copytree(folder, copy, dirs_exist_ok=True)
            Path(copy, changed[0]).write_bytes(changed[1])
            return read(Path(copy))

    inputs = st.one_of(*(st.tuples(st.just(name), values) for name, values in files.items()))
    return Target(inputs, read_changed, (DeploymentError,))


def _one_file(name: str, inputs: Inputs, read: Callable[[Path], Any], *errors: type[Exception]) -> Target:
    target = _written(lambda folder: None, {name: inputs}, lambda folder: read(folder / name))
    return target._replace(errors=errors or (DeploymentError,))


def _mahalanobis(folder: Path) -> None:
    rows = np.column_stack([_ROWS, np.eye(4)[np.arange(60) % 4]])
    write_mahalanobis(fit_mahalanobis(rows, categories=CategoryValues({3: [0.5, 1, 2, 3]}, {3: 4})), folder)


def _vae(folder: Path) -> None:
    def layer(*shape: int) -> Layer:
        return Layer(np.ones(shape), np.ones(shape[-1:]))

    networks = Networks((layer(3, 4),), layer(4, 2), layer(4, 2), (layer(2, 3),))
    write_vae(VariationalAutoencoder(networks, 0.2, 3), folder)


def _drift(folder: Path) -> None:
    (folder / "config.toml").write_text(_DRIFT)
    np.save(folder / "x_ref.npy", np.column_stack([_ROWS[:, :2], np.arange(60) % 3]))


def _score(detector: Any) -> None:
    """Score a row; a detector that was read must be usable."""
    if detector.n_features <= 1_000:
        detector.predict(np.zeros((2, detector.n_features)))


def _manifests(path: Path) -> None:
    for error in read_manifests([path]).errors:
        if len(error) > 2_000 or not error.isprintable():
            raise BoundError(f"an error of {len(error)} characters")


def _stores(path: Path) -> None:
    read_stores(f"{path}")


def _changed_json(folder: Path, name: str) -> Inputs:
    return of_json(json.loads((folder / name).read_bytes()))


def _toml(document: Any) -> bytes:
    """Encode the first level and tables of a document; JSON's scalars and lists are TOML too."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in document.items() if not isinstance(value, dict)]
    for name, table in document.items():
        if isinstance(table, dict):
            lines += [
                f"[{json.dumps(name)}]",
                *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in table.items()),
            ]
    return "\n".join(lines).encode()


_TEXTS = [MODELS, PIPELINE, MONITOR, *(str(case.text) for case in list(MALFORMED.values())[:40])]
_FOLDER = _new_folder()
for _write in (_mahalanobis, _vae):
    _write(_FOLDER)
MANIFESTS = {
    "manifests": _one_file(
        "m.yaml",
        edited([text.encode() for text in _TEXTS])
        | st.one_of(
            *(
                odd_value(document, lambda changed: yaml.safe_dump(changed).encode())
                for text in (MODELS, PIPELINE, MONITOR)
                for document in yaml.safe_load_all(text)
            )
        ),
        _manifests,
    ),
    "stores": _one_file("s.yaml", edited([_STORES.encode()]) | of_json(yaml.safe_load(_STORES)), _stores),
}
SAVED = {
    "npy files": _one_file("a.npy", _ARRAYS, read_npy, OSError, ValueError),
    "npz files": _one_file("a.npz", _ARCHIVES, read_npz, OSError, ValueError),
    "Mahalanobis": _written(
        _mahalanobis,
        {
            "Mahalanobis.json": _changed_json(_FOLDER, "Mahalanobis.json"),
            "Mahalanobis.npz": edited([(_FOLDER / "Mahalanobis.npz").read_bytes()]),
        },
        lambda folder: _score(read_mahalanobis(folder)),
    ),
    "OutlierVAE": _written(
        _vae,
        {
            "OutlierVAE.json": _changed_json(_FOLDER, "OutlierVAE.json"),
            "OutlierVAE.npz": edited([(_FOLDER / "OutlierVAE.npz").read_bytes()]),
        },
        lambda folder: _score(read_vae(folder)),
    ),
    "drift detectors": _written(
        _drift,
        {
            "config.toml": edited([_DRIFT.encode()]) | odd_value(tomllib.loads(_DRIFT), _toml),
            "x_ref.npy": _ARRAYS,
        },
        read_drift,
    )._replace(errors=(ValueError,)),
    "features.json": _one_file(
        "features.json", of_json(_JSON["features.json"]), lambda path: read_names(path.parent, 2)
    ),
    "calibration.json": _one_file(
        "calibration.json", of_json(_JSON["calibration.json"]), lambda path: read_calibrations(path.parent, 2)
    ),
    "quality.json": _one_file("quality.json", of_json(_JSON["quality.json"]), read_quality),
    "model-settings.json": _one_file(
        "model-settings.json",
        of_json(_JSON["model-settings.json"]),
        lambda path: read_settings(model(), path.parent),
    ),
    "UBJSON": _one_file(
        "m.ubj",
        edited([(FOLDERS / "xgboost-multi" / "model.ubj").read_bytes()[:2_000], b"[$l#i\x02" + bytes(8)])
        | st.builds(
            lambda kind, size: b"{i\x01a[$" + kind + b"#L" + size.to_bytes(8, "big") + b"}",
            st.sampled_from([b"Z", b"T", b"N", b"i", b"[", b"{", b"S", b"C"]),
            st.integers(0, 2**64 - 1),
        ),
        lambda path: ubjson.decode(path.read_bytes()),
        ValueError,
    ),
}


_XGBOOST = json.loads((FOLDERS / "xgboost-binary" / "model.json").read_bytes())
_SMALL = json.loads(json.dumps(_XGBOOST))
_TREES = _SMALL["learner"]["gradient_booster"]["model"]
_TREES["trees"], _TREES["tree_info"] = _TREES["trees"][:2], [0, 0]
_TREES["gbtree_model_param"]["num_trees"] = "2"
_TREES["iteration_indptr"] = [0, 1, 2]


def _booster(name: str, file: str, inputs: Inputs) -> Target:
    """Return a target that loads a booster as a step, and answers a row."""

    def write(folder: Path) -> None:
        shutil.copytree(FOLDERS / name, folder, dirs_exist_ok=True)
        (folder / "probe.json").unlink()

    def read(folder: Path) -> None:
        step = load(folder)
        step.infer(one_request(np.zeros((2, 6))), InferenceOptions())

    # A booster without trees has other columns than the row.
    return _written(write, {file: inputs}, read)._replace(errors=(DeploymentError, MismatchError))


_SMALL_TEXT = json.dumps(_SMALL).encode()
_LIGHTGBM = [
    (FOLDERS / name / "model.bst").read_bytes() for name in ("lightgbm-multi", "lightgbm-regression")
]
# treelite may end the process: these are read in a process of their own.
BOOSTERS = {
    "XGBoost's JSON": _booster(
        "xgboost-binary", "model.json", of_json(_SMALL) | other_numbers([_SMALL_TEXT])
    ),
    "XGBoost's UBJSON": _booster(
        "xgboost-multi", "model.ubj", edited([(FOLDERS / "xgboost-multi" / "model.ubj").read_bytes()])
    ),
    "LightGBM's text": _booster("lightgbm-multi", "model.bst", edited(_LIGHTGBM) | other_numbers(_LIGHTGBM)),
}
