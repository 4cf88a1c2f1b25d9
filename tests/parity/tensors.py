"""Requests to send to both sides, and the tensors of a response to compare."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

FLOATS = {"FP16": np.float16, "FP32": np.float32, "FP64": np.float64}


class Tensor(NamedTuple):
    """One output tensor as it stands in a V2 response."""

    name: str
    datatype: str
    shape: list[int]
    data: list[Any]


def tensors(response: dict[str, Any]) -> list[Tensor]:
    """Return a response's tensors in their order."""
    return [Tensor(*(output[field] for field in Tensor._fields)) for output in response["outputs"]]


def assert_same(ours: list[Tensor], theirs: list[Tensor], ulps: int = 4) -> None:
    """Compare names and order, datatypes, shapes and values; floats may differ by some last places."""
    assert [tensor[:3] for tensor in ours] == [tensor[:3] for tensor in theirs]
    for one, other in zip(ours, theirs, strict=True):
        dtype = FLOATS.get(one.datatype)
        if dtype is None:
            assert one.data == other.data, one.name
        else:
            numbers = [np.array(tensor.data, dtype=dtype) for tensor in (one, other)]
            np.testing.assert_array_max_ulp(*numbers, maxulp=ulps)


def table(rows: NDArray[Any], datatype: str = "FP64", *, nested: bool = False, **more: Any) -> bytes:
    """Encode rows as a request of a single tensor; NaN become null."""
    return request(
        tensor("x", list(rows.shape), datatype, (rows if nested else rows.ravel()).tolist()), **more
    )


def columns(frame: pd.DataFrame, numbers: str = "FP64", **more: Any) -> bytes:
    """Encode a table as a request of a tensor for each column; what is missing becomes null."""
    return request(*column_tensors(frame, numbers), **more)


def column_tensors(frame: pd.DataFrame, numbers: str = "FP64") -> list[dict[str, Any]]:
    return [
        tensor(str(name), [len(frame), 1], "BYTES" if frame[name].dtype == object else numbers, values)
        for name, values in frame.astype(object).where(frame.notna(), None).to_dict("list").items()
    ]


def tensor(name: str, shape: list[int], datatype: str, data: list[Any], **parameters: str) -> dict[str, Any]:
    plain = {"name": name, "shape": shape, "datatype": datatype, "data": data}
    return {**plain, "parameters": parameters} if parameters else plain


def request(*inputs: dict[str, Any], content_type: str = "", outputs: tuple[str, ...] = ()) -> bytes:
    body: dict[str, Any] = {"id": "r", "inputs": inputs}
    if content_type:
        body["parameters"] = {"content_type": content_type}
    if outputs:
        body["outputs"] = [{"name": name} for name in outputs]
    return msgspec.json.encode(body)
