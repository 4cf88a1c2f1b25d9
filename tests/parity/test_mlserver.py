"""The same folders and the same request bytes through MLServer's scikit-learn runtime and through Weir."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.parity.conftest import TEXTS
from tests.parity.mlserver import MLServer, Reply
from tests.parity.one_step import Answer, Weir
from tests.parity.tensors import Tensor, assert_same, column_tensors, columns, request, table, tensor, tensors

Rows = NDArray[np.float64]
Both = Callable[[str, bytes], tuple[Answer, Reply]]

ON_ROWS = (
    "income",
    "income-preprocess",
    "income-classifier",
    "probabilities",
    "margins",
    "hours",
    "words",
    "frames",
)
CLASSIFIERS = ("income", "income-classifier", "probabilities", "margins", "words")
NAMED = ("named", "named-by-settings")


@pytest.fixture(scope="session")
def both(weir: Weir, mlserver: MLServer) -> Both:
    """Send the same bytes to a model on both sides."""
    return lambda model, sent: (weir.infer(model, sent)[0], mlserver.infer(model, sent))


@pytest.fixture(scope="session")
def prepared(folders: dict[str, Path], complete: Rows) -> Rows:
    """What the preprocessor makes of the complete rows."""
    return joblib.load(folders["income-preprocess"] / "model.joblib").transform(complete)


@pytest.fixture(scope="session")
def rows_for(complete: Rows, prepared: Rows) -> Callable[[str], Rows]:
    """Rows that a model takes."""
    return lambda model: prepared if model == "income-classifier" else complete


def assert_same_answer(ours: Answer, theirs: Reply) -> list[Tensor]:
    assert theirs.status == 200, theirs.body
    assert ours.status == "answered", ours.body
    assert_same(tensors(ours.body), tensors(theirs.body))
    return tensors(theirs.body)


def assert_both_refuse(ours: Answer, theirs: Reply) -> None:
    assert theirs.status >= 400, theirs.body
    assert ours.status == "failed", ours.body


@pytest.mark.parametrize("count", [1, 3, 40])
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize("datatype", ["FP64", "FP32", "INT64"])
@pytest.mark.parametrize("model", ON_ROWS)
def test_rows_are_answered_alike(
    both: Both, rows_for: Callable[[str], Rows], model: str, datatype: str, nested: bool, count: int
) -> None:
    rows = rows_for(model)[:count]
    sent = np.rint(rows).astype(np.int64) if datatype == "INT64" else rows
    answered = assert_same_answer(*both(model, table(sent, datatype, nested=nested)))
    assert answered[0].shape[0] == count


@pytest.mark.parametrize(
    "datatype", ["UINT8", "INT8", "UINT16", "INT16", "UINT32", "INT32", "UINT64", "FP16"]
)
@pytest.mark.parametrize("model", ["income", "frames", "hours"])
def test_every_datatype_of_numbers_is_answered_alike(
    both: Both, complete: Rows, model: str, datatype: str
) -> None:
    small = np.clip(np.rint(complete[:3]), 0, 99)
    sent = small if datatype == "FP16" else small.astype(np.int64)
    assert_same_answer(*both(model, table(sent, datatype)))


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize("datatype", ["FP64", "FP32"])
@pytest.mark.parametrize("model", ON_ROWS)
def test_missing_values_are_answered_alike(
    both: Both, rows_for: Callable[[str], Rows], model: str, datatype: str, nested: bool
) -> None:
    some = rows_for(model)[:5].copy()
    some[[0, 1, 1, 4], [0, 1, 2, -1]] = np.nan
    assert_same_answer(*both(model, table(some, datatype, nested=nested)))


def test_what_json_has_no_number_for_is_null_on_both_sides(both: Both) -> None:
    (answer,) = assert_same_answer(*both("logarithms", table(np.array([[0.0, 1.0, -1.0, np.nan]]))))
    assert answer.data == [None, 0.0, None, None]


@pytest.mark.parametrize(
    "outputs", [("predict",), ("predict_proba",), ("predict", "predict_proba"), ("predict_proba", "predict")]
)
@pytest.mark.parametrize("model", CLASSIFIERS)
def test_a_request_chooses_its_outputs_alike(
    both: Both, rows_for: Callable[[str], Rows], model: str, outputs: tuple[str, ...]
) -> None:
    answered = assert_same_answer(*both(model, table(rows_for(model)[:3], outputs=outputs)))
    assert tuple(tensor.name for tensor in answered) == outputs


@pytest.mark.parametrize("model", ["income-preprocess", "frames"])
def test_a_request_may_name_the_transformation_that_it_gets_anyway(
    both: Both, complete: Rows, model: str
) -> None:
    assert_same_answer(*both(model, table(complete[:3], outputs=("transform",))))


@pytest.mark.parametrize("model", ON_ROWS)
def test_a_micro_batch_is_answered_as_request_by_request(
    weir: Weir, mlserver: MLServer, rows_for: Callable[[str], Rows], model: str
) -> None:
    rows = rows_for(model)
    sent = [table(rows[start : start + count]) for start, count in enumerate([1, 3, 1, 40, 1, 1, 7])]
    for ours, one in zip(weir.infer(model, *sent), sent, strict=True):
        theirs = mlserver.infer(model, one)
        assert theirs.status == 200
        # A sum over another number of rows at once may end in other last bits, more where much cancels out.
        assert_same(tensors(ours.body), tensors(theirs.body), ulps=100)


@pytest.mark.parametrize("numbers", ["FP64", "FP32", "INT64"])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_named_columns_are_answered_alike(both: Both, known: pd.DataFrame, numbers: str, count: int) -> None:
    people = known[:count]
    if numbers == "INT64":
        people = people.astype(dict.fromkeys(people.select_dtypes("number"), int))
    for outputs in (), ("predict", "predict_proba"):
        assert_same_answer(*both("named", columns(people, numbers, content_type="pd", outputs=outputs)))
        assert_same_answer(*both("named-by-settings", columns(people, numbers, outputs=outputs)))


def test_a_table_of_numbers_and_words_is_answered_alike(both: Both, known: pd.DataFrame) -> None:
    answered = assert_same_answer(*both("named-frames", columns(known[:3])))
    assert [tensor.datatype for tensor in answered] == ["FP64"] * 3 + ["BYTES"] * 2


def moved(known: pd.DataFrame) -> pd.DataFrame:
    return known[known.columns[::-1]]


def with_one_more(known: pd.DataFrame) -> pd.DataFrame:
    return known.assign(more=1.0)


def with_an_unknown_word(known: pd.DataFrame) -> pd.DataFrame:
    return known.assign(workclass=["Pirate", *known["workclass"][1:]])


def with_a_missing_number(known: pd.DataFrame) -> pd.DataFrame:
    return known.assign(age=[np.nan, *known["age"][1:]])


def with_a_missing_word(known: pd.DataFrame) -> pd.DataFrame:
    return known.assign(workclass=[None, *known["workclass"][1:]])


@pytest.mark.parametrize(
    "change", [moved, with_one_more, with_an_unknown_word, with_a_missing_number, with_a_missing_word]
)
def test_columns_are_found_by_name_alike(
    both: Both, known: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    sent = columns(change(known[:3]), content_type="pd", outputs=("predict_proba",))
    assert_same_answer(*both("named", sent))


@pytest.mark.parametrize("parameters", [{}, {"content_type": "str"}], ids=["plain", "str"])
@pytest.mark.parametrize("flat", [False, True], ids=["[n,1]", "[n]"])
def test_columns_of_words_may_declare_their_content_type_and_have_one_dimension(
    both: Both, known: pd.DataFrame, flat: bool, parameters: dict[str, str]
) -> None:
    inputs = column_tensors(known[:3])
    for one in inputs:
        if flat:
            one["shape"] = [3]
        if one["datatype"] == "BYTES":
            one["parameters"] = parameters
    sent = request(*inputs, content_type="pd", outputs=("predict_proba",))
    assert_same_answer(*both("named", sent))


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
def test_columns_for_a_model_without_names_are_taken_in_their_order(
    both: Both, complete: Rows, backwards: bool
) -> None:
    frame = pd.DataFrame(complete[:3], columns=[f"x{i}" for i in range(complete.shape[1])])
    sent = columns(moved(frame) if backwards else frame, content_type="pd", outputs=("predict_proba",))
    assert_same_answer(*both("income", sent))


def test_rows_for_a_model_with_names_are_taken_in_their_order(both: Both, complete: Rows) -> None:
    assert_same_answer(*both("amounts", table(complete[:3, :3])))


@pytest.mark.parametrize("count", [1, 3, 40])
def test_rows_of_words_are_answered_alike(both: Both, known: pd.DataFrame, count: int) -> None:
    assert_same_answer(*both("word-rows", table(known[["race", "sex"]][:count].to_numpy(), "BYTES")))


@pytest.mark.parametrize("content_type", ["np", ""])
def test_the_tensors_name_and_content_type_np_mean_nothing(
    both: Both, complete: Rows, content_type: str
) -> None:
    one = tensor("any name", [3, 12], "FP64", complete[:3].ravel().tolist(), content_type="np")
    assert_same_answer(*both("income", request(one, content_type=content_type)))


VALUES = [40, 2, 1, 1, 3, 0, 3, 1, 0, 0, 40, 4]
PLAIN = tensor("x", [1, 12], "FP64", VALUES)
REFUSED = {
    "an output nobody has": ("income", request(PLAIN, outputs=("nope",))),
    "a known output and one nobody has": ("income", request(PLAIN, outputs=("predict", "nope"))),
    "an output that classifiers lack": ("income", request(PLAIN, outputs=("transform",))),
    "probabilities of a regressor": ("hours", request(PLAIN, outputs=("predict", "predict_proba"))),
    "a prediction of a preprocessor": ("income-preprocess", request(PLAIN, outputs=("predict",))),
    "a column too few": ("income", table(np.zeros((1, 11)))),
    "a column too many": ("income", table(np.zeros((1, 13)))),
    "a column too many for a preprocessor": ("income-preprocess", table(np.zeros((1, 13)))),
    "one dimension": ("income", table(np.zeros(12))),
    "three dimensions": ("income", table(np.zeros((3, 3, 4)))),
    "no rows": ("income", table(np.zeros((0, 12)))),
    "two tensors": ("income", request(PLAIN, {**PLAIN, "name": "y"})),
    "two tensors under np": ("named", request(PLAIN, {**PLAIN, "name": "y"}, content_type="np")),
    "a table under pd": ("income", request(PLAIN, content_type="pd")),
    "no tensor": ("income", request()),
    "fewer values than the shape holds": ("income", request({**PLAIN, "shape": [2, 12]})),
    "more values than the shape holds": ("income", request({**PLAIN, "data": VALUES * 2})),
    "ragged rows": ("income", request({**PLAIN, "data": [[1, 2, 3], [4]]})),
    "data that is no list": ("income", request({**PLAIN, "data": 7})),
    "an unknown datatype": ("income", request({**PLAIN, "datatype": "FP8"})),
    "words for numbers": ("income", request({**PLAIN, "data": ["word"] * 12})),
    "words": ("income", request({**PLAIN, "datatype": "BYTES", "data": ["word"] * 12})),
    "numbers that are declared as words": (
        "income",
        request({**PLAIN, "parameters": {"content_type": "str"}}),
    ),
    "booleans for an imputer": ("income", request({**PLAIN, "datatype": "BOOL", "data": [True] * 12})),
    "a number no INT64 holds": ("income", request({**PLAIN, "datatype": "INT64", "data": [2**63] * 12})),
    "a number no FP32 holds": ("income", table(np.full((1, 12), 1e300), "FP32")),
    "a missing value for a linear model": ("amounts", table(np.array([[40.0, np.nan, 0.0]]))),
    "an id that is no text": ("income", request(PLAIN).replace(b'"id":"r"', b'"id":5')),
    "no JSON": ("income", b'{"inputs": ['),
    "no inputs": ("income", b"{}"),
}


@pytest.mark.parametrize(("model", "sent"), REFUSED.values(), ids=REFUSED)
def test_what_mlserver_refuses_is_refused(both: Both, model: str, sent: bytes) -> None:
    assert_both_refuse(*both(model, sent))


@pytest.mark.parametrize("column", ["age", "workclass"])
@pytest.mark.parametrize("model", NAMED)
def test_a_missing_column_is_refused(both: Both, known: pd.DataFrame, model: str, column: str) -> None:
    assert_both_refuse(*both(model, columns(known[:3].drop(columns=column), content_type="pd")))


# Where the two differ on purpose: MLServer guesses, or fails on what can be answered.


def assert_only_mlserver_answers(ours: Answer, theirs: Reply, reason: str = "BAD_REQUEST") -> list[Tensor]:
    assert theirs.status == 200, theirs.body
    assert (ours.status, ours.reason) == ("failed", reason), ours.body
    return tensors(theirs.body)


def assert_only_weir_answers(ours: Answer, theirs: Reply) -> list[Tensor]:
    assert theirs.status >= 400, theirs.body
    assert ours.status == "answered", ours.body
    return tensors(ours.body)


@pytest.mark.parametrize("outputs", [("predict",), ("predict_proba",)])
@pytest.mark.parametrize("shape", [[4, 1], [4]], ids=["[n, 1]", "[n]"])
@pytest.mark.parametrize(
    ("model", "of_tensor", "of_request"),
    [("texts", "str", ""), ("texts", "", "str"), ("texts", "str", "str"), ("texts-by-settings", "", "")],
)
def test_a_model_of_texts_takes_them_as_mlservers_string_codec_sends_them(
    both: Both, model: str, of_tensor: str, of_request: str, shape: list[int], outputs: tuple[str, ...]
) -> None:
    parameters = {"content_type": of_tensor} if of_tensor else {}
    sent = tensor("x", shape, "BYTES", TEXTS, **parameters)
    assert_same_answer(*both(model, request(sent, content_type=of_request, outputs=outputs)))


def test_a_model_of_texts_takes_base64_as_mlserver_does(both: Both) -> None:
    coded = [base64.b64encode(text.encode()).decode() for text in TEXTS]
    sent = tensor("x", [4, 1], "BYTES", coded, content_type="base64")
    assert_same_answer(*both("texts", request(sent, outputs=("predict_proba",))))


def test_a_model_of_texts_refuses_rows_of_them(both: Both) -> None:
    assert_both_refuse(*both("texts", request(tensor("x", [4, 1], "BYTES", TEXTS))))


@pytest.mark.parametrize("content_type", ["base64", "nope"])
def test_a_content_type_that_mlserver_passes_over_is_a_bad_request_here(
    both: Both, content_type: str
) -> None:
    assert_only_mlserver_answers(*both("income", request(PLAIN, content_type=content_type)))


@pytest.mark.parametrize("content_type", ["pd", "nope"])
def test_a_tensors_content_type_that_mlserver_passes_over_is_a_bad_request_here(
    both: Both, content_type: str
) -> None:
    declared = {**PLAIN, "parameters": {"content_type": content_type}}
    assert_only_mlserver_answers(*both("income", request(declared)))


@pytest.mark.parametrize(
    ("datatype", "first", "taken_for"),
    [("INT64", 1.7, 1), ("UINT8", 300, 44), ("FP64", "40", 40), ("FP64", True, 1)],
    ids=["a fraction", "out of range", "in quotes", "a boolean"],
)
def test_a_value_that_mlserver_makes_fit_its_datatype_is_a_bad_request_here(
    both: Both, datatype: str, first: Any, taken_for: int
) -> None:
    odd, plain = (
        request({**PLAIN, "datatype": datatype, "data": [value, *VALUES[1:]]}, outputs=("predict_proba",))
        for value in (first, taken_for)
    )
    assert assert_only_mlserver_answers(*both("income", odd)) == assert_same_answer(*both("income", plain))


@pytest.mark.parametrize("shape", [[-1, 12], [1.0, 12.0], ["1", "12"]], ids=str)
def test_a_shape_that_mlserver_works_out_is_a_bad_request_here(both: Both, shape: list[Any]) -> None:
    assert_only_mlserver_answers(*both("income", request({**PLAIN, "shape": shape})))


def test_data_nested_deeper_than_its_shape_is_a_bad_request_here(both: Both) -> None:
    assert_only_mlserver_answers(*both("income", request({**PLAIN, "data": [[VALUES]]})))


@pytest.mark.parametrize(
    "change",
    [{"shape": [99, 7]}, {"data": [30, 40]}, {"data": [30, 40], "shape": [2, 1]}],
    ids=["its shape is another", "it is too short", "it is shorter than the others"],
)
def test_a_column_of_another_length_that_mlserver_fills_up_is_refused_here(
    both: Both, known: pd.DataFrame, change: dict[str, Any]
) -> None:
    age, *others = column_tensors(known[:3])
    assert_only_mlserver_answers(*both("named", request({**age, **change}, *others, content_type="pd")))


def test_of_two_columns_of_one_name_mlserver_takes_the_last_and_we_none(
    both: Both, known: pd.DataFrame
) -> None:
    inputs = column_tensors(known[:3])
    assert_only_mlserver_answers(*both("named", request(*inputs, inputs[0], content_type="pd")))


def test_a_missing_whole_number_fails_in_mlserver_and_is_a_missing_value_here(both: Both) -> None:
    inputs = {**PLAIN, "data": [None, *VALUES[1:]]}
    answered = assert_only_weir_answers(*both("probabilities", request({**inputs, "datatype": "INT64"})))
    assert answered == assert_same_answer(*both("probabilities", request(inputs)))


def test_a_missing_word_is_none_to_mlserver_and_nan_here_as_in_training(
    both: Both, people: pd.DataFrame
) -> None:
    unknown = people.loc[people["workclass"].isna(), ["workclass"]]
    ours, theirs = both("missing-words", columns(unknown[:1]))
    encoded = [tensors(one.body)[0].data for one in (ours, theirs)]
    assert encoded == [[0.0] * 5 + [1.0], [0.0] * 6]


@pytest.mark.parametrize("change", [moved, with_one_more])
def test_columns_that_mlserver_hands_on_as_they_came_are_chosen_by_name_here(
    both: Both, known: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    amounts = known[["age", "capital-gain", "capital-loss"]][:3]
    expected = assert_same_answer(*both("amounts", columns(amounts, content_type="pd")))
    answered = assert_only_weir_answers(*both("amounts", columns(change(amounts), content_type="pd")))
    assert_same(answered, expected)


def test_nested_columns_fail_in_mlserver_or_lose_their_words_and_mean_the_same_as_flat_here(
    both: Both, known: pd.DataFrame
) -> None:
    people, outputs = known[:3], ("predict_proba",)
    flat = assert_same_answer(*both("named", columns(people, content_type="pd", outputs=outputs)))
    nested = [{**one, "data": [[value] for value in one["data"]]} for one in column_tensors(people)]
    sent = request(*nested, content_type="pd", outputs=outputs)
    assert assert_only_weir_answers(*both("named", sent)) == flat

    content_types = {"BYTES": "str", "FP64": "np"}
    declared = [{**one, "parameters": {"content_type": content_types[one["datatype"]]}} for one in nested]
    ours, theirs = both("named", request(*declared, content_type="pd", outputs=outputs))
    wordless = people.assign(**dict.fromkeys(people.select_dtypes(object), "nobody knows this"))
    assert tensors(ours.body) == flat
    assert_same(
        tensors(theirs.body),
        assert_same_answer(*both("named", columns(wordless, content_type="pd", outputs=outputs))),
    )


def test_nested_words_fail_in_mlserver_and_mean_the_same_as_flat_here(
    both: Both, known: pd.DataFrame
) -> None:
    words = known[["race", "sex"]][:3].to_numpy()
    answered = assert_only_weir_answers(*both("word-rows", table(words, "BYTES", nested=True)))
    assert_same(answered, assert_same_answer(*both("word-rows", table(words, "BYTES"))))


def test_a_sparse_answer_fails_in_mlserver_and_is_dense_here(
    both: Both, folders: dict[str, Path], complete: Rows
) -> None:
    (answer,) = assert_only_weir_answers(*both("sparse", table(complete[:3, :2])))
    expected = joblib.load(folders["sparse"] / "model.joblib").transform(complete[:3, :2]).toarray()
    assert answer == Tensor("transform", "FP64", list(expected.shape), expected.ravel().tolist())


def test_words_have_the_content_type_np_in_mlserver_and_str_here(both: Both) -> None:
    ours, theirs = both("words", request(PLAIN))
    parameters = [one.body["outputs"][0]["parameters"] for one in (ours, theirs)]
    assert parameters == [{"content_type": "str"}, {"content_type": "np"}]


def test_a_request_without_an_id_gets_one_from_mlserver_alone(both: Both) -> None:
    ours, theirs = both("income", request(PLAIN).replace(b'"id":"r",', b""))
    assert_same_answer(ours, theirs)
    assert "id" not in ours.body
    assert theirs.body["id"]
