"""Decodes and encodes V2 requests and responses in protobuf, with typed or raw contents."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from operators.core.errors import Reason, RecordError
from operators.core.tensors import Array
from operators.protocol.datatypes import DTYPES, MOST_AXES
from operators.protocol.inference_pb2 import ModelInferRequest, ModelInferResponse
from operators.protocol.request import Encoding, InputTensor, Request

# FP16 has no typed contents.
_FIELDS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_LENGTH = struct.Struct("<I")


def decode(body: bytes, response: bool) -> Request:
    """Parse a `ModelInferRequest` or, with `response`, a `ModelInferResponse`; RecordError if invalid."""
    message = (ModelInferResponse if response else ModelInferRequest)()
    try:
        message.ParseFromString(body)
    except DecodeError:
        kind = type(message).__name__
        raise RecordError(Reason.UNREADABLE, f"the value is neither JSON nor a protobuf {kind}") from None
    tensors = message.outputs if response else message.inputs
    raw = message.raw_output_contents if response else message.raw_input_contents
    if raw and len(raw) != len(tensors):
        raise RecordError(
            Reason.BAD_REQUEST, f"there are {len(raw)} raw contents for {len(tensors)} tensors; send one each"
        )
    return Request(
        [_tensor(tensor, raw[i] if raw else None) for i, tensor in enumerate(tensors)],
        message.id or None,
        str(_parameters(message.parameters).get("content_type") or ""),
        () if response else tuple(output.name for output in message.outputs),
        Encoding.RAW_PROTOBUF if raw else Encoding.PROTOBUF,
    )


def encode(response: Mapping[str, Any], arrays: list[Array], raw: bool) -> bytes:
    """Encode a response with `arrays` as the values of its outputs; FP16 makes all contents raw."""
    message = ModelInferResponse(
        model_name=response.get("model_name"),
        model_version=response.get("model_version"),
        id=response.get("id"),
    )
    _set_parameters(message.parameters, response.get("parameters", {}))
    raw = raw or any(output["datatype"] == "FP16" for output in response["outputs"])
    for output, array in zip(response["outputs"], arrays, strict=True):
        tensor = message.outputs.add(name=output["name"], datatype=output["datatype"], shape=output["shape"])
        _set_parameters(tensor.parameters, output["parameters"])
        if raw:
            message.raw_output_contents.append(_to_raw(array, output["datatype"]))
        else:
            field = getattr(tensor.contents, _FIELDS[output["datatype"]])
            field.extend(_to_bytes(array) if output["datatype"] == "BYTES" else array.ravel().tolist())
    return bytes(message.SerializeToString())


def _tensor(tensor: Any, raw: bytes | None) -> InputTensor:
    datatype, shape = tensor.datatype, list(tensor.shape)
    try:
        data = _from_contents(tensor, datatype) if raw is None else _from_raw(raw, tensor, datatype)
        if datatype in DTYPES and len(shape) <= MOST_AXES and len(data) != prod(shape):
            raise ValueError(f"shape {shape} takes {prod(shape)} values, there are {len(data)}")
    except ValueError as error:
        raise RecordError(Reason.BAD_REQUEST, f"tensor {tensor.name!r}: {error}") from None
    return InputTensor(tensor.name, shape, datatype, data, _parameters(tensor.parameters))


def _from_contents(tensor: Any, datatype: str) -> Array:
    """Read the field of the datatype; ValueError if another field contains values."""
    filled = [field.name for field, _ in tensor.contents.ListFields()]
    expected = _FIELDS.get(datatype)
    if datatype == "FP16":
        raise ValueError("FP16 has no typed contents; send raw_input_contents")
    if expected is None:
        return np.zeros(0)
    if any(name != expected for name in filled):
        raise ValueError(f"the values of {datatype} belong in {expected}, but {', '.join(filled)} is filled")
    values = getattr(tensor.contents, expected)
    if datatype == "BYTES":
        return _strings(values)
    dtype = DTYPES[datatype]
    wide = np.array(values, dtype=np.int64 if expected in ("int_contents", "uint_contents") else dtype)
    if wide.dtype != dtype and len(wide):
        limits = np.iinfo(dtype)
        if wide.min() < limits.min or wide.max() > limits.max:
            raise ValueError(f"a value is out of the range of {datatype}")
    return wide.astype(dtype)


def _from_raw(raw: bytes, tensor: Any, datatype: str) -> Array:
    if tensor.contents.ListFields():
        raise ValueError("has both contents and raw contents; send only one of them")
    if datatype == "BYTES":
        return _strings(list(_split(raw)))
    dtype = DTYPES.get(datatype, np.dtype(np.uint8)).newbyteorder("<")
    if len(raw) % dtype.itemsize:
        raise ValueError(f"{len(raw)} raw bytes are not a whole number of {datatype} values")
    if datatype == "BOOL" and raw.translate(None, b"\0\1"):
        raise ValueError("raw BOOL values must be bytes of 0 or 1")
    return np.frombuffer(raw, dtype=dtype).astype(dtype.newbyteorder("="))


def _split(raw: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(raw):
        if at + 4 > len(raw) or at + 4 + _LENGTH.unpack_from(raw, at)[0] > len(raw):
            raise ValueError(
                "each value of raw BYTES must be a 4-byte length and that many bytes; these end too early"
            )
        (length,) = _LENGTH.unpack_from(raw, at)
        yield raw[at + 4 : at + 4 + length]
        at += 4 + length


def _strings(values: Any) -> Array:
    array = np.empty(len(values), dtype=object)
    try:
        array[:] = [value.decode() for value in values]
    except UnicodeDecodeError as error:
        raise ValueError(f"BYTES must be UTF-8 text: {error}") from None
    return array


def _to_raw(array: Array, datatype: str) -> bytes:
    if datatype == "BYTES":
        return b"".join(_LENGTH.pack(len(value)) + value for value in _to_bytes(array))
    return array.astype(array.dtype.newbyteorder("<")).tobytes()


def _to_bytes(array: Array) -> list[bytes]:
    """Encode strings as UTF-8; a missing one becomes empty."""
    return [value.encode() if isinstance(value, str) else b"" for value in array.ravel().tolist()]


def _parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: getattr(value, value.WhichOneof("parameter_choice") or "string_param")
        for key, value in parameters.items()
    }


def _set_parameters(parameters: Any, values: Mapping[str, object]) -> None:
    for key, value in values.items():
        if isinstance(value, bool):
            parameters[key].bool_param = value
        elif isinstance(value, int):
            parameters[key].int64_param = value
        else:
            parameters[key].string_param = str(value)
