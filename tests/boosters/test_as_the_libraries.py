"""Every kind of booster answers as its library does, and as MLServer does over it, or is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from jobs.traffic.local.request_files import read_requests
from jobs.traffic.local.table_requests import TableOptions
from operators.core.errors import DeploymentError
from operators.core.tensors import Tensors
from operators.models.step import InferenceOptions
from tests.boosters.conftest import folder_of, put_to_mlserver
from tests.boosters.matrix import CASES, Case
from tests.jobs.traffic.local.deployed import responses, served_alone
from tests.operators.storage.model import load, one_request
from tests.parity.mlserver import MLServer
from tests.parity.one_step import Weir
from tests.parity.tensors import FLOATS, table, tensors

_REFUSED = [case for case in CASES if case.refused]
_SERVED = [case for case in CASES if not case.refused]
_BY_BOTH = [case for case in CASES if put_to_mlserver(case)]


def assert_equal(case: Case, ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    """Compare to the precision that the case promises; labels are equal."""
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    if theirs.dtype.kind != "f":
        np.testing.assert_array_equal(ours, theirs)
    elif case.precision is None:
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())
    else:
        # The complement of a probability near 1 has few digits of its own.
        unit = case.precision * np.finfo(theirs.dtype).eps
        np.testing.assert_allclose(ours, theirs, rtol=unit, atol=unit if _is_share(theirs) else 0)


def _is_share(values: NDArray[Any]) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())


@pytest.mark.parametrize("case", _SERVED, ids=lambda case: case.name)
def test_it_answers_as_its_library(case: Case, boosters: Path) -> None:
    folder = folder_of(case, boosters)
    step = load(folder)
    with np.load(folder / "answers.npz") as recorded:
        assert {name.partition("-")[2] for name in recorded.files} == set(step.functions)
        for name, expected in recorded.items():
            rows, _, method = name.partition("-")
            sent = np.load(folder.parent / f"{rows}.npy")
            answers = step.infer(one_request(sent), InferenceOptions(outputs=(method,)))
            assert isinstance(answers, dict)
            assert_equal(case, answers[method].data, expected)


@pytest.mark.parametrize("case", _BY_BOTH, ids=lambda case: case.name)
def test_it_answers_as_mlserver(case: Case, boosters: Path, weir: Weir, mlserver: MLServer) -> None:
    rows = np.load(folder_of(case, boosters).parent / "rows.npy")[:40]
    probabilities = case.saved_by in ("XGBClassifier", "XGBRFClassifier")
    sent = table(rows, outputs=("predict", "predict_proba") if probabilities else ("predict",))
    (ours,), theirs = weir.infer(case.name, sent), mlserver.infer(case.name, sent)
    assert theirs.status == 200, theirs.body
    assert ours.status == "answered", ours.body
    for one, other in zip(tensors(ours.body), tensors(theirs.body), strict=True):
        assert one[:3] == other[:3]
        dtype = FLOATS.get(one.datatype, np.int64)
        assert_equal(case, np.array(one.data, dtype), np.array(other.data, dtype))


@pytest.mark.parametrize("case", _REFUSED, ids=lambda case: case.name)
def test_what_cannot_be_equal_is_refused_with_the_remedy(case: Case, boosters: Path) -> None:
    with pytest.raises(DeploymentError) as caught:
        load(folder_of(case, boosters))
    message = str(caught.value)
    assert case.refused in message
    assert "train" in message
    assert "~" not in message


@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT64", "UINT8", "BOOL"])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_numbers_of_every_type_are_taken_as_mlserver_takes_them(
    library: str, datatype: str, weir: Weir, mlserver: MLServer
) -> None:
    case = next(case for case in _BY_BOTH if case.library == library and case.target == "number")
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2 if datatype in ("BOOL", "UINT8") else 2**30, size=(20, 6))
    sent = table(rows.astype(bool) if datatype == "BOOL" else rows, datatype)
    (ours,), theirs = weir.infer(case.name, sent), mlserver.infer(case.name, sent)
    assert tensors(ours.body) == tensors(theirs.body)


@pytest.mark.parametrize("word", ["abc", "-2", "99", "1.5", ""])
def test_a_best_iteration_that_cannot_be_is_refused(tmp_path: Path, boosters: Path, word: str) -> None:
    case = next(case for case in CASES if case.form == "json" and case.stopped)
    text = (folder_of(case, boosters) / "model.json").read_text("utf-8")
    best = text.split('"best_iteration":"')[1].split('"')[0]
    changed = text.replace(f'"best_iteration":"{best}"', f'"best_iteration":"{word}"')
    assert changed != text
    (tmp_path / "model.json").write_text(changed, "utf-8")
    (tmp_path / "model-settings.json").write_text('{"implementation": "mlserver_xgboost.XGBoostModel"}')
    with pytest.raises(DeploymentError, match="its best_iteration is"):
        load(tmp_path)


def test_columns_are_found_by_name_in_any_order(boosters: Path) -> None:
    case = next(case for case in CASES if case.note == "one category" and case.form == "json")
    step = load(folder_of(case, boosters))
    rows = np.load(folder_of(case, boosters).parent / "rows.npy")
    expected = step.infer(one_request(rows), InferenceOptions())
    columns: Tensors = {}
    for name in "fbdace":
        columns[name] = one_request(rows[:, ["abcdef".index(name)]])["x"]
    answers = step.infer(columns, InferenceOptions("pd"))
    assert isinstance(answers, dict)
    assert isinstance(expected, dict)
    np.testing.assert_array_equal(answers["predict"].data, expected["predict"].data)


@pytest.mark.parametrize("note", ["", "one category"])
def test_the_columns_of_a_csv_are_answered_as_the_library_answers_rows(
    boosters: Path, tmp_path: Path, note: str
) -> None:
    """A booster without column names gets one tensor, also without the option."""
    case = next(case for case in CASES if case.saved_by == "XGBClassifier" and case.note == note)
    folder = folder_of(case, boosters)
    pd.DataFrame(np.load(folder.parent / "rows.npy"), columns=list("abcdef")).to_csv(
        tmp_path / "rows.csv", index=False
    )
    pipeline, notices = served_alone(folder, tmp_path), list[str]()
    requests = read_requests(
        tmp_path / "rows.csv", pipeline, 40, notices.append, TableOptions(tensor=bool(note))
    )
    emitted = responses(list(pipeline.answer(requests)))
    answers = [value for tensors in emitted.values() for value in tensors["predict"]["data"]]
    with np.load(folder / "answers.npz") as recorded:
        assert answers == recorded["rows-predict"].tolist()
    assert [notice.endswith("as one tensor, in the order of the file") for notice in notices] == (
        [] if note else [True]
    )


def test_a_booster_without_names_is_refused_where_columns_are_named(boosters: Path) -> None:
    case = next(case for case in CASES if case.library == "xgboost" and case.saved_by == "XGBRegressor")
    step = load(folder_of(case, boosters))
    with pytest.raises(
        Exception, match="trained without column names, so content_type pd cannot match columns"
    ):
        step.infer(one_request(np.zeros((2, 6))), InferenceOptions("pd"))
