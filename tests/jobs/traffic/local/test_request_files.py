from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from jobs.data.declared_columns import DeclaredColumns
from jobs.data.feature_encoding import encode
from jobs.data.synthetic_census import TARGET, census_like
from jobs.data.table_format import TableFormat
from jobs.traffic.local.column_tensors import column_values
from jobs.traffic.local.pipeline import LocalPipeline
from jobs.traffic.local.request_files import read_requests
from jobs.traffic.local.table_requests import TableOptions, encoding
from operators.core.errors import DeploymentError
from tests.jobs.traffic.local.deployed import deploy, letters, local, responses, served_alone


@pytest.fixture(scope="module")
def workflow(models: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalPipeline:
    """The example, whose models take rows of numbers."""
    return local(deploy(tmp_path_factory.mktemp("reading"), models), models, "income-workflow")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """60 people, some of whom miss values."""
    return census_like(60, 5).drop(columns=TARGET)


@pytest.fixture(scope="module")
def by_name(people: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Pipeline, LocalPipeline]:
    """A classifier that was fitted on named columns of numbers and words, and a pipeline of it alone."""
    folder = tmp_path_factory.mktemp("by-name")
    rows = people.drop(columns=TARGET)
    parts = [
        (
            "numbers",
            make_pipeline(SimpleImputer(), StandardScaler()),
            list(rows.select_dtypes("number").columns),
        ),
        ("words", OneHotEncoder(handle_unknown="ignore"), list(rows.select_dtypes(object).columns)),
    ]
    model = make_pipeline(ColumnTransformer(parts), LogisticRegression(max_iter=1_000))
    model.fit(rows, people[TARGET])
    return model, served_estimator(model, folder)


def served_estimator(model: Any, folder: Path) -> LocalPipeline:
    """Return a pipeline of one scikit-learn model."""
    (folder / "words").mkdir()
    joblib.dump(model, folder / "words" / "model.joblib")
    settings = {
        "name": "words",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "model.joblib"},
    }
    (folder / "words" / "model-settings.json").write_text(json.dumps(settings))
    return served_alone(folder / "words", folder)


def written(table: pd.DataFrame, folder: Path, suffix: str, encoded: Any = None) -> Path:
    file = folder / f"rows{suffix}"
    if suffix == ".npy":
        np.save(file, encoded)
    elif suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file)
    return file


def silent(line: str) -> None:
    pytest.fail(line)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npy"])
@pytest.mark.parametrize("rows", [1, 7, 100])
def test_rows_are_encoded_for_models_that_take_numbers(
    workflow: LocalPipeline, models: Path, table: pd.DataFrame, tmp_path: Path, suffix: str, rows: int
) -> None:
    features = encoding(workflow)
    assert features is not None
    encoded = encode(table, features)
    file = written(table, tmp_path, suffix, encoded)
    requests = list(read_requests(file, workflow, rows, silent))
    assert [one.offset for one in requests] == list(range(-(-60 // rows)))
    found = responses(list(workflow.answer(requests)))
    got = [value for _, tensors in sorted(found.items()) for value in tensors["predict"]["data"]]
    model = joblib.load(models / "income-preprocess" / "model.joblib")
    classifier = joblib.load(models / "income-classifier" / "model.joblib")
    assert got == classifier.predict(model.transform(encoded)).tolist()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("rows", [1, 7, 100])
def test_columns_go_by_name_to_models_that_take_names(
    by_name: tuple[Pipeline, LocalPipeline], table: pd.DataFrame, tmp_path: Path, suffix: str, rows: int
) -> None:
    model, pipeline = by_name
    whole = table.dropna()
    assert encoding(pipeline) is None
    # The file has a column that no model reads, and its columns in another order.
    shuffled = whole.assign(odd=True)[[*reversed(whole.columns), "odd"]]
    emitted = list(
        pipeline.answer(read_requests(written(shuffled, tmp_path, suffix), pipeline, rows, silent))
    )
    assert letters(emitted) == []
    got = [value for tensors in responses(emitted).values() for value in tensors["predict"]["data"]]
    assert got == model.predict(whole).tolist()


@pytest.mark.parametrize("texts", [("True", "False"), ("TRUE", "FALSE"), ("true", "false")])
def test_true_and_false_of_a_csv_are_booleans_as_in_pandas(tmp_path: Path, texts: tuple[str, str]) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("member\n" + "\n".join(texts * 5) + "\n")
    table = pd.read_csv(file)
    assert table["member"].dtype == bool
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LinearRegression())
    model.fit(table, np.where(table["member"], 10.0, 1.0))
    pipeline = served_estimator(model, tmp_path)
    emitted = list(pipeline.answer(read_requests(file, pipeline, 1, silent)))
    got = [value for tensors in responses(emitted).values() for value in tensors["predict"]["data"]]
    assert got == pytest.approx(model.predict(table))


@pytest.mark.parametrize(
    ("cells", "datatype", "data"),
    [
        (["True", "", "False"], "BOOL", [True, None, False]),
        (["True", "1", "False"], "BYTES", ["True", "1", "False"]),
        (["yes", "no", "yes"], "BYTES", ["yes", "no", "yes"]),
    ],
)
def test_a_csv_column_has_the_values_that_pandas_reads(
    by_name: tuple[Pipeline, LocalPipeline], tmp_path: Path, cells: list[str], datatype: str, data: list[Any]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("odd,n\n" + "".join(f"{cell},1\n" for cell in cells))
    (request,) = read_requests(file, by_name[1], 10, silent)
    odd, _ = json.loads(request.value)["inputs"]
    assert (odd["datatype"], odd["data"]) == (datatype, data)
    assert pd.read_csv(file)["odd"].replace({np.nan: None}).tolist() == data


GERMAN = TableFormat(";", ",", "latin-1", ("-",))


def test_a_table_is_read_in_the_format_that_is_set(
    by_name: tuple[Pipeline, LocalPipeline], tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes("größe;n;code;flag\n1,5;-;007;True\n2,5;3;008;False\n".encode("latin-1"))
    table = pd.read_csv(file, sep=";", decimal=",", encoding="latin-1", na_values=["-"], dtype={"flag": str})
    declared = DeclaredColumns(categorical=["flag"], numeric=["code"], form=GERMAN)
    notices: list[str] = []
    (request,) = read_requests(file, by_name[1], 2, notices.append, TableOptions(declared))
    columns = {one["name"]: (one["datatype"], one["data"]) for one in json.loads(request.value)["inputs"]}
    assert columns == {
        "größe": ("FP64", table["größe"].tolist()),
        "n": ("FP64", [None, 3.0]),
        "code": ("FP64", table["code"].tolist()),
        "flag": ("BYTES", table["flag"].tolist()),
    }


def test_columns_are_sent_as_one_tensor_if_that_is_asked_for(
    by_name: tuple[Pipeline, LocalPipeline], tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("b,a,c\n1,True,\n2,False,0.5\n")
    (request,) = read_requests(file, by_name[1], 2, silent, TableOptions(tensor=True))
    (tensor,) = json.loads(request.value)["inputs"]
    rows = pd.read_csv(file).to_numpy(dtype=float)
    assert (tensor["datatype"], tensor["shape"]) == ("FP64", [2, 3])
    assert np.array_equal(np.array(tensor["data"], dtype=float).reshape(2, 3), rows, equal_nan=True)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (DeclaredColumns(numeric=["odd"]), "column 'odd' cannot be read as numbers: it contains .*'n/a'"),
        (DeclaredColumns(categorical=["other"]), "the table has no column 'other'"),
    ],
)
def test_types_that_do_not_fit_are_refused(
    by_name: tuple[Pipeline, LocalPipeline], tmp_path: Path, declared: DeclaredColumns, message: str
) -> None:
    (tmp_path / "rows.csv").write_text("odd\nn/a\n1\n")
    with pytest.raises(DeploymentError, match=message):
        read_requests(tmp_path / "rows.csv", by_name[1], 1, silent, TableOptions(declared))


def test_types_are_refused_where_features_json_has_them(
    workflow: LocalPipeline, table: pd.DataFrame, tmp_path: Path
) -> None:
    file = written(table, tmp_path, ".csv")
    with pytest.raises(DeploymentError, match=r"features.json determines the types"):
        read_requests(file, workflow, 1, silent, TableOptions(DeclaredColumns(numeric=["age"])))


def test_text_of_parquet_stays_text(by_name: tuple[Pipeline, LocalPipeline], tmp_path: Path) -> None:
    pd.DataFrame({"odd": ["True", "False"]}).to_parquet(tmp_path / "rows.parquet")
    (request,) = read_requests(tmp_path / "rows.parquet", by_name[1], 10, silent)
    assert json.loads(request.value)["inputs"][0]["datatype"] == "BYTES"


# A column, its datatype and data in a request, and the notice.
CHANGED: dict[str, tuple[pd.Series, str, list[Any], str]] = {
    "infinity": (
        pd.Series([1.0, np.inf, -np.inf]),
        "FP64",
        [1.0, None, None],
        "column 'x': JSON has no infinity: missing values replace 2 infinite values such as 'inf' "
        "(first in row 1, counted from 0)",
    ),
    "large": (pd.Series([0, 2**64 - 1], dtype="uint64"), "UINT64", [0, 2**64 - 1], ""),
    "least": (pd.Series([-(2**63), 2**63 - 1]), "INT64", [-(2**63), 2**63 - 1], ""),
    "decimals beyond": (
        pd.Series([Decimal(2**64 + 1), Decimal(1)]),
        "FP64",
        [float(2**64), 1.0],
        "column 'x' is sent as FP64: decimals",
    ),
    "durations": (
        pd.Series(pd.to_timedelta([90, None], unit="s")),
        "FP64",
        [90.0, None],
        "column 'x' is sent as FP64: durations in seconds",
    ),
    "categories": (pd.Series(pd.Categorical([True, False])), "BOOL", [True, False], ""),
    "lists": (
        pd.Series([None, [1]]),
        "",
        [],
        "column 'x' contains lists (first in row 1, counted from 0) and is left out",
    ),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_a_value_that_changes_on_its_way_is_noticed(kind: str) -> None:
    column, datatype, data, notice = CHANGED[kind]
    notices: list[str] = []
    values = column_values(column.rename("x"), notices.append)
    assert (values.datatype, values.values) == (datatype, data) if values else datatype == ""
    assert notices == ([notice] if notice else [])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_infinity_of_a_table_is_noticed_however_it_is_sent(
    workflow: LocalPipeline,
    by_name: tuple[Pipeline, LocalPipeline],
    table: pd.DataFrame,
    tmp_path: Path,
    suffix: str,
) -> None:
    file = written(table.assign(age=np.where(table.index == 7, np.inf, table["age"])), tmp_path, suffix)
    for pipeline in (workflow, by_name[1]):
        notices: list[str] = []
        assert len(list(read_requests(file, pipeline, 1, notices.append))) == 60
        assert notices == [
            f"{file}: column 'age': JSON has no infinity: missing values replace 1 infinite value, 'inf' "
            "(in row 7, counted from 0)"
        ]


def test_words_that_mean_missing_are_noticed(by_name: tuple[Pipeline, LocalPipeline], tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n?,1\n,2\n")
    notices: list[str] = []
    list(read_requests(file, by_name[1], 1, notices.append))
    assert notices == [f"{file}: column 'a': '?' is read as missing (1 cells)"]


def test_a_whole_number_that_is_rounded_is_noticed(workflow: LocalPipeline, tmp_path: Path) -> None:
    rows = np.zeros((2, 12), dtype=np.int64)
    rows[1, 3] = 2**53 + 1
    np.save(tmp_path / "rows.npy", rows)
    notices: list[str] = []
    list(read_requests(tmp_path / "rows.npy", workflow, 1, notices.append))
    assert notices == [
        f"{tmp_path / 'rows.npy'}: FP64 rounds 1 whole number, '{2**53 + 1}' (in row 1, counted from 0)"
    ]


def test_each_column_has_the_datatype_of_its_values(
    by_name: tuple[Pipeline, LocalPipeline], tmp_path: Path
) -> None:
    table = pd.DataFrame(
        {
            "whole": pd.array([1, None], dtype="Int64"),
            "number": [0.5, None],
            "truth": [True, False],
            "word": ["a", None],
            "time": pd.to_datetime(["2026-01-02", None]),
        }
    )
    table.to_parquet(tmp_path / "rows.parquet")
    notices: list[str] = []
    (request,) = read_requests(tmp_path / "rows.parquet", by_name[1], 10, notices.append)
    assert notices == [f"{tmp_path / 'rows.parquet'}: column 'time' is sent as BYTES: times"]
    body = json.loads(request.value)
    assert body["id"] == "0-1"
    assert body["parameters"] == {"content_type": "pd"}
    assert {one["name"]: (one["datatype"], one["shape"], one["data"]) for one in body["inputs"]} == {
        "whole": ("INT64", [2, 1], [1, None]),
        "number": ("FP64", [2, 1], [0.5, None]),
        "truth": ("BOOL", [2, 1], [True, False]),
        "word": ("BYTES", [2, 1], ["a", None]),
        "time": ("BYTES", [2, 1], ["2026-01-02 00:00:00", None]),
    }


def test_words_without_a_code_are_noticed(
    workflow: LocalPipeline, table: pd.DataFrame, tmp_path: Path
) -> None:
    flagged = table.copy()
    flagged.loc[[3, 4], "workclass"] = "Mars"
    notices: list[str] = []
    file = written(flagged, tmp_path, ".csv")
    requests = list(read_requests(file, workflow, 1, notices.append))
    assert notices == [
        f"{file}: 2 values of workclass are not in features.json, such as 'Mars'; "
        "they get the code after the last category"
    ]
    assert len(requests) == 60


def test_infinity_is_noticed(workflow: LocalPipeline, tmp_path: Path) -> None:
    rows = np.zeros((2, 12))
    rows[1, 3] = np.inf
    np.save(tmp_path / "rows.npy", rows)
    notices: list[str] = []
    assert len(list(read_requests(tmp_path / "rows.npy", workflow, 1, notices.append))) == 2
    assert notices == [
        f"{tmp_path / 'rows.npy'}: JSON has no infinity: missing values replace 1 infinite value, 'inf' "
        "(in row 1, counted from 0)"
    ]


def test_blank_lines_are_passed_over_and_offsets_count_them(workflow: LocalPipeline, tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_bytes(b'\n{"a": 1}\r\n   \n{nope')
    assert list(read_requests(file, workflow, 1, silent)) == [(1, b'{"a": 1}'), (3, b"{nope")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.txt", b"", "the name must end with one of .jsonl, .ndjson, .csv, .parquet, .pq, .npy"),
        ("rows.parquet", b"no", "cannot be read as Parquet"),
        ("rows.csv", b"", "is empty; it must have a header line and rows"),
        ("rows.csv", b"a,b\n1,2\n", "the table has no column 'age'"),
        ("rows.npy", b"no", "cannot be read"),
        ("rows.jsonl", None, "there is no file"),
        ("rows.csv", None, "there is no file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    workflow: LocalPipeline, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DeploymentError, match=message):
        list(read_requests(tmp_path / name, workflow, 1, silent))


@pytest.mark.parametrize(
    "array", [np.zeros(3), np.array([["a", "b"]]), np.array([[1 + 2j]])], ids=["flat", "words", "complex"]
)
def test_an_array_that_holds_no_rows_of_numbers_is_refused(
    workflow: LocalPipeline, tmp_path: Path, array: Any
) -> None:
    np.save(tmp_path / "rows.npy", array)
    with pytest.raises(DeploymentError, match=r"it must contain numbers of shape \(rows, …\)"):
        read_requests(tmp_path / "rows.npy", workflow, 1, silent)


def test_an_archive_of_arrays_is_refused_whatever_its_name(workflow: LocalPipeline, tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", rows=np.zeros((2, 12)))
    archive = (tmp_path / "rows.npz").rename(tmp_path / "rows.npy")
    with pytest.raises(DeploymentError, match="contains an archive; it must contain numbers"):
        read_requests(archive, workflow, 1, silent)


def test_rows_of_tensors_become_requests_of_their_shape(workflow: LocalPipeline, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.arange(24.0).reshape(3, 4, 2))
    requests = list(read_requests(tmp_path / "rows.npy", workflow, 2, silent))
    shapes = [json.loads(one.value)["inputs"][0]["shape"] for one in requests]
    assert shapes == [[2, 4, 2], [1, 4, 2]]
