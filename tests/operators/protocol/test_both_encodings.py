"""JSON, typed and raw protobuf hold the same tensors, and get the same answers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from operators.core.tensors import Array, TensorColumn
from operators.inference.engine import Engine
from operators.protocol.batching import to_columns
from operators.protocol.datatypes import DTYPES
from operators.protocol.decode import decode_request
from operators.protocol.encode import INFER_TYPES, encode_responses
from operators.protocol.inference_pb2 import ModelInferRequest, ModelInferResponse
from operators.protocol.request import Encoding
from tests.corpus.examples import PIPELINES, engine_of_examples, records_of
from tests.corpus.payloads import ROW

# Field numbers of the typed contents, as published; FP16 has none.
NUMBERS = {
    "BOOL": 1,
    **dict.fromkeys(("INT8", "INT16", "INT32"), 2),
    "INT64": 3,
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), 4),
    "UINT64": 5,
    "FP32": 6,
    "FP64": 7,
    "BYTES": 8,
}
FIELDS = {1: "bool", 2: "int", 3: "int64", 4: "uint", 5: "uint64", 6: "fp32", 7: "fp64", 8: "bytes"}
RAW = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "<h",
    "INT32": "<i",
    "INT64": "<q",
    "UINT8": "B",
    "UINT16": "<H",
    "UINT32": "<I",
    "UINT64": "<Q",
    "FP16": "<e",
    "FP32": "<f",
    "FP64": "<d",
}
TYPED = sorted(NUMBERS)
ANY = sorted(DTYPES)


few = settings(max_examples=40, deadline=None)

# Requests, as a client would write them.


def to_raw(array: Array, datatype: str) -> bytes:
    if datatype == "BYTES":
        values = [value.encode() for value in array.ravel()]
        return b"".join(struct.pack("<I", len(value)) + value for value in values)
    return b"".join(struct.pack(RAW[datatype], value) for value in array.ravel().tolist())


def json_request(array: Array, datatype: str, nested: bool = False) -> bytes:
    """NaN is null; JSON has no infinity."""
    data = array.tolist() if nested else array.ravel().tolist()
    tensor = {"name": "x", "shape": list(array.shape), "datatype": datatype, "data": data}
    return msgspec.json.encode({"id": "i", "inputs": [tensor]})


def protobuf_request(array: Array, datatype: str) -> ModelInferRequest:
    message = ModelInferRequest(id="i")
    message.inputs.add(name="x", datatype=datatype, shape=array.shape)
    return message


def typed_request(array: Array, datatype: str) -> bytes:
    message = protobuf_request(array, datatype)
    values = [value.encode() if isinstance(value, str) else value for value in array.ravel().tolist()]
    getattr(message.inputs[0].contents, f"{FIELDS[NUMBERS[datatype]]}_contents").extend(values)
    return bytes(message.SerializeToString())


def raw_request(array: Array, datatype: str) -> bytes:
    message = protobuf_request(array, datatype)
    message.raw_input_contents.append(to_raw(array, datatype))
    return bytes(message.SerializeToString())


def decoded(body: bytes, infer_type: str | None = None, **options: Any) -> Array:
    request = decode_request(body, infer_type, **options)
    tensors, errors = to_columns([request])
    assert not errors
    (column,) = tensors.values()
    assert column.rows.tolist() == [request.inputs[0].shape[0]]
    return column.data


# Responses, as a client would read them.


def read_json(body: bytes) -> dict[str, tuple[str, Array]]:
    tensors = {}
    for tensor in msgspec.json.decode(body)["outputs"]:
        dtype = DTYPES[tensor["datatype"]]
        values = [float("nan") if value is None and dtype.kind == "f" else value for value in tensor["data"]]
        tensors[tensor["name"]] = (
            tensor["datatype"],
            make_array(values, tensor["datatype"], tensor["shape"]),
        )
    return tensors


def read_protobuf(body: bytes) -> dict[str, tuple[str, Array]]:
    message = ModelInferResponse.FromString(body)
    tensors = {}
    for i, tensor in enumerate(message.outputs):
        if message.raw_output_contents:
            values = list(from_raw(message.raw_output_contents[i], tensor.datatype))
        else:
            (only,) = tensor.contents.ListFields()
            assert only[0].number == NUMBERS[tensor.datatype]
            values = [one.decode() if isinstance(one, bytes) else one for one in only[1]]
        tensors[tensor.name] = (tensor.datatype, make_array(values, tensor.datatype, list(tensor.shape)))
    return tensors


def from_raw(raw: bytes, datatype: str) -> Iterator[Any]:
    if datatype != "BYTES":
        yield from (value for (value,) in struct.iter_unpack(RAW[datatype], raw))
        return
    while raw:
        (length,) = struct.unpack_from("<I", raw)
        yield raw[4 : 4 + length].decode()
        raw = raw[4 + length :]


def make_array(values: list[Any], datatype: str, shape: list[int]) -> Array:
    array = np.empty(prod(shape), dtype=DTYPES[datatype])
    array[:] = values
    return array.reshape(shape)


READERS = {
    Encoding.JSON: read_json,
    Encoding.PROTOBUF: read_protobuf,
    Encoding.RAW_PROTOBUF: read_protobuf,
}


# What to send.


def same(one: Array, other: Array) -> bool:
    """Return whether two arrays are equal to the last bit, except that one NaN is as good as another."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.kind != "f":
        return bool((one == other).all())
    return np.array_equal(one, other, equal_nan=True) and np.array_equal(
        np.signbit(one) | np.isnan(one), np.signbit(other) | np.isnan(other)
    )


def arrays(datatype: str, *, infinite: bool = True) -> st.SearchStrategy[Array]:
    """Arrays of one to three axes; without infinities they can be written as JSON."""
    dtype = DTYPES[datatype]
    shapes = hnp.array_shapes(min_dims=1, max_dims=3, max_side=4)
    if dtype.kind == "O":
        elements = st.text(max_size=6) | st.sampled_from(["", "\0", "a\0", "😀", "\u2028", '"\\', "ﬀ"])
    elif dtype.kind == "f":
        most = float(np.finfo(dtype).max)
        finite = st.floats(-most, most, width=dtype.itemsize * 8)
        elements = finite | st.sampled_from([np.nan, np.inf, -np.inf] if infinite else [np.nan])
    else:
        limits = [0, 1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 255, -128]
        there = [True] if dtype.kind == "b" else [limit for limit in limits if in_range(limit, dtype)]
        elements = hnp.from_dtype(dtype) | st.sampled_from(there)
    return hnp.arrays(dtype, shapes, elements=elements, fill=st.nothing())


def in_range(value: int, dtype: np.dtype[Any]) -> bool:
    return bool(np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)


@pytest.mark.parametrize("datatype", ANY)
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@few
@given(data=st.data())
def test_json_keeps_every_value(datatype: str, nested: bool, data: st.DataObject) -> None:
    array = data.draw(arrays(datatype, infinite=False))
    assert same(decoded(json_request(array, datatype, nested)), array)


@pytest.mark.parametrize("datatype", TYPED)
@few
@given(data=st.data())
def test_typed_contents_keep_every_value(datatype: str, data: st.DataObject) -> None:
    array = data.draw(arrays(datatype))
    assert same(decoded(typed_request(array, datatype)), array)
    assert same(decoded(typed_request(array, datatype), "proto/InferModelRequest"), array)


@pytest.mark.parametrize("datatype", ANY)
@few
@given(data=st.data())
def test_raw_contents_keep_every_value(datatype: str, data: st.DataObject) -> None:
    array = data.draw(arrays(datatype))
    assert same(decoded(raw_request(array, datatype)), array)


@pytest.mark.parametrize("datatype", TYPED)
@few
@given(data=st.data())
def test_the_encodings_hold_the_same(datatype: str, data: st.DataObject) -> None:
    array = data.draw(arrays(datatype, infinite=False))
    typed = decoded(typed_request(array, datatype))
    assert same(decoded(json_request(array, datatype)), typed)
    assert same(decoded(raw_request(array, datatype)), typed)


def test_typed_uint64_is_exact_on_both_sides_of_2_to_63() -> None:
    array = np.array([1, 2**63 + 1, 2**64 - 1], dtype=np.uint64)
    assert decoded(typed_request(array, "UINT64")).tolist() == array.tolist()


def test_nan_and_infinity_are_kept_where_the_encoding_has_them() -> None:
    for datatype in ("FP16", "FP32", "FP64"):
        array = np.array([np.nan, np.inf, -np.inf, -0.0], dtype=DTYPES[datatype])
        assert same(decoded(raw_request(array, datatype)), array)
        if datatype in TYPED:
            assert same(decoded(typed_request(array, datatype)), array)
        assert same(decoded(json_request(array[[0, 3]], datatype)), array[[0, 3]])


@pytest.mark.parametrize("datatype", ANY)
@pytest.mark.parametrize("encoding", list(Encoding))
@few
@given(data=st.data())
def test_a_response_holds_what_the_models_answered(
    datatype: str, encoding: Encoding, data: st.DataObject
) -> None:
    array = data.draw(arrays(datatype, infinite=encoding is not Encoding.JSON))
    cut = data.draw(st.integers(1, len(array)))
    rows = np.array([cut, len(array) - cut][: 2 if cut < len(array) else 1], dtype=np.int64)
    ids = ["größe", None][: len(rows)]
    bodies = encode_responses({"y": TensorColumn(array, rows)}, ids, "pipeline", "3", encoding)
    for body, share in zip(bodies, np.split(array, [cut]), strict=False):
        (got,) = READERS[encoding](body).values()
        shown = share.reshape(-1, 1) if array.ndim == 1 else share
        assert got[0] == datatype
        assert same(got[1], shown)


def is_a_request_too(array: Array, encoding: Encoding) -> bool:
    """Return whether another pipeline reads a response as what was answered."""
    column = TensorColumn(array, np.array([len(array)]))
    (body,) = encode_responses({"y": column}, ["i"], "pipeline", "3", encoding)
    shown = array.reshape(-1, 1) if array.ndim == 1 else array
    return same(decoded(body, INFER_TYPES[encoding], response=True), shown)


@pytest.mark.parametrize("datatype", ANY)
@few
@given(data=st.data())
def test_a_response_is_a_request_of_the_pipeline_that_reads_it(datatype: str, data: st.DataObject) -> None:
    assert is_a_request_too(data.draw(arrays(datatype, infinite=False)), Encoding.JSON)
    assert is_a_request_too(data.draw(arrays(datatype)), Encoding.RAW_PROTOBUF)


@pytest.mark.parametrize("datatype", ANY)
@few
@given(data=st.data())
def test_a_typed_response_is_a_request_of_the_pipeline_that_reads_it(
    datatype: str, data: st.DataObject
) -> None:
    assert is_a_request_too(data.draw(arrays(datatype)), Encoding.PROTOBUF)


# The wire, by hand: https://protobuf.dev/programming-guides/encoding and the published field numbers.


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    head = []
    while value > 127:
        head.append(value & 127 | 128)
        value >>= 7
    return bytes([*head, value])


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def wire_values(array: Array, datatype: str) -> list[bytes]:
    flat = array.ravel().tolist()
    if datatype == "BYTES":
        return [value.encode() for value in flat]
    if datatype in ("FP32", "FP64"):
        return [struct.pack(RAW[datatype], value) for value in flat]
    return [varint(int(value)) for value in flat]


def wire_contents(array: Array, datatype: str, *, packed: bool = True) -> bytes:
    number, values = NUMBERS[datatype], wire_values(array, datatype)
    if datatype == "BYTES":
        return b"".join(field(number, value) for value in values)
    if packed:
        return field(number, b"".join(values))
    wire_type = {"FP32": 5, "FP64": 1}.get(datatype, 0)
    return b"".join(varint(number << 3 | wire_type) + value for value in values)


def wire_tensor(array: Array, datatype: str, contents: bytes) -> list[bytes]:
    shape = b"".join(varint(size) for size in array.shape)
    return [field(1, b"x"), field(2, datatype.encode()), field(3, shape), contents]


@pytest.mark.parametrize("datatype", TYPED)
@few
@given(data=st.data())
def test_typed_requests_are_read_off_the_wire(datatype: str, data: st.DataObject) -> None:
    array = data.draw(arrays(datatype))
    parts = wire_tensor(array, datatype, field(5, wire_contents(array, datatype)))
    body = field(3, b"i") + field(5, b"".join(parts))
    assert same(decoded(body), array)
    assert body == ModelInferRequest.FromString(body).SerializeToString()
    if not (array != array).any():  # a NaN is written in more than one way
        assert body == typed_request(array, datatype)


@pytest.mark.parametrize("datatype", TYPED)
@few
@given(data=st.data())
def test_the_order_of_fields_packing_and_unknown_fields_do_not_matter(
    datatype: str, data: st.DataObject
) -> None:
    array = data.draw(arrays(datatype))
    unpacked = field(5, wire_contents(array, datatype, packed=False))
    parts = data.draw(st.permutations([*wire_tensor(array, datatype, unpacked), field(99, b"new")]))
    whole = data.draw(st.permutations([field(3, b"i"), field(5, b"".join(parts)), field(77, b"new")]))
    assert same(decoded(b"".join(whole), "proto/InferModelRequest"), array)


@pytest.mark.parametrize("datatype", ANY)
@few
@given(data=st.data())
def test_raw_requests_are_read_off_the_wire(datatype: str, data: st.DataObject) -> None:
    array = data.draw(arrays(datatype))
    parts = wire_tensor(array, datatype, b"")
    assert same(decoded(field(5, b"".join(parts)) + field(7, to_raw(array, datatype))), array)


def test_every_field_of_a_request_has_its_published_number() -> None:
    def entry(key: bytes, value: bytes) -> bytes:
        return field(1, key) + field(2, value)

    text = field(4, entry(b"content_type", field(3, b"np")))
    number, flag = field(4, entry(b"n", b"\x10" + varint(-7))), field(4, entry(b"b", b"\x08\x01"))
    tensor = b"".join([*wire_tensor(np.zeros((1, 2)), "FP64", b""), text])
    head = field(1, b"model") + field(2, b"4") + field(3, b"id") + text + number + flag
    body = head + field(5, tensor) + field(6, field(1, b"predict")) + field(7, bytes(16))
    message = ModelInferRequest.FromString(body)
    assert (message.model_name, message.model_version, message.id) == ("model", "4", "id")
    assert message.parameters["content_type"].string_param == "np"
    assert message.parameters["n"].int64_param == -7
    assert message.parameters["b"].bool_param
    request = decode_request(body)
    assert (request.id, request.content_type, request.outputs) == ("id", "np", ("predict",))
    assert request.inputs[0].name == "x"
    assert request.inputs[0].parameters == {"content_type": "np"}
    assert request.inputs[0].data.tolist() == [0.0, 0.0]


def fields_of(body: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers and payloads of a message, by hand."""
    at = 0

    def read() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte, at = body[at], at + 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(body):
        tag = read()
        if tag & 7 == 0:
            yield tag >> 3, read()
        else:
            assert tag & 7 == 2
            length = read()
            yield tag >> 3, body[at : at + length]
            at += length


@pytest.mark.parametrize("raw", [False, True], ids=["typed", "raw"])
def test_every_field_of_a_response_has_its_published_number(raw: bool) -> None:
    column = TensorColumn(np.array([[1.5, -2.0]]), np.array([1]))
    encoding = Encoding.RAW_PROTOBUF if raw else Encoding.PROTOBUF
    (body,) = encode_responses({"predict": column}, ["id"], "pipeline", "4", encoding)
    message = list(fields_of(body))
    assert message[:3] == [(1, b"pipeline"), (2, b"4"), (3, b"id")]
    assert [number for number, _ in message[3:]] == ([5, 6] if raw else [5])
    tensor = list(fields_of(message[3][1]))
    assert tensor[:3] == [(1, b"predict"), (2, b"FP64"), (3, b"\x01\x02")]
    parameter = dict(fields_of(tensor[3][1]))
    assert (tensor[3][0], parameter[1], dict(fields_of(parameter[2]))) == (4, b"content_type", {3: b"np"})
    values = struct.pack("<2d", 1.5, -2.0)
    if raw:
        assert message[4][1] == values
        assert len(tensor) == 4
    else:
        assert tensor[4] == (5, field(7, values))


# How the two are distinguished.


@pytest.mark.parametrize("space", ["", " ", "\n", "\r\n\t  ", "\n\n\n"])
def test_json_is_known_by_its_brace_behind_white_space(space: str) -> None:
    array = np.array([[1.5]])
    assert same(decoded(space.encode() + json_request(array, "FP64")), array)


@pytest.mark.parametrize("name", ["", "m", "m" * 32, "m" * 123, "{" * 9, "{" * 32])
@pytest.mark.parametrize("write", [typed_request, raw_request], ids=["typed", "raw"])
def test_protobuf_is_known_whatever_the_model_is_called(
    name: str, write: Callable[[Array, str], bytes]
) -> None:
    array = np.array([[1.5]])
    message = ModelInferRequest.FromString(write(array, "FP64"))
    message.model_name = name
    assert same(decoded(message.SerializeToString()), array)


@few
@given(
    names=st.lists(st.text(max_size=140), min_size=3, max_size=3),
    array=hnp.arrays(np.float64, (1, 2), elements=st.floats()),
)
def test_protobuf_is_known_whatever_it_holds(names: list[str], array: Array) -> None:
    message = ModelInferRequest.FromString(raw_request(array, "FP64"))
    message.model_version, message.id, message.inputs[0].name = names
    assert same(decoded(message.SerializeToString()), array)


# The pipelines.


@pytest.fixture(scope="module")
def engine(models: Path) -> Engine:
    return engine_of_examples(models)


NUMERIC = ["FP64", "FP32", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8"]
people = hnp.arrays(
    np.int64, st.tuples(st.integers(1, 5), st.just(12)), elements=st.integers(0, 99), fill=st.nothing()
)


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("datatype", [*NUMERIC, "FP16"])
@settings(max_examples=20, deadline=None)
@given(rows=people, missing=st.booleans())
def test_the_same_tensors_get_the_same_answers(
    pipeline: str, datatype: str, rows: Array, missing: bool, engine: Engine
) -> None:
    array = rows.astype(DTYPES[datatype])
    if missing and datatype.startswith("FP"):
        array[0, 0] = np.nan
    bodies = {
        Encoding.JSON: json_request(array, datatype),
        Encoding.PROTOBUF: typed_request(array, datatype) if datatype in TYPED else None,
        Encoding.RAW_PROTOBUF: raw_request(array, datatype),
    }
    sent = {encoding: body for encoding, body in bodies.items() if body}
    answers = engine.answer(records_of(pipeline, list(sent.values())))
    assert answers.statuses == ["answered"] * len(sent)
    assert answers.infer_types == [INFER_TYPES[encoding] for encoding in sent]
    got = [READERS[one](body or b"") for one, body in zip(sent, answers.bodies, strict=True)]
    assert set(got[0]) >= {"predict", "is_outlier"}
    for other in got[1:]:
        assert list(other) == list(got[0])
        for name, (kind, values) in got[0].items():
            assert other[name][0] == kind
            assert same(other[name][1], values)
    for encoding, body in zip(sent, answers.bodies, strict=True):
        assert is_in(encoding, body or b"")


def is_in(encoding: Encoding, body: bytes) -> bool:
    """Return whether a response is in an encoding, with the request's id."""
    if encoding is Encoding.JSON:
        return bool(msgspec.json.decode(body)["id"] == "i")
    message = ModelInferResponse.FromString(body)
    raw = bool(message.raw_output_contents)
    return message.id == "i" and raw == (encoding is Encoding.RAW_PROTOBUF)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_parameters_of_an_answer_are_the_same_in_every_encoding(pipeline: str, engine: Engine) -> None:
    row = np.array([ROW])
    bodies = [write(row, "FP64") for write in (json_request, typed_request, raw_request)]
    answers = engine.answer(records_of(pipeline, bodies))
    assert answers.statuses == ["answered"] * 3
    body = msgspec.json.decode(answers.bodies[0] or b"")
    for encoded in answers.bodies[1:]:
        message = ModelInferResponse.FromString(encoded or b"")
        assert (message.model_name, message.model_version) == (body["model_name"], body["model_version"])
        for tensor, output in zip(message.outputs, body["outputs"], strict=True):
            parameters = {
                key: getattr(value, value.WhichOneof("parameter_choice"))
                for key, value in tensor.parameters.items()
            }
            assert parameters == output["parameters"]
            assert (tensor.name, list(tensor.shape)) == (output["name"], output["shape"])
