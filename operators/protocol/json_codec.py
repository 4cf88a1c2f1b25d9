"""Decodes V2 requests and responses in JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from operators.core.errors import Reason, RecordError
from operators.protocol.request import Encoding, InputTensor, Request

Decode = Callable[[bytes, bool], Request]


class _Output(msgspec.Struct, gc=False):
    name: str


class _Request(msgspec.Struct, gc=False):
    """A request; keys that are not in the protocol are ignored."""

    inputs: list[InputTensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[_Output] | None = None


class _Response(msgspec.Struct, gc=False):
    outputs: list[InputTensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None


_BYTE = re.compile(r"\(byte (\d+)\)")
_NO_NUMBER = re.compile(rb"-?(NaN|Infinity|nan|inf)\b")
_requests = msgspec.json.Decoder(_Request)
_responses = msgspec.json.Decoder(_Response)


def decode(body: bytes, response: bool) -> Request:
    """Parse one JSON request or, with `response`, a response; RecordError if it is invalid."""
    try:
        message: _Request | _Response = _responses.decode(body) if response else _requests.decode(body)
    except msgspec.ValidationError as error:
        raise RecordError(Reason.BAD_REQUEST, f"not a V2 inference request: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(Reason.UNREADABLE, f"the value is not JSON: {_reason(body, error)}") from None
    content_type = str((message.parameters or {}).get("content_type") or "")
    if isinstance(message, _Response):
        return Request(message.outputs, message.id, content_type, (), Encoding.JSON)
    requested = tuple(output.name for output in message.outputs or ())
    return Request(message.inputs, message.id, content_type, requested, Encoding.JSON)


def _reason(body: bytes, error: Exception) -> str:
    """Return the parser's error; for NaN or Infinity, which JSON does not have, return the remedy too."""
    match = _BYTE.search(str(error))
    position = int(match[1]) if match else len(body)
    # The parser may stop at a later letter of the word than its first.
    word = _NO_NUMBER.search(body, max(position - 4, 0), position + len("Infinity"))
    if not word:
        return str(error)
    return f"it contains {word[0].decode()} at byte {word.start()}, which JSON does not have; send null"
