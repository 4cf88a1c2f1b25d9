"""V2 JSON ⇄ requests and responses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from operators.core.errors import Reason, RecordError
from operators.protocol.request import Encoding, InputTensor, Request

Decode = Callable[[bytes, bool], Request]


class _Output(msgspec.Struct):
    name: str


class _Request(msgspec.Struct):
    """Keys that the protocol does not have are passed over."""

    inputs: list[InputTensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[_Output] | None = None


class _Response(msgspec.Struct):
    outputs: list[InputTensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None


_BYTE = re.compile(r"\(byte (\d+)\)")
_NO_NUMBER = re.compile(rb"-?(NaN|Infinity|nan|inf)\b")
_requests = msgspec.json.Decoder(_Request)
_responses = msgspec.json.Decoder(_Response)
_encoder = msgspec.json.Encoder()


def decode(body: bytes, response: bool) -> Request:
    """Parse one JSON body; RecordError says what is wrong with it."""
    try:
        message: _Request | _Response = _responses.decode(body) if response else _requests.decode(body)
    except msgspec.ValidationError as error:
        raise RecordError(Reason.BAD_REQUEST, f"not a V2 inference request: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(Reason.UNREADABLE, f"the value is not JSON: {_why(body, error)}") from None
    content_type = str((message.parameters or {}).get("content_type") or "")
    if isinstance(message, _Response):
        return Request(message.outputs, message.id, content_type, (), Encoding.JSON)
    wanted = tuple(output.name for output in message.outputs or ())
    return Request(message.inputs, message.id, content_type, wanted, Encoding.JSON)


def _why(body: bytes, error: Exception) -> str:
    """Tell what is wrong; words that many libraries write, but JSON does not have, with the remedy."""
    found = _BYTE.search(str(error))
    at = int(found[1]) if found else len(body)
    # The parser stops at the letter that surprises it, not always at the word's first.
    word = _NO_NUMBER.search(body, max(at - 4, 0), at + len("Infinity"))
    if not word:
        return str(error)
    return f"it holds {word[0].decode()} at byte {word.start()}, but JSON has no such number: send null"


def encode(response: dict[str, Any]) -> bytes:
    """Write a response; NaN and infinities become null."""
    return _encoder.encode(response)
