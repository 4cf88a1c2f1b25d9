"""What a pipeline emits, as records of its topics."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from operators.core.errors import RecordError
from operators.protocol.decode import decode_request


class EmittedResponse(NamedTuple):
    """The response to the request at an offset; `body` is empty where the pipeline answers nothing."""

    topic: str
    offset: int
    infer_type: str
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """Return it as a record."""
        value = _response_value(self.body, self.infer_type) if self.body else None
        return {"kind": "response", "topic": self.topic, "offset": self.offset, "value": value}


class EmittedDeadLetter(NamedTuple):
    """The request at an offset, and what was wrong; not `failed` where it was answered all the same."""

    topic: str
    offset: int
    failed: bool
    reason: str
    step: str
    message: str
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """Return it as a record."""
        told = self._asdict()
        del told["body"]
        return {"kind": "dead_letter", **told, "value": plain_value(self.body)}


class EmittedFlaggedRow(NamedTuple):
    """A row of the request at an offset that an outlier detector flagged, as the outliers topic holds it."""

    topic: str
    offset: int
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """Return it as a record."""
        return {
            "kind": "outlier",
            "topic": self.topic,
            "offset": self.offset,
            "value": msgspec.Raw(self.body),
        }


class EmittedReport(NamedTuple):
    """The report of a window; a `partial` one was closed by the end of the data."""

    topic: str
    partial: bool
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """Return it as a record."""
        return {
            "kind": "report",
            "topic": self.topic,
            "partial": self.partial,
            "value": msgspec.Raw(self.body),
        }


Emitted = EmittedResponse | EmittedDeadLetter | EmittedFlaggedRow | EmittedReport


def plain_value(body: bytes) -> Any:
    """Return a value as JSON has it, else as text."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def _response_value(body: bytes, infer_type: str) -> Any:
    """Return a response byte for byte where it is JSON, the tensors of a protobuf one as JSON has them."""
    if infer_type.startswith("json/"):
        return msgspec.Raw(body)
    try:
        response = decode_request(body, infer_type, response=True)
    except RecordError:  # an output without rows
        return body.decode("utf-8", "replace")
    tensors = [msgspec.to_builtins(one, enc_hook=lambda array: array.tolist()) for one in response.inputs]
    return {**({"id": response.id} if response.id else {}), "outputs": tensors}
