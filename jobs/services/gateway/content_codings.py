"""HTTP content codings: request bodies are decoded within a bound, responses encoded as a client accepts.

https://www.rfc-editor.org/rfc/rfc9110#section-8.4
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from io import BytesIO

# What a client may send and accept; the first that it likes best is taken.
CODINGS = ("gzip", "deflate")
_MOST_CODINGS = 4
_RAW = -zlib.MAX_WBITS
# Quick rather than small: a response is encoded while its client waits.
_LEVEL = 1


class UnsupportedCodingError(Exception):
    """A body has a coding that is not decoded here."""


class CorruptBodyError(Exception):
    """A body is not what its coding says, or ends too early."""


class LongBodyError(Exception):
    """A body is longer than it may be, as it came or decoded."""


def parse_codings(header: str) -> list[str]:
    """Return the codings of a `Content-Encoding`, the one applied first first.

    Raises UnsupportedCodingError for one that is not known, and for more than anybody needs.
    """
    named = [one.strip().lower().removeprefix("x-") for one in header.split(",")]
    codings = [one for one in named if one not in ("", "identity")]
    for one in codings:
        if one not in CODINGS:
            raise UnsupportedCodingError(
                f"Content-Encoding {one!r} is not decoded here: {', '.join(CODINGS)} are"
            )
    if len(codings) > _MOST_CODINGS:
        raise UnsupportedCodingError(
            f"Content-Encoding names {len(codings)} codings, at most {_MOST_CODINGS} may be"
        )
    return codings


def decode_body(body: bytes, codings: list[str], most: int) -> bytes:
    """Undo codings, the last one first; no step holds more than `most` bytes and one.

    Raises CorruptBodyError and LongBodyError.
    """
    for coding in reversed(codings):
        try:
            body = _DECODERS[coding](body, most + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise CorruptBodyError(f"the body is not {coding}, or not whole: {error}") from error
        if len(body) > most:
            raise LongBodyError
    return body


def _decode_gzip(body: bytes, most: int) -> bytes:
    with gzip.GzipFile(fileobj=BytesIO(body)) as file:
        return file.read(most)


def _decode_deflate(body: bytes, most: int) -> bytes:
    """Inflate zlib's format, which `deflate` means, or the bare stream that some clients send."""
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
        raise zlib.error("it ends too early")
    if decoder.unused_data:
        raise zlib.error(f"{len(decoder.unused_data)} bytes are left behind its end")
    return decoded


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {"gzip": _decode_gzip, "deflate": _decode_deflate}


def accepted_coding(header: str) -> str:
    """Return the coding that an `Accept-Encoding` likes best; empty where none is better than none.

    Of equal ones, gzip. `*` stands for what is not named.
    """
    weights = dict(map(_weight, header.lower().split(",")))
    others = weights.get("*", 0.0)
    best = max(CODINGS, key=lambda coding: weights.get(coding, others))
    weight = weights.get(best, others)
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else ""


def _weight(one: str) -> tuple[str, float]:
    coding, _, parameter = one.partition(";")
    name, _, weight = parameter.partition("=")
    try:
        return coding.strip().removeprefix("x-"), float(weight) if name.strip() == "q" else 1.0
    except ValueError:
        return coding.strip(), 0.0


def encode_body(body: bytes, coding: str) -> bytes:
    """Apply one of `CODINGS`; `deflate` in zlib's format."""
    return gzip.compress(body, _LEVEL, mtime=0) if coding == "gzip" else zlib.compress(body, _LEVEL)
