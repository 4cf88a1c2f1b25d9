"""Reads requests from files, and makes requests from the rows of tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jobs.data.table_files import PARQUET, read_array
from jobs.traffic.local.column_tensors import OnNotice, array_notices
from jobs.traffic.local.pipeline import LocalPipeline, LocalRequest
from jobs.traffic.local.row_requests import requests_of_array
from jobs.traffic.local.table_requests import TableOptions, requests_of_table
from operators.core.errors import DeploymentError

TABLES = (".csv", *PARQUET, ".npy")
LINES = (".jsonl", ".ndjson")
_DEFAULT = TableOptions()


def read_requests(
    data: Path, pipeline: LocalPipeline, rows: int, notice: OnNotice, options: TableOptions = _DEFAULT
) -> Iterator[LocalRequest]:
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
        return requests_of_array(array, rows)
    return requests_of_table(data, pipeline, rows, lambda line: notice(f"{data}: {line}"), options)


def _requests_of_lines(data: Path) -> Iterator[LocalRequest]:
    """Yield each line that is not blank as a request; its offset is the line's number, from 0."""
    with data.open("rb") as lines:
        for offset, line in enumerate(lines):
            if value := line.strip():
                yield LocalRequest(offset, value)
