"""Encodes columns as one V2 response per request, in the encoding of the request."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import msgspec
import numpy as np

from operators.core.tensors import Array, TensorColumn, Tensors
from operators.protocol import protobuf_codec
from operators.protocol.datatypes import datatype_of
from operators.protocol.json_tensors import json_messages, json_tensors
from operators.protocol.request import Encoding

INFER_TYPES = {
    Encoding.JSON: "json/inferModelResponse",
    Encoding.PROTOBUF: "proto/InferModelResponse",
    Encoding.RAW_PROTOBUF: "proto/InferModelResponse",
}


def encode_responses(
    tensors: Tensors,
    ids: Sequence[str | None],
    model_name: str,
    model_version: str,
    encoding: Encoding = Encoding.JSON,
) -> list[bytes]:
    """Encode each request's part of the tensors, with the request's id.

    TypeError or ValueError for values that a V2 tensor cannot contain.
    """
    head = {"model_name": model_name, "model_version": model_version}
    if encoding is Encoding.JSON:
        return json_messages(head, ids, "outputs", [_json(*item) for item in tensors.items()])
    columns = [_outputs(name, column) for name, column in tensors.items()]
    responses = []
    for i, id_ in enumerate(ids):
        outputs = [column[i] for column in columns]
        response = {**head, **({} if id_ is None else {"id": id_}), "outputs": outputs}
        data = [output["data"] for output in outputs]
        responses.append(protobuf_codec.encode(response, data, encoding is Encoding.RAW_PROTOBUF))
    return responses


def encode_taps(tensors: Tensors, ids: Sequence[str | None], step: str, side: str) -> list[bytes]:
    """Encode a step's inputs or outputs as one JSON request or response of that step per request."""
    head = {} if side == "inputs" else {"model_name": step}
    return json_messages(head, [id_ or None for id_ in ids], side, [_json(*item) for item in tensors.items()])


def encode_response(tensors: Tensors, **fields: Any) -> bytes:
    """Encode one JSON response from the columns of a single request."""
    (response,) = json_messages(fields, [None], "outputs", [_json(*item) for item in tensors.items()])
    return response


def tensors_of(tensors: Tensors) -> list[msgspec.Raw]:
    """Return the columns of a single request as encoded JSON tensors."""
    return [msgspec.Raw(_json(*item)[0]) for item in tensors.items()]


def _json(name: str, column: TensorColumn) -> list[bytes]:
    data = to_v2_dtype(column.data)
    datatype = datatype_of(data)
    return json_tensors(name, datatype, _parameters(column, datatype), column, data)


def _parameters(column: TensorColumn, datatype: str) -> dict[str, object]:
    default = "str" if datatype == "BYTES" else "np"
    return {"content_type": column.content_type or default, **column.parameters}


def _outputs(name: str, column: TensorColumn) -> list[dict[str, Any]]:
    """Return one output tensor per request. A one-dimensional result has shape [n, 1], as in MLServer."""
    data = to_v2_dtype(column.data)
    datatype = datatype_of(data)
    tail = list(data.shape[1:]) or [1]
    values = data.reshape(len(data), prod(data.shape[1:]))
    parameters = _parameters(column, datatype)
    return [
        {
            "name": name,
            "shape": [1, stop - start, *data.shape[1:]] if column.flat else [stop - start, *tail],
            "datatype": datatype,
            "parameters": parameters,
            "data": values[start:stop],
        }
        for start, stop in pairwise(column.bounds())
    ]


def to_v2_dtype(data: Array) -> Array:
    """Return an array with a dtype that V2 tensors have; TypeError if there is none.

    Text in bytes becomes str. An array of objects becomes numeric if all of them are numbers.
    """
    if data.dtype.kind == "S":
        return np.char.decode(data, "utf-8")
    if data.dtype.kind != "O":
        return data
    kinds = {type(value) for value in data.ravel().tolist()}
    if kinds <= {str, float, type(None)} and str in kinds:
        return data
    if kinds <= {str, bytes}:
        texts = [value if isinstance(value, str) else value.decode() for value in data.ravel().tolist()]
        return np.array(texts, dtype=object).reshape(data.shape)
    if kinds <= {int, float, bool, type(None)}:
        numbers = np.array(data.tolist(), dtype=np.float64 if kinds & {float, type(None)} else None)
        if numbers.dtype.kind == "O":
            raise TypeError("a tensor can contain whole numbers of at most 64 bits")
        return numbers
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise TypeError(f"a tensor can contain numbers, booleans or strings, got {names}")
