"""HTTP content codings: decode request bodies up to a limit, encode responses as the client accepts.

https://www.rfc-editor.org/rfc/rfc9110#section-8.4
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from io import BytesIO

# The codings that a client may send and accept, in the order of preference.
CODINGS = ("gzip", "deflate")
_MOST_CODINGS = 4
_RAW = -zlib.MAX_WBITS
# Fast rather than small: the client waits while its response is encoded.
_LEVEL = 1


class UnsupportedCodingError(Exception):
    """A body has a coding that the gateway does not decode."""


class CorruptBodyError(Exception):
    """A body does not match its coding, or is truncated."""


class LongBodyError(Exception):
    """A body exceeds the limit, as received or decoded."""


def parse_codings(header: str) -> list[str]:
    """Return the codings of a `Content-Encoding` header, in the order in which they were applied.

    Raises UnsupportedCodingError for an unknown coding, and for more than `_MOST_CODINGS`.
    """
    named = [one.strip().lower().removeprefix("x-") for one in header.split(",")]
    codings = [one for one in named if one not in ("", "identity")]
    for coding in codings:
        if coding not in CODINGS:
            raise UnsupportedCodingError(
                f"Content-Encoding {coding!r} is not supported; use one of {', '.join(CODINGS)}"
            )
    if len(codings) > _MOST_CODINGS:
        raise UnsupportedCodingError(
            f"Content-Encoding names {len(codings)} codings; it may name at most {_MOST_CODINGS}"
        )
    return codings


def decode_body(body: bytes, codings: list[str], most: int) -> bytes:
    """Undo the codings, the last one first.

    No step decodes more than `most` + 1 bytes. Raises CorruptBodyError, and LongBodyError above `most`.
    """
    for coding in reversed(codings):
        try:
            body = _DECODERS[coding](body, most + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise CorruptBodyError(f"the body is not valid {coding}, or is truncated: {error}") from error
        if len(body) > most:
            raise LongBodyError
    return body


def _decode_gzip(body: bytes, most: int) -> bytes:
    with gzip.GzipFile(fileobj=BytesIO(body)) as file:
        return file.read(most)


def _decode_deflate(body: bytes, most: int) -> bytes:
    """Inflate zlib's format, which `deflate` means, or the raw deflate stream that some clients send."""
    try:
        return _inflate(body, zlib.MAX_WBITS, most)
    except zlib.error as error:
        try:
            return _inflate(body, _RAW, most)
        except zlib.error:
            raise error from None


def _inflate(body: bytes, window: int, most: int) -> bytes:
    decoder = zlib.decompressobj(window)
    decoded = decoder.decompress(body, most)
    if len(decoded) < most and not decoder.eof:
        raise zlib.error("the stream is truncated")
    if decoder.unused_data:
        raise zlib.error(f"{len(decoder.unused_data)} bytes follow the end of the stream")
    return decoded


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {"gzip": _decode_gzip, "deflate": _decode_deflate}


def accepted_coding(header: str) -> str:
    """Return the coding that an `Accept-Encoding` header prefers; empty if it prefers none.

    Of equally preferred codings, gzip is chosen. `*` matches every coding that the header does not name.
    """
    weights = dict(map(_weight, header.lower().split(",")))
    others = weights.get("*", 0.0)
    best = max(CODINGS, key=lambda coding: weights.get(coding, others))
    weight = weights.get(best, others)
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else ""


def _weight(item: str) -> tuple[str, float]:
    coding, _, parameter = item.partition(";")
    name, _, weight = parameter.partition("=")
    try:
        return coding.strip().removeprefix("x-"), float(weight) if name.strip() == "q" else 1.0
    except ValueError:
        return coding.strip(), 0.0


def encode_body(body: bytes, coding: str) -> bytes:
    """Apply one of `CODINGS`; `deflate` in zlib's format."""
    return gzip.compress(body, _LEVEL, mtime=0) if coding == "gzip" else zlib.compress(body, _LEVEL)
