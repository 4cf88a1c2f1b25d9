"""Parses and checks a request in any encoding."""

from __future__ import annotations

from math import prod

from operators.core.errors import Reason, RecordError
from operators.protocol import json_codec, protobuf_codec
from operators.protocol.datatypes import DTYPES, MOST_AXES
from operators.protocol.request import InputTensor, Request

CONTENT_TYPES = ("np", "pd", "str")
TENSOR_CONTENT_TYPES = ("np", "str", "base64", "datetime")
# No record can contain more values than this.
_MOST_VALUES = 2**31
_DECODERS = {
    "json/inferModelRequest": json_codec.decode,
    "json/inferModelResponse": json_codec.decode,
    "proto/InferModelRequest": protobuf_codec.decode,
    "proto/InferModelResponse": protobuf_codec.decode,
}
# A protobuf request begins with the tag of one of its seven fields, all of them length-delimited.
_PROTOBUF_TAGS = frozenset(number << 3 | 2 for number in range(1, 8))


def decode_request(body: bytes, infer_type: str | None = None, *, response: bool = False) -> Request:
    """Parse and check one value; RecordError if it is not a valid request.

    `infer_type` is the header `seldon-infer-type`; without it, the first bytes distinguish JSON and
    protobuf. With `response`, the value is another pipeline's response; its outputs are the inputs of this
    request.
    """
    decode = _DECODERS.get(infer_type) if infer_type else _sniff(body)
    if decode is None:
        supported = ", ".join(_DECODERS)
        raise RecordError(
            Reason.BAD_REQUEST,
            f"the header seldon-infer-type is {infer_type!r}; it must be one of {supported}",
        )
    request = decode(body, response)
    if response and not request.inputs:
        return request
    problem = _problem(request, "outputs" if response else "inputs")
    if problem:
        raise RecordError(Reason.BAD_REQUEST, problem)
    return request


def _sniff(body: bytes) -> json_codec.Decode:
    if body[:1] == b"\0":
        raise RecordError(
            Reason.UNREADABLE,
            "the value begins with a zero byte, as in Schema Registry's framing; send it without",
        )
    if not body or body[0] not in _PROTOBUF_TAGS:
        return json_codec.decode
    # A line break is white space before JSON, or the tag of the model's name, which its length follows.
    if body.lstrip()[:1] == b"{" and not _begins_with_a_name(body):
        return json_codec.decode
    return protobuf_codec.decode


def _begins_with_a_name(body: bytes) -> bool:
    """Return whether the first field, of the given length, ends at another field or at the end."""
    after = body[2 + body[1] : 3 + body[1]] if len(body) > 1 else b""
    return len(body) >= 2 + body[1] and (not after or after[0] in _PROTOBUF_TAGS)


def _problem(request: Request, side: str) -> str:
    if not request.inputs:
        return f"{side} is empty; a request needs at least one tensor"
    if request.content_type and request.content_type not in CONTENT_TYPES:
        return _unknown(request.content_type, CONTENT_TYPES) + _belongs_to_tensor(request.content_type)
    for i, tensor in enumerate(request.inputs):
        problem = _tensor_problem(tensor, request.content_type)
        if problem:
            return f"{side}[{i}] ({tensor.name!r}): {problem}"
    if len(request.inputs) > 1:
        names = [tensor.name for tensor in request.inputs]
        if len(set(names)) < len(names):
            return f"{side} has two tensors with the same name: {', '.join(names)}"
        rows = sorted({tensor.shape[0] for tensor in request.inputs})
        if request.content_type == "pd" and len(rows) > 1:
            return (
                f"content_type pd needs tensors with the same number of rows, got {', '.join(map(str, rows))}"
            )
    return ""


def _tensor_problem(tensor: InputTensor, content_type_of_request: str) -> str:
    shape = tensor.shape
    if tensor.datatype not in DTYPES:
        return f"datatype {tensor.datatype!r} is not one of {', '.join(DTYPES)}"
    if not shape or min(shape) < 0:
        return f"shape must be a list of sizes, got {shape}"
    if len(shape) > MOST_AXES:
        return f"shape has {len(shape)} axes; a tensor can have at most {MOST_AXES}"
    if max(shape) > _MOST_VALUES or prod(shape) > _MOST_VALUES:
        return f"shape takes more than {_MOST_VALUES} values, which no record can contain"
    if 0 in shape:
        return f"shape {shape} contains no value; a request needs at least one row"
    if isinstance(tensor.data, (str, int, float, dict)) or tensor.data is None:
        return f"data must be a list, got {type(tensor.data).__name__}"
    own = tensor.content_type
    if own and own not in TENSOR_CONTENT_TYPES:
        return _unknown(own, TENSOR_CONTENT_TYPES)
    content_type = own or content_type_of_request
    if content_type in ("str", "base64", "datetime") and tensor.datatype != "BYTES":
        return f"content_type {content_type} needs datatype BYTES, got {tensor.datatype}"
    return ""


def _belongs_to_tensor(content_type: str) -> str:
    return "; put it into the tensor's parameters" if content_type in TENSOR_CONTENT_TYPES else ""


def _unknown(content_type: str, supported: tuple[str, ...]) -> str:
    return f"content_type {content_type!r} is not supported; it must be one of {', '.join(supported)}"
