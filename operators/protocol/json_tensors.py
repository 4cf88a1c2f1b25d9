"""Columns as JSON tensors, one per request: the numbers of all requests are formatted in one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import prod

import msgspec

from operators.core.tensors import Array, TensorColumn

_encode = msgspec.json.Encoder().encode


def json_tensors(
    name: str, datatype: str, parameters: Mapping[str, object], column: TensorColumn, data: Array
) -> list[bytes]:
    """Return one encoded V2 tensor per request of a column; NaN and infinities become null.

    `data` is that of the column, with a dtype that V2 tensors have. TypeError or ValueError for values that
    JSON cannot contain.
    """
    before = b'{"name":' + _encode(name) + b',"shape":'
    after = b',"datatype":' + _encode(datatype) + b',"parameters":' + _encode(parameters) + b',"data":['
    heads: dict[int, bytes] = {}
    tensors = []
    for rows, values in zip(column.rows.tolist(), _values(column, data), strict=True):
        if rows not in heads:
            # A one-dimensional result has shape [n, 1], as in MLServer.
            shape = [1, rows, *data.shape[1:]] if column.flat else [rows, *(data.shape[1:] or [1])]
            heads[rows] = before + _encode(shape) + after
        tensors.append(heads[rows] + values + b"]}")
    return tensors


def json_messages(
    head: Mapping[str, object], ids: Sequence[str | None], key: str, columns: Sequence[Sequence[bytes]]
) -> list[bytes]:
    """Return one message per request: the fields `head`, the id unless it is None, and encoded tensors."""
    start = _encode(head)[:-1]
    comma = b"," if head else b""
    tensors = b'"' + key.encode() + b'":['
    messages = []
    for i, id_ in enumerate(ids):
        id_field = b"" if id_ is None else comma + b'"id":' + _encode(id_)
        separator = b"," if id_field else comma
        parts = b",".join([column[i] for column in columns])
        messages.append(start + id_field + separator + tensors + parts + b"]}")
    return messages


def _values(column: TensorColumn, data: Array) -> Iterator[bytes]:
    """Yield the encoded values of each request, separated by commas, in row-major order."""
    rows = _rows(data.reshape(len(data), prod(data.shape[1:])))
    if (column.rows == 1).all():
        yield from rows
        return
    for start, stop in pairwise(column.bounds()):
        yield b",".join([row for row in rows[start:stop] if row])


def _rows(data: Array) -> list[bytes]:
    """Return the encoded values of each row of shape (n, width), separated by commas."""
    n, width = data.shape
    if data.dtype.kind not in "biuf":
        return [_encode(row)[1:-1] for row in data.tolist()]
    if not n or not width:
        return [b""] * n
    values = _encode(data.ravel().tolist())[1:-1].split(b",")
    if width == 1:
        return values
    return [b",".join(values[start : start + width]) for start in range(0, n * width, width)]
