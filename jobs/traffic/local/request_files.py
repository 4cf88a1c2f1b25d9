"""Reads requests from files, and makes requests from the rows of tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from jobs.data.column_values import as_booleans, plain
from jobs.data.feature_encoding import Features, encode
from jobs.data.table_files import PARQUET, ReadTable, read_array, read_table
from jobs.kafka.pipeline_client import request_body
from jobs.traffic.local.column_tensors import OnNotice, array_notices, column_values, number_notices
from jobs.traffic.local.pipeline import LocalPipeline, LocalRequest
from operators.core.errors import DeploymentError
from operators.models.json_files import read_json
from operators.models.runtimes.sklearn_estimator import SklearnModel
from operators.storage.uris import local_path

TABLES = (".csv", *PARQUET, ".npy")
LINES = (".jsonl", ".ndjson")


def read_requests(data: Path, pipeline: LocalPipeline, rows: int, notice: OnNotice) -> Iterator[LocalRequest]:
    """Read the requests of a file, or make requests of `rows` rows each from a table.

    `notice` receives a line for each change to the data. DeploymentError for a file that cannot be used.
    """
    if data.suffix not in (*LINES, *TABLES):
        suffixes = ", ".join((*LINES, *TABLES))
        raise DeploymentError(f"{data}: the name must end with one of {suffixes}")
    if pipeline.reads_responses and data.suffix in TABLES:
        topic = pipeline.release.external_topic
        raise DeploymentError(
            f"{data}: rows become requests, but {topic} contains responses; use a .jsonl file of responses"
        )
    if not data.is_file():
        raise DeploymentError(f"there is no file {data}")
    if data.suffix in LINES:
        return _requests_of_lines(data)
    if data.suffix == ".npy":
        array = read_array(data, tensors=True)
        for line in array_notices(array):
            notice(f"{data}: {line}")
        return _requests_of_array(array, rows)
    return _requests_of_table(data, pipeline, rows, lambda line: notice(f"{data}: {line}"))


def _requests_of_table(
    data: Path, pipeline: LocalPipeline, rows: int, notice: OnNotice
) -> Iterator[LocalRequest]:
    table = read_table(data)
    for line in (*table.notes, *_missing_words(table)):
        notice(line)
    frame = table.frame.rename(columns=str)
    features = encoding(pipeline)
    if features is None:
        return _requests_of_columns(
            frame if data.suffix in PARQUET else frame.apply(as_booleans), rows, notice
        )
    encoded = encode(frame, features)
    for line in (*unknown_categories(frame, features), *_changed_numbers(frame, features)):
        notice(line)
    return _requests_of_array(encoded, rows)


def _missing_words(table: ReadTable) -> Iterator[str]:
    """Yield a notice for each word of a column that was read as missing."""
    for name, words in table.missing.items():
        for word, times in words.items():
            if word:
                yield f"column {name!r}: {word!r} is read as missing ({times:,} cells)"


def _changed_numbers(frame: pd.DataFrame, features: Features) -> Iterator[str]:
    """Yield a notice for the numbers of each feature that a request cannot represent."""
    for name in features.names:
        if name not in features.categories:
            yield from number_notices(name, plain(frame[name]))


def encoding(pipeline: LocalPipeline) -> Features | None:
    """Return the feature encoding of the models that read requests, None where they read columns by name.

    It is in the `features.json` that training wrote next to their folders.
    """
    readers = [planned for planned in pipeline.plan.steps if planned.reads_requests]
    if any(isinstance(planned.step, SklearnModel) and planned.step.names for planned in readers):
        return None
    for planned in readers:
        folder = local_path(pipeline.release.artifacts[planned.name].uri)
        if folder and (file := folder.parent / "features.json").is_file():
            return read_json(file, Features)
    return None


def unknown_categories(table: pd.DataFrame, features: Features) -> Iterator[str]:
    """Yield a notice for each column with unknown categories, which get the code after the last one."""
    for name in features.categories:
        if name in table:
            values = table[[name]].dropna()
            codes = encode(values, Features([name], {name: features.categories[name]}))
            unknown = values[name][codes[:, 0] == len(features.categories[name])]
            if len(unknown):
                yield (
                    f"{len(unknown):,} values of {name} are not in features.json, such as "
                    f"{unknown.iloc[0]!r}; they get the code after the last category"
                )


def _requests_of_lines(data: Path) -> Iterator[LocalRequest]:
    """Yield each line that is not blank as a request; its offset is the line's number, from 0."""
    with data.open("rb") as lines:
        for offset, line in enumerate(lines):
            if value := line.strip():
                yield LocalRequest(offset, value)


def _requests_of_array(array: Any, rows: int) -> Iterator[LocalRequest]:
    for offset, first in enumerate(range(0, len(array), rows)):
        part = array[first : first + rows]
        yield LocalRequest(offset, request_body(part, _id(first, len(part))))


def _requests_of_columns(table: pd.DataFrame, rows: int, notice: OnNotice) -> Iterator[LocalRequest]:
    values = {name: column_values(table[name], notice) for name in table.columns}
    columns = {name: column for name, column in values.items() if column}
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


def _id(first: int, rows: int) -> str:
    """Return the id of a request: the numbers of its rows in the file, from 0."""
    return str(first) if rows == 1 else f"{first}-{first + rows - 1}"
