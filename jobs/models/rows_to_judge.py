"""Reading a file as the rows that a monitor reads, with notes about every decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.column_values import plain, word
from jobs.data.declared_columns import outlier_marks
from jobs.data.feature_encoding import Features, encode, holds_codes, with_names
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

    `numbers`, shape (rows,), are the rows' numbers in the file, counted from 0. `marks`, shape (rows,), is
    true for outliers; it is None if no column marks them. `notes` are decisions about the file.
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

    Rows of a .npy file are used unchanged. Columns of a table are matched by name; categories are words, even
    if they look like numbers. Rows for the preprocessor `through` are encoded first, if training wrote
    `features.json` beside the folders. The job rejects rows that contain infinity, so they are left out and
    noted. `label` names a column of marks.
    """
    if data.suffix == ".npy":
        if label:
            raise DeploymentError(
                f"--label is {label!r}, but {data} has no named columns: use a CSV or Parquet file"
            )
        rows = read_array(data)
        judged = RowsToJudge(_single(rows), np.arange(len(rows)), None, [])
        names = _columns(step, folder, through)
    else:
        table = read_table(data, form)
        frame = with_names(table.frame)
        tensors, names = _tensors(frame, step, folder, through, form)
        notes = [*table.notes, *_missing(table)]
        judged = RowsToJudge(tensors, np.arange(len(frame)), outlier_marks(frame, label), notes)
    if through:
        judged = _without_infinity(judged, names)
        judged = judged._replace(tensors=_preprocessed(through, judged.tensors))
        names = []
    return _without_infinity(judged, names) if isinstance(step, DriftModel) else judged


def inference_options(tensors: Tensors) -> InferenceOptions:
    """Return the content type of tensors: `pd` for the named columns of a table, `np` for a single tensor."""
    return InferenceOptions("pd" if len(tensors) > 1 else "np")


def _missing(table: ReadTable) -> Iterator[str]:
    """Yield a note with the number of missing cells by word, if there are any."""
    by_word: Counter[str] = Counter()
    for words in table.missing.values():
        by_word.update(words)
    if by_word:
        counts = ", ".join(f"{times:,} {repr(text) if text else 'empty'}" for text, times in by_word.items())
        yield f"missing cells: {counts}"


def _tensors(
    frame: pd.DataFrame, step: Step, folder: Path, through: Step | None, form: TableFormat
) -> tuple[Tensors, list[str]]:
    """Return a table's tensors and, if it is encoded as one tensor, the names of its columns."""
    features = _features(step, folder, through)
    if features is None:
        return _named(frame, {}), []
    is_complete = set(features.names) <= set(frame.columns)
    if isinstance(step, DataQualityModel) and not through and is_complete:
        return _named(frame[features.names], features.categories), []
    if (
        isinstance(step, DriftModel | OutlierModel)
        and not through
        and not is_complete
        and len(frame.columns) > 1
    ):
        # The step's own error lists the missing names and how to rename them.
        return _named(frame, {}), []
    return _single(encode(frame, features, form)), features.names


def _features(step: Step, folder: Path, through: Step | None) -> Features | None:
    """Return the features that a monitor, or the preprocessor before it, was trained on; None if unknown."""
    if through:
        path = folder.resolve().parent / "features.json"
        return read_json(path, Features) if path.is_file() else None
    if isinstance(step, DataQualityModel):
        features = step.quality.features
        categories = {one.name: list(one.categories) for one in features if one.categories is not None}
        return Features([one.name for one in features], categories)
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
    if categories is not None and not holds_codes(values, categories):
        is_missing = values.isna().tolist()
        texts = [
            None if missing else word(value)
            for value, missing in zip(values.tolist(), is_missing, strict=True)
        ]
        data = np.array([*texts, None], dtype=object)[:-1]
    return TensorColumn(data[:, np.newaxis], np.array([len(values)], dtype=np.int64))


def _single(rows: Array) -> Tensors:
    return {"rows": TensorColumn(rows, np.array([len(rows)], dtype=np.int64))}


def _without_infinity(judged: RowsToJudge, names: Sequence[str]) -> RowsToJudge:
    """Leave out rows that contain infinity, with a note, because the job answers them with an error."""
    has_infinity = np.zeros(len(judged.numbers), dtype=bool)
    where = ""
    for name, column in judged.tensors.items():
        values = column.data.reshape(len(column.data), -1)
        infinite = np.isinf(values) if values.dtype.kind == "f" else np.zeros(values.shape, dtype=bool)
        if infinite.any() and not where:
            row, at = np.argwhere(infinite)[0]
            label = names[at] if at < len(names) else name if values.shape[1] == 1 else f"column {at}"
            where = f"row {judged.numbers[row]} (counted from 0), column {label!r}"
        has_infinity |= infinite.any(axis=1)
    if not has_infinity.any():
        return judged
    if has_infinity.all():
        raise DeploymentError(f"every row contains infinity, first {where}: no row is left to judge")
    kept = np.flatnonzero(~has_infinity)
    tensors = {
        name: column._replace(data=column.data[kept], rows=np.array([len(kept)], dtype=np.int64))
        for name, column in judged.tensors.items()
    }
    count = int(has_infinity.sum())
    rows = "1 row contains" if count == 1 else f"{count:,} rows contain"
    note = f"{rows} infinity, first {where}: left out, because the job answers such requests with an error"
    marks = None if judged.marks is None else judged.marks[kept]
    return RowsToJudge(tensors, judged.numbers[kept], marks, [*judged.notes, note])


def _preprocessed(through: Step, tensors: Tensors) -> Tensors:
    outputs = through.infer(tensors, inference_options(tensors))
    if not isinstance(outputs, dict):
        raise DeploymentError("the step of --through routes rows; use a preprocessor, which returns all rows")
    return outputs
