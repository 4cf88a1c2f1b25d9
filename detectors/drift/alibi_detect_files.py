"""Reads drift detectors that alibi-detect saved (``config.toml``, ``x_ref.npy``), without alibi-detect."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors.array_files import read_npy
from detectors.drift.tabular import TabularDrift

# The file of a saved drift detector that names its kind and its options.
CONFIG = "config.toml"
_KNOWN = ("KSDrift", "ChiSquareDrift", "TabularDrift")
# A number of categories stands for all codes below it, which take memory however short the file is. This
# bounds those of all features.
_MOST_CATEGORIES = 1_000_000
_LONGEST_NAME = 255
_DEFAULTS: dict[str, tuple[object, ...]] = {
    "preprocess_fn": (None,),
    "update_x_ref": (None,),
    "alternative": (None, "two-sided"),
}


def read_drift(folder: Path) -> TabularDrift:
    """Read a KSDrift, ChiSquareDrift or TabularDrift that ``alibi_detect.saving.save_detector`` wrote.

    Raises ValueError with the file and a remedy if the detector or an option is not supported, or if the
    folder is incomplete. Nothing in the folder is executed or unpickled.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise ValueError(f"{path} does not exist: save the detector with alibi_detect.saving.save_detector")
    try:
        config = {key: _none_of_text(value) for key, value in tomllib.loads(path.read_text("utf-8")).items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    name = config.get("name")
    if name not in _KNOWN:
        raise ValueError(f"{path}: name is {name!r}; supported are {', '.join(_KNOWN)}")
    for option, supported in _DEFAULTS.items():
        if config.get(option) not in supported:
            raise ValueError(
                f"{path}: {option} = {config[option]!r} is not supported; "
                "train the detector without it, on preprocessed data"
            )
    x_ref = _read_reference(folder, str(config.get("x_ref", "x_ref.npy")))
    try:
        return TabularDrift(
            x_ref,
            p_val=float(_or_default(config.get("p_val"), 0.05)),
            categories_per_feature=_READ_CATEGORIES[name](config.get("categories_per_feature"), x_ref),
            correction=str(_or_default(config.get("correction"), "bonferroni")),
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def _none_of_text(value: Any) -> Any:
    return None if value == "None" else value


def _or_default(value: Any, default: Any) -> Any:
    return default if value is None else value


def _read_reference(folder: Path, name: str) -> Any:
    path = folder / name
    is_name = len(name) <= _LONGEST_NAME and "\0" not in name
    if not (is_name and path.resolve().is_relative_to(folder.resolve())):
        raise ValueError(
            f"{folder / CONFIG}: x_ref must be a file in the folder, got {name[:_LONGEST_NAME]!r}"
        )
    try:
        x_ref = read_npy(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a readable numpy array: {error}") from None
    if x_ref.dtype.kind not in "biuf" or x_ref.ndim < 1 or not x_ref.size:
        raise ValueError(f"{path} must contain rows of numbers, got {x_ref.dtype} of shape {x_ref.shape}")
    return x_ref


def _declared_features(declared: Mapping[str, Any] | None, x_ref: Any) -> dict[int, Sequence[float] | None]:
    if not isinstance(declared, Mapping | None):
        raise ValueError(f"categories_per_feature is {declared!r}, but must be a table")
    numbers = [codes for codes in (declared or {}).values() if isinstance(codes, int)]
    if sum(numbers) > _MOST_CATEGORIES:
        features = "a feature has" if len(numbers) == 1 else f"{len(numbers)} features have"
        raise ValueError(
            f"{features} {sum(numbers):,} categories; at most {_MOST_CATEGORIES:,} are supported"
        )
    return {int(feature): _codes(_none_of_text(codes)) for feature, codes in (declared or {}).items()}


def _every_feature(declared: Mapping[str, Any] | None, x_ref: Any) -> dict[int, Sequence[float] | None]:
    return _declared_features(declared, x_ref) or dict.fromkeys(range(int(np.prod(x_ref.shape[1:]))))


def _codes(codes: Any) -> Sequence[float] | None:
    if isinstance(codes, int):
        return [float(code) for code in range(codes)]
    return None if codes is None else [float(code) for code in codes]


_READ_CATEGORIES: dict[str, Callable[[Any, Any], dict[int, Sequence[float] | None]]] = {
    "KSDrift": lambda declared, x_ref: {},
    "ChiSquareDrift": _every_feature,
    "TabularDrift": _declared_features,
}
