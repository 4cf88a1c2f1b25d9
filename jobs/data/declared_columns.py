"""What is said of a table's columns, and what has to hold of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.column_values import kind_of, plain, what_other, word
from jobs.data.usable_numbers import Rows, left_out, usable
from operators.core.errors import DeploymentError

_MOST_CLASSES = 50
_MARKS = {"0": False, "1": True, "false": False, "true": True}
_NOTHING: Mapping[str, Mapping[str, int]] = {}


class DeclaredColumns(NamedTuple):
    """The columns' types, which one marks outliers (none: empty), and where the table is from.

    `missing` counts cells that were read as missing, by column and word.
    """

    categorical: Collection[str] = ()
    numeric: Collection[str] = ()
    outlier_label: str = ""
    source: str = "a table"
    missing: Mapping[str, Mapping[str, int]] = _NOTHING

    @property
    def types(self) -> set[str]:
        """Columns whose type is declared."""
        return {*self.categorical, *self.numeric}

    def without(self, names: Collection[str]) -> DeclaredColumns:
        """Leave out what is said of some columns."""
        categorical, numeric = (
            [one for one in some if one not in names] for some in (self.categorical, self.numeric)
        )
        return self._replace(categorical=categorical, numeric=numeric)


def require(table: pd.DataFrame, *columns: str) -> None:
    """Raise DeploymentError unless all columns are there."""
    for column in columns:
        if column not in table.columns:
            raise DeploymentError(f"the table has no column {column!r}; it has {', '.join(table.columns)}")


def require_values(
    rows: Rows,
    parts: Mapping[str, NDArray[np.intp]],
    columns: Sequence[str],
    numbers: Sequence[int] | None = None,
) -> None:
    """Raise DeploymentError for a column of which a part of the rows holds no value that can be used.

    `rows`, shape (n, columns), are all rows; `parts` hold the positions of those that something is learned
    from, `numbers` the numbers that the rows have in the table, where they are others.
    """
    for part, positions in parts.items():
        empty = np.isnan(usable(rows[positions])).all(axis=0)
        if not empty.any():
            continue
        name = columns[int(np.argmax(empty))]
        for one in left_out(rows, columns, numbers):
            if one.column == name:
                raise DeploymentError(
                    f"{one}, and no other value in the {part} rows: scale it, or leave it out (--drop)"
                )
        raise DeploymentError(
            f"column {name!r} has no value at all in the {part} rows: leave it out (--drop)"
        )


def labels_of(target: pd.Series) -> tuple[NDArray[np.int64], list[str]]:
    """Return class numbers, shape (n,), and the names of the classes."""
    target = plain(target)
    if kind_of(target) == "other":
        raise DeploymentError(f"the target {target.name!r} holds {what_other(target)}: classes are needed")
    codes = pd.Categorical(target)
    if len(codes.categories) > _MOST_CLASSES:
        raise DeploymentError(
            f"the target has {len(codes.categories):,} distinct values: a classifier predicts classes, at "
            f"most {_MOST_CLASSES}; with a model of another kind use --monitors-only"
        )
    return codes.codes.astype(np.int64), [word(name) for name in codes.categories]


def marked(table: pd.DataFrame, label: str) -> NDArray[np.bool_] | None:
    """Return which rows a column of 0 and 1 marks as outliers, shape (n,); None without a column."""
    if not label:
        return None
    require(table, label)
    marks = [None if mark is None else _MARKS.get(_word(mark)) for mark in plain(table[label]).tolist()]
    odd = [row for row, mark in enumerate(marks) if mark is None]
    if odd:
        raise DeploymentError(
            f"column {label!r} marks outliers, so it must hold 0 and 1, or false and true; got "
            f"{table[label].iloc[odd[0]]!r} in row {table.index[odd[0]]} (counted from 0)"
        )
    return np.array(marks, dtype=bool)


def _word(mark: object) -> str:
    return word(mark).strip().casefold()
