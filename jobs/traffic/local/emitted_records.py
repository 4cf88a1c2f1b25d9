"""The records that a pipeline emits to its topics."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from operators.core.errors import RecordError
from operators.protocol.decode import decode_request


class EmittedResponse(NamedTuple):
    """The response to the request at `offset`; `body` is empty where the pipeline has no output."""

    topic: str
    offset: int
    infer_type: str
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """Return the record as the fields of a JSON object."""
        value = _response_value(self.body, self.infer_type) if self.body else None
        return {"kind": "response", "topic": self.topic, "offset": self.offset, "value": value}


class EmittedDeadLetter(NamedTuple):
    """The request at `offset`, with its error; `failed` is false where it was answered nevertheless."""

    topic: str
    offset: int
    failed: bool
    reason: str
    step: str
    message: str
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """Return the record as the fields of a JSON object."""
        fields = self._asdict()
        del fields["body"]
        return {"kind": "dead_letter", **fields, "value": plain_value(self.body)}


class EmittedFlaggedRow(NamedTuple):
    """A flagged row of the request at `offset`, encoded as on the outliers topic."""

    topic: str
    offset: int
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """Return the record as the fields of a JSON object."""
        return {
            "kind": "outlier",
            "topic": self.topic,
            "offset": self.offset,
            "value": msgspec.Raw(self.body),
        }


class EmittedReport(NamedTuple):
    """The report of a window; `partial` is true where the end of the data closed the window."""

    topic: str
    partial: bool
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """Return the record as the fields of a JSON object."""
        return {
            "kind": "report",
            "topic": self.topic,
            "partial": self.partial,
            "value": msgspec.Raw(self.body),
        }


Emitted = EmittedResponse | EmittedDeadLetter | EmittedFlaggedRow | EmittedReport


def plain_value(body: bytes) -> Any:
    """Return a value decoded from JSON, or as text where it is not JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def _response_value(body: bytes, infer_type: str) -> Any:
    """Return a JSON response byte for byte, and a protobuf response as its JSON equivalent."""
    if infer_type.startswith("json/"):
        return msgspec.Raw(body)
    try:
        response = decode_request(body, infer_type, response=True)
    except RecordError:  # an output without rows
        return body.decode("utf-8", "replace")
    tensors = [msgspec.to_builtins(one, enc_hook=lambda array: array.tolist()) for one in response.inputs]
    return {**({"id": response.id} if response.id else {}), "outputs": tensors}
