"""The one reader of every command that takes a table or rows from a file."""

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

_PARQUET = (".parquet", ".pq")
# What pyarrow calls the index of a pandas table that had no name.
_NAMELESS_INDEX = "__index_level_"
_DEFAULT = TableFormat()


class ReadTable(NamedTuple):
    """A table, its rows numbered from 0.

    `missing` counts, by column, the cells that were taken as missing by each word (the empty cell: an empty
    one); `notes` say what else was decided.
    """

    frame: pd.DataFrame
    missing: dict[str, dict[str, int]]
    notes: list[str]


def read_table(path: Path, form: TableFormat = _DEFAULT) -> ReadTable:
    """Read a Parquet file (`.parquet`, `.pq`), or else a CSV with a header.

    In a CSV the empty cell and the words of `form` are missing, in Parquet null, and those words where they
    were named. DeploymentError for a file that cannot be read, and for one without rows.
    """
    form = form.check()
    parquet = path.suffix in _PARQUET
    try:
        read = _parquet(path, form) if parquet else _csv(path, form)
    except (OSError, EOFError, ValueError) as error:
        kind = "Parquet" if parquet else "CSV"
        raise DeploymentError(f"{path} cannot be read as {kind}: {error}") from None
    if read.frame.empty:
        raise DeploymentError(f"{path} holds no rows")
    return read


def read_array(path: Path, *, tensors: bool = False) -> NDArray[Any]:
    """Read rows of numbers from a .npy file: shape (n, columns), or (n, …) where a row may be a tensor.

    DeploymentError for anything else.
    """
    try:
        rows: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise DeploymentError(f"{path} cannot be read as an array of numpy: {error}") from None
    shape = "(rows, …)" if tensors else "(rows, columns)"
    if not isinstance(rows, np.ndarray):
        raise DeploymentError(f"{path} must hold numbers of shape {shape}, it holds an archive")
    fits = rows.ndim >= 2 if tensors else rows.ndim == 2
    if rows.dtype.kind not in "biuf" or not fits:
        held = f"{rows.dtype} of shape {list(rows.shape)}"
        raise DeploymentError(f"{path} must hold numbers of shape {shape}, it holds {held}")
    if not len(rows):
        raise DeploymentError(f"{path} holds no rows")
    return rows


def _csv(path: Path, form: TableFormat) -> ReadTable:
    read = read_csv(path, form)
    return ReadTable(pd.DataFrame(read.columns), read.missing, read.notes)


def _parquet(path: Path, form: TableFormat) -> ReadTable:
    import pyarrow.parquet

    names = pyarrow.parquet.read_schema(path).names if path.is_file() else []
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DeploymentError(f"{path}: several columns are named {twice[0]!r}: rename all but one")
    # pandas' own reader hides the columns that were an index.
    held = pyarrow.parquet.read_table(path)
    index = [name for name in held.column_names if name.startswith(_NAMELESS_INDEX)]
    unnamed = [name for name in index if not pyarrow.types.is_integer(held.schema.field(name).type)]
    held = held.drop_columns(index)
    frame = held.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    notes = [f"column {name!r} is an index without a name: it is left out" for name in unnamed]
    missing = {name: _take_out(frame, name, form.missing_values or ()) for name in frame.columns}
    return ReadTable(frame, missing, notes)


def _take_out(frame: pd.DataFrame, name: str, words: tuple[str, ...]) -> dict[str, int]:
    """Make words that mean missing so, and count them."""
    column = frame[name]
    if not words or (column.dtype.kind != "O" and not isinstance(column.dtype, pd.CategoricalDtype)):
        return {}
    texts = [one.strip() if isinstance(one, str) else None for one in column.tolist()]
    found = {word: texts.count(word) for word in words if word in texts}
    if found:
        frame[name] = column.astype(object).where([text not in found for text in texts], None)
    return found
