"""Converts between V2 datatypes and numpy dtypes, and from JSON values to arrays."""

from __future__ import annotations

from itertools import chain
from math import prod
from typing import Any

import numpy as np

from operators.core.tensors import Array

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    **{f"UINT{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(np.object_),
}
# The limit of numpy.
MOST_AXES = 32
DATATYPES: dict[np.dtype[Any], str] = {dtype: datatype for datatype, dtype in DTYPES.items()}

_EXPECTED = {"b": "true or false", "u": "whole numbers", "i": "whole numbers", "f": "numbers", "O": "strings"}


def datatype_of(array: Array) -> str:
    """Return the V2 datatype of an array; strings of any kind are BYTES."""
    return "BYTES" if array.dtype.kind in "OUS" else DATATYPES[array.dtype.newbyteorder("=")]


def many_to_array(values: list[list[Any]], datatype: str) -> Array | None:
    """Turn flat lists of equal length into an array of shape (lists, length).

    Return None if a value needs a closer check; the caller then converts each list alone.
    """
    kinds = set(map(type, chain.from_iterable(values)))
    try:
        if datatype[:2] == "FP" and kinds <= {int, float, type(None)}:
            with np.errstate(over="ignore"):
                return np.array(values, dtype=np.float64).astype(DTYPES[datatype], copy=False)
        if datatype == "INT64" and kinds == {int}:
            return np.array(values, dtype=np.int64)
    except OverflowError:
        return None
    return None


def to_array(data: list[Any], datatype: str, shape: list[int]) -> Array:
    """Turn one tensor's JSON data, flat or nested, into an array of its shape; ValueError if it does not fit.

    null is a missing value: NaN. Whole numbers and booleans have no NaN, so a tensor of them with missing
    values becomes FP64.
    """
    dtype = DTYPES[datatype]
    flat = _flatten(data, shape, shape)
    if dtype.kind == "O":
        return _strings(flat).reshape(shape)
    _check_kinds(set(map(type, flat)), datatype)
    if dtype.kind in "iu" and None in flat:
        _whole_numbers([item for item in flat if item is not None], dtype, datatype)
    if dtype.kind == "f" or None in flat:
        with np.errstate(over="ignore"):
            floats = np.array(flat, dtype=np.float64)
            return (floats.astype(dtype) if dtype.kind == "f" else floats).reshape(shape)
    if dtype.kind == "b":
        return np.array(flat, dtype=dtype).reshape(shape)
    return _whole_numbers(flat, dtype, datatype).reshape(shape)


def _flatten(data: list[Any], shape: list[int], full_shape: list[int]) -> list[Any]:
    """Flatten data that is flat, or nested like its shape in all axes or only in the first ones."""
    if not any(type(item) is list for item in data):
        if len(data) != prod(shape):
            raise ValueError(f"shape {full_shape} takes {prod(full_shape)} values, but the data does not fit")
        return data
    if len(shape) < 2 or len(data) != shape[0] or not all(type(item) is list for item in data):
        raise ValueError(f"the nesting of the data does not match shape {full_shape}")
    return list(chain.from_iterable(_flatten(item, shape[1:], full_shape) for item in data))


def _check_kinds(kinds: set[type], datatype: str) -> None:
    kind = DTYPES[datatype].kind
    allowed: set[type] = {bool, type(None)} if kind == "b" else {int, float, type(None)}
    wrong = kinds - allowed
    if wrong:
        names = ", ".join(sorted(_JSON_NAMES.get(item, item.__name__) for item in wrong))
        raise ValueError(f"{datatype} takes {_EXPECTED[kind]}, but the data contains {names}")


_JSON_NAMES = {str: "strings", bool: "booleans", dict: "objects", int: "numbers", float: "numbers"}


def _strings(flat: list[Any]) -> Array:
    if not set(map(type, flat)) <= {str, type(None)}:
        raise ValueError("BYTES takes strings, but the data contains other values")
    array = np.empty(len(flat), dtype=object)
    array[:] = [np.nan if item is None else item for item in flat]
    return array


def _whole_numbers(flat: list[Any], dtype: np.dtype[Any], datatype: str) -> Array:
    limits = np.iinfo(dtype)
    for item in flat:
        if type(item) is float and item != item // 1:
            raise ValueError(f"{datatype} takes whole numbers, but the data contains {item}")
        if not limits.min <= item <= limits.max:
            raise ValueError(f"{item} is out of the range of {datatype}")
    return np.array([int(item) for item in flat], dtype=dtype)
