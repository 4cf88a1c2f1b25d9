from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.core.errors import Reason, RecordError
from operators.core.tensors import Tensors
from operators.protocol.batching import signature, to_columns
from operators.protocol.decode import decode_request


def body(*tensors: dict[str, Any], **more: Any) -> bytes:
    return msgspec.json.encode({"inputs": list(tensors), **more})


def tensor(data: Any, shape: list[int], datatype: str = "FP64", name: str = "x") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def columns(*bodies: bytes) -> tuple[Tensors, Any]:
    return to_columns([decode_request(one) for one in bodies])


def one(data: Any, shape: list[int], datatype: str = "FP64") -> Any:
    tensors, errors = columns(body(tensor(data, shape, datatype)))
    assert not errors
    return tensors["x"].data


def test_requests_of_many_rows_become_one_column() -> None:
    tensors, errors = columns(
        body(tensor([1, 2, 3, 4], [2, 2])), body(tensor([5, 6], [1, 2])), body(tensor([7, 8, 9, 0], [2, 2]))
    )
    assert not errors
    assert tensors["x"].data.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 0]]
    assert tensors["x"].rows.tolist() == [2, 1, 2]


def test_nested_data_means_the_same_as_flat() -> None:
    assert np.array_equal(one([[1, 2], [3, 4]], [2, 2]), one([1, 2, 3, 4], [2, 2]))
    assert np.array_equal(one([[[1], [2]], [[3], [4]]], [2, 2, 1]), one([[1, 2], [3, 4]], [2, 2, 1]))


def test_a_request_may_have_several_tensors() -> None:
    tensors, _ = columns(body(tensor([1], [1, 1], name="a"), tensor(["u"], [1, 1], "BYTES", "b")))
    assert tensors["a"].data.tolist() == [[1.0]]
    assert tensors["b"].data.tolist() == [["u"]]


def test_null_is_a_missing_value() -> None:
    assert np.isnan(one([1.0, None], [1, 2])[0, 1])
    assert one([1, None], [1, 2], "INT64").dtype == np.float64


def test_one_null_leaves_the_neighbours_quick_and_exact() -> None:
    tensors, _ = columns(*(body(tensor([i, None if i == 3 else 0.1], [1, 2], "FP32")) for i in range(5)))
    assert tensors["x"].data.dtype == np.float32
    assert np.isnan(tensors["x"].data[:, 1]).tolist() == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("datatype", "value", "dtype"),
    [
        ("BOOL", True, np.bool_),
        ("UINT8", 255, np.uint8),
        ("INT8", -128, np.int8),
        ("UINT64", 2**64 - 1, np.uint64),
        ("INT64", 2**53 + 1, np.int64),
        ("INT64", -(2**63), np.int64),
        ("INT32", 7.0, np.int32),
        ("FP16", 0.5, np.float16),
        ("FP32", 0.1, np.float32),
        ("FP64", 0.1, np.float64),
        ("FP64", 3, np.float64),
        ("BYTES", "Größe", np.object_),
    ],
)
def test_every_datatype_keeps_its_values(datatype: str, value: Any, dtype: Any) -> None:
    array = one([value, value], [2, 1], datatype)
    assert array.dtype == dtype
    assert array[1, 0] == dtype(value) if datatype != "BYTES" else value


@pytest.mark.parametrize(
    ("data", "shape", "datatype", "message"),
    [
        ([1, 2, 3], [1, 2], "FP64", r"shape \[1, 2\] takes 2 values"),
        (
            [[1, 2], [3]],
            [2, 2],
            "FP64",
            r"shape \[2, 2\] takes 4 values|nesting of the data does not match shape",
        ),
        ([[1, 2, 3], [4]], [2, 2], "FP64", "does not fit|nesting of the data does not match"),
        ([[1, 2], 3, 4], [2, 2], "FP64", "nesting of the data does not match"),
        (["1", "2"], [1, 2], "FP64", "FP64 takes numbers, but the data contains strings"),
        ([1, "2"], [1, 2], "FP32", "FP32 takes numbers, but the data contains strings"),
        ([True, 1], [1, 2], "FP32", "FP32 takes numbers, but the data contains booleans"),
        ([{}, 1], [1, 2], "FP32", "FP32 takes numbers, but the data contains objects"),
        ([1.5], [1, 1], "INT64", "INT64 takes whole numbers, but the data contains 1.5"),
        ([256], [1, 1], "UINT8", "256 is out of the range of UINT8"),
        ([-1], [1, 1], "UINT64", "-1 is out of the range of UINT64"),
        ([2**63], [1, 1], "INT64", "out of the range of INT64"),
        ([1], [1, 1], "BOOL", "BOOL takes true or false, but the data contains numbers"),
        ([1], [1, 1], "BYTES", "BYTES takes strings"),
    ],
)
def test_data_that_does_not_fit_is_an_error_of_that_request_alone(
    data: Any, shape: list[int], datatype: str, message: str
) -> None:
    wrong = body(tensor(data, shape, datatype))
    tail = shape[1:]
    fill: Any = {"BOOL": True, "BYTES": "a"}.get(datatype, 1)
    right = body(tensor([fill] * tail[0], [1, *tail], datatype)) if tail[0] < 100 else wrong
    requests = [decode_request(one) for one in (right, wrong, right)]
    tensors, errors = to_columns(requests)
    with pytest.raises(RecordError, match=message) as caught:
        raise errors[1]
    assert caught.value.reason == Reason.BAD_REQUEST
    if right is not wrong:
        assert list(errors) == [1]
        assert tensors["x"].rows.tolist() == [1, 1]
        assert len(tensors["x"].data) == 2


@pytest.mark.parametrize(
    ("value", "reason", "message"),
    [
        (b"", Reason.UNREADABLE, "not JSON"),
        (b"{nope", Reason.UNREADABLE, "not JSON"),
        (b"\xff\xfe\x00", Reason.UNREADABLE, "not JSON"),
        (b"[" * 100_000, Reason.BAD_REQUEST, "not a V2 inference request|not JSON"),
        (b"[]", Reason.BAD_REQUEST, "Expected `object`, got `array`"),
        (b"{}", Reason.BAD_REQUEST, "missing required field `inputs`"),
        (b'{"inputs": []}', Reason.BAD_REQUEST, "at least one tensor"),
        (b'{"inputs": [{}]}', Reason.BAD_REQUEST, "missing required field"),
        (b'{"inputs": 5}', Reason.BAD_REQUEST, "Expected `array`, got `int`"),
        (body(tensor([1], [1, 1], "FP8")), Reason.BAD_REQUEST, "datatype 'FP8' is not one of"),
        (body(tensor([1], [])), Reason.BAD_REQUEST, "shape must be a list of sizes"),
        (body(tensor([1], [-1, 1])), Reason.BAD_REQUEST, "shape must be a list of sizes"),
        (body(tensor([], [0, 12])), Reason.BAD_REQUEST, "at least one row"),
        (body(tensor([1], [1]), tensor([1], [1])), Reason.BAD_REQUEST, "two tensors with the same name"),
        (
            b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1e999]}]}',
            Reason.BAD_REQUEST,
            "range",
        ),
        (b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[NaN]}]}', Reason.UNREADABLE, "JSON"),
    ],
)
def test_a_value_that_is_no_request_is_refused_with_its_reason(
    value: bytes, reason: Reason, message: str
) -> None:
    with pytest.raises(RecordError, match=message) as caught:
        decode_request(value)
    assert caught.value.reason == reason


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_an_error(value: bytes) -> None:
    try:
        decode_request(value)
    except RecordError:
        return


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": st.text(max_size=3) | json_values,
                "shape": st.lists(st.integers(-1, 4), max_size=3) | json_values,
                "datatype": st.sampled_from(["FP32", "INT64", "BYTES", "BOOL", "UINT8"]) | json_values,
                "data": st.lists(json_values, max_size=6) | json_values,
            }
        ),
        max_size=2,
    )
)
def test_any_json_of_about_the_right_form_is_answered_or_refused(inputs: Any) -> None:
    try:
        request = decode_request(msgspec.json.encode({"inputs": inputs}))
    except RecordError:
        return
    signature(request)
    tensors, errors = to_columns([request, request])
    assert len(errors) in (0, 2)
    assert all(len(column.rows) == 2 - len(errors) for column in tensors.values())
