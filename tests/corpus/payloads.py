"""Request values that are each wrong in a way of their own, for pipelines that take rows of twelve numbers.

`CASES` gives value, header `seldon-infer-type` and the reason of the dead letter; no value is longer than
the job's own limit. `MESSAGES` is a part of the message that names what is wrong.
"""

from __future__ import annotations

import base64
import json
import pickle
import random
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from operators.protocol.inference_pb2 import ModelInferRequest, ModelInferResponse


class Case(NamedTuple):
    """A record's value and header, and why it becomes a dead letter."""

    value: bytes
    infer_type: str | None
    reason: str


class _Wrong(NamedTuple):
    value: bytes | str
    reason: str
    message: str
    infer_type: str | None = None


UNREADABLE, BAD_REQUEST, STEP_FAILED = "UNREADABLE", "BAD_REQUEST", "STEP_FAILED"
JSON_TYPE, PROTO_TYPE = "json/inferModelRequest", "proto/InferModelRequest"
ROW = [40.0, 2.0, 1.0, 1.0, 3.0, 0.0, 3.0, 1.0, 0.0, 0.0, 40.0, 4.0]
OTHER_ROW = [20.0, 5.0, 5.0, 2.0, 6.0, 3.0, 1.0, 0.0, 90_000.0, 0.0, 10.0, 1.0]
_DATA = json.dumps(ROW)


def good(row: list[float] = ROW, id_: str = "good") -> bytes:
    """A request that is answered."""
    return _request(_tensor(data=row), id=id_).encode()


def good_proto(row: list[float] = ROW, id_: str = "good", raw: bool = False) -> bytes:
    """The same request in protobuf."""
    return _proto(raw=[struct.pack("<12d", *row)], id_=id_) if raw else _proto(fp64_contents=row, id_=id_)


def _tensor(**changes: Any) -> dict[str, Any]:
    """A tensor; a change to ... leaves a field out."""
    tensor = {"name": "x", "shape": [1, 12], "datatype": "FP64", "data": ROW, **changes}
    return {key: value for key, value in tensor.items() if value is not ...}


def _request(*tensors: Any, **more: Any) -> str:
    return json.dumps({"id": "i", "inputs": list(tensors), **more}, ensure_ascii=False)


def _edit(old: str, new: str) -> str:
    text = _request(_tensor())
    assert old in text, old
    return text.replace(old, new, 1)


def _shape(*sizes: Any, data: Any = ROW, **changes: Any) -> str:
    return _request(_tensor(shape=list(sizes), data=data, **changes))


def _one(datatype: str, value: Any) -> str:
    return _request(_tensor(shape=[1, 1], datatype=datatype, data=[value]))


def _columns(*columns: list[float]) -> str:
    """A request of content type pd: each column a tensor."""
    tensors = [_tensor(name=f"c{i}", shape=[len(column)], data=column) for i, column in enumerate(columns)]
    return _request(*tensors, parameters={"content_type": "pd"})


def many_tensors(count: int) -> bytes:
    """A request of so many tensors of one value, all of them right."""
    return _request(*(_tensor(name=f"t{i}", shape=[1], data=[1]) for i in range(count))).encode()


def columns_of(row: list[float]) -> bytes:
    """A request that is answered: every value of a row a column of its own."""
    return _columns(*([value] for value in row)).encode()


def unequal_columns(row: list[float], first: int, last: int) -> bytes:
    """A request of content type pd with so many rows in its first six columns, and so many in the others."""
    return _columns(*([value] * (first if i < 6 else last) for i, value in enumerate(row))).encode()


_SYNTAX = {
    "nothing": _Wrong(b"", UNREADABLE, "not JSON"),
    "only white space": _Wrong(" \r\n\t ", UNREADABLE, "not JSON"),
    "a word": _Wrong("hello", UNREADABLE, "not JSON"),
    "a JSON null": _Wrong("null", BAD_REQUEST, "Expected `object`, got `null`"),
    "a JSON number": _Wrong("7", BAD_REQUEST, "Expected `object`, got `int`"),
    "a JSON flag": _Wrong("true", BAD_REQUEST, "Expected `object`, got `bool`"),
    "a JSON text": _Wrong('"inputs"', UNREADABLE, "the value is neither JSON nor a protobuf"),
    "a JSON text, with the header": _Wrong(
        '"inputs"', BAD_REQUEST, "Expected `object`, got `str`", JSON_TYPE
    ),
    "a JSON list": _Wrong("[]", BAD_REQUEST, "Expected `object`, got `array`"),
    "a list of requests": _Wrong(f"[{_request(_tensor())}]", BAD_REQUEST, "Expected `object`, got `array`"),
    "an empty object": _Wrong("{}", BAD_REQUEST, "missing required field `inputs`"),
    "a brace": _Wrong("{", UNREADABLE, "not JSON"),
    "half a request": _Wrong(_request(_tensor())[:60], UNREADABLE, "not JSON"),
    "a request without its last brace": _Wrong(_request(_tensor())[:-1], UNREADABLE, "not JSON"),
    "a brace too many": _Wrong(_request(_tensor()) + "}", UNREADABLE, "not JSON"),
    "two requests": _Wrong(_request(_tensor()) * 2, UNREADABLE, "not JSON"),
    "two requests on two lines": _Wrong("\n".join([_request(_tensor())] * 2), UNREADABLE, "not JSON"),
    "a comma too many": _Wrong(_edit("4.0]", "4.0,]"), UNREADABLE, "not JSON"),
    "a comma too few": _Wrong(_edit('"x", ', '"x" '), UNREADABLE, "not JSON"),
    "a comment": _Wrong(_edit('{"name"', '/* the row */ {"name"'), UNREADABLE, "not JSON"),
    "single quotes": _Wrong(_request(_tensor()).replace('"', "'"), UNREADABLE, "not JSON"),
    "keys without quotes": _Wrong(_edit('"name"', "name"), UNREADABLE, "not JSON"),
    "a NaN": _Wrong(_edit("40.0", "NaN"), UNREADABLE, "not JSON"),
    "an Infinity": _Wrong(_edit("40.0", "Infinity"), UNREADABLE, "not JSON"),
    "a negative Infinity": _Wrong(_edit("40.0", "-Infinity"), UNREADABLE, "not JSON"),
    "a hexadecimal number": _Wrong(_edit("40.0", "0x28"), UNREADABLE, "not JSON"),
    "a number with a leading zero": _Wrong(_edit("40.0", "040"), UNREADABLE, "not JSON"),
    "a number with a plus": _Wrong(_edit("40.0", "+40"), UNREADABLE, "not JSON"),
    "a number that begins with its point": _Wrong(_edit("40.0", ".5"), UNREADABLE, "not JSON"),
    "a number that ends with its point": _Wrong(_edit("40.0", "40."), UNREADABLE, "not JSON"),
    "a Python None": _Wrong(_edit("40.0", "None"), UNREADABLE, "not JSON"),
    "a Python True": _Wrong(_edit("40.0", "True"), UNREADABLE, "not JSON"),
    "an undefined": _Wrong(_edit("40.0", "undefined"), UNREADABLE, "not JSON"),
    "an unknown escape": _Wrong(_edit('"x"', '"\\q"'), UNREADABLE, "not JSON"),
    "half a surrogate": _Wrong(_edit('"x"', '"\\ud800"'), UNREADABLE, "not JSON"),
    "half a surrogate at the end": _Wrong(_edit('"id": "i"', '"id": "\\udfff"'), UNREADABLE, "not JSON"),
    "a line break in a text": _Wrong(_edit('"x"', '"\n"'), UNREADABLE, "not JSON"),
    "inputs twice, once empty": _Wrong(_request(_tensor())[:-1] + ', "inputs": []}', BAD_REQUEST, "is empty"),
    "a mark of UTF-8": _Wrong(b"\xef\xbb\xbf" + good(), UNREADABLE, "not JSON"),
    "UTF-16": _Wrong(good().decode().encode("utf-16"), UNREADABLE, "not JSON"),
    "UTF-16 without a mark": _Wrong(good().decode().encode("utf-16-le"), UNREADABLE, "not JSON"),
    "UTF-32": _Wrong(good().decode().encode("utf-32"), UNREADABLE, "not JSON"),
    "Latin 1": _Wrong(_edit('"x"', '"Größe"').encode("latin-1"), UNREADABLE, "not JSON"),
    "a name that is not UTF-8": _Wrong(good().replace(b'"x"', b'"\xff\xfe"'), UNREADABLE, "not JSON"),
    "a name in overlong UTF-8": _Wrong(good().replace(b'"x"', b'"\xc0\xaf"'), UNREADABLE, "not JSON"),
    "a surrogate in UTF-8": _Wrong(good().replace(b'"x"', b'"\xed\xa0\x80"'), UNREADABLE, "not JSON"),
    "a byte of zero": _Wrong(b"\0", UNREADABLE, "the value "),
    "a byte of zero at the end": _Wrong(good() + b"\0", UNREADABLE, "not JSON"),
    "a form": _Wrong("inputs=40&inputs=2", UNREADABLE, "not JSON"),
    "XML": _Wrong("<inputs><x>40</x></inputs>", UNREADABLE, "not JSON"),
    "YAML": _Wrong("inputs:\n- name: x\n", UNREADABLE, "not JSON"),
    "a table": _Wrong("age,hours\n40,40\n", UNREADABLE, "not JSON"),
    "MessagePack": _Wrong(b"\x81\xa6inputs\x90", UNREADABLE, "not JSON"),
    "a pickle": _Wrong(pickle.dumps({"inputs": []}), UNREADABLE, "not JSON"),
    "a compressed request": _Wrong(zlib.compress(good()), UNREADABLE, "not JSON"),
    "a request in base 64": _Wrong(base64.b64encode(good()), UNREADABLE, "not JSON"),
    "a request within a text": _Wrong(json.dumps(good().decode()), UNREADABLE, "neither JSON nor a protobuf"),
    "a hundred thousand lists in each other": _Wrong("[" * 100_000, BAD_REQUEST, "Expected `object`"),
    "deep lists under a key that nobody knows": _Wrong(
        f'{{"x": {"[" * 100_000}{"]" * 100_000}, "inputs": []}}', UNREADABLE, "recursion"
    ),
    "deep objects as parameters": _Wrong('{"parameters": ' + '{"a":' * 100_000, UNREADABLE, "recursion"),
    "deep lists as data": _Wrong(_edit(_DATA, "[" * 2_000 + "]" * 2_000), UNREADABLE, "recursion"),
}

_FIELDS = {
    "inputs of nothing": _Wrong('{"inputs": null}', BAD_REQUEST, "Expected `array`, got `null`"),
    "inputs that are a text": _Wrong('{"inputs": "x"}', BAD_REQUEST, "Expected `array`, got `str`"),
    "inputs that are a number": _Wrong('{"inputs": 5}', BAD_REQUEST, "Expected `array`, got `int`"),
    "inputs by name": _Wrong('{"inputs": {"x": [1]}}', BAD_REQUEST, "Expected `array`, got `object`"),
    "no inputs": _Wrong(
        '{"inputs": []}', BAD_REQUEST, "inputs is empty; a request needs at least one tensor"
    ),
    "a tensor of nothing": _Wrong('{"inputs": [null]}', BAD_REQUEST, "Expected `object`, got `null`"),
    "a tensor that is a number": _Wrong('{"inputs": [40]}', BAD_REQUEST, "Expected `object`, got `int`"),
    "a tensor that is a list": _Wrong(
        f'{{"inputs": [{_DATA}]}}', BAD_REQUEST, "Expected `object`, got `array`"
    ),
    "a tensor without fields": _Wrong('{"inputs": [{}]}', BAD_REQUEST, "missing required field"),
    "the format of TensorFlow Serving": _Wrong(
        '{"instances": [[1, 2]]}', BAD_REQUEST, "required field `inputs"
    ),
    "the format of version 1": _Wrong('{"data": {"ndarray": [[1]]}}', BAD_REQUEST, "missing required field"),
    "a response": _Wrong(
        '{"model_name": "m", "outputs": []}', BAD_REQUEST, "missing required field `inputs`"
    ),
    "no name": _Wrong(_request(_tensor(name=...)), BAD_REQUEST, "missing required field `name`"),
    "no shape": _Wrong(_request(_tensor(shape=...)), BAD_REQUEST, "missing required field `shape`"),
    "no datatype": _Wrong(_request(_tensor(datatype=...)), BAD_REQUEST, "missing required field `datatype`"),
    "no data": _Wrong(_request(_tensor(data=...)), BAD_REQUEST, "missing required field `data`"),
    "a name of nothing": _Wrong(_request(_tensor(name=None)), BAD_REQUEST, "`$.inputs[0].name`"),
    "a name that is a number": _Wrong(_request(_tensor(name=5)), BAD_REQUEST, "`$.inputs[0].name`"),
    "a name that is a list": _Wrong(_request(_tensor(name=["x"])), BAD_REQUEST, "`$.inputs[0].name`"),
    "a shape of nothing": _Wrong(_request(_tensor(shape=None)), BAD_REQUEST, "`$.inputs[0].shape`"),
    "a shape that is a number": _Wrong(_request(_tensor(shape=12)), BAD_REQUEST, "`$.inputs[0].shape`"),
    "a shape that is a text": _Wrong(_request(_tensor(shape="1,12")), BAD_REQUEST, "`$.inputs[0].shape`"),
    "a datatype of nothing": _Wrong(_request(_tensor(datatype=None)), BAD_REQUEST, "`$.inputs[0].datatype`"),
    "a datatype that is a number": _Wrong(_request(_tensor(datatype=64)), BAD_REQUEST, "inputs[0].datatype`"),
    "an empty datatype": _Wrong(
        _request(_tensor(datatype="")), BAD_REQUEST, "datatype '' is not one of BOOL"
    ),
    "a datatype in small letters": _Wrong(
        _request(_tensor(datatype="fp64")), BAD_REQUEST, "'fp64' is not one"
    ),
    "a datatype of numpy": _Wrong(
        _request(_tensor(datatype="float64")), BAD_REQUEST, "'float64' is not one o"
    ),
    "a datatype that does not exist": _Wrong(
        _request(_tensor(datatype="FP8")), BAD_REQUEST, "'FP8' is not on"
    ),
    "a datatype of another protocol": _Wrong(
        _request(_tensor(datatype="STRING")), BAD_REQUEST, "'STRING' is"
    ),
    "data of nothing": _Wrong(_request(_tensor(data=None)), BAD_REQUEST, "data must be a list, got NoneType"),
    "data that are a text": _Wrong(
        _request(_tensor(data=_DATA)), BAD_REQUEST, "data must be a list, got str"
    ),
    "data that are a number": _Wrong(_request(_tensor(data=5)), BAD_REQUEST, "data must be a list, got int"),
    "data that are a flag": _Wrong(
        _request(_tensor(data=True)), BAD_REQUEST, "data must be a list, got bool"
    ),
    "data by name": _Wrong(_request(_tensor(data={"0": 1})), BAD_REQUEST, "data must be a list, got dict"),
    "an id that is a number": _Wrong(_request(_tensor(), id=5), BAD_REQUEST, "`$.id`"),
    "an id that is a list": _Wrong(_request(_tensor(), id=["i"]), BAD_REQUEST, "`$.id`"),
    "parameters that are a list": _Wrong(_request(_tensor(), parameters=[]), BAD_REQUEST, "`$.parameters`"),
    "parameters that are a text": _Wrong(_request(_tensor(), parameters="pd"), BAD_REQUEST, "`$.parameters`"),
    "a tensor's parameters that are a list": _Wrong(
        _request(_tensor(parameters=["pd"])), BAD_REQUEST, "`$.inputs[0].parameters`"
    ),
    "outputs by name": _Wrong(_request(_tensor(), outputs={"name": "y"}), BAD_REQUEST, "`$.outputs`"),
    "outputs that are a text": _Wrong(_request(_tensor(), outputs="predict"), BAD_REQUEST, "`$.outputs`"),
    "outputs that are texts": _Wrong(_request(_tensor(), outputs=["predict"]), BAD_REQUEST, "`$.outputs[0]`"),
    "an output of nothing": _Wrong(_request(_tensor(), outputs=[None]), BAD_REQUEST, "`$.outputs[0]`"),
    "an output without a name": _Wrong(_request(_tensor(), outputs=[{}]), BAD_REQUEST, "`$.outputs[0]`"),
    "an output whose name is a number": _Wrong(
        _request(_tensor(), outputs=[{"name": 1}]), BAD_REQUEST, "[0].na"
    ),
    "an unknown output": _Wrong(
        _request(_tensor(), outputs=[{"name": "explain"}]),
        BAD_REQUEST,
        "outputs: 'explain' does not exist; available are",
    ),
    "an output with a line break": _Wrong(
        _request(_tensor(), outputs=[{"name": "a\nb"}]),
        BAD_REQUEST,
        "outputs: 'a\\nb' does not exist; available are",
    ),
    "an output of 100,000 letters": _Wrong(
        _request(_tensor(), outputs=[{"name": "y" * 100_000}]), BAD_REQUEST, "outputs: 'yyyyyyyy"
    ),
    "ten thousand unknown outputs": _Wrong(
        _request(_tensor(), outputs=[{"name": f"y{i}"} for i in range(10_000)]),
        BAD_REQUEST,
        "outputs: 'y0' does not exist; available are",
    ),
}

_CONTENT_TYPES = {
    **{
        f"content type {name}": _Wrong(
            _request(_tensor(), parameters={"content_type": name}),
            BAD_REQUEST,
            "is not supported; it must be one of np",
        )
        for name in ("pd_json", "base64", "datetime", "hf", "application/json", "PD", " pd", "\n", "😀")
    },
    **{
        f"a content type that is a {type(value).__name__}": _Wrong(
            _request(_tensor(), parameters={"content_type": value}),
            BAD_REQUEST,
            "is not supported; it must be one of np",
        )
        for value in (5, 0.5, True, ["pd"], {"pd": True})
    },
    "a content type of 100,000 letters": _Wrong(
        _request(_tensor(), parameters={"content_type": "x" * 100_000}), BAD_REQUEST, "content_type"
    ),
    "a tensor of content type pd": _Wrong(
        _request(_tensor(parameters={"content_type": "pd"})),
        BAD_REQUEST,
        "'pd' is not supported; it must be one of np",
    ),
    "a tensor of content type base64": _Wrong(
        _request(_tensor(parameters={"content_type": "base64"})),
        BAD_REQUEST,
        "content_type base64 needs datatype BYTES, got",
    ),
    "a tensor whose content type is a number": _Wrong(
        _request(_tensor(parameters={"content_type": 7})), BAD_REQUEST, "content_type '7' is not supported"
    ),
    "text that is numbers": _Wrong(
        _request(_tensor(parameters={"content_type": "str"})),
        BAD_REQUEST,
        "content_type str needs datatype BYTES, got",
    ),
    "content type pd of a wide tensor": _Wrong(
        _request(_tensor(), parameters={"content_type": "pd"}),
        STEP_FAILED,
        "pd takes tensors with one value per row",
    ),
    "content type pd without the last column": _Wrong(
        _columns(*([value] for value in ROW[:11])), STEP_FAILED, "11 features"
    ),
    "content type pd with a column too many": _Wrong(
        _columns(*([value] for value in ROW), [1.0]), STEP_FAILED, "13 features"
    ),
    "content type pd with more rows in the first columns": _Wrong(
        unequal_columns(OTHER_ROW, 2, 1),
        BAD_REQUEST,
        "content_type pd needs tensors with the same number of rows, got 1, 2",
    ),
    "content type pd with more rows in the last columns": _Wrong(
        unequal_columns(OTHER_ROW, 1, 2),
        BAD_REQUEST,
        "content_type pd needs tensors with the same number of rows, got 1, 2",
    ),
}

_SHAPES = {
    "a size of 2000 digits": _Wrong(_shape(10**2000, 10**2000, 10**2000), BAD_REQUEST, "takes more than"),
    "an empty shape": _Wrong(_shape(), BAD_REQUEST, "shape must be a list of sizes, got []"),
    "a shape of no rows": _Wrong(_shape(0, 12, data=[]), BAD_REQUEST, "shape [0, 12] contains no value"),
    "a shape of no columns": _Wrong(_shape(1, 0, data=[]), BAD_REQUEST, "shape [1, 0] contains no value"),
    "a shape of zero": _Wrong(_shape(0, data=[]), BAD_REQUEST, "shape [0] contains no value"),
    "a shape of any number of rows": _Wrong(_shape(-1, 12), BAD_REQUEST, "a list of sizes, got [-1, 12]"),
    "a shape of any number of columns": _Wrong(_shape(1, -1), BAD_REQUEST, "a list of sizes, got [1, -1]"),
    "a shape of two negative sizes": _Wrong(_shape(-1, -12), BAD_REQUEST, "a list of sizes, got [-1, -12]"),
    "a shape of 1.5 rows": _Wrong(
        _shape(1.5, 8), BAD_REQUEST, "Expected `int`, got `float` - at `$.inputs[0]."
    ),
    "a shape of texts": _Wrong(
        _shape("1", "12"), BAD_REQUEST, "Expected `int`, got `str` - at `$.inputs[0].sh"
    ),
    "a shape of nulls": _Wrong(
        _shape(None, 12), BAD_REQUEST, "Expected `int`, got `null` - at `$.inputs[0].sh"
    ),
    "a shape of flags": _Wrong(
        _shape(True, 12), BAD_REQUEST, "Expected `int`, got `bool` - at `$.inputs[0].sh"
    ),
    "a shape in a shape": _Wrong(
        _shape([1, 12]), BAD_REQUEST, "Expected `int`, got `array` - at `$.inputs[0]."
    ),
    "a shape of 1e400": _Wrong(_edit("[1, 12]", "[1e400, 12]"), BAD_REQUEST, "`$.inputs[0].shape"),
    "a shape of 5000 digits": _Wrong(_edit("[1, 12]", f"[{'9' * 5_000}]"), BAD_REQUEST, "`$.inputs[0].shape"),
    "a row too many": _Wrong(
        _shape(2, 12), BAD_REQUEST, "shape [2, 12] takes 24 values, but the data does not"
    ),
    "a value too few": _Wrong(_shape(1, 12, data=ROW[:11]), BAD_REQUEST, "shape [1, 12] takes 12 values"),
    "a value too many": _Wrong(_shape(1, 12, data=[*ROW, 1]), BAD_REQUEST, "shape [1, 12] takes 12 values"),
    "no value": _Wrong(
        _shape(1, 12, data=[]), BAD_REQUEST, "shape [1, 12] takes 12 values, but the data does"
    ),
    "a billion rows": _Wrong(_shape(10**9, 12), BAD_REQUEST, "shape takes more than 2147483648 values"),
    "a shape of 2**63 - 1": _Wrong(_shape(2**63 - 1), BAD_REQUEST, "shape takes more than 2147483648 values"),
    "a shape of 2**63": _Wrong(_shape(2**63), BAD_REQUEST, "shape takes more than 2147483648 values"),
    "a shape of 2**63 columns": _Wrong(
        _shape(1, 2**63), BAD_REQUEST, "shape takes more than 2147483648 values"
    ),
    "a shape of 2**62 columns": _Wrong(
        _shape(1, 2**62), BAD_REQUEST, "shape takes more than 2147483648 values"
    ),
    "a shape of 2**70 columns": _Wrong(
        _shape(1, 2**70), BAD_REQUEST, "shape takes more than 2147483648 values"
    ),
    "a shape of 10**36 values": _Wrong(
        _shape(10**18, 10**18), BAD_REQUEST, "shape takes more than 2147483648 values"
    ),
    "a shape of 10**36 values a row": _Wrong(
        _shape(1, 10**18, 10**18), BAD_REQUEST, "shape takes more than 2147483648 values"
    ),
    "a shape whose product is zero in 64 bits": _Wrong(
        _shape(2**32, 2**32), BAD_REQUEST, "shape takes more than 2147483648 values"
    ),
    "forty axes": _Wrong(_shape(*[1] * 40, data=[1]), BAD_REQUEST, ""),
    "forty axes of whole numbers": _Wrong(_shape(*[1] * 40, data=[1], datatype="INT32"), BAD_REQUEST, ""),
    "forty axes that do not fit": _Wrong(_shape(*[1] * 40), BAD_REQUEST, ""),
    "ten thousand axes": _Wrong(_shape(*[1] * 10_000, data=[1]), BAD_REQUEST, ""),
    "two thousand axes of 10**18": _Wrong(_shape(*[10**18] * 2_000, data=[1]), BAD_REQUEST, ""),
    "a row of eleven": _Wrong(
        _shape(1, 11, data=ROW[:11]), STEP_FAILED, "rows of 12 values, got rows of shape [11"
    ),
    "a row of thirteen": _Wrong(
        _shape(1, 13, data=[*ROW, 1]), STEP_FAILED, "rows of 12 values, got rows of shap"
    ),
    "twelve rows of one": _Wrong(
        _shape(12, 1), STEP_FAILED, "takes rows of 12 values, got rows of shape [1]"
    ),
    "twelve values without rows": _Wrong(
        _shape(12), STEP_FAILED, "takes rows of 12 values, got rows of shape []"
    ),
    "a row of columns": _Wrong(_shape(1, 12, 1), STEP_FAILED, "got rows of shape [12, 1]"),
    "a row of rows": _Wrong(_shape(1, 1, 12), STEP_FAILED, "got rows of shape [1, 12]"),
    "thirty-two axes": _Wrong(_shape(*[1] * 32, data=[1]), STEP_FAILED, "takes rows of 12 values"),
}

_NESTING = {
    "rows of other lengths": _Wrong(_shape(2, 6, data=[ROW[:5], ROW[5:]]), BAD_REQUEST, "tensor 'x'"),
    "a row that is not nested": _Wrong(
        _shape(2, 2, data=[[1, 2], 3, 4]), BAD_REQUEST, "the nesting of the data does not match shape [2, 2]"
    ),
    "a value that is nested": _Wrong(
        _shape(1, 3, data=[1, [2], 3]), BAD_REQUEST, "the nesting of the data does not match shape [1, 3]"
    ),
    "nesting of the other axes": _Wrong(
        _shape(2, 6, data=[[1, 2]] * 6), BAD_REQUEST, "the nesting of the data does not match shape [2, 6]"
    ),
    "nesting deeper than the shape": _Wrong(
        _shape(1, 2, data=[[[1, 2]]]), BAD_REQUEST, "nesting of the data does not match shape"
    ),
    "nesting of a shape of one axis": _Wrong(
        _shape(2, data=[[1, 2]]), BAD_REQUEST, "the nesting of the data does not match shape [2]"
    ),
    "an empty row": _Wrong(_shape(2, 2, data=[[1, 2], []]), BAD_REQUEST, "shape [2, 2] takes 4 values"),
    "a row of nothing": _Wrong(
        _shape(2, 2, data=[[1, 2], None]), BAD_REQUEST, "the nesting of the data does not match shape [2, 2]"
    ),
    "a row that is an object": _Wrong(
        _shape(2, 2, data=[[1, 2], {"0": 3}]), BAD_REQUEST, "nesting of the data does not match shape"
    ),
    "rows one deeper than the others": _Wrong(
        _shape(2, 1, data=[[1], [[2]]]), BAD_REQUEST, "nesting of the data does not match sha"
    ),
    "four hundred and fifty lists around a number": _Wrong(
        _edit(_DATA, "[" * 450 + "1" + "]" * 450), BAD_REQUEST, "nesting of the data does not match shape"
    ),
    "four hundred and fifty lists around a whole number": _Wrong(
        _edit(_DATA, "[" * 450 + "1" + "]" * 450).replace("FP64", "INT64"), BAD_REQUEST, ""
    ),
    "four hundred and fifty lists around a flag": _Wrong(
        _edit(_DATA, "[" * 450 + "true" + "]" * 450).replace("FP64", "BOOL"), BAD_REQUEST, ""
    ),
}


def _values() -> Iterator[tuple[str, _Wrong]]:
    """Values that each datatype cannot hold."""
    for bits in (8, 16, 32, 64):
        ranges = {"UINT": (0, 2**bits - 1), "INT": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)}
        for name, (least, most) in ranges.items():
            datatype = f"{name}{bits}"
            message = f"out of the range of {datatype}"
            yield f"{datatype} below its range", _Wrong(_one(datatype, least - 1), BAD_REQUEST, message)
            yield f"{datatype} above its range", _Wrong(_one(datatype, most + 1), BAD_REQUEST, message)
            yield f"{datatype} of 1e300", _Wrong(_one(datatype, 1e300), BAD_REQUEST, message)
            whole = f"{datatype} takes whole numbers, but the data contains"
            for value in (1.5, "1", True, {"value": 1}):
                name = type(value).__name__
                yield f"{datatype} that is a {name}", _Wrong(_one(datatype, value), BAD_REQUEST, whole)
    for datatype in ("FP16", "FP32", "FP64"):
        for value in ("1.5", "NaN", True, {"value": 1}):
            message = f"{datatype} takes numbers, but the data contains"
            yield f"{datatype} that is {value!r}", _Wrong(_one(datatype, value), BAD_REQUEST, message)
    for value in (1, 0.0, "true", {"value": True}):
        message = "BOOL takes true or false, but the data contains"
        yield f"BOOL that is {value!r}", _Wrong(_one("BOOL", value), BAD_REQUEST, message)
    for value in (1, 0.5, True, {"value": "a"}):
        yield f"BYTES that are {value!r}", _Wrong(_one("BYTES", value), BAD_REQUEST, "BYTES takes strings")


_VALUES = {
    **dict(_values()),
    "one text among numbers": _Wrong(
        _edit("40.0", '"40"'), BAD_REQUEST, "FP64 takes numbers, but the data contains str"
    ),
    "a number of 1e400": _Wrong(_edit("40.0", "1e400"), BAD_REQUEST, "Number out of range"),
    "a number of -1e400": _Wrong(_edit("40.0", "-1e400"), BAD_REQUEST, "Number out of range"),
    "a number of 5000 digits": _Wrong(_edit("40.0", "9" * 5_000), BAD_REQUEST, "out of range"),
    "a number of 400 digits": _Wrong(_edit("40.0", "9" * 400), BAD_REQUEST, ""),
    "a whole number of 400 digits": _Wrong(
        _shape(1, 1, data=[int("9" * 400)], datatype="INT64"), BAD_REQUEST, "out of the range of INT64"
    ),
    "a whole number of 4000 digits": _Wrong(
        _shape(1, 1, data=[int("9" * 4_000)], datatype="INT64"), BAD_REQUEST, ""
    ),
    "a number that is infinite in single precision": _Wrong(
        _edit("40.0", "1e300").replace("FP64", "FP32"), STEP_FAILED, "infinity"
    ),
    "a number that is infinite in half precision": _Wrong(
        _edit("40.0", "1e6").replace("FP64", "FP16"), STEP_FAILED, "infinity"
    ),
    "numbers that the models cannot hold": _Wrong(_shape(1, 12, data=[1e308] * 12), STEP_FAILED, "infinity"),
    "words": _Wrong(_shape(1, 12, data=["Private"] * 12, datatype="BYTES"), STEP_FAILED, "'Private'"),
    "numbers in words": _Wrong(
        _shape(1, 12, data=[str(v) for v in ROW], datatype="BYTES"), STEP_FAILED, "dtype"
    ),
    "flags": _Wrong(_shape(1, 12, data=[True] * 12, datatype="BOOL"), STEP_FAILED, "dtype bool"),
}

_TENSORS = {
    "two tensors": _Wrong(
        _request(_tensor(name="a"), _tensor(name="b")), STEP_FAILED, "takes a single tensor, got 2 (a, b)"
    ),
    "two tensors of one name": _Wrong(
        _request(_tensor(), _tensor(data=OTHER_ROW)),
        BAD_REQUEST,
        "inputs has two tensors with the same name: x, x",
    ),
    "two of three tensors of one name": _Wrong(
        _request(_tensor(), _tensor(name="y"), _tensor()), BAD_REQUEST, "two tensors with the same name"
    ),
    "a second tensor that is wrong": _Wrong(
        _request(_tensor(), _tensor(name="y", shape=[-1])), BAD_REQUEST, "inputs[1] ('y'): shape must be"
    ),
    "a second tensor that does not fit": _Wrong(
        _request(_tensor(), _tensor(name="y", shape=[3])), BAD_REQUEST, "tensor 'y': shape [3] takes 3 values"
    ),
    "five thousand tensors": _Wrong(
        _request(*(_tensor(name=f"t{i}", shape=[1], data=[1]) for i in range(5_000))), STEP_FAILED, "got 5000"
    ),
    "five thousand tensors of one name": _Wrong(
        _request(*[_tensor(shape=[1], data=[1])] * 5_000), BAD_REQUEST, "two tensors with the same name"
    ),
    "a hundred thousand tensors without fields": _Wrong(
        '{"inputs": [' + "{}," * 100_000 + "{}]}", BAD_REQUEST, "missing required field"
    ),
    **{
        f"a tensor of the name {name!r}": _Wrong(
            _request(_tensor(name=name, shape=[2, 12])),
            BAD_REQUEST,
            f"tensor {name!r}: shape [2, 12] takes 24",
        )
        for name in (
            "",
            "a.b",
            "a'b",
            'a"b',
            "a\nb",
            "a\tb",
            "a\0b",
            "😀",
            "größe",
            "\u202egnp",
            "{0}",
            "%s",
            "x" * 99,
        )
    },
    "a tensor of a name of 100,000 letters": _Wrong(
        _request(_tensor(name="x" * 100_000, shape=[2, 12])), BAD_REQUEST, "tensor 'xxx"
    ),
    "a tensor of a name of 100,000 line breaks": _Wrong(
        _request(_tensor(name="\n" * 100_000, datatype="FP8")), BAD_REQUEST, "inputs[0]"
    ),
    "a datatype of 100,000 letters": _Wrong(
        _request(_tensor(datatype="x" * 100_000)), BAD_REQUEST, "inputs[0]"
    ),
}

_TYPED = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def _message(
    datatype: str = "FP64",
    shape: Sequence[int] = (1, 12),
    *,
    name: str = "x",
    raw: Sequence[bytes] = (),
    outputs: Sequence[str] = (),
    id_: str = "i",
    **contents: Any,
) -> ModelInferRequest:
    """A protobuf request of one tensor; `contents` are fields of its typed contents."""
    message = ModelInferRequest(id=id_, raw_input_contents=raw)
    tensor = message.inputs.add(name=name, datatype=datatype, shape=shape)
    if not raw and not contents:
        contents = {"fp64_contents": ROW}
    for field, values in contents.items():
        getattr(tensor.contents, field).extend(values)
    for output in outputs:
        message.outputs.add(name=output)
    return message


def _proto(*args: Any, **kwargs: Any) -> bytes:
    return bytes(_message(*args, **kwargs).SerializeToString())


def _proto_content_type(field: str, value: Any, *, of_tensor: bool = False) -> bytes:
    message = _message()
    parameters = message.inputs[0].parameters if of_tensor else message.parameters
    setattr(parameters["content_type"], field, value)
    return bytes(message.SerializeToString())


def _two(*raw: bytes) -> bytes:
    message = _message(shape=[1], raw=raw)
    message.inputs.add(name="y", datatype="FP64", shape=[1])
    return bytes(message.SerializeToString())


def _garbled(seed: int) -> bytes:
    """A protobuf request with ten other bytes."""
    body = bytearray(_proto())
    generator = random.Random(seed)
    for _ in range(10):
        body[generator.randrange(len(body))] = generator.randrange(256)
    return bytes(body)


# Seeds of which no byte of the ten makes another message.
_GARBLED = (0, 1, 5, 6, 7)
_NEITHER = "the value is neither JSON nor a protobuf ModelInferRequest"
_PROTOBUF = {
    "nothing, as protobuf": _Wrong(b"", BAD_REQUEST, "inputs is empty", PROTO_TYPE),
    "half a message": _Wrong(_proto()[:40], UNREADABLE, _NEITHER),
    "a message without its last byte": _Wrong(_proto()[:-1], UNREADABLE, _NEITHER),
    "a message with a byte too many": _Wrong(_proto() + b"\x2a", UNREADABLE, _NEITHER),
    "a tag alone": _Wrong(b"\x2a", UNREADABLE, _NEITHER),
    "a length beyond the end": _Wrong(b"\x2a\x7f\x0a\x01x", UNREADABLE, _NEITHER),
    "a length of eleven bytes": _Wrong(b"\x2a" + b"\xff" * 11, UNREADABLE, _NEITHER),
    "a group without its end": _Wrong(b"\x2a\x00\x7b", UNREADABLE, _NEITHER),
    "groups in each other": _Wrong(b"\x2a\x00" + b"\x7b" * 1_000 + b"\x7c" * 1_000, UNREADABLE, _NEITHER),
    "a field of number zero": _Wrong(b"\x2a\x00\x02\x00", UNREADABLE, _NEITHER),
    "only a name of a model": _Wrong(
        ModelInferRequest(model_name="m").SerializeToString(), BAD_REQUEST, "is em"
    ),
    "only fields that nobody knows": _Wrong(b"\x0a\x00\xfa\x01\x03abc", BAD_REQUEST, "inputs is empty"),
    "inputs that are a number": _Wrong(b"\x0a\x00\x28\x05", BAD_REQUEST, "inputs is empty"),
    "a name that is no UTF-8, as protobuf": _Wrong(b"\x2a\x03\x0a\x01\xff", UNREADABLE, _NEITHER),
    "a shape of broken numbers": _Wrong(b"\x2a\x04\x1a\x02\xff\xff", UNREADABLE, _NEITHER),
    "a tensor without fields, as protobuf": _Wrong(
        b"\x2a\x00", BAD_REQUEST, "datatype '' is not one of BOOL"
    ),
    "a hundred thousand tensors without fields, as protobuf": _Wrong(
        b"\x2a\x00" * 100_000, BAD_REQUEST, "datatype '' is not one of BOOL"
    ),
    **{f"a garbled message, {seed}": _Wrong(_garbled(seed), UNREADABLE, _NEITHER) for seed in _GARBLED},
    "the frame of gRPC": _Wrong(
        b"\0" + struct.pack(">I", len(_proto())) + _proto(), UNREADABLE, "the value "
    ),
    "the frame of Confluent's registry": _Wrong(b"\0\0\0\0\x07\0" + _proto(), UNREADABLE, "the value "),
    "the frame of Confluent's registry, with the header": _Wrong(
        b"\0\0\0\0\x07\0" + _proto(), UNREADABLE, _NEITHER, PROTO_TYPE
    ),
    "the frame of Confluent's registry around JSON": _Wrong(
        b"\0\0\0\0\x07" + good(), UNREADABLE, "the value "
    ),
    "a raw response": _Wrong(
        ModelInferResponse(
            outputs=[ModelInferResponse.InferOutputTensor(name="y", datatype="FP64", shape=[1, 12])],
            raw_output_contents=[struct.pack("<12d", *ROW)],
        ).SerializeToString(),
        UNREADABLE,
        _NEITHER,
    ),
    "no contents": _Wrong(
        _proto(fp64_contents=[]), BAD_REQUEST, "shape [1, 12] takes 12 values, there are 0"
    ),
    "a value too few, as protobuf": _Wrong(
        _proto(fp64_contents=ROW[:11]), BAD_REQUEST, "takes 12 values, there a"
    ),
    "a value too many, as protobuf": _Wrong(
        _proto(fp64_contents=[*ROW, 1]), BAD_REQUEST, "12 values, there are 13"
    ),
    "two kinds of contents": _Wrong(
        _proto(fp64_contents=ROW, fp32_contents=ROW),
        BAD_REQUEST,
        "belong in fp64_contents, but fp32_contents",
    ),
    **{
        f"{datatype} in another field": _Wrong(
            _proto(datatype, [1], **{"bool_contents" if datatype != "BOOL" else "int_contents": [1]}),
            BAD_REQUEST,
            f"the values of {datatype} belong in {field}, but",
        )
        for datatype, field in _TYPED.items()
    },
    "FP16 with contents": _Wrong(
        _proto("FP16", fp32_contents=ROW), BAD_REQUEST, "FP16 has no typed contents; send raw_input_contents"
    ),
    "FP16 without contents": _Wrong(
        _proto("FP16", fp32_contents=[]), BAD_REQUEST, "FP16 has no typed contents"
    ),
    **{
        f"{datatype} of {value}, as protobuf": _Wrong(
            _proto(datatype, [1], **{_TYPED[datatype]: [value]}),
            BAD_REQUEST,
            f"out of the range of {datatype}",
        )
        for datatype, value in (
            ("INT8", 128),
            ("INT8", -129),
            ("INT16", 2**15),
            ("INT16", -(2**15) - 1),
            ("UINT8", 256),
            ("UINT16", 2**16),
        )
    },
    "BYTES that are no UTF-8": _Wrong(
        _proto("BYTES", [1], bytes_contents=[b"\xff"]), BAD_REQUEST, "must be UTF-8"
    ),
    "an unknown datatype, as protobuf": _Wrong(
        _proto("FP8", [1], fp32_contents=[1]), BAD_REQUEST, "datatype 'FP8' is not one of BOOL"
    ),
    "an unknown datatype in raw contents": _Wrong(
        _proto("FP8", [1], raw=[b"\0"]), BAD_REQUEST, "datatype 'FP8' is not one of BOOL"
    ),
    "no shape, as protobuf": _Wrong(
        _proto(shape=[], fp64_contents=[1]), BAD_REQUEST, "shape must be a list of siz"
    ),
    "a shape of zero, as protobuf": _Wrong(
        _proto(shape=[0], fp64_contents=[]), BAD_REQUEST, "[0] contains no value"
    ),
    "two negative sizes, as protobuf": _Wrong(
        _proto(shape=[-1, -12]), BAD_REQUEST, "must be a list of sizes, got"
    ),
    "one negative size, as protobuf": _Wrong(_proto(shape=[-1, 12]), BAD_REQUEST, "shape [-1, 12]"),
    "sizes whose product is zero in 64 bits, as protobuf": _Wrong(
        _proto(shape=[2**32, 2**32], fp64_contents=[]), BAD_REQUEST, "takes 18446744073709551616 values"
    ),
    "forty axes, as protobuf": _Wrong(_proto(shape=[1] * 40, fp64_contents=[1]), BAD_REQUEST, ""),
    "forty axes in raw contents": _Wrong(_proto(shape=[1] * 40, raw=[bytes(8)]), BAD_REQUEST, ""),
    "ten thousand axes, as protobuf": _Wrong(_proto(shape=[1] * 10_000, fp64_contents=[1]), BAD_REQUEST, ""),
    "a row of eleven, as protobuf": _Wrong(
        _proto(shape=[1, 11], fp64_contents=ROW[:11]), STEP_FAILED, "shape [11]"
    ),
    "raw contents and others": _Wrong(
        _proto(raw=[bytes(96)], fp64_contents=ROW), BAD_REQUEST, "has both contents and raw contents"
    ),
    "raw contents of one of two tensors": _Wrong(_two(bytes(8)), BAD_REQUEST, "1 raw contents for 2 tensors"),
    "raw contents of three of two tensors": _Wrong(
        _two(*[bytes(8)] * 3), BAD_REQUEST, "3 raw contents for 2"
    ),
    "raw contents of no tensor": _Wrong(b"\x3a\x08" + bytes(8), BAD_REQUEST, "1 raw contents for 0 tensors"),
    "raw contents that are too short": _Wrong(
        _proto(raw=[bytes(88)]), BAD_REQUEST, "takes 12 values, there are 11"
    ),
    "raw contents that are too long": _Wrong(
        _proto(raw=[bytes(104)]), BAD_REQUEST, "takes 12 values, there are 13"
    ),
    "raw contents of half a value": _Wrong(
        _proto(raw=[bytes(95)]), BAD_REQUEST, "95 raw bytes are not a whole number"
    ),
    "raw contents of nothing": _Wrong(_proto(raw=[b""]), BAD_REQUEST, "takes 12 values, there are 0"),
    "raw FP16 of half a value": _Wrong(
        _proto("FP16", raw=[bytes(23)]), BAD_REQUEST, "23 raw bytes are not a whole"
    ),
    "raw BOOL of two": _Wrong(
        _proto("BOOL", [1], raw=[b"\2"]), BAD_REQUEST, "raw BOOL values must be bytes of 0 or 1"
    ),
    "raw BYTES without a length": _Wrong(
        _proto("BYTES", [1], raw=[b"ab"]), BAD_REQUEST, "these end too early"
    ),
    "raw BYTES of a length beyond the end": _Wrong(
        _proto("BYTES", [1], raw=[b"\5\0\0\0abcd"]), BAD_REQUEST, "these end too early"
    ),
    "raw BYTES of a length of 2**32 - 1": _Wrong(
        _proto("BYTES", [1], raw=[b"\xff\xff\xff\xffa"]), BAD_REQUEST, "these end too early"
    ),
    "raw BYTES in big endian": _Wrong(_proto("BYTES", [1], raw=[b"\0\0\0\1a"]), BAD_REQUEST, "end too early"),
    "raw BYTES with bytes behind them": _Wrong(
        _proto("BYTES", [1], raw=[b"\1\0\0\0a\0"]), BAD_REQUEST, "these end too early"
    ),
    "raw BYTES too many": _Wrong(
        _proto("BYTES", [1], raw=[bytes(8)]), BAD_REQUEST, "takes 1 values, there are 2"
    ),
    "raw BYTES that are no UTF-8": _Wrong(
        _proto("BYTES", [1], raw=[b"\1\0\0\0\xff"]), BAD_REQUEST, "BYTES must be UTF-8 text"
    ),
    "two tensors of one name, as protobuf": _Wrong(
        ModelInferRequest(inputs=[_message().inputs[0]] * 2).SerializeToString(),
        BAD_REQUEST,
        "with the same name: x, x",
    ),
    **{
        f"a content type in {field}": _Wrong(
            _proto_content_type(field, value), BAD_REQUEST, "is not supported; it must be one of np, pd, str"
        )
        for field, value in (
            ("string_param", "pd_json"),
            ("int64_param", 5),
            ("bool_param", True),
            ("double_param", 0.5),
            ("uint64_param", 2**64 - 1),
        )
    },
    "a tensor of content type pd, as protobuf": _Wrong(
        _proto_content_type("string_param", "pd", of_tensor=True),
        BAD_REQUEST,
        "'pd' is not supported; it must be one of np, str",
    ),
    "a content type of 100,000 letters, as protobuf": _Wrong(
        _proto_content_type("string_param", "x" * 100_000), BAD_REQUEST, "content_type"
    ),
    "an unknown output, as protobuf": _Wrong(
        _proto(outputs=["explain"]), BAD_REQUEST, "outputs: 'explain' does not exist; available are"
    ),
    "NaN and infinity, as protobuf": _Wrong(
        _proto(fp64_contents=[float("inf"), float("nan"), *ROW[2:]]), STEP_FAILED, "infinity"
    ),
    "infinity in raw contents": _Wrong(
        _proto(raw=[struct.pack("<12d", float("-inf"), *ROW[1:])]), STEP_FAILED, "infinity"
    ),
    "a name with half a surrogate, as protobuf": _Wrong(
        b"\x2a\x05\x0a\x03\xed\xa0\x80", UNREADABLE, _NEITHER
    ),
    "a name of 100,000 bells": _Wrong(
        _proto("FP8", name="\a" * 100_000, raw=[bytes(96)]), BAD_REQUEST, "inputs[0]"
    ),
}

_HEADERS = {
    "protobuf that is called JSON": _Wrong(_proto(), UNREADABLE, "the value is not JSON", JSON_TYPE),
    "JSON that is called protobuf": _Wrong(good(), UNREADABLE, _NEITHER, PROTO_TYPE),
    "protobuf that is called a JSON response": _Wrong(
        _proto(), UNREADABLE, "the value is not JSON", "json/inferModelResponse"
    ),
    "JSON that is called a protobuf response": _Wrong(
        good(), UNREADABLE, _NEITHER, "proto/InferModelResponse"
    ),
    **{
        f"the header {header!r}": _Wrong(
            good(), BAD_REQUEST, f"the header seldon-infer-type is {header!r}", header
        )
        for header in (
            "application/json",
            "json",
            "JSON/inferModelRequest",
            "json/InferModelRequest",
            "proto/inferModelRequest",
            " json/inferModelRequest",
            "avro/inferModelRequest",
            "a\nb",
            "😀",
            "null",
        )
    },
    "a header of 10,000 letters": _Wrong(good(), BAD_REQUEST, "seldon-infer-type", "x" * 10_000),
}

_ALL = {
    **_SYNTAX,
    **_FIELDS,
    **_CONTENT_TYPES,
    **_SHAPES,
    **_NESTING,
    **_VALUES,
    **_TENSORS,
    **_PROTOBUF,
    **_HEADERS,
}
CASES: dict[str, Case] = {
    name: Case(
        one.value.encode() if isinstance(one.value, str) else bytes(one.value), one.infer_type, one.reason
    )
    for name, one in _ALL.items()
}
MESSAGES: dict[str, str] = {name: one.message for name, one in _ALL.items()}
