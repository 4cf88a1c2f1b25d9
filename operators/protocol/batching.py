"""Gathers many requests into columns that are computed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from operators.core.errors import Reason, RecordError
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.protocol.datatypes import many_to_array, to_array
from operators.protocol.request import Encoding, InputTensor, Request


class Signature(NamedTuple):
    """What is equal for requests that can be computed together.

    `tensors` contains, for each tensor, its name, datatype, shape of a row, content type, and whether values
    are missing although the datatype is not floating point. Such a tensor is computed as FP64 or as objects,
    and this must not change the dtype of another request.
    """

    tensors: tuple[tuple[str, str, tuple[int, ...], str, bool], ...]
    content_type: str
    outputs: tuple[str, ...]
    encoding: Encoding


def signature(request: Request) -> Signature:
    """Return the signature of a request."""
    return Signature(
        tuple(
            [
                (t.name, t.datatype, tuple(t.shape[1:]), t.content_type, _misses_values(t))
                for t in request.inputs
            ]
        ),
        request.content_type,
        request.outputs,
        request.encoding,
    )


def to_columns(requests: Sequence[Request]) -> tuple[Tensors, Mapping[int, RecordError]]:
    """Turn requests of one signature into columns.

    Return the columns of the requests whose data is valid, in their order, and the errors of the others by
    position.
    """
    errors: dict[int, RecordError] = {}
    width = len(requests[0].inputs)
    arrays = [_arrays([request.inputs[i] for request in requests], errors) for i in range(width)]
    good = [i for i in range(len(requests)) if i not in errors]
    tensors: Tensors = {}
    for i, column in enumerate(arrays):
        rows = np.array([requests[j].inputs[i].shape[0] for j in good], dtype=np.int64)
        if isinstance(column, list):
            valid = [column[j] for j in good]
            data = np.concatenate(valid) if valid else np.zeros(0)
        else:
            data = column if not errors else column[_valid_rows(requests, i, errors)]
        first = requests[0].inputs[i]
        tensors[first.name] = TensorColumn(data, rows, content_type=first.content_type)
    return tensors, errors


def _misses_values(tensor: InputTensor) -> bool:
    if tensor.datatype[:2] == "FP":
        return False
    return isinstance(tensor.data, list) and _contains_null(tensor.data)


def _contains_null(data: list[Any]) -> bool:
    waiting = [data]
    while waiting:
        items = waiting.pop()
        if None in items:
            return True
        waiting.extend(item for item in items if isinstance(item, list))
    return False


def _valid_rows(requests: Sequence[Request], i: int, errors: Mapping[int, RecordError]) -> Array:
    """Return whether each row of tensor `i` belongs to a valid request: bool, shape (rows,)."""
    rows = [request.inputs[i].shape[0] for request in requests]
    return np.repeat(np.array([j not in errors for j in range(len(requests))]), rows)


def _arrays(tensors: list[InputTensor], errors: dict[int, RecordError]) -> Array | list[Array]:
    """Return one array for all tensors if each is plain and has the same shape, else one array each."""
    first = tensors[0]
    if not isinstance(first.data, list):
        return [tensor.data.reshape(tensor.shape) for tensor in tensors]
    size = prod(first.shape)
    if all(len(tensor.data) == size and tensor.shape == first.shape for tensor in tensors):
        array = many_to_array([tensor.data for tensor in tensors], first.datatype)
        if array is not None:
            return array.reshape(-1, *first.shape[1:])
    return [_array(tensor, position, errors) for position, tensor in enumerate(tensors)]


def _array(tensor: InputTensor, position: int, errors: dict[int, RecordError]) -> Array:
    try:
        return to_array(tensor.data, tensor.datatype, tensor.shape)
    except (ValueError, OverflowError, RecursionError) as error:
        errors[position] = RecordError(Reason.BAD_REQUEST, f"tensor {tensor.name!r}: {error}")
        return np.zeros((0, *tensor.shape[1:]))
