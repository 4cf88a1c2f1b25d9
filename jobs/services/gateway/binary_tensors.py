"""The binary tensor extension of V2 over HTTP: a JSON header, followed by the bytes of each tensor.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from operators.protocol.datatypes import DTYPES

# The header with the number of bytes of the JSON part.
LENGTH = "inference-header-content-length"
_SIZE = "binary_data_size"
_LENGTH_OF_ELEMENT = struct.Struct("<I")


def without_binary(body: bytes, length: str) -> bytes:
    """Return the request as plain JSON.

    Raises ValueError if a length does not match the body, or a datatype has no binary form.
    """
    if not length.isdigit() or int(length) > len(body):
        raise ValueError(f"{LENGTH} is {length!r}, but the body has {len(body)} bytes")
    request, rest = msgspec.json.decode(body[: int(length)]), memoryview(body)[int(length) :]
    for tensor in request.get("inputs", []):
        size = tensor.get("parameters", {}).pop(_SIZE, None)
        if size is not None:
            if not isinstance(size, int) or not 0 <= size <= len(rest):
                raise ValueError(
                    f"{_SIZE} of {tensor.get('name')!r} is {size!r}, but {len(rest)} bytes remain"
                )
            tensor["data"] = _values(bytes(rest[:size]), str(tensor.get("datatype")))
            rest = rest[size:]
    if len(rest):
        raise ValueError(f"{len(rest)} bytes follow the last tensor; the sizes do not cover them")
    return msgspec.json.encode(request)


def _values(data: bytes, datatype: str) -> list[Any]:
    if datatype == "BYTES":
        return [element.decode("utf-8") for element in _elements(data)]
    if datatype not in DTYPES:
        raise ValueError(f"datatype {datatype!r} has no binary form")
    values = np.frombuffer(data, dtype=np.dtype(DTYPES[datatype]).newbyteorder("<"))
    return [None if value != value else value for value in values.tolist()]


def _elements(data: bytes) -> Iterator[bytes]:
    """Yield the strings of a BYTES tensor; each follows its length (4 bytes, little-endian)."""
    end = 0
    while end < len(data):
        (size,) = _LENGTH_OF_ELEMENT.unpack_from(data, end)
        end += _LENGTH_OF_ELEMENT.size + size
        if end > len(data):
            raise ValueError("a BYTES tensor ends in the middle of an element")
        yield data[end - size : end]
