"""JSON of many requests at once, against the standard library's JSON of each request alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from operators.core.tensors import TensorColumn
from operators.protocol.encode import encode_responses, encode_taps

DTYPES = [np.float64, np.float32, np.int64, np.int8, np.uint64, np.bool_]
FINITE = st.floats(allow_nan=True, allow_infinity=True, width=32)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers that are not finite are null."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def expected(name: str, column: TensorColumn, start: int, stop: int) -> dict[str, Any]:
    data = column.data[start:stop]
    tail = list(data.shape[1:])
    return {
        "name": name,
        "shape": [1, stop - start, *tail] if column.flat else [stop - start, *(tail or [1])],
        "parameters": {"content_type": "str" if data.dtype.kind == "O" else "np", **column.parameters},
        "data": plain(data.ravel().tolist()),
    }


def parsed(body: bytes, key: str = "outputs") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    message = json.loads(body)
    tensors = message.pop(key)
    for tensor in tensors:
        assert list(tensor) == ["name", "shape", "datatype", "parameters", "data"]
        del tensor["datatype"]
    return message, tensors


@st.composite
def columns(draw: st.DrawFn, rows: list[int]) -> TensorColumn:
    tail = draw(st.sampled_from([(), (1,), (3,), (2, 2), (0,)]))
    shape = (sum(rows), *tail)
    if draw(st.booleans()):
        data = draw(hnp.arrays(draw(st.sampled_from(DTYPES)), shape))
    else:
        texts = st.text(st.characters(codec="utf-8"), max_size=4)
        data = draw(hnp.arrays(object, shape, elements=texts))
        if not data.size:
            data = np.zeros(shape)
    parameters = draw(st.sampled_from([{}, {"state": "OK", "window": 3}]))
    return TensorColumn(data, np.array(rows), draw(st.booleans()), parameters)


@given(st.data())
def test_every_request_has_its_own_rows_of_every_tensor(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4) | st.just([1, 1, 1]))
    ids = [data.draw(st.none() | st.text(st.characters(codec="utf-8"), max_size=4)) for _ in rows]
    tensors = {'a"b': data.draw(columns(rows)), "ä": data.draw(columns(rows))}
    bodies = encode_responses(tensors, ids, "m", "7")
    bounds = np.cumsum([0, *rows]).tolist()
    for i, body in enumerate(bodies):
        head, outputs = parsed(body)
        wanted: dict[str, Any] = {"model_name": "m", "model_version": "7"}
        assert head == (wanted if ids[i] is None else {**wanted, "id": ids[i]})
        assert outputs == [expected(name, one, bounds[i], bounds[i + 1]) for name, one in tensors.items()]


@given(hnp.arrays(np.float64, (5, 2), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_keep_every_bit(data: Any) -> None:
    bodies = encode_responses({"x": TensorColumn(data, np.ones(5, dtype=np.int64))}, [None] * 5, "m", "1")
    read = [json.loads(body)["outputs"][0]["data"] for body in bodies]
    assert np.array_equal(np.array(read), data)


@pytest.mark.parametrize(("side", "head"), [("inputs", {}), ("outputs", {"model_name": "s"})])
def test_a_tap_has_no_empty_id_and_its_side_as_key(side: str, head: dict[str, str]) -> None:
    column = TensorColumn(np.arange(4.0).reshape(2, 2), np.array([1, 1]))
    first, second = encode_taps({"x": column}, ["a", ""], "s", side)
    assert parsed(first, side)[0] == {**head, "id": "a"}
    assert parsed(second, side)[0] == head


def test_responses_without_tensors_are_messages_too() -> None:
    assert [json.loads(body)["outputs"] for body in encode_responses({}, ["a", None], "m", "1")] == [[], []]


def test_values_that_json_cannot_contain_are_an_error() -> None:
    column = TensorColumn(np.array([["\ud800"]], dtype=object), np.array([1]))
    with pytest.raises(ValueError, match="surrogates not allowed"):
        encode_responses({"x": column}, [None], "m", "1")
