from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import dill
import joblib
import numpy as np
import pandas as pd
import pytest
from alibi_detect.saving import load_detector
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from detectors.drift.alibi_detect_files import read_drift
from jobs.data.declared_columns import DeclaredColumns
from jobs.data.feature_encoding import encode
from jobs.data.synthetic_census import TARGET, census_like
from jobs.data.table_files import read_table
from jobs.models.train import Trained, describe, train, train_monitors_only
from jobs.models.training.options import Options
from jobs.models.training.split import split
from jobs.models.training_report.model_card import hash_of
from jobs.releases.validation.manifests import check
from operators.core.errors import DeploymentError
from operators.kafka.topics import Topics
from operators.models.runtimes.outlier import OutlierModel
from operators.storage.digest import digest
from operators.storage.trusted_roots import make_policy
from tests.operators.storage.model import load

QUICK = Options(windows=(50,), rate=0.05, draws=100)


def test_training_writes_the_folders_that_mlserver_reads(models: Path) -> None:
    settings = {
        folder.name: json.loads((folder / "model-settings.json").read_text())
        for folder in models.iterdir()
        if folder.is_dir()
    }
    assert {name: content["implementation"] for name, content in settings.items()} == {
        "income": "mlserver_sklearn.SKLearnModel",
        "income-preprocess": "mlserver_sklearn.SKLearnModel",
        "income-classifier": "mlserver_sklearn.SKLearnModel",
        "income-outlier": "mlserver_alibi_detect.AlibiDetectRuntime",
        "income-drift": "mlserver_alibi_detect.AlibiDetectRuntime",
        "income-drift-preprocessed": "mlserver_alibi_detect.AlibiDetectRuntime",
        "income-prediction-drift": "mlserver_alibi_detect.AlibiDetectRuntime",
        "income-quality": "weir.DataQuality",
    }
    assert settings["income-preprocess"]["parameters"]["extra"] == {"predict_fn": "transform"}


@pytest.mark.parametrize("name", ["income-drift", "income-drift-preprocessed", "income-prediction-drift"])
def test_the_drift_detectors_load_in_alibi_detect_and_judge_the_same(models: Path, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = load_detector(models / name)
    ours = read_drift(models / name)
    window = ours_rows(models, name)
    expected = theirs.predict(window)["data"]
    result = ours.test(window)
    assert result.is_drift == expected["is_drift"]
    assert np.array_equal(result.p_val, expected["p_val"])
    assert np.array_equal(result.distance, expected["distance"])


def ours_rows(models: Path, name: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    holdout = np.load(models / "holdout.npy")
    complete = holdout[~np.isnan(holdout).any(axis=1)][:300]
    if name == "income-drift":
        return complete
    prepared = joblib.load(models / "income-preprocess" / "model.joblib").transform(complete)
    if name == "income-drift-preprocessed":
        return np.asarray(prepared)
    forest = joblib.load(models / "income-classifier" / "model.joblib")
    return np.column_stack([forest.predict(prepared), forest.predict_proba(prepared)])


def test_the_outlier_folder_holds_alibi_detects_own_form(models: Path) -> None:
    """What `load_detector` reads: meta.dill, IForest.dill; and the same beside it without dill."""
    folder = models / "income-outlier"
    with (folder / "meta.dill").open("rb") as meta, (folder / "IForest.dill").open("rb") as state:
        assert dill.load(meta)["name"] == "IForest"
        saved = dill.load(state)
    ours = json.loads((folder / "IForest.json").read_text())
    estimator = joblib.load(folder / ours["estimator"])
    rows = joblib.load(models / "income-preprocess" / "model.joblib").transform(
        np.load(models / "holdout.npy")
    )
    assert saved["threshold"] == ours["threshold"]
    assert np.array_equal(saved["isolationforest"].decision_function(rows), estimator.decision_function(rows))


def test_the_threshold_flags_the_nominal_share_of_rows_that_were_held_out(models: Path) -> None:
    folder = models / "income-outlier"
    ours = json.loads((folder / "IForest.json").read_text())
    rows = joblib.load(models / "income-preprocess" / "model.joblib").transform(
        np.load(models / "holdout.npy")
    )
    share = (-joblib.load(folder / ours["estimator"]).decision_function(rows) > ours["threshold"]).mean()
    assert 0.025 < share < 0.10


def test_every_part_has_rows_of_its_own(tmp_path: Path) -> None:
    table = census_like(400, seed=2).assign(age=np.arange(400.0))
    trained = train(table, TARGET, tmp_path, QUICK, on_progress=lambda line: None)
    reference = set(np.load(tmp_path / "income-drift" / "x_ref.npy")[:, 0])
    calibration = set(np.load(tmp_path / "income-drift" / "held_out.npy")[:, 0])
    test = set(np.load(tmp_path / "holdout.npy")[:, 0])
    unseen = set(trained.split.unseen.tolist())
    assert [len(part) for part in (reference, unseen, calibration, test)] == [160, 80, 80, 80]
    assert reference | unseen | calibration | test == set(range(400))


def test_the_drift_reference_has_no_missing_values(models: Path) -> None:
    assert np.isfinite(np.load(models / "income-drift" / "x_ref.npy")).all()


def test_the_same_seed_trains_the_same(tmp_path: Path) -> None:
    table = census_like(400, seed=1)
    for name in ("one", "two"):
        train(table, TARGET, tmp_path / name, QUICK._replace(seed=3), on_progress=lambda line: None)
    for file in (
        "income-outlier/IForest.json",
        "income-drift/x_ref.npy",
        "income-drift/calibration.json",
        "holdout.npy",
    ):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("columns", [["age", "hours-per-week"], ["workclass", "sex"]])
def test_a_table_of_one_kind_of_column_is_trained_too(tmp_path: Path, columns: list[str]) -> None:
    trained = train(
        census_like(400, 1)[[*columns, TARGET]], TARGET, tmp_path, QUICK, on_progress=lambda line: None
    )
    assert trained.features.names == columns


def test_the_real_census_is_trained(tmp_path: Path) -> None:
    path = os.environ.get("WEIR_CENSUS_CSV")
    if not path:
        pytest.skip("WEIR_CENSUS_CSV does not name the census extract")
    table = read_table(Path(path)).frame.drop(columns=["fnlwgt", "education-num"])
    options = Options(windows=(500,), rate=0.05, draws=400)
    trained = train(table, TARGET, tmp_path, options, on_progress=lambda line: None)
    assert len(trained.split.reference) == 10_000
    assert trained.scores is not None
    assert trained.scores.accuracy > 0.84
    assert trained.scores.auc > 0.89
    assert all(one.state <= 0.07 for drift in trained.drifts for one in drift.false_alarms)


@pytest.mark.parametrize(
    ("table", "target", "message"),
    [
        (census_like(300, 0), "wage", "the table has no column 'wage'; it has age, workclass"),
        (census_like(50, 0), TARGET, "the table has 50 rows and 2 classes; it needs at least 100 rows"),
        (
            census_like(300, 0).assign(**{TARGET: "same"}),
            TARGET,
            "it needs at least 100 rows and two classes",
        ),
        (census_like(300, 0).assign(age=np.nan), TARGET, "has no value in the reference rows"),
        (census_like(300, 0).assign(wage=np.arange(300.0)), "wage", "300 distinct values; a classifier"),
        (
            census_like(300, 0).assign(key=[f"k{i}" for i in range(300)]),
            TARGET,
            "'key' has 300 distinct values",
        ),
        (
            census_like(300, 0).assign(day=pd.date_range("2026-01-01", periods=300)),
            TARGET,
            "column 'day' contains times",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_cause(
    tmp_path: Path, table: pd.DataFrame, target: str, message: str
) -> None:
    with pytest.raises(DeploymentError, match=message):
        train(table, target, tmp_path, QUICK, on_progress=lambda line: None)


def test_a_class_that_the_reference_rows_miss_is_refused_with_its_count(tmp_path: Path) -> None:
    table = census_like(300, 0)
    missed = split(len(table), QUICK.seed).calibration[:2]
    table.loc[missed, TARGET] = "rich"
    # scikit-learn learns the classes of the rows that it is fitted to.
    reference = table.iloc[split(len(table), QUICK.seed).reference]
    forest = DummyClassifier().fit(reference, reference[TARGET])
    assert sorted(set(table[TARGET]) - set(forest.classes_)) == ["rich"]
    with pytest.raises(DeploymentError) as caught:
        train(table, TARGET, tmp_path, QUICK)
    assert "class 'rich' of the target 'income-per-year' has 2 rows, and none of them" in str(caught.value)
    assert "merge it with another class" in str(caught.value)


@pytest.mark.parametrize("part", ["unseen", "calibration", "test"])
def test_a_class_may_be_missing_in_the_parts_that_nothing_is_fitted_to(tmp_path: Path, part: str) -> None:
    table = census_like(300, 0)
    learned = split(len(table), QUICK.seed).reference[:20]
    table.loc[learned, TARGET] = "rich"
    trained = train(table, TARGET, tmp_path, QUICK)
    assert trained.scores is not None
    assert trained.scores.classes == sorted(set(table[TARGET]))
    assert "rich" not in set(table[TARGET].iloc[getattr(trained.split, part)])


def test_a_predicted_class_that_the_reference_misses_is_trained(tmp_path: Path) -> None:
    table = census_like(300, 0)
    table["predicted"] = table[TARGET]
    table.loc[split(len(table), QUICK.seed).test[:1], ["predicted", "workclass"]] = "rich"
    trained = train_monitors_only(table.drop(columns=TARGET), tmp_path, QUICK, predictions=["predicted"])
    assert len(trained.drifts) == 2


def test_the_manifests_that_are_written_can_be_applied(models: Path) -> None:
    checked = check([models / "income.yaml"], Topics(), make_policy(str(models), "")).require()
    assert [release.name for release in checked.releases] == ["income-monitored"]


def test_the_page_and_the_card_describe_what_was_trained(models: Path, trained: Trained) -> None:
    page = (models / "income-report.html").read_text()
    card = json.loads((models / "income-model-card.json").read_text())
    assert page.count("<svg") == 2 + 1 + len(trained.drifts)
    assert "https://" not in page.replace("http://www.w3.org", "").replace("https://matplotlib.org", "")
    assert card["digests"].keys() == {path.name for path in models.iterdir() if path.is_dir()}
    assert all(digest(models / name) == value for name, value in card["digests"].items())
    assert card["rows"] == {"reference": 2400, "unseen": 1200, "calibration": 1200, "test": 1200}
    assert card["versions"]["alibi-detect"] == "0.11.4"
    for value in (card["data_sha256"], *card["digests"].values()):
        assert value in page
    assert f"accuracy {trained.scores.accuracy:.3f}" in page if trained.scores else False


def test_the_hash_is_of_the_data_not_of_the_file(tmp_path: Path) -> None:
    table = census_like(200, 0)
    table.to_csv(tmp_path / "t.csv", index=False)
    assert hash_of(read_table(tmp_path / "t.csv").frame) == hash_of(table)
    assert hash_of(table.assign(age=table["age"] + 1)) != hash_of(table)


def test_prediction_drift_has_rows_as_reference_that_the_classifier_never_saw(
    models: Path, trained: Trained, people: pd.DataFrame
) -> None:
    reference = np.load(models / "income-prediction-drift" / "x_ref.npy")
    rows = encode(people.drop(columns=TARGET), trained.features)[trained.split.unseen]
    prepared = joblib.load(models / "income-preprocess" / "model.joblib").transform(rows)
    forest = joblib.load(models / "income-classifier" / "model.joblib")
    assert np.array_equal(reference[:, 0], forest.predict(prepared))
    assert np.array_equal(reference[:, 1:], forest.predict_proba(prepared))


@pytest.mark.parametrize("outlier", ["isolation-forest", "mahalanobis"])
@pytest.mark.parametrize("threshold", ["percentile", "injected"])
def test_the_threshold_may_come_from_a_percentile_or_injected_outliers(
    tmp_path: Path, outlier: str, threshold: str
) -> None:
    options = QUICK._replace(outlier=outlier, threshold=threshold, windows=())  # type: ignore[arg-type]
    trained = train(census_like(1_500, 4), TARGET, tmp_path, options, on_progress=lambda line: None)
    found = trained.outlier.detection
    step = load(tmp_path / "income-outlier")
    assert isinstance(step, OutlierModel)
    if threshold == "percentile":
        assert 0.01 < trained.outlier.share < 0.12
    else:
        assert found is not None
        assert found.recall > 0.5


def test_the_threshold_may_come_from_marked_outliers(tmp_path: Path) -> None:
    table = census_like(1_500, 4)
    marked = np.random.default_rng(0).random(1_500) < 0.1
    table.loc[marked, ["age", "hours-per-week"]] = [400, 500]
    options = QUICK._replace(outlier="mahalanobis", threshold="labels", windows=())
    declared = DeclaredColumns(outlier_label="odd")
    trained = train(
        table.assign(odd=marked.astype(int)), TARGET, tmp_path, options, declared, lambda line: None
    )
    assert trained.outlier.detection is not None
    assert trained.outlier.detection.f1 > 0.95
    assert "odd" not in trained.features.names


def test_monitors_are_trained_for_a_model_that_there_already_is(tmp_path: Path, models: Path) -> None:
    table = census_like(1_500, 5).drop(columns=TARGET).assign(predicted=np.arange(1_500) % 3, score=0.5)
    trained = train_monitors_only(
        table,
        tmp_path,
        QUICK._replace(name="theirs"),
        DeclaredColumns(categorical=["predicted"]),
        models / "income-preprocess" / "model.joblib",
        ["predicted", "score"],
        lambda line: None,
    )
    assert trained.scores is None
    names = [drift.folder.name for drift in trained.drifts]
    assert names == ["theirs-drift", "theirs-drift-preprocessed", "theirs-prediction-drift"]
    assert json.loads((tmp_path / "theirs-prediction-drift" / "features.json").read_text())["columns"] == [
        "predicted",
        "score",
    ]
    checked = check([tmp_path / "theirs.yaml"], Topics(), make_policy(str(tmp_path), "")).require()
    assert [release.name for release in checked.releases] == ["theirs-monitored"]


def test_a_preprocessor_fitted_on_named_columns_gets_them(tmp_path: Path) -> None:
    table = census_like(800, 6).drop(columns=TARGET)
    parts = [("age", StandardScaler(), ["age"]), ("work", OneHotEncoder(), ["race", "sex"])]
    joblib.dump(ColumnTransformer(parts).fit(table), tmp_path / "theirs.joblib")
    trained = train_monitors_only(
        table, tmp_path / "out", QUICK, preprocessor=tmp_path / "theirs.joblib", on_progress=lambda line: None
    )
    columns = trained.drifts[1].columns
    assert columns[:2] == ["age__age", "work__race_Asian-Pac"]
    settings = json.loads((tmp_path / "out" / "income-preprocess" / "model-settings.json").read_text())
    assert settings["parameters"]["content_type"] == "pd"


def test_without_a_preprocessor_the_raw_columns_are_watched(tmp_path: Path) -> None:
    table = census_like(800, 6).drop(columns=TARGET)
    trained = train_monitors_only(table, tmp_path, QUICK, on_progress=lambda line: None)
    assert [drift.folder.name for drift in trained.drifts] == ["income-drift"]
    lines = "\n".join(describe(trained))
    assert "of windows of 50 test rows\n" in lines
    assert "are DRIFT (at most 5.0% stated" in lines
    assert "categorical (inferred): 2 categories, Female, Male" in lines


def test_types_are_as_declared(tmp_path: Path) -> None:
    table = census_like(800, 6).drop(columns=TARGET).assign(grade=np.arange(800) % 4, code=["7", "8"] * 400)
    declared = DeclaredColumns(categorical=["grade"], numeric=["code"])
    trained = train_monitors_only(table, tmp_path, QUICK, declared, on_progress=lambda line: None)
    assert trained.explained["grade"] == "categorical (declared): 4 categories, 0, 1, 2, 3"
    assert trained.explained["code"] == "numeric (declared): 7 to 8"
    undeclared = train_monitors_only(table, tmp_path, QUICK, on_progress=lambda line: None)
    assert "only 4 whole values: if they are codes, declare it" in undeclared.explained["grade"]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (DeclaredColumns(categorical=["wage"]), "the table has no column 'wage'"),
        (DeclaredColumns(numeric=["workclass"]), "'workclass' cannot be read as numbers"),
        (DeclaredColumns(categorical=["age"], numeric=["age"]), "both categorical and numeric"),
        (DeclaredColumns(outlier_label="age"), "must contain 0 and 1"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_with_the_cause(
    tmp_path: Path, declared: DeclaredColumns, message: str
) -> None:
    with pytest.raises(DeploymentError, match=message):
        train_monitors_only(census_like(300, 0), tmp_path, QUICK, declared, on_progress=lambda line: None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outlier": "svm"}, "--outlier is 'svm'; it must be one of isolation-forest, mahalanobis, vae"),
        ({"threshold": "labels"}, "needs a column that marks outliers: set --outlier-label"),
        ({"name": "My Models"}, "--name is 'My Models'; it may contain"),
        ({"outlier_percent": 0.0}, "--outlier-percent is 0; it must be between 0 and 100"),
        ({"rate": 1.5}, "--rate is 1.5; it must be between 0 and 1"),
        ({"windows": (0,)}, "--window is 0; it must be at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    chosen = QUICK._replace(**options)  # type: ignore[arg-type]
    with pytest.raises(DeploymentError, match=message):
        train(census_like(300, 0), TARGET, tmp_path, chosen, on_progress=lambda line: None)
