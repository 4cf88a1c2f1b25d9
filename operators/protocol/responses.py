"""Columns → one V2 JSON response a request."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec

from operators.columns import Column, Tensors
from operators.protocol.datatypes import datatype_of

_encoder = msgspec.json.Encoder()


def encode_responses(
    tensors: Tensors, ids: Sequence[str | None], model_name: str, model_version: str
) -> list[bytes]:
    """Encode each request's share of the tensors, with its id; NaN and infinities become null."""
    columns = [_outputs(name, column) for name, column in tensors.items()]
    responses = []
    for i, id_ in enumerate(ids):
        response: dict[str, Any] = {"model_name": model_name, "model_version": model_version}
        if id_ is not None:
            response["id"] = id_
        response["outputs"] = [outputs[i] for outputs in columns]
        responses.append(_encoder.encode(response))
    return responses


def encode_response(tensors: Tensors, **fields: Any) -> bytes:
    """Encode one response whose columns hold a single request."""
    outputs = [_outputs(name, column)[0] for name, column in tensors.items()]
    return _encoder.encode({**fields, "outputs": outputs})


def _outputs(name: str, column: Column) -> list[dict[str, Any]]:
    """One output tensor a request. A one-dimensional result is shown as [n, 1], as MLServer shows it."""
    datatype = datatype_of(column.data)
    tail = list(column.data.shape[1:]) or [1]
    values = column.data.reshape(len(column.data), -1).tolist()
    parameters = {"content_type": "str" if datatype == "BYTES" else "np", **column.parameters}
    bounds = column.bounds()
    outputs = []
    for start, stop in pairwise(bounds):
        rows = stop - start
        outputs.append(
            {
                "name": name,
                "shape": [1, rows] if column.flat else [rows, *tail],
                "datatype": datatype,
                "parameters": parameters,
                "data": values[start] if rows == 1 else [v for row in values[start:stop] for v in row],
            }
        )
    return outputs
