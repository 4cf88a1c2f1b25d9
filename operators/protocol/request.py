"""A V2 inference request, whichever encoding it came in."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

import msgspec


class Encoding(StrEnum):
    """How tensors stand on the wire; a response is written as its request was."""

    JSON = "json"
    PROTOBUF = "protobuf"
    RAW_PROTOBUF = "raw protobuf"


class InputTensor(msgspec.Struct):
    """One tensor of a request: `data` is JSON's list, flat or nested, or protobuf's flat array."""

    name: str
    shape: list[int]
    datatype: str
    data: Any
    parameters: dict[str, Any] | None = None

    @property
    def content_type(self) -> str:
        """How this tensor's values are encoded, empty where it does not say."""
        return str((self.parameters and self.parameters.get("content_type")) or "")


class Request(NamedTuple):
    """A request. `outputs` names the outputs it asks for; none asks for the usual ones.

    `content_type` says how the tensors are to be taken: `pd` (each a named column), `np`, `str`, or empty to
    leave it to the model.
    """

    inputs: list[InputTensor]
    id: str | None
    content_type: str
    outputs: tuple[str, ...]
    encoding: Encoding
