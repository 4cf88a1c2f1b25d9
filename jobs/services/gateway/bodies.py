"""The bodies of requests and responses: received within a bound, plain for Kafka, encoded for clients."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from jobs.services.gateway.binary_tensors import LENGTH, without_binary
from jobs.services.gateway.content_codings import (
    CorruptBodyError,
    LongBodyError,
    accepted_coding,
    decode_body,
    encode_body,
    parse_codings,
)
from jobs.streaming.settings import MOST_RECORD_BYTES

# No job takes more, whatever its settings.
MOST_BYTES = MOST_RECORD_BYTES
# A client that is cut off while it still sends may never read why; what it sends is thrown away for so long.
_THROWN_AWAY = 8 * MOST_BYTES
# Below it, encoding a response costs more than it saves.
_SHORT = 1_000


class BadBodyError(Exception):
    """A body is not what its headers say."""


async def read_request(request: Request) -> bytes:
    """Return a request as plain JSON, decoded and without the binary tensor extension.

    Raises UnsupportedCodingError before anything is read, LongBodyError above `MOST_BYTES`, BadBodyError.
    """
    codings = parse_codings(",".join(request.headers.getlist("content-encoding")))
    body = await _receive(request)
    length = request.headers.get(LENGTH)
    if not codings and length is None:
        return body
    body = await asyncio.to_thread(_plain, body, codings, length)
    if len(body) > MOST_BYTES:
        raise LongBodyError
    return body


def _plain(body: bytes, codings: list[str], length: str | None) -> bytes:
    try:
        body = decode_body(body, codings, MOST_BYTES)
        return body if length is None else without_binary(body, length)
    except (
        CorruptBodyError,
        ValueError,
        msgspec.MsgspecError,
        AttributeError,
        TypeError,
        RecursionError,
    ) as error:
        raise BadBodyError(str(error)) from error


async def _receive(request: Request) -> bytes:
    """Return the body as it comes, at most `MOST_BYTES` of it."""
    declared = request.headers.get("content-length", "")
    waits = request.headers.get("expect", "").lower() == "100-continue"
    if waits and declared.isdigit() and int(declared) > MOST_BYTES:
        raise LongBodyError
    chunks, size = [], 0
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            size += len(chunk)
            if size <= MOST_BYTES:
                chunks.append(chunk)
            else:
                chunks.clear()
            if size > MOST_BYTES + _THROWN_AWAY:
                break
    if size > MOST_BYTES:
        raise LongBodyError
    return b"".join(chunks)


async def encoded(response: Response, request: Request) -> Response:
    """Encode an answer as its client accepts. Errors stay plain, since Triton's clients read them so."""
    if response.status_code != 200:
        return response
    response.headers["vary"] = "accept-encoding"
    coding = accepted_coding(",".join(request.headers.getlist("accept-encoding")))
    if not coding or len(response.body) < _SHORT:
        return response
    response.body = await asyncio.to_thread(encode_body, bytes(response.body), coding)
    response.headers["content-encoding"] = coding
    response.headers["content-length"] = str(len(response.body))
    return response
