"""A V2 inference request, independent of its encoding."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

import msgspec


class Encoding(StrEnum):
    """The format of a request on the wire; a response has the format of its request."""

    JSON = "json"
    PROTOBUF = "protobuf"
    RAW_PROTOBUF = "raw protobuf"


class InputTensor(msgspec.Struct, gc=False):
    """One tensor of a request; `data` is a flat or nested list from JSON, or a flat array from protobuf."""

    name: str
    shape: list[int]
    datatype: str
    data: Any
    parameters: dict[str, Any] | None = None

    @property
    def content_type(self) -> str:
        """The content type of this tensor's values, empty if it has none."""
        return str((self.parameters and self.parameters.get("content_type")) or "")


class Request(NamedTuple):
    """A request; `outputs` are the names of the requested outputs, empty for the default ones.

    `content_type` is how the tensors are interpreted: `pd` (each is a named column), `np`, `str`, or empty
    for the model's own choice.
    """

    inputs: list[InputTensor]
    id: str | None
    content_type: str
    outputs: tuple[str, ...]
    encoding: Encoding
