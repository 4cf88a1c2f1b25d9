from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alibi_detect.cd import ChiSquareDrift, KSDrift, TabularDrift
from alibi_detect.saving import load_detector, save_detector

from detectors.drift.alibi_detect_files import read_drift


def saved(detector: Any, folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save_detector(detector, folder)
    return folder


@pytest.mark.parametrize(
    ("detector", "options"),
    [
        (KSDrift, {}),
        (KSDrift, {"p_val": 0.01, "correction": "fdr"}),
        (KSDrift, {"p_val": 0.0}),
        (TabularDrift, {"p_val": 0.0, "correction": "fdr", "categories_per_feature": {0: None}}),
        (ChiSquareDrift, {"p_val": 1.0}),
        (ChiSquareDrift, {}),
        (ChiSquareDrift, {"categories_per_feature": {0: 6, 1: 6, 2: 6}}),
        (TabularDrift, {"categories_per_feature": {0: None, 2: None}}),
        (TabularDrift, {"categories_per_feature": {1: [0, 1, 2, 3, 4]}}),
    ],
)
def test_what_alibi_detect_saved_judges_the_same(
    tmp_path: Path, detector: Any, options: dict[str, Any]
) -> None:
    rng = np.random.default_rng(3)
    reference = rng.integers(0, 5, size=(400, 3)).astype(np.float32)
    window = rng.integers(0, 6, size=(90, 3)).astype(np.float32)
    folder = saved(detector(reference, **options), tmp_path / "detector")
    expected = load_detector(folder).predict(window)["data"]
    result = read_drift(folder).test(window)
    assert result.is_drift == expected["is_drift"]
    assert result.threshold == pytest.approx(expected["threshold"])
    assert np.array_equal(result.p_val, expected["p_val"])
    assert np.array_equal(result.distance, expected["distance"])


def write(folder: Path, config: str, x_ref: Any = None) -> Path:
    (folder / "config.toml").write_text(config)
    if x_ref is not None:
        np.save(folder / "x_ref.npy", x_ref)
    return folder


def test_the_least_that_alibi_detect_takes_is_enough(tmp_path: Path) -> None:
    write(tmp_path, 'name = "KSDrift"\nx_ref = "x_ref.npy"\np_val = 0.1\n', np.zeros((5, 2)))
    assert read_drift(tmp_path).p_val == 0.1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('name = "MMDDrift"', "name is 'MMDDrift'; supported are KSDrift"),
        ('name = "KSDrift"\npreprocess_fn = "f.dill"', "preprocess_fn = 'f.dill' is not supported"),
        ('name = "KSDrift"\nalternative = "less"', "alternative = 'less' is not supported"),
        ('name = "KSDrift"\nx_ref = "away.npy"', "away.npy is not a readable numpy array"),
        ('name = "KSDrift"\ncorrection = "holm"', "correction must be one of"),
        ("name = ", "is not TOML"),
        ('name = "TabularDrift"\n[categories_per_feature]\n9 = "None"', "names feature 9"),
        ('name = "TabularDrift"\ncategories_per_feature = true', "is True, but must be a table"),
        (
            'name = "TabularDrift"\n[categories_per_feature]\n0 = 100000000000',
            "a feature has 100,000,000,000 categories; at most 1,000,000 are supported",
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused(tmp_path: Path, config: str, message: str) -> None:
    write(tmp_path, config, np.zeros((5, 2)))
    with pytest.raises(ValueError, match=message):
        read_drift(tmp_path)


def test_a_reference_that_is_a_pickle_is_not_opened(tmp_path: Path) -> None:
    write(tmp_path, 'name = "KSDrift"', np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="not a readable numpy array"):
        read_drift(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"config\.toml does not exist"):
        read_drift(tmp_path)
