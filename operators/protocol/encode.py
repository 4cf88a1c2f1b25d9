"""Encodes columns as one V2 response per request, in the encoding of the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from operators.core.tensors import Array, TensorColumn, Tensors
from operators.protocol import json_codec, protobuf_codec
from operators.protocol.datatypes import datatype_of
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
    columns = [_outputs(name, column, encoding) for name, column in tensors.items()]
    encode = _ENCODERS[encoding]
    responses = []
    for i, id_ in enumerate(ids):
        response: dict[str, Any] = {"model_name": model_name, "model_version": model_version}
        if id_ is not None:
            response["id"] = id_
        response["outputs"] = [outputs[i] for outputs in columns]
        responses.append(encode(response))
    return responses


def encode_taps(tensors: Tensors, ids: Sequence[str | None], step: str, side: str) -> list[bytes]:
    """Encode a step's inputs or outputs as one JSON request or response of that step per request."""
    columns = [_outputs(name, column, Encoding.JSON) for name, column in tensors.items()]
    head = {} if side == "inputs" else {"model_name": step}
    return [
        json_codec.encode({**head, **({"id": id_} if id_ else {}), side: [column[i] for column in columns]})
        for i, id_ in enumerate(ids)
    ]


def encode_response(tensors: Tensors, **fields: Any) -> bytes:
    """Encode one JSON response from the columns of a single request."""
    return json_codec.encode({**fields, "outputs": tensors_of(tensors)})


def tensors_of(tensors: Tensors) -> list[dict[str, Any]]:
    """Return the columns of a single request as JSON tensors."""
    return [_outputs(name, column, Encoding.JSON)[0] for name, column in tensors.items()]


def _default_content_type(datatype: str) -> str:
    return "str" if datatype == "BYTES" else "np"


def _outputs(name: str, column: TensorColumn, encoding: Encoding) -> list[dict[str, Any]]:
    """Return one output tensor per request. A one-dimensional result has shape [n, 1], as in MLServer."""
    data = to_v2_dtype(column.data)
    datatype = datatype_of(data)
    tail = list(data.shape[1:]) or [1]
    flat = data.reshape(len(data), -1)
    values: Any = flat.tolist() if encoding is Encoding.JSON else flat
    parameters = {"content_type": column.content_type or _default_content_type(datatype), **column.parameters}
    outputs = []
    for start, stop in pairwise(column.bounds()):
        rows = stop - start
        if encoding is Encoding.JSON:
            part = values[start] if rows == 1 else [v for row in values[start:stop] for v in row]
        else:
            part = values[start:stop]
        outputs.append(
            {
                "name": name,
                "shape": [1, rows, *data.shape[1:]] if column.flat else [rows, *tail],
                "datatype": datatype,
                "parameters": parameters,
                "data": part,
            }
        )
    return outputs


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


def _protobuf(response: dict[str, Any], raw: bool) -> bytes:
    return protobuf_codec.encode(response, [output["data"] for output in response["outputs"]], raw)


_ENCODERS: dict[Encoding, Callable[[dict[str, Any]], bytes]] = {
    Encoding.JSON: json_codec.encode,
    Encoding.PROTOBUF: lambda response: _protobuf(response, raw=False),
    Encoding.RAW_PROTOBUF: lambda response: _protobuf(response, raw=True),
}
