from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from operators.core.tensors import TensorColumn
from operators.protocol.batching import to_columns
from operators.protocol.datatypes import DTYPES, datatype_of
from operators.protocol.decode import decode_request
from operators.protocol.encode import encode_responses


def encoded(column: TensorColumn, requests: int) -> list[Any]:
    bodies = encode_responses({"y": column}, ["id"] * requests, "pipeline", "3")
    return [msgspec.json.decode(body)["outputs"][0] for body in bodies]


def rows(*counts: int) -> Any:
    return np.array(counts, dtype=np.int64)


def test_each_request_gets_its_own_rows() -> None:
    first, second = encoded(TensorColumn(np.array([[1, 2], [3, 4], [5, 6]]), rows(1, 2)), 2)
    assert (first["shape"], first["data"]) == ([1, 2], [1, 2])
    assert (second["shape"], second["data"]) == ([2, 2], [3, 4, 5, 6])
    assert first["datatype"] == "INT64"
    assert first["parameters"] == {"content_type": "np"}


def test_a_one_dimensional_result_is_shown_as_a_column() -> None:
    (only,) = encoded(TensorColumn(np.array([0.5, 0.25]), rows(2)), 1)
    assert (only["shape"], only["data"], only["datatype"]) == ([2, 1], [0.5, 0.25], "FP64")


def test_flags_of_outliers_are_shown_with_the_rows_on_the_second_axis() -> None:
    first, second = encoded(TensorColumn(np.array([0, 1, 0]), rows(2, 1), flat=True), 2)
    assert (first["shape"], first["data"]) == ([1, 2], [0, 1])
    assert (second["shape"], second["data"]) == ([1, 1], [0])


def test_scores_of_features_are_shown_with_the_rows_on_the_second_axis() -> None:
    first, second = encoded(
        TensorColumn(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), rows(2, 1), flat=True), 2
    )
    assert (first["shape"], first["data"]) == ([1, 2, 2], [1, 2, 3, 4])
    assert (second["shape"], second["data"]) == ([1, 1, 2], [5, 6])


def test_what_is_not_a_number_becomes_null() -> None:
    (only,) = encoded(TensorColumn(np.array([[np.nan, 1.0]]), rows(1)), 1)
    assert only["data"] == [None, 1.0]


def test_strings_are_bytes_tensors() -> None:
    (only,) = encoded(TensorColumn(np.array([["a", "b"]]), rows(1)), 1)
    assert (only["datatype"], only["data"], only["parameters"]) == (
        "BYTES",
        ["a", "b"],
        {"content_type": "str"},
    )


def test_the_id_is_kept_and_left_out_where_there_was_none() -> None:
    column = TensorColumn(np.array([1, 2]), rows(1, 1))
    with_id, without = (
        msgspec.json.decode(body) for body in encode_responses({"y": column}, ["a", None], "p", "3")
    )
    assert with_id["id"] == "a"
    assert "id" not in without
    assert (without["model_name"], without["model_version"]) == ("p", "3")


numeric = [name for name in DTYPES if name not in ("BYTES", "BOOL")]


@pytest.mark.parametrize("datatype", numeric)
@given(data=st.data())
def test_decoding_an_encoded_tensor_gives_it_back(datatype: str, data: st.DataObject) -> None:
    dtype = DTYPES[datatype]
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    options = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    array = data.draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(dtype, **options)))
    (sent,) = encoded(TensorColumn(array, rows(len(array))), 1)
    tensors, errors = to_columns([decode_request(msgspec.json.encode({"inputs": [sent]}))])
    assert not errors
    assert tensors["y"].data.dtype == dtype
    assert np.array_equal(tensors["y"].data, array)


def test_datatypes_are_found_for_every_dtype() -> None:
    assert {datatype_of(np.zeros(1, dtype)) for dtype in DTYPES.values()} == set(DTYPES)
