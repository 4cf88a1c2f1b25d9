"""Bodies of requests and responses: received up to a limit, decoded for Kafka, encoded for clients."""

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
from jobs.services.gateway.held_bytes import HeldBytes
from jobs.streaming.settings import MOST_RECORD_BYTES

# The upper limit of the job's own setting.
MOST_BYTES = MOST_RECORD_BYTES
# Encoding a shorter response costs more than it saves.
_SHORT = 1_000


class BadBodyError(Exception):
    """A body does not match its headers."""


async def read_request(request: Request, held: HeldBytes) -> bytes:
    """Return the body of a request as plain JSON, decoded and without the binary tensor extension.

    Raises UnsupportedCodingError before the body is read, LongBodyError above `MOST_BYTES`, BusyError if
    `held` reaches its limit, and BadBodyError.
    """
    codings = parse_codings(",".join(request.headers.getlist("content-encoding")))
    body = await _receive(request, held)
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
        return body if length is None else without_binary(body, length, MOST_BYTES)
    except RecursionError:
        raise BadBodyError("the JSON is nested too deeply") from None
    except (CorruptBodyError, ValueError, msgspec.MsgspecError) as error:
        raise BadBodyError(str(error)) from error


async def _receive(request: Request, held: HeldBytes) -> bytes:
    """Return the body as received; LongBodyError above `MOST_BYTES`, BusyError above the limit of `held`.

    The rest of a refused body is not read here. The server discards it as it arrives: a client that is
    disconnected while it sends may never read the error.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MOST_BYTES:
        raise LongBodyError
    chunks, size = [], 0
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            size += len(chunk)
            if size > MOST_BYTES:
                raise LongBodyError
            held.add(len(chunk))
            chunks.append(chunk)
    return b"".join(chunks)


async def encode_response(response: Response, request: Request) -> Response:
    """Encode a response with a coding that its client accepts.

    Errors are not encoded, because Triton's clients do not decode them.
    """
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
