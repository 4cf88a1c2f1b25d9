"""Requests of the rows of a table: encoded, by column names, or as one tensor of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.column_values import as_booleans, plain, word
from jobs.data.declared_columns import DeclaredColumns, require_columns
from jobs.data.feature_encoding import Features, encode, quantities
from jobs.data.table_files import PARQUET, ReadTable, read_table
from jobs.traffic.local.column_tensors import OnNotice, column_values, number_notices
from jobs.traffic.local.pipeline import LocalPipeline, LocalRequest
from jobs.traffic.local.row_requests import requests_of_array, requests_of_columns
from operators.core.errors import DeploymentError
from operators.models.json_files import read_json
from operators.models.runtimes.boosted_trees import BoostedTreesModel
from operators.models.runtimes.sklearn_estimator import SklearnModel
from operators.storage.uris import local_path

_UNDECLARED = DeclaredColumns()


class TableOptions(NamedTuple):
    """The format of a table, the types of columns that are sent by name, and whether one tensor is sent.

    With `tensor`, the columns are sent as one tensor of numbers, in the order of the file.
    """

    declared: DeclaredColumns = _UNDECLARED
    tensor: bool = False


def requests_of_table(
    data: Path, pipeline: LocalPipeline, rows: int, notice: OnNotice, options: TableOptions
) -> Iterator[LocalRequest]:
    """Make requests of `rows` rows each, in the form that the pipeline's models read.

    `notice` receives a line for each change to the data. DeploymentError for a file that cannot be used.
    """
    declared = options.declared
    table = read_table(data, declared.form)
    for line in (*table.notes, *_missing_words(table)):
        notice(line)
    frame = table.frame.rename(columns=str)
    features = None if options.tensor else encoding(pipeline)
    if features:
        _refuse_types(declared)
        return requests_of_array(_encoded(frame, features, declared, notice), rows)
    require_columns(frame, *declared.types)
    if data.suffix not in PARQUET:
        frame = _with_booleans(frame, declared)
    if options.tensor or _has_nameless_reader(pipeline, notice):
        numbers = Features(list(frame.columns), {})
        return requests_of_array(_encoded(frame, numbers, declared, notice), rows)
    values = {name: column_values(_as_declared(frame[name], declared), notice) for name in frame}
    columns = {str(name): column for name, column in values.items() if column}
    return requests_of_columns(columns, len(frame), rows)


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


def _missing_words(table: ReadTable) -> Iterator[str]:
    """Yield a notice for each word of a column that was read as missing."""
    for name, words in table.missing.items():
        for text, times in words.items():
            if text:
                yield f"column {name!r}: {text!r} is read as missing ({times:,} cells)"


def _changed_numbers(frame: pd.DataFrame, features: Features) -> Iterator[str]:
    """Yield a notice for the numbers of each feature that a request cannot represent."""
    for name in features.names:
        if name not in features.categories:
            yield from number_notices(name, plain(frame[name]))


def _refuse_types(declared: DeclaredColumns) -> None:
    if declared.types:
        raise DeploymentError(
            "--categorical and --numeric are for columns that are sent by name, but features.json determines "
            "the types of this pipeline's columns: remove these options"
        )


def _with_booleans(frame: pd.DataFrame, declared: DeclaredColumns) -> pd.DataFrame:
    """Return the table of a CSV with booleans where pandas reads them, except in declared columns."""
    return frame.apply(lambda column: column if column.name in declared.types else as_booleans(column))


def _has_nameless_reader(pipeline: LocalPipeline, notice: OnNotice) -> bool:
    """Return, with a notice, whether a step that reads requests cannot match columns by name."""
    for planned in pipeline.plan.steps:
        step = planned.step
        if planned.reads_requests and isinstance(step, BoostedTreesModel) and not step.has_column_names:
            notice(
                f"step {planned.name} was trained without column names, so the columns are sent as one "
                "tensor, in the order of the file"
            )
            return True
    return False


def _encoded(
    frame: pd.DataFrame, features: Features, declared: DeclaredColumns, notice: OnNotice
) -> NDArray[np.float64]:
    """Return encoded rows, shape (n, features), with a notice of every value that changes."""
    rows = encode(frame, features, declared.form)
    for line in (*unknown_categories(frame, features), *_changed_numbers(frame, features)):
        notice(line)
    return rows


def _as_declared(column: pd.Series, declared: DeclaredColumns) -> pd.Series:
    """Return a column of words if it is declared categorical, of numbers if it is declared numeric."""
    name = str(column.name)
    if name in declared.numeric:
        return pd.Series(quantities(name, plain(column), declared.form), column.index, name=name)
    if name in declared.categorical:
        return plain(column).map(word, na_action="ignore").astype(object)
    return column
