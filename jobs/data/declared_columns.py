"""Declarations about the columns of a table, and checks of the columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.column_values import describe_unsupported, kind_of, plain, word
from jobs.data.table_format import TableFormat
from jobs.data.usable_numbers import Rows, find_unusable, usable
from operators.core.errors import DeploymentError

_MAX_CLASSES = 50
_MARKS = {"0": False, "1": True, "false": False, "true": True}
_NOTHING: Mapping[str, Mapping[str, int]] = {}
_FORM = TableFormat()


class DeclaredColumns(NamedTuple):
    """The declared types of columns, the column that marks outliers (may be empty), the table's source.

    `missing` counts the cells that were read as missing, by column and word. `form` is the source's format.
    """

    categorical: Collection[str] = ()
    numeric: Collection[str] = ()
    outlier_label: str = ""
    source: str = "a table"
    missing: Mapping[str, Mapping[str, int]] = _NOTHING
    form: TableFormat = _FORM

    @property
    def types(self) -> set[str]:
        """Columns whose type is declared."""
        return {*self.categorical, *self.numeric}

    def without(self, names: Collection[str]) -> DeclaredColumns:
        """Return the declarations without those of some columns."""
        categorical, numeric = (
            [column for column in columns if column not in names]
            for columns in (self.categorical, self.numeric)
        )
        return self._replace(categorical=categorical, numeric=numeric)


def require_columns(table: pd.DataFrame, *columns: str) -> None:
    """Raise DeploymentError if a column does not exist."""
    for column in columns:
        if column not in table.columns:
            raise DeploymentError(f"the table has no column {column!r}; it has {', '.join(table.columns)}")


def require_values(
    rows: Rows,
    parts: Mapping[str, NDArray[np.intp]],
    columns: Sequence[str],
    numbers: Sequence[int] | None = None,
) -> None:
    """Raise DeploymentError for a column that has no usable value in a part of the rows.

    `rows`, shape (n, columns), are all rows. `parts` contains the positions of the rows of each part that
    something is learned from. `numbers` are the rows' numbers in the table; the default is 0, 1, 2, …
    """
    for part, positions in parts.items():
        empty = np.isnan(usable(rows[positions])).all(axis=0)
        if not empty.any():
            continue
        name = columns[int(np.argmax(empty))]
        for unusable in find_unusable(rows, columns, numbers):
            if unusable.column == name:
                raise DeploymentError(
                    f"{unusable}, and no other value in the {part} rows: scale it, or leave it out (--drop)"
                )
        raise DeploymentError(f"column {name!r} has no value in the {part} rows: leave it out (--drop)")


def labels_of(target: pd.Series) -> tuple[NDArray[np.int64], list[str]]:
    """Return the class number of each row, shape (n,), and the names of the classes."""
    target = plain(target)
    if kind_of(target) == "other":
        raise DeploymentError(
            f"the target {target.name!r} contains {describe_unsupported(target)}; it must contain classes"
        )
    codes = pd.Categorical(target)
    if len(codes.categories) > _MAX_CLASSES:
        raise DeploymentError(
            f"the target has {len(codes.categories):,} distinct values; a classifier has at most "
            f"{_MAX_CLASSES} classes: for another kind of model, use --monitors-only"
        )
    return codes.codes.astype(np.int64), [word(name) for name in codes.categories]


def require_classes(
    target: str, labels: NDArray[np.int64], classes: Sequence[str], reference: NDArray[np.intp]
) -> None:
    """Raise DeploymentError for a class of the target without a row among the reference rows.

    `labels`, shape (n,), are the class numbers of all rows; `reference` are the positions of those that the
    classifier learns from.
    """
    learned = np.bincount(labels[reference], minlength=len(classes))
    if learned.all():
        return
    missing = int(np.argmin(learned))
    count = int((labels == missing).sum())
    rows = "1 row" if count == 1 else f"{count:,} rows"
    raise DeploymentError(
        f"class {classes[missing]!r} of the target {target!r} has {rows}, and none of them is among the "
        "reference rows (at most 40 % of the table): add rows of this class, merge it with another "
        "class, or leave its rows out of the table"
    )


def outlier_marks(table: pd.DataFrame, label: str) -> NDArray[np.bool_] | None:
    """Return which rows the column `label` marks as outliers, shape (n,), bool; None without a column."""
    if not label:
        return None
    require_columns(table, label)
    marks = [None if mark is None else _MARKS.get(_word(mark)) for mark in plain(table[label]).tolist()]
    invalid = [row for row, mark in enumerate(marks) if mark is None]
    if invalid:
        raise DeploymentError(
            f"column {label!r} marks outliers, so it must contain 0 and 1, or false and true; it contains "
            f"{table[label].iloc[invalid[0]]!r} in row {table.index[invalid[0]]} (counted from 0)"
        )
    return np.array(marks, dtype=bool)


def _word(mark: object) -> str:
    return word(mark).strip().casefold()
