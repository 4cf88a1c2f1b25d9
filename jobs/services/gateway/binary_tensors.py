"""The binary tensor extension of V2 over HTTP: a JSON header, followed by the bytes of each tensor.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from jobs.services.gateway.content_codings import LongBodyError
from operators.protocol.datatypes import DTYPES

# The header with the number of bytes of the JSON part.
LENGTH = "inference-header-content-length"
_SIZE = "binary_data_size"
_LENGTH_OF_ELEMENT = struct.Struct("<I")
# Values to encode at once. Python runs no other thread meanwhile, so the event loop would wait for all.
_SLICE = 16_384
# An object whose values stay as they are written; only those of binary tensors are encoded again.
_Fields = dict[str, msgspec.Raw]


def without_binary(body: bytes, length: str, most: int) -> bytes:
    """Return the request as plain JSON.

    Raises ValueError if a length does not match the body, or a datatype has no binary form, MsgspecError if
    the JSON is invalid, LongBodyError if a tensor has more than `most` bytes as JSON.
    """
    if not length.isdecimal() or int(length) > len(body):
        raise ValueError(f"{LENGTH} is {length!r}, but the body has {len(body)} bytes")
    request = msgspec.json.decode(body[: int(length)], type=_Fields)
    rest = memoryview(body)[int(length) :]
    tensors = msgspec.json.decode(request.get("inputs", b"[]"), type=list[_Fields])
    for tensor in tensors:
        size = _take_size(tensor)
        if size is not None:
            name, datatype = (_text(tensor, field) for field in ("name", "datatype"))
            if not 0 <= size <= len(rest):
                raise ValueError(f"{_SIZE} of {name!r} is {size}, but {len(rest)} bytes remain")
            tensor["data"] = _json_of(bytes(rest[:size]), datatype, most)
            rest = rest[size:]
    if len(rest):
        raise ValueError(f"{len(rest)} bytes follow the last tensor; the sizes do not cover them")
    if "inputs" in request:
        request["inputs"] = msgspec.Raw(msgspec.json.encode(tensors))
    return msgspec.json.encode(request)


def _take_size(tensor: _Fields) -> int | None:
    """Remove the number of bytes of a binary tensor from its parameters, and return it."""
    if "parameters" not in tensor:
        return None
    parameters = msgspec.json.decode(tensor["parameters"], type=_Fields)
    size = parameters.pop(_SIZE, None)
    if size is None:
        return None
    tensor["parameters"] = msgspec.Raw(msgspec.json.encode(parameters))
    return msgspec.json.decode(size, type=int)


def _text(tensor: _Fields, field: str) -> str:
    return msgspec.json.decode(tensor[field], type=str) if field in tensor else ""


def _json_of(data: bytes, datatype: str, most: int) -> msgspec.Raw:
    """Return the values of a tensor as a JSON list, encoded slice by slice."""
    parts, size = [], 0
    for values in _slices(data, datatype):
        part = msgspec.json.encode(values)[1:-1]
        size += len(part) + 1
        if size > most:
            raise LongBodyError
        parts.append(part)
    return msgspec.Raw(b"[" + b",".join(parts) + b"]")


def _slices(data: bytes, datatype: str) -> Iterator[list[Any]]:
    if datatype == "BYTES":
        elements = _elements(data)
        while values := [element.decode("utf-8") for element in islice(elements, _SLICE)]:
            yield values
        return
    if datatype not in DTYPES:
        raise ValueError(f"datatype {datatype!r} has no binary form")
    numbers = np.frombuffer(data, dtype=np.dtype(DTYPES[datatype]).newbyteorder("<"))
    for start in range(0, len(numbers), _SLICE):
        yield [None if value != value else value for value in numbers[start : start + _SLICE].tolist()]


def _elements(data: bytes) -> Iterator[bytes]:
    """Yield the strings of a BYTES tensor; each follows its length (4 bytes, little-endian)."""
    end = 0
    while end < len(data):
        (size,) = _LENGTH_OF_ELEMENT.unpack_from(data, end)
        end += _LENGTH_OF_ELEMENT.size + size
        if end > len(data):
            raise ValueError("a BYTES tensor ends in the middle of an element")
        yield data[end - size : end]
