"""Columns → one V2 response a request, in the encoding of the request."""

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
    """Encode each request's share of the tensors, with its id.

    TypeError or ValueError for what a V2 tensor cannot hold.
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
    """Encode what a step was sent or answered, each request's as a JSON request or response of that step."""
    columns = [_outputs(name, column, Encoding.JSON) for name, column in tensors.items()]
    head = {} if side == "inputs" else {"model_name": step}
    return [
        json_codec.encode({**head, **({"id": id_} if id_ else {}), side: [column[i] for column in columns]})
        for i, id_ in enumerate(ids)
    ]


def encode_response(tensors: Tensors, **fields: Any) -> bytes:
    """Encode one JSON response whose columns hold a single request."""
    return json_codec.encode({**fields, "outputs": tensors_of(tensors)})


def tensors_of(tensors: Tensors) -> list[dict[str, Any]]:
    """Return columns that hold a single request as JSON's tensors."""
    return [_outputs(name, column, Encoding.JSON)[0] for name, column in tensors.items()]


def _usual(datatype: str) -> str:
    return "str" if datatype == "BYTES" else "np"


def _outputs(name: str, column: TensorColumn, encoding: Encoding) -> list[dict[str, Any]]:
    """One output tensor a request. A one-dimensional result is shown as [n, 1], as MLServer shows it."""
    data = plain(column.data)
    datatype = datatype_of(data)
    tail = list(data.shape[1:]) or [1]
    flat = data.reshape(len(data), -1)
    values: Any = flat.tolist() if encoding is Encoding.JSON else flat
    parameters = {"content_type": column.content_type or _usual(datatype), **column.parameters}
    outputs = []
    for start, stop in pairwise(column.bounds()):
        rows = stop - start
        if encoding is Encoding.JSON:
            here = values[start] if rows == 1 else [v for row in values[start:stop] for v in row]
        else:
            here = values[start:stop]
        outputs.append(
            {
                "name": name,
                "shape": [1, rows, *data.shape[1:]] if column.flat else [rows, *tail],
                "datatype": datatype,
                "parameters": parameters,
                "data": here,
            }
        )
    return outputs


def plain(data: Array) -> Array:
    """Return an array whose dtype a V2 tensor has; TypeError where there is none.

    Text in bytes becomes str, a model's objects become numbers where all are.
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
            raise TypeError("a tensor holds whole numbers of 64 bits at most")
        return numbers
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise TypeError(f"a tensor holds numbers, booleans or strings, not {names}")


def _protobuf(response: dict[str, Any], raw: bool) -> bytes:
    return protobuf_codec.encode(response, [output["data"] for output in response["outputs"]], raw)


_ENCODERS: dict[Encoding, Callable[[dict[str, Any]], bytes]] = {
    Encoding.JSON: json_codec.encode,
    Encoding.PROTOBUF: lambda response: _protobuf(response, raw=False),
    Encoding.RAW_PROTOBUF: lambda response: _protobuf(response, raw=True),
}
