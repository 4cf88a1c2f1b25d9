"""Tables that hold what no model takes, in every command: errors name column and row, without a traceback."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from detectors.drift.alibi_detect_files import read_drift
from jobs.data.declared_columns import DeclaredColumns
from jobs.data.feature_encoding import encode, infer_features
from jobs.data.synthetic_census import TARGET, census_like
from jobs.data.table_files import read_table
from jobs.models.calibrate import calibrate_folder
from jobs.models.judge import judge_windows, load_monitor
from jobs.models.rows_to_judge import read_rows
from jobs.models.train import Trained, train, train_monitors_only
from jobs.models.training.options import Options
from operators.core.errors import DeploymentError
from operators.models.formats.data_quality import FILE, read_quality
from operators.models.runtimes.batched import BatchedStep, WindowRules
from operators.models.runtimes.drift import DriftModel
from tests.operators.storage.model import TRUSTING

N = 400
QUICK = Options(windows=(50,), rate=0.05, draws=100)
RNG = np.random.default_rng(5)
Values = Any


def people() -> pd.DataFrame:
    return census_like(N, seed=11)


def whole(table: pd.DataFrame, out: Path, options: Options = QUICK, **declared: Any) -> Trained:
    return train(table, TARGET, out, options, DeclaredColumns(**declared), on_progress=lambda line: None)


def monitors(table: pd.DataFrame, out: Path, options: Options = QUICK, **declared: Any) -> Trained:
    return train_monitors_only(
        table.drop(columns=TARGET), out, options, DeclaredColumns(**declared), on_progress=lambda line: None
    )


Train = Callable[..., Trained]
TRAINERS = [whole, monitors]

# Columns that cannot be trained on, and the error of each.
REFUSED: dict[str, tuple[Callable[[], Values], str]] = {
    "lists": (lambda: [[1, 2]] * N, r"contains lists \(first in row 0"),
    "a list": (lambda: pd.Series([None] * 7 + [np.array([1])] + [None] * (N - 8)), r"lists \(first in row 7"),
    "structs": (lambda: [{"a": 1}] * N, "contains structs"),
    "binary": (lambda: [b"x"] * N, "contains binary values"),
    "sets": (lambda: [{1}] * N, "contains values of type set"),
    "complex": (lambda: np.full(N, 1j), "contains complex numbers"),
    "arrow lists": (
        lambda: pd.Series([[1]] * N, dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        "contains lists",
    ),
    "intervals": (lambda: pd.interval_range(0, N), "contains values of type Interval"),
    "timestamps": (lambda: pd.date_range("2026-01-01", periods=N), "contains times"),
    "timestamps of a zone": (lambda: pd.date_range("2026-01-01", periods=N, tz="CET"), "contains times"),
    "arrow timestamps": (
        lambda: pd.Series(range(N)).astype("datetime64[s]").astype(pd.ArrowDtype(pa.timestamp("s"))),
        "contains times",
    ),
    "periods": (lambda: pd.period_range("2026-01", periods=N, freq="D"), "contains times"),
    "dates": (lambda: [datetime.date(2026, 1, 1 + i % 28) for i in range(N)], "contains times"),
    "times of day": (lambda: [datetime.time(i % 24) for i in range(N)], "contains times"),
    "dates as text": (lambda: [f"2026-01-{1 + i % 28:02}" for i in range(N)], "contains times"),
    "German dates as text": (lambda: [f"{1 + i % 28}.1.2026" for i in range(N)], "contains times"),
    "nothing": (lambda: [None] * N, "has no value in the reference rows: leave it out"),
    "NaN": (lambda: np.full(N, np.nan), "has no value in the reference rows"),
    "arrow nulls": (
        lambda: pd.Series([None] * N, dtype=pd.ArrowDtype(pa.null())),
        "has no value in the reference rows",
    ),
    "infinities": (
        lambda: np.full(N, -np.inf),
        r"contains 400 values that are infinite or beyond 3.4e\+38, first -inf",
    ),
    "1e200": (lambda: np.full(N, 1e200), "no other value in the reference rows: scale it, or leave it out"),
    "words beside numbers": (
        lambda: [*map(str, range(N - 2)), "n. a.", "n. a."],
        r"besides them 2 words such as 'n. a.' \(first in row 398.*--missing-values '\?,n. a.'",
    ),
    "thousands": (
        lambda: [f"{i + 1},575.44" for i in range(N - 1)] + ["1"],
        "remove the thousands separators$",
    ),
    "decimal commas": (lambda: [f"{i},5" for i in range(N - 1)] + ["1"], "--decimal ,"),
}


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize("name", REFUSED)
def test_a_column_that_no_monitor_takes_is_named(tmp_path: Path, name: str, trainer: Train) -> None:
    make, message = REFUSED[name]
    with pytest.raises(DeploymentError, match=message) as caught:
        trainer(people().assign(odd=make()), tmp_path)
    assert "column 'odd'" in str(caught.value)


EMPTY = {"nothing", "NaN", "arrow nulls", "infinities", "1e200"}


@pytest.mark.parametrize("name", [name for name in REFUSED if name not in EMPTY])
def test_a_column_that_cannot_be_numbers_is_named_when_it_is_declared_so(name: str) -> None:
    with pytest.raises(DeploymentError, match="column 'odd'"):
        infer_features(people().assign(odd=REFUSED[name][0]()), numeric=["odd"])


# Columns that can be trained on: what they are, and the values that the reference must be of.
def _with(values: Values, **changes: float) -> Values:
    column = np.array(values, dtype=object)
    for row, value in changes.items():
        column[int(row[1:])] = value
    return column.astype(float)


NORMAL = RNG.normal(100, 5, N)
TAKEN: dict[str, tuple[Values, str]] = {
    "an infinity": (
        _with(NORMAL, r3=np.inf),
        "left out of every reference: 1 value infinite or beyond 3.4e+38",
    ),
    "infinities": (_with(NORMAL, r3=np.inf, r9=-np.inf), "2 values infinite or beyond 3.4e+38 such as 'inf'"),
    "1e200": (_with(NORMAL, r3=1e200), "'1e+200' (in row 3"),
    "-1e39": (_with(NORMAL, r3=-1e39), "'-1e+39' (in row 3"),
    "the largest float32": (_with(NORMAL, r3=3.4e38), "to 3.4e+38"),
    "decimals": ([Decimal(str(round(x, 2))) for x in NORMAL], "numeric (inferred; decimals)"),
    "durations": (pd.to_timedelta(NORMAL, unit="s"), "numeric (inferred; durations in seconds)"),
    "Int64": (pd.Series(np.arange(N), dtype="Int64").where(np.arange(N) % 9 > 0), "11.2% missing"),
    "Float64": (pd.Series(NORMAL, dtype="Float64"), "numeric (inferred)"),
    "boolean": (
        pd.Series(NORMAL > 100, dtype="boolean"),
        "categorical (inferred): 2 categories, False, True",
    ),
    "bool": (NORMAL > 100, "categorical (inferred): 2 categories, False, True"),
    "string": (pd.Series(["a", "b"] * (N // 2), dtype="string"), "2 categories, a, b"),
    "arrow strings": (
        pd.Series(["a", None] * (N // 2), dtype="string[pyarrow]"),
        "1 categories, a, 50.0% miss",
    ),
    "a dictionary": (pd.Series(["a", "b"] * (N // 2), dtype="category"), "2 categories, a, b"),
    "NA": (["NA", "b"] * (N // 2), "'NA' is a category (200 cells, first in row 0"),
    "big whole numbers": (2**53 + np.arange(N), "200 whole numbers are rounded such as"),
    "tiny numbers": (NORMAL * 1e-300, "which models read as 0: scale them"),
}


class Done(NamedTuple):
    table: pd.DataFrame
    out: Path
    trained: Trained


@pytest.fixture(scope="module", params=[(whole, "mahalanobis"), (monitors, "isolation-forest")])
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Everything trained on a table of all these columns."""
    trainer, outlier = request.param
    out = tmp_path_factory.mktemp("taken")
    table = people().assign(**{name: values for name, (values, _) in TAKEN.items()})
    return Done(table, out, trainer(table, out, QUICK._replace(outlier=outlier)))


@pytest.mark.parametrize("name", TAKEN)
def test_a_column_that_can_be_used_is_used_and_explained(done: Done, name: str) -> None:
    trained = done.trained
    assert TAKEN[name][1] in trained.explained[name]
    at = trained.features.names.index(name)
    reference = np.load(done.out / "income-drift" / "x_ref.npy")[:, at]
    read = encode(done.table, trained.features)[trained.split.reference, at]
    usable = read[np.abs(read) < 3.5e38]
    assert set(reference) <= set(usable), "what is left out is filled up from the same column"
    feature = read_quality(done.out / "income-quality" / FILE).features[at]
    assert feature.missing == pytest.approx(np.isnan(read).mean()), "an infinity is not missing"
    if feature.categories is None:
        assert (feature.low, feature.high) == (usable.min(), usable.max())


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_column_with_hardly_any_value_is_named(tmp_path: Path, trainer: Train) -> None:
    reference = np.random.default_rng(0).permutation(N)[:5]
    values = np.where(np.isin(np.arange(N), reference), 1.5, np.nan)
    with pytest.raises(DeploymentError, match="column 'odd' has no value in the calibration rows"):
        trainer(people().assign(odd=values), tmp_path)


@pytest.mark.parametrize(
    ("outlier", "threshold"), [("mahalanobis", "percentile"), ("isolation-forest", "labels")]
)
def test_a_table_that_an_outlier_detector_cannot_learn_from_is_refused(
    tmp_path: Path, outlier: str, threshold: str
) -> None:
    table = pd.DataFrame({"a": [1.0] * N, "b": [2.0] * N, "odd": [0] * N, TARGET: ["x", "y"] * (N // 2)})
    options = QUICK._replace(outlier=outlier, threshold=threshold)  # type: ignore[arg-type]
    with pytest.raises(DeploymentError, match=r"the outlier detector .* cannot be trained: "):
        monitors(table, tmp_path, options, outlier_label="odd")


def test_a_column_that_mahalanobis_would_not_see_is_named(tmp_path: Path) -> None:
    """Beside variances 16 digits greater the pseudo-inverse drops a column, and would without a word."""
    table = people().assign(small=RNG.normal(0, 1e-3, N), large=RNG.normal(0, 1e9, N))
    covariance = np.cov(table[["small", "large"]].to_numpy(), rowvar=False)
    assert np.linalg.matrix_rank(covariance, hermitian=True) == 1, "numpy drops it too"
    with pytest.raises(DeploymentError, match=r"mahalanobis cannot use column '.*' .* together with 'large'"):
        monitors(table, tmp_path, QUICK._replace(outlier="mahalanobis"))


def test_columns_of_a_name_twice_are_refused(tmp_path: Path) -> None:
    table = people()
    with pytest.raises(DeploymentError, match="several columns are named 'age'"):
        whole(pd.concat([table, table[["age"]]], axis=1), tmp_path)


def test_rows_without_a_target_are_left_out_and_counted(tmp_path: Path) -> None:
    table = people()
    table.loc[[4, 9], TARGET] = None
    progress: list[str] = []
    trained = train(
        table.assign(x=_with(NORMAL, r9=np.inf, r12=np.inf)),
        TARGET,
        tmp_path,
        QUICK,
        on_progress=progress.append,
    )
    assert progress[0] == f"leaving out 2 rows without {TARGET} (first row 4, counted from 0)"
    assert "'inf' (in row 12, counted from 0)" in trained.explained["x"], "the row's number in the table"


@pytest.mark.parametrize("values", [[[1]] * N, [b"x"] * N])
def test_a_target_of_no_classes_is_refused(tmp_path: Path, values: Values) -> None:
    with pytest.raises(DeploymentError, match=f"the target '{TARGET}' contains"):
        whole(people().assign(**{TARGET: values}), tmp_path)


@pytest.mark.parametrize("marks", [[0, 1, None, 0], [[1], 0, 0, 0], ["yes", "no", "no", "no"]])
def test_marks_other_than_0_and_1_are_refused(tmp_path: Path, marks: Values) -> None:
    with pytest.raises(DeploymentError, match="column 'mark' marks outliers, so it must contain 0 and 1"):
        whole(people().assign(mark=pd.Series(marks * (N // 4))), tmp_path, outlier_label="mark")


def test_predictions_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    table = people().drop(columns=TARGET)
    for values in ([[1]] * N, np.full(N, np.inf), [None] * N):
        with pytest.raises(DeploymentError, match="column 'predicted'"):
            train_monitors_only(
                table.assign(predicted=pd.Series(values)),
                tmp_path,
                QUICK,
                predictions=["predicted"],
                on_progress=lambda line: None,
            )


@pytest.fixture(scope="module")
def trained_on_a_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Monitors of a CSV with a country NA and codes that begin with a zero."""
    folder = tmp_path_factory.mktemp("odd")
    countries().to_csv(folder / "train.csv", index=False)
    read = read_table(folder / "train.csv")
    train(
        read.frame,
        TARGET,
        folder / "models",
        QUICK,
        DeclaredColumns(missing=read.missing),
        on_progress=lambda line: None,
    )
    return folder


def countries(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return census_like(1_000, seed).assign(
        country=rng.choice(["NA", "None", "DE"], 1_000),
        zip=rng.choice(["01234", "00999", "12345"], 1_000),
        grade=rng.choice(["1", "2", "3x"], 1_000),
        price=rng.normal(100, 5, 1_000),
    )


def test_what_was_trained_is_what_is_judged(trained_on_a_csv: Path, tmp_path: Path) -> None:
    """A category NA is a category in training, in quality and drift reports, and in a calibration."""
    models = trained_on_a_csv / "models"
    countries(1).to_csv(tmp_path / "new.csv", index=False)
    quality = read_quality(models / "income-quality" / FILE).features
    assert quality[12].categories == ("DE", "NA", "None")
    assert set(quality[13].categories or ()) == {"00999", "01234", "12345"}
    for name in ("income-quality", "income-drift"):
        step = load_monitor(models / name, TRUSTING)
        assert isinstance(step, BatchedStep)
        given = read_rows(tmp_path / "new.csv", step, models / name)
        states = [one.verdict.state for one in judge_windows(step, given.tensors, 500, WindowRules())]
        assert states == ["OK", "OK"]
    step = load_monitor(models / "income-drift", TRUSTING)
    assert isinstance(step, DriftModel)
    given = read_rows(tmp_path / "new.csv", step, models / "income-drift")
    assert not np.isnan(given.tensors["rows"].data[:, 12:]).any()
    added = calibrate_folder(models / "income-drift", 50, 0.05, tmp_path / "new.csv", draws=100).calibration
    assert added.rows == 1_000
    expected = read_drift(models / "income-drift").count(given.tensors["rows"].data)[12].missing
    assert expected == 0


def test_codes_are_the_same_words_in_a_file_without_a_leading_zero(
    trained_on_a_csv: Path, tmp_path: Path
) -> None:
    """A file of nothing but 12345 reads as numbers: it is the category all the same."""
    models = trained_on_a_csv / "models"
    countries(1).assign(zip=12345, grade=2).to_csv(tmp_path / "new.csv", index=False)
    step = load_monitor(models / "income-quality", TRUSTING)
    given = read_rows(tmp_path / "new.csv", step, models / "income-quality")
    answer = step.infer(given.tensors, _named())
    assert isinstance(answer, dict)
    assert (answer["issues"].data[:, 12:15] == 0).all()


def _named() -> Any:
    from operators.models.step import InferenceOptions

    return InferenceOptions("pd")


INFINITE = "1 row contains infinity, first row 7 (counted from 0), column 'price': left out"
ODD_FILES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "an infinity": lambda table: table.assign(price=table["price"].where(table.index != 7, np.inf)),
    "1e200": lambda table: table.assign(price=table["price"].where(table.index != 7, 1e200)),
    "an empty column": lambda table: table.assign(price=None),
    "a further column of lists": lambda table: table.assign(more="[1]"),
    "a new word": lambda table: table.assign(country=table["country"].where(table.index != 7, "XX")),
}


@pytest.mark.parametrize("name", ["income-drift", "income-quality", "income-outlier"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("odd", ODD_FILES)
def test_an_odd_file_is_judged_and_a_note_names_the_row_left_out(
    trained_on_a_csv: Path, tmp_path: Path, odd: str, kind: str, name: str
) -> None:
    models = trained_on_a_csv / "models"
    path = tmp_path / f"new.{kind}"
    table = ODD_FILES[odd](countries(1))
    if kind == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    step = load_monitor(models / name, TRUSTING)
    before = load_monitor(models / "income-preprocess", TRUSTING) if name == "income-outlier" else None
    given = read_rows(path, step, models / name, before)
    left_out = odd == "an infinity" and name != "income-quality"
    assert len(given.numbers) == 1_000 - left_out
    assert any(note.startswith(INFINITE) for note in given.notes) == left_out, given.notes
    if isinstance(step, BatchedStep):
        windows = list(judge_windows(step, given.tensors, 500, WindowRules(), given.numbers.tolist()))
        assert [one.last for one in windows] == [499 + left_out, 999]
        if name == "income-quality" and odd == "an infinity":
            assert windows[0].verdict.tensors["out_of_range"][0].sum() >= 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.inf, "column 'price' has no usable value: column 'price' contains 1,000 values"),
        (None, "column 'price' has no usable value"),
        ("x", r"column 'price' cannot be read as numbers: it contains 1,000 other values such as 'x'"),
    ],
)
def test_a_calibration_from_a_column_that_cannot_be_used_is_refused(
    trained_on_a_csv: Path, tmp_path: Path, values: Values, message: str
) -> None:
    countries(1).assign(price=values).to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(DeploymentError, match=message):
        calibrate_folder(
            trained_on_a_csv / "models" / "income-drift", 50, 0.05, tmp_path / "new.csv", draws=100
        )


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_a_calibration_leaves_out_what_no_reference_holds(
    trained_on_a_csv: Path, tmp_path: Path, kind: str
) -> None:
    folder = trained_on_a_csv / "models" / "income-drift"
    table = countries(1).assign(price=_with(np.ones(1_000), r4=np.inf, r5=-1e200))
    path = tmp_path / f"new.{kind}"
    if kind == "csv":
        table.to_csv(path, index=False)
    else:
        held_out = np.load(folder / "held_out.npy")
        held_out[[4, 5], -1] = [np.inf, -1e200]
        np.save(path, held_out)
    done = calibrate_folder(folder, 50, 0.05, path, draws=100)
    expected = "column 'price' contains 2 values that are infinite or beyond 3.4e+38, first inf in row 4"
    assert any(note.startswith(expected) for note in done.notes)
