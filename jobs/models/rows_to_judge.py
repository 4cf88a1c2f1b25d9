"""A file → the rows that a monitor reads, with everything that was decided on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.column_values import plain, word
from jobs.data.declared_columns import marked
from jobs.data.feature_encoding import Features, encode, hold_codes, with_names
from jobs.data.table_files import ReadTable, read_array, read_table
from jobs.data.table_format import TableFormat
from operators.core.errors import DeploymentError
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.formats.feature_names import read_names
from operators.models.json_files import read_json
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.outlier import OutlierModel
from operators.models.step import InferenceOptions, Step

_DEFAULT = TableFormat()


class RowsToJudge(NamedTuple):
    """The rows of a file as the tensors of one request.

    `numbers`, shape (rows,), are the rows' numbers in the file, from 0 on; `marks`, shape (rows,), say which
    are outliers, where a column does; `notes` what was decided about the file.
    """

    tensors: Tensors
    numbers: NDArray[np.intp]
    marks: NDArray[np.bool_] | None
    notes: list[str]


def read_rows(
    data: Path,
    step: Step,
    folder: Path,
    through: Step | None = None,
    form: TableFormat = _DEFAULT,
    label: str = "",
) -> RowsToJudge:
    """Read a file as the tensors of one request for a monitor.

    Rows of a .npy are taken as they are, the columns of a table by name: words, also where they are
    numbers. What goes `through` a preprocessor is encoded first, with the `features.json` that training left
    beside the folders, where there is one. Rows that the job would refuse because they hold infinity are left
    out and told. `label` names a column of marks.
    """
    if data.suffix == ".npy":
        if label:
            raise DeploymentError(f"--label names a column of a CSV or Parquet file, {data} has none")
        rows = read_array(data)
        given, names = (
            RowsToJudge(_single(rows), np.arange(len(rows)), None, []),
            _columns(step, folder, through),
        )
    else:
        read = read_table(data, form)
        frame = with_names(read.frame)
        tensors, names = _tensors(frame, step, folder, through)
        notes = [*read.notes, *_missing(read)]
        given = RowsToJudge(tensors, np.arange(len(frame)), marked(frame, label), notes)
    if through:
        given = _finite(given, names)
        given = given._replace(tensors=_answered(through, given.tensors))
        names = []
    return _finite(given, names) if isinstance(step, DriftModel) else given


def inference_options(tensors: Tensors) -> InferenceOptions:
    """Columns of a table are named; a single tensor is taken as it is."""
    return InferenceOptions("pd" if len(tensors) > 1 else "np")


def _missing(read: ReadTable) -> Iterator[str]:
    """Say how many cells are missing, and by which words."""
    by_word: Counter[str] = Counter()
    for words in read.missing.values():
        by_word.update(words)
    if by_word:
        told = ", ".join(f"{times:,} {repr(text) if text else 'empty'}" for text, times in by_word.items())
        yield f"missing cells: {told}"


def _tensors(
    frame: pd.DataFrame, step: Step, folder: Path, through: Step | None
) -> tuple[Tensors, list[str]]:
    """Return a table's tensors, and the names of the columns where they are one tensor."""
    features = _features(step, folder, through)
    if features is None:
        return _named(frame, {}), []
    complete = set(features.names) <= set(frame.columns)
    if isinstance(step, DataQualityModel) and not through and complete:
        return _named(frame[features.names], features.categories), []
    if (
        isinstance(step, DriftModel | OutlierModel)
        and not through
        and not complete
        and len(frame.columns) > 1
    ):
        # The step itself says which of its names are missing, and how to rename them.
        return _named(frame, {}), []
    return _single(encode(frame, features)), features.names


def _features(step: Step, folder: Path, through: Step | None) -> Features | None:
    """Return the columns that a monitor, or the preprocessor before it, was trained on, if they are known."""
    if through:
        path = folder.resolve().parent / "features.json"
        return read_json(path, Features) if path.is_file() else None
    if isinstance(step, DataQualityModel):
        known = step.quality.features
        categories = {one.name: list(one.categories) for one in known if one.categories is not None}
        return Features([one.name for one in known], categories)
    if isinstance(step, DriftModel | OutlierModel):
        width = step.width if isinstance(step, DriftModel) else step.detector.n_features
        names = read_names(folder, width)
        return Features(names.columns, names.categories) if names else None
    return None


def _columns(step: Step, folder: Path, through: Step | None) -> list[str]:
    features = _features(step, folder, through)
    return features.names if features else []


def _named(frame: pd.DataFrame, categories: Mapping[str, Sequence[str]]) -> Tensors:
    return {name: _column(frame[name], categories.get(name)) for name in frame.columns}


def _column(values: pd.Series, categories: Sequence[str] | None) -> TensorColumn:
    values = plain(values)
    data = values.to_numpy()
    if categories is not None and not hold_codes(values, categories):
        absent = values.isna().tolist()
        texts = [None if no else word(one) for one, no in zip(values.tolist(), absent, strict=True)]
        data = np.array([*texts, None], dtype=object)[:-1]
    return TensorColumn(data[:, np.newaxis], np.array([len(values)], dtype=np.int64))


def _single(rows: Array) -> Tensors:
    return {"rows": TensorColumn(rows, np.array([len(rows)], dtype=np.int64))}


def _finite(given: RowsToJudge, names: Sequence[str]) -> RowsToJudge:
    """Leave out rows that hold infinity, as the job answers such a request with an error, and say so."""
    odd = np.zeros(len(given.numbers), dtype=bool)
    where = ""
    for name, column in given.tensors.items():
        values = column.data.reshape(len(column.data), -1)
        infinite = np.isinf(values) if values.dtype.kind == "f" else np.zeros(values.shape, dtype=bool)
        if infinite.any() and not where:
            row, at = np.argwhere(infinite)[0]
            called = names[at] if at < len(names) else name if values.shape[1] == 1 else f"column {at}"
            where = f"row {given.numbers[row]} (counted from 0), column {called!r}"
        odd |= infinite.any(axis=1)
    if not odd.any():
        return given
    if odd.all():
        raise DeploymentError(f"every row holds infinity, first {where}: nothing is left to judge")
    kept = np.flatnonzero(~odd)
    tensors = {
        name: column._replace(data=column.data[kept], rows=np.array([len(kept)], dtype=np.int64))
        for name, column in given.tensors.items()
    }
    rows = "1 row holds" if odd.sum() == 1 else f"{int(odd.sum()):,} rows hold"
    note = f"{rows} infinity, first {where}: left out, as the job answers such requests with an error"
    marks = None if given.marks is None else given.marks[kept]
    return RowsToJudge(tensors, given.numbers[kept], marks, [*given.notes, note])


def _answered(through: Step, tensors: Tensors) -> Tensors:
    answer = through.infer(tensors, inference_options(tensors))
    if not isinstance(answer, dict):
        raise DeploymentError("a preprocessor answers all rows alike, this one routes them")
    return answer
