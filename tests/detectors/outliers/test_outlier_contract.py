"""What holds for every outlier detector, whatever it scores by."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest as Estimator

from detectors.outliers.category_values import CategoryValues
from detectors.outliers.isolation_forest import IsolationForest
from detectors.outliers.mahalanobis import fit_mahalanobis
from detectors.outliers.network import Layer
from detectors.outliers.vae import Networks, VariationalAutoencoder
from operators.models.formats.outlier_detector import read_mahalanobis, read_vae, write_mahalanobis, write_vae

Rows = NDArray[np.float64]
FEATURES = 6


def drawn(n: int, seed: int) -> Rows:
    """Rows near a plane: each of two hidden values shows in three features."""
    rng = np.random.default_rng(seed)
    return np.tile(rng.uniform(-1.5, 1.5, size=(n, 2)), 3) + rng.normal(scale=0.3, size=(n, FEATURES))


TRAINED = drawn(2_000, 1)
ROWS = drawn(400, 2)


class Case(NamedTuple):
    """A detector, and how it is kept in a folder."""

    detector: Any
    write: Callable[[Any, Path], object]
    read: Callable[[Path], Any]


def forest(**options: Any) -> Case:
    estimator = Estimator(random_state=0, **options).fit(TRAINED)

    def write(detector: Any, folder: Path) -> None:
        joblib.dump(estimator, folder / "IForest.joblib")
        (folder / "IForest.json").write_text(json.dumps({"threshold": detector.threshold}))

    def read(folder: Path) -> IsolationForest:
        threshold = json.loads((folder / "IForest.json").read_text())["threshold"]
        return IsolationForest(joblib.load(folder / "IForest.joblib"), threshold)

    return Case(IsolationForest(estimator, 0.05), write, read)


def mahalanobis(n_components: int | None) -> Case:
    return Case(fit_mahalanobis(TRAINED, 99, n_components), write_mahalanobis, read_mahalanobis)


def categorical() -> Case:
    categories = CategoryValues({5: np.linspace(-2, 2, 40)})
    rows = TRAINED.copy()
    rows[:, 5] = np.clip(np.round(rows[:, 5] * 8 + 20), 0, 39)
    return Case(fit_mahalanobis(rows, 99, categories=categories), write_mahalanobis, read_mahalanobis)


def autoencoder(activation: str, samples: int) -> Case:
    """Principal components as a network: encoder and decoder are each other's transposes, draws are small."""
    components = PCA(2).fit(TRAINED).components_.astype(np.float32).astype(float)
    small = Layer(np.zeros((2, 2)), np.full(2, -6.0))
    networks = Networks(
        (Layer(components.T, np.zeros(2), activation, 0.5),),
        Layer(np.eye(2), np.zeros(2)),
        small,
        (Layer(components, np.zeros(FEATURES)),),
    )
    return Case(VariationalAutoencoder(networks, 0.5, samples), write_vae, read_vae)


CASES = {
    "forest": forest(),
    "forest-of-some-features": forest(max_features=0.5, n_estimators=200),
    "mahalanobis": mahalanobis(None),
    "mahalanobis-of-components": mahalanobis(4),
    "mahalanobis-of-categories": categorical(),
    "autoencoder": autoencoder("linear", 10),
    "autoencoder-one-draw": autoencoder("leaky_relu", 1),
}
STRICT = {"rtol": 1e-12, "atol": 1e-14}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def awkward() -> Rows:
    """Rows of which some have values that are missing, infinite or beyond float32."""
    rows = ROWS.copy()
    rows[::7, 0], rows[1::7, 2], rows[2::7, 4] = np.nan, np.inf, -1e300
    return rows


def test_rows_are_left_as_they_are(case: Case) -> None:
    rows = awkward()
    before = rows.copy()
    case.detector.predict(rows)
    case.detector.contributions(rows)
    assert np.array_equal(rows, before, equal_nan=True)


def test_rows_may_be_read_only_and_of_any_layout(case: Case) -> None:
    rows = np.asfortranarray(ROWS)
    rows.flags.writeable = False
    np.testing.assert_allclose(case.detector.score(rows), case.detector.score(ROWS), **STRICT)
    assert np.array_equal(case.detector.score(ROWS.tolist()), case.detector.score(ROWS))


def test_the_same_rows_score_the_same_again(case: Case) -> None:
    assert np.array_equal(case.detector.score(ROWS), case.detector.score(ROWS))
    assert np.array_equal(case.detector.contributions(ROWS), case.detector.contributions(ROWS))


def test_one_by_one_equals_all_at_once(case: Case) -> None:
    with np.errstate(over="ignore"):
        for rows in (ROWS, awkward()):
            one_by_one = np.concatenate([case.detector.score(row) for row in rows[:, None]])
            np.testing.assert_allclose(one_by_one, case.detector.score(rows), **STRICT)
            each = np.concatenate([case.detector.contributions(row) for row in rows[:, None]])
            np.testing.assert_allclose(each, case.detector.contributions(rows), rtol=1e-10, atol=1e-12)


def test_the_order_of_rows_does_not_matter(case: Case) -> None:
    order = np.random.default_rng(3).permutation(len(ROWS))
    np.testing.assert_allclose(case.detector.score(ROWS[order]), case.detector.score(ROWS)[order], **STRICT)


def test_flags_are_scores_strictly_above_the_threshold(case: Case) -> None:
    result = case.detector.predict(ROWS)
    assert np.array_equal(result.is_outlier, result.instance_score > case.detector.threshold)
    assert (result.is_outlier.dtype, result.instance_score.dtype) == (np.int64, np.float64)
    highest = type(case.detector).__new__(type(case.detector))
    highest.__dict__.update({**case.detector.__dict__, "threshold": float(result.instance_score.max())})
    assert highest.predict(ROWS).is_outlier.sum() == 0


def test_pickling_keeps_the_scores(case: Case) -> None:
    again = pickle.loads(pickle.dumps(case.detector))
    assert np.array_equal(again.score(ROWS), case.detector.score(ROWS))
    assert np.array_equal(again.contributions(ROWS), case.detector.contributions(ROWS))
    assert again.threshold == case.detector.threshold


def test_saving_keeps_the_scores(case: Case, tmp_path: Path) -> None:
    case.write(case.detector, tmp_path)
    again = case.read(tmp_path)
    assert np.array_equal(again.score(ROWS), case.detector.score(ROWS))
    assert np.array_equal(again.contributions(ROWS), case.detector.contributions(ROWS))
    assert again.threshold == case.detector.threshold


def test_every_feature_has_a_contribution(case: Case) -> None:
    contributions = case.detector.contributions(ROWS)
    assert (contributions.shape, contributions.dtype) == (ROWS.shape, np.float64)
    assert np.isfinite(case.detector.contributions(awkward())).all()


@pytest.mark.parametrize("feature", range(FEATURES - 1))
def test_an_extreme_value_raises_the_score_and_contributes_most(case: Case, feature: int) -> None:
    flagged = ROWS.copy()
    flagged[:, feature] += 8 * TRAINED[:, feature].std()
    assert (case.detector.score(flagged) > case.detector.score(ROWS)).mean() > 0.99
    first = np.argmax(case.detector.contributions(flagged), axis=1)
    assert (first == feature).mean() > 0.8


@pytest.mark.parametrize("shape", [(3, FEATURES - 1), (3, FEATURES + 1), (FEATURES,), (2, 3, FEATURES), (0,)])
@pytest.mark.parametrize("method", ["score", "contributions", "predict"])
def test_rows_of_another_width_are_refused(case: Case, method: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"expected rows of {FEATURES} features, got shape \({shape[0]}"):
        getattr(case.detector, method)(np.zeros(shape))


def test_no_rows_have_no_scores(case: Case) -> None:
    none = np.zeros((0, FEATURES))
    assert case.detector.score(none).shape == (0,)
    assert case.detector.contributions(none).shape == (0, FEATURES)
    assert case.detector.predict(none).is_outlier.shape == (0,)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.int8, np.bool_])
def test_numbers_of_any_type_are_taken(case: Case, dtype: type) -> None:
    rows = ROWS.astype(dtype)
    np.testing.assert_allclose(
        case.detector.score(rows), case.detector.score(rows.astype(np.float64)), rtol=1e-9, atol=1e-12
    )
