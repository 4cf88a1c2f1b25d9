"""The encoding of rows and counts: a version, a header in MessagePack, and deflated arrays.

Reading costs at most what the encoded bytes can legitimately contain: the header declares the size of the
arrays, and the size is checked before anything is inflated.
"""

from __future__ import annotations

import struct
import zlib
from typing import TypeVar

import msgspec

_PREFIX = struct.Struct("<BI")
# No arrays are longer, whatever a header declares: a quarter of a gigabyte.
MOST_BYTES = 2**28
# Deflate shortens to no less than a 1,032nd (RFC 1951), so few bytes cannot become many.
_HIGHEST_RATIO = 1_032
T = TypeVar("T")


def encode_arrays(version: int, header: msgspec.Struct, arrays: bytes) -> bytes:
    """Encode as version (1 byte), header length (4), header (MessagePack), and the deflated arrays."""
    encoded = msgspec.msgpack.encode(header)
    return _PREFIX.pack(version, len(encoded)) + encoded + zlib.compress(arrays, level=1)


def decode_header(data: bytes, version: int, type_: type[T], what: str) -> tuple[T, int]:
    """Return the header, and the position at which it ends.

    Raises ValueError, beginning with `what`, for another version and for bytes that are no header.
    """
    if len(data) < _PREFIX.size:
        raise ValueError(f"{what} of {len(data)} bytes cannot be read; it is cut")
    found, length = _PREFIX.unpack_from(data)
    if found != version:
        raise ValueError(f"{what} of version {found} cannot be read; this code reads version {version}")
    end = _PREFIX.size + length
    if end > len(data):
        raise ValueError(f"{what} declares a header of {length} bytes, but has {len(data)} bytes in all")
    try:
        return msgspec.msgpack.decode(data[_PREFIX.size : end], type=type_), end
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"{what} has a header that cannot be read: {error}") from None


def inflate(data: bytes, start: int, size: int, what: str) -> bytes:
    """Inflate the bytes from `start`, which must become exactly `size` bytes.

    Raises ValueError, beginning with `what`, for any others; no more than `size` bytes are ever inflated.
    """
    deflated = len(data) - start
    if not 0 <= size <= MOST_BYTES:
        raise ValueError(f"{what} declares arrays of {size} bytes; at most {MOST_BYTES} are supported")
    if size > deflated * _HIGHEST_RATIO:
        raise ValueError(f"{what} declares arrays of {size} bytes, which {deflated} bytes cannot contain")
    decoder = zlib.decompressobj()
    try:
        # One byte more, because 0 means no limit, and so that the end of the stream is read.
        arrays = decoder.decompress(memoryview(data)[start:], size + 1)
    except zlib.error as error:
        raise ValueError(f"{what} has arrays that cannot be inflated: {error}") from None
    if len(arrays) != size or not decoder.eof or decoder.unused_data:
        raise ValueError(f"{what} declares arrays of {size} bytes, but contains others")
    return arrays
