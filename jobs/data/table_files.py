"""Reading tables and rows from files, for all commands."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.csv_files import read_csv
from jobs.data.table_format import TableFormat
from operators.core.errors import DeploymentError

# Suffixes of Parquet files; a table with another suffix is a CSV.
PARQUET = (".parquet", ".pq")
# Prefix of the name that pyarrow gives to an index of pandas without a name.
_NAMELESS_INDEX = "__index_level_"
_DEFAULT = TableFormat()


class ReadTable(NamedTuple):
    """A table, its rows numbered from 0.

    `missing` counts, by column and word, the cells that were read as missing; the word of an empty cell is
    empty. `notes` are the other decisions that reading the file needed.
    """

    frame: pd.DataFrame
    missing: dict[str, dict[str, int]]
    notes: list[str]


def read_table(path: Path, form: TableFormat = _DEFAULT) -> ReadTable:
    """Read a Parquet file (`.parquet`, `.pq`), or a CSV with a header if the suffix is another one.

    In a CSV, empty cells and the words of `form` are missing; in Parquet, nulls and the words that the user
    named. DeploymentError for a file that cannot be read, and for a file without rows.
    """
    form = form.check()
    parquet = path.suffix in PARQUET
    try:
        read = _parquet(path, form) if parquet else _csv(path, form)
    except (OSError, EOFError, ValueError) as error:
        kind = "Parquet" if parquet else "CSV"
        raise DeploymentError(f"{path} cannot be read as {kind}: {error}") from None
    if read.frame.empty:
        raise DeploymentError(f"{path} has no rows")
    return read


def read_array(path: Path, *, tensors: bool = False) -> NDArray[Any]:
    """Read rows of numbers from a .npy file: shape (n, columns), or (n, …) with `tensors`.

    DeploymentError for any other content.
    """
    try:
        rows: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise DeploymentError(f"{path} cannot be read as a numpy array: {error}") from None
    shape = "(rows, …)" if tensors else "(rows, columns)"
    if not isinstance(rows, np.ndarray):
        raise DeploymentError(f"{path} contains an archive; it must contain numbers of shape {shape}")
    has_shape = rows.ndim >= 2 if tensors else rows.ndim == 2
    if rows.dtype.kind not in "biuf" or not has_shape:
        content = f"{rows.dtype} of shape {list(rows.shape)}"
        raise DeploymentError(f"{path} contains {content}; it must contain numbers of shape {shape}")
    if not len(rows):
        raise DeploymentError(f"{path} has no rows")
    return rows


def _csv(path: Path, form: TableFormat) -> ReadTable:
    read = read_csv(path, form)
    return ReadTable(pd.DataFrame(read.columns), read.missing, read.notes)


def _parquet(path: Path, form: TableFormat) -> ReadTable:
    import pyarrow.parquet

    names = pyarrow.parquet.read_schema(path).names if path.is_file() else []
    duplicates = [name for name, times in Counter(names).items() if times > 1]
    if duplicates:
        raise DeploymentError(f"{path}: several columns are named {duplicates[0]!r}: rename all but one")
    # The reader of pandas would hide the columns that were an index.
    table = pyarrow.parquet.read_table(path)
    index = [name for name in table.column_names if name.startswith(_NAMELESS_INDEX)]
    not_row_numbers = [name for name in index if not pyarrow.types.is_integer(table.schema.field(name).type)]
    table = table.drop_columns(index)
    frame = table.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    notes = [f"column {name!r} is an index without a name and is left out" for name in not_row_numbers]
    missing = {name: _replace_missing(frame, name, form.missing_values or ()) for name in frame.columns}
    return ReadTable(frame, missing, notes)


def _replace_missing(frame: pd.DataFrame, name: str, words: tuple[str, ...]) -> dict[str, int]:
    """Replace the words that mean missing in a column by None, in place, and count them."""
    column = frame[name]
    if not words or (column.dtype.kind != "O" and not isinstance(column.dtype, pd.CategoricalDtype)):
        return {}
    texts = [value.strip() if isinstance(value, str) else None for value in column.tolist()]
    counts = {word: texts.count(word) for word in words if word in texts}
    if counts:
        frame[name] = column.astype(object).where([text not in counts for text in texts], None)
    return counts
