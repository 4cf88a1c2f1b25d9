"""Requests of the rows of an array or of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from jobs.kafka.pipeline_client import request_body
from jobs.traffic.local.column_tensors import ColumnValues
from jobs.traffic.local.pipeline import LocalRequest


def requests_of_array(array: Any, rows: int) -> Iterator[LocalRequest]:
    """Yield requests of `rows` rows each, with one tensor; `array` has the shape (n, …)."""
    for offset, first in enumerate(range(0, len(array), rows)):
        part = array[first : first + rows]
        yield LocalRequest(offset, request_body(part, _id(first, len(part))))


def requests_of_columns(
    columns: Mapping[str, ColumnValues], length: int, rows: int
) -> Iterator[LocalRequest]:
    """Yield requests of `rows` of the `length` rows each, with one tensor a column and content type `pd`."""
    for offset, first in enumerate(range(0, length, rows)):
        count = min(rows, length - first)
        tensors = [
            {"name": name, "shape": [count, 1], "datatype": datatype, "data": data[first : first + count]}
            for name, (datatype, data) in columns.items()
        ]
        yield LocalRequest(
            offset,
            msgspec.json.encode(
                {"id": _id(first, count), "parameters": {"content_type": "pd"}, "inputs": tensors}
            ),
        )


def _id(first: int, rows: int) -> str:
    """Return the id of a request: the numbers of its rows in the file, from 0."""
    return str(first) if rows == 1 else f"{first}-{first + rows - 1}"
