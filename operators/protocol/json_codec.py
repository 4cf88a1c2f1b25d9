"""Decodes V2 requests and responses in JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from operators.core.errors import Reason, RecordError
from operators.core.foreign_json import syntax_error
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


_requests = msgspec.json.Decoder(_Request)
_responses = msgspec.json.Decoder(_Response)


def decode(body: bytes, response: bool) -> Request:
    """Parse one JSON request or, with `response`, a response; RecordError if it is invalid."""
    try:
        message: _Request | _Response = _responses.decode(body) if response else _requests.decode(body)
    except msgspec.ValidationError as error:
        raise RecordError(Reason.BAD_REQUEST, f"not a V2 inference request: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(
            Reason.UNREADABLE, f"the value is not JSON: {syntax_error(body, error, 'send null')}"
        ) from None
    content_type = str((message.parameters or {}).get("content_type") or "")
    if isinstance(message, _Response):
        return Request(message.outputs, message.id, content_type, (), Encoding.JSON)
    requested = tuple(output.name for output in message.outputs or ())
    return Request(message.inputs, message.id, content_type, requested, Encoding.JSON)
