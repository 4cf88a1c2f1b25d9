"""Bytes → a checked request, whichever encoding they are in."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from operators.errors import Reason, RecordError
from operators.protocol import json_codec, protobuf_codec
from operators.protocol.datatypes import DTYPES
from operators.protocol.messages import InputTensor, Request

CONTENT_TYPES = ("np", "pd", "str")
_OF_TENSORS = ("np", "str")
_DECODERS = {
    "json/inferModelRequest": json_codec.decode,
    "json/inferModelResponse": json_codec.decode,
    "proto/InferModelRequest": protobuf_codec.decode,
    "proto/InferModelResponse": protobuf_codec.decode,
}
# A protobuf request begins with the tag of one of its seven fields, all of them length-delimited.
_PROTOBUF_TAGS = frozenset(number << 3 | 2 for number in range(1, 8))


def decode_request(body: bytes, infer_type: str | None = None, *, response: bool = False) -> Request:
    """Parse and check one value; RecordError says what is wrong with it.

    `infer_type` is the header `seldon-infer-type`; without it the first bytes tell JSON from protobuf. With
    `response` the value is another pipeline's response: its outputs are this request's inputs.
    """
    if infer_type and infer_type not in _DECODERS:
        known = ", ".join(_DECODERS)
        raise RecordError(
            Reason.BAD_REQUEST, f"the header seldon-infer-type is {infer_type!r}; it may be {known}"
        )
    decode = _DECODERS[infer_type] if infer_type else _sniff(body)
    request = decode(body, response)
    problem = next(_problems(request, "outputs" if response else "inputs"), None)
    if problem:
        raise RecordError(Reason.BAD_REQUEST, problem)
    return request


def _sniff(body: bytes) -> json_codec.Decode:
    looks_binary = bool(body) and body[0] in _PROTOBUF_TAGS and body.lstrip()[:1] != b"{"
    return protobuf_codec.decode if looks_binary else json_codec.decode


def _problems(request: Request, side: str) -> Iterator[str]:
    if not request.inputs:
        yield f"{side} is empty: a request needs at least one tensor"
    if request.content_type and request.content_type not in CONTENT_TYPES:
        yield _unknown(request.content_type, CONTENT_TYPES)
    for i, tensor in enumerate(request.inputs):
        yield from (f"{side}[{i}] ({tensor.name!r}): {problem}" for problem in _of_tensor(tensor))
    if len(request.inputs) > 1:
        names = [tensor.name for tensor in request.inputs]
        if len(set(names)) < len(names):
            yield f"{side} has two tensors of one name: {', '.join(names)}"


def _of_tensor(tensor: InputTensor) -> Iterator[str]:
    if tensor.datatype not in DTYPES:
        yield f"datatype {tensor.datatype!r} is not one of {', '.join(DTYPES)}"
    elif not tensor.shape or min(tensor.shape) < 0:
        yield f"shape must be a list of sizes, got {tensor.shape}"
    elif prod(tensor.shape) == 0:
        yield f"shape {tensor.shape} holds no value: a request needs at least one row"
    elif isinstance(tensor.data, (str, int, float, dict)) or tensor.data is None:
        yield f"data must be a list, got {type(tensor.data).__name__}"
    content_type = (tensor.parameters or {}).get("content_type")
    if content_type is not None and content_type not in _OF_TENSORS:
        yield _unknown(str(content_type), _OF_TENSORS)
    elif content_type == "str" and tensor.datatype != "BYTES":
        yield f"content_type str is for BYTES, the datatype is {tensor.datatype}"


def _unknown(content_type: str, known: tuple[str, ...]) -> str:
    return f"content_type {content_type!r} is not supported; there are {', '.join(known)}"
