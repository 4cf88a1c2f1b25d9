"""Bytes → request, and many requests → columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np

from operators.columns import Array, Column, Tensors
from operators.errors import Reason, RecordError
from operators.protocol.datatypes import DTYPES, many_to_array, to_array


class InputTensor(msgspec.Struct):
    """One tensor of a request as it stands on the wire."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] | None = None


class Request(msgspec.Struct):
    """A V2 inference request; keys that the protocol does not have are passed over."""

    inputs: list[InputTensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None


# What requests must share to be computed together: tensors with datatype and shape of a row, content type.
Signature = tuple[tuple[tuple[str, str, tuple[int, ...]], ...], str]

_decoder = msgspec.json.Decoder(Request)


def decode_request(body: bytes) -> Request:
    """Parse and check one JSON body; RecordError says what is wrong with it."""
    try:
        request = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise RecordError(Reason.BAD_REQUEST, f"not a V2 inference request: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(Reason.NOT_JSON, f"the value is not JSON: {error}") from None
    if not request.inputs:
        raise RecordError(Reason.BAD_REQUEST, "inputs is empty: a request needs at least one tensor")
    for i, tensor in enumerate(request.inputs):
        problem = _problem(tensor)
        if problem:
            raise RecordError(Reason.BAD_REQUEST, f"inputs[{i}] ({tensor.name!r}): {problem}")
    names = [tensor.name for tensor in request.inputs]
    if len(set(names)) < len(names):
        raise RecordError(Reason.BAD_REQUEST, f"inputs has two tensors of one name: {', '.join(names)}")
    return request


def signature(request: Request) -> Signature:
    """Tell what a request must share with others to be computed together with them."""
    return (
        tuple((t.name, t.datatype, tuple(t.shape[1:])) for t in request.inputs),
        content_type(request),
    )


def content_type(request: Request) -> str:
    """Tell how the tensors are to be taken: `pd` (a column each) or, as by default, `np`."""
    return str((request.parameters or {}).get("content_type", "np"))


def to_columns(requests: Sequence[Request]) -> tuple[Tensors, Mapping[int, RecordError]]:
    """Turn requests of one signature into columns.

    Returns the columns of the requests whose data fits, in their order, and the errors of the others by
    position.
    """
    errors: dict[int, RecordError] = {}
    arrays = [_arrays([request.inputs[i] for request in requests], errors) for i in range(_width(requests))]
    good = [i for i in range(len(requests)) if i not in errors]
    tensors: Tensors = {}
    for i, column in enumerate(arrays):
        rows = np.array([requests[j].inputs[i].shape[0] for j in good], dtype=np.int64)
        if isinstance(column, list):
            kept = [column[j] for j in good]
            data = np.concatenate(kept) if kept else np.zeros(0)
        else:
            data = column if not errors else column[np.repeat(*_kept(requests, i, errors))]
        tensors[requests[0].inputs[i].name] = Column(data, rows)
    return tensors, errors


def _problem(tensor: InputTensor) -> str:
    if tensor.datatype not in DTYPES:
        return f"datatype {tensor.datatype!r} is not one of {', '.join(DTYPES)}"
    if not tensor.shape or min(tensor.shape) < 0:
        return f"shape must be a list of sizes, got {tensor.shape}"
    if tensor.shape[0] == 0 or prod(tensor.shape) == 0:
        return f"shape {tensor.shape} holds no value: a request needs at least one row"
    return ""


def _width(requests: Sequence[Request]) -> int:
    return len(requests[0].inputs)


def _kept(requests: Sequence[Request], i: int, errors: Mapping[int, RecordError]) -> tuple[Any, Any]:
    rows = [request.inputs[i].shape[0] for request in requests]
    return np.array([j not in errors for j in range(len(requests))]), rows


def _arrays(tensors: list[InputTensor], errors: dict[int, RecordError]) -> Array | list[Array]:
    """One array for all where every tensor is plain and alike, else one each."""
    first = tensors[0]
    size = prod(first.shape)
    if all(len(tensor.data) == size and tensor.shape == first.shape for tensor in tensors):
        together = many_to_array([tensor.data for tensor in tensors], first.datatype)
        if together is not None:
            return together.reshape(-1, *first.shape[1:])
    return [_array(tensor, position, errors) for position, tensor in enumerate(tensors)]


def _array(tensor: InputTensor, position: int, errors: dict[int, RecordError]) -> Array:
    try:
        return to_array(tensor.data, tensor.datatype, tensor.shape)
    except (ValueError, OverflowError) as error:
        errors[position] = RecordError(Reason.BAD_REQUEST, f"tensor {tensor.name!r}: {error}")
        return np.zeros((0, *tensor.shape[1:]))
