"""Files of requests, and tables of rows as requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from jobs.data.column_values import kind_of, plain
from jobs.data.feature_encoding import Features, encode
from jobs.data.table_files import read_array, read_table
from jobs.kafka.pipeline_client import request_body
from jobs.traffic.local.pipeline import LocalPipeline, LocalRequest
from operators.core.errors import DeploymentError
from operators.models.json_files import read_json
from operators.models.runtimes.sklearn_estimator import SklearnModel
from operators.storage.uris import local_path

TABLES = (".csv", ".parquet", ".pq", ".npy")
LINES = (".jsonl", ".ndjson")


def read_requests(
    data: Path, pipeline: LocalPipeline, rows: int, notice: Callable[[str], None]
) -> Iterator[LocalRequest]:
    """Read a file of requests, or make requests of so many `rows` each from a table.

    `notice` is called with what a reader of the answers should know. DeploymentError for a file that cannot
    be read.
    """
    if data.suffix not in (*LINES, *TABLES):
        known = ", ".join((*LINES, *TABLES))
        raise DeploymentError(f"{data}: the name must end with one of {known}")
    if pipeline.reads_responses and data.suffix in TABLES:
        topic = pipeline.release.external_topic
        raise DeploymentError(
            f"{data}: rows become requests, and {topic} holds responses: give them as .jsonl"
        )
    if not data.is_file():
        raise DeploymentError(f"there is no file {data}")
    if data.suffix in LINES:
        return _lines(data)
    if data.suffix == ".npy":
        return _of_array(read_array(data, tensors=True), rows, notice)
    read = read_table(data)
    for note in read.notes:
        notice(f"{data}: {note}")
    table = read.frame.rename(columns=str)
    features = encoding(pipeline)
    if features is None:
        return _of_columns(table, rows)
    for line in unknown(table, features):
        notice(f"{data}: {line}")
    return _of_array(encode(table, features), rows, notice)


def encoding(pipeline: LocalPipeline) -> Features | None:
    """Return how rows are encoded for the models that read requests, None where they take columns by name.

    It is the `features.json` that training left beside their folders.
    """
    readers = [planned for planned in pipeline.plan.steps if planned.reads_requests]
    if any(isinstance(planned.step, SklearnModel) and planned.step.names for planned in readers):
        return None
    for planned in readers:
        folder = local_path(pipeline.release.artifacts[planned.name].uri)
        if folder and (file := folder.parent / "features.json").is_file():
            return read_json(file, Features)
    return None


def unknown(table: pd.DataFrame, features: Features) -> Iterator[str]:
    """Tell which words of a table are no category: encoded they get the code behind the last."""
    for name in features.categories:
        if name in table:
            words = table[[name]].dropna()
            codes = encode(words, Features([name], {name: features.categories[name]}))
            strange = words[name][codes[:, 0] == len(features.categories[name])]
            if len(strange):
                yield (
                    f"{len(strange):,} values of {name} are not in features.json and get the code behind the "
                    f"last, {strange.iloc[0]!r} for one"
                )


def _lines(data: Path) -> Iterator[LocalRequest]:
    """Yield each line that is not blank; the offset of the first line is 0."""
    with data.open("rb") as lines:
        for offset, line in enumerate(lines):
            if value := line.strip():
                yield LocalRequest(offset, value)


def _of_array(array: Any, rows: int, notice: Callable[[str], None]) -> Iterator[LocalRequest]:
    infinite = int(np.isinf(array).sum())
    if infinite:
        notice(f"{infinite:,} infinite values become missing values: JSON has no infinity")
    for offset, first in enumerate(range(0, len(array), rows)):
        some = array[first : first + rows]
        yield LocalRequest(offset, request_body(some, _id(first, len(some))))


def _of_columns(table: pd.DataFrame, rows: int) -> Iterator[LocalRequest]:
    columns = {name: _typed(table[name]) for name in table.columns}
    for offset, first in enumerate(range(0, len(table), rows)):
        count = min(rows, len(table) - first)
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


def _typed(column: pd.Series) -> tuple[str, list[Any]]:
    """Return a column's V2 datatype and its values, None for missing ones."""
    held = pd.api.types.infer_dtype(column, skipna=True)
    if held not in ("boolean", "integer"):
        column = plain(column)
    values = column.astype(object).where(column.notna(), None).tolist()
    if held == "boolean":
        return "BOOL", values
    if held == "integer":
        return "INT64", values
    if kind_of(column) == "number":
        return "FP64", values
    return "BYTES", [None if value is None else str(value) for value in values]


def _id(first: int, rows: int) -> str:
    """Name a request by its rows in the file, from 0."""
    return str(first) if rows == 1 else f"{first}-{first + rows - 1}"
