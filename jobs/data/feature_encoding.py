"""Encoding a table of numbers and words as rows of numbers, and decoding it again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.cell_remedies import remedy
from jobs.data.column_values import (
    describe_unsupported,
    is_text,
    kind_of,
    not_numbers,
    number,
    numbers,
    plain,
    words,
    words_beside_numbers,
)
from jobs.data.table_format import TableFormat
from operators.core.errors import DeploymentError

# A column with more distinct words holds names or keys, not categories.
_MAX_CATEGORIES = 1_000
_DEFAULT = TableFormat()


class Features(msgspec.Struct, frozen=True):
    """The features in order, and the categories of each categorical one; the code is the position."""

    names: list[str]
    categories: dict[str, list[str]]

    @property
    def categorical(self) -> list[int]:
        """Positions of the columns that hold codes."""
        return [i for i, name in enumerate(self.names) if name in self.categories]

    @property
    def numeric(self) -> list[int]:
        """Positions of the columns that hold quantities."""
        return [i for i, name in enumerate(self.names) if name not in self.categories]


def with_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with column names of type str and rows numbered from 0.

    DeploymentError if two columns have the same name.
    """
    named = table.rename(columns=str).reset_index(drop=True)
    duplicates = named.columns[named.columns.duplicated()]
    if len(duplicates):
        raise DeploymentError(f"several columns are named {duplicates[0]!r}: rename all but one")
    return named


def infer_features(
    table: pd.DataFrame,
    categorical: Collection[str] = (),
    numeric: Collection[str] = (),
    form: TableFormat = _DEFAULT,
) -> Features:
    """Return the features of a table: declared types, else numeric for numbers and categorical for words.

    `form` is the format of the table's file, for the remedies in errors. DeploymentError for a declared
    column that does not exist or does not fit its declaration, for a column
    that contains neither numbers nor words, and for a column with too many distinct words.
    """
    table = table.rename(columns=str)
    for name in (*categorical, *numeric):
        if name not in table.columns:
            raise DeploymentError(f"the table has no column {name!r}; it has {', '.join(table.columns)}")
    both = sorted(set(categorical) & set(numeric))
    if both:
        raise DeploymentError(f"column {both[0]!r} is declared both categorical and numeric")
    categories = {}
    for name, column in ((name, plain(column)) for name, column in table.items()):
        kind = kind_of(column)
        if kind == "other":
            raise DeploymentError(
                f"column {name!r} contains {describe_unsupported(column)}: leave it out (--drop), or convert "
                "it to columns of numbers or words"
            )
        if kind == "time" and (column.dtype.kind != "O" or name not in categorical):
            text = " or declare it categorical," if is_text(column) else ""
            raise DeploymentError(
                f"column {name!r} contains times: leave it out (--drop),{text} or convert it to meaningful "
                "numbers"
            )
        if name in numeric:
            quantities(name, column, form)
        elif name in categorical or kind != "number":
            categories[name] = _categories(name, column, form, declared=name in categorical)
    return Features(list(table.columns), categories)


def encode(table: pd.DataFrame, features: Features, form: TableFormat = _DEFAULT) -> NDArray[np.float64]:
    """Encode a table as float64, shape (rows, features): quantities and codes, NaN for a missing value.

    A word that is not a category gets the code after the last, as in a request. In a column whose categories
    are not numbers, numbers are codes. `form` is the format of the table's file.
    """
    table = table.rename(columns=str)
    missing = [name for name in features.names if name not in table.columns]
    if missing:
        raise DeploymentError(f"the table has no column {missing[0]!r}; it has {', '.join(table.columns)}")
    return np.column_stack(
        [_column(name, plain(table[name]), features.categories.get(name), form) for name in features.names]
    )


def decode(rows: NDArray[np.float64], features: Features) -> pd.DataFrame:
    """Return the table of encoded rows: a word for each code, None for a code without a category."""
    columns: dict[str, Any] = {}
    for name, column in zip(features.names, rows.T, strict=True):
        words = features.categories.get(name)
        if words is None:
            columns[name] = column
        else:
            columns[name] = [words[int(c)] if c == c and 0 <= c < len(words) else None for c in column]
    return pd.DataFrame(columns)


def quantities(name: str, column: pd.Series, form: TableFormat = _DEFAULT) -> NDArray[np.float64]:
    """Return a plain column as float64, NaN for a missing value.

    DeploymentError names the column, the first row without a number, and the remedy.
    """
    if kind_of(column) in ("time", "other") and column.dtype.kind != "O":
        raise DeploymentError(f"column {name!r} cannot be read as numbers: it contains times")
    try:
        return numbers(column)
    except (TypeError, ValueError):
        odd = not_numbers(column)
        values = "other values"
        if odd:
            values = odd.describe("other value", "other values") + remedy(odd.example, form)
        raise DeploymentError(f"column {name!r} cannot be read as numbers: it contains {values}") from None


def holds_codes(column: pd.Series, categories: Collection[str]) -> bool:
    """Return whether a plain column contains codes of categories instead of the categories themselves."""
    return kind_of(column) == "number" and all(number(one) is None for one in categories)


def _categories(name: str, column: pd.Series, form: TableFormat, *, declared: bool) -> list[str]:
    categories = sorted(set(words(column)[1]), key=_sort_key)
    if len(categories) > _MAX_CATEGORIES or len(categories) > max(50, 0.5 * len(column)):
        odd = None if declared else words_beside_numbers(column)
        if odd:
            found = odd.describe("word", "words")
            raise DeploymentError(
                f"column {name!r} contains numbers and besides them {found}{remedy(odd.example, form)}"
            )
        raise DeploymentError(
            f"column {name!r} has {len(categories):,} distinct values in {len(column):,} rows, such as "
            f"{categories[0]!r}, too many for categories: leave it out (--drop), or declare it numeric if it "
            "contains numbers"
        )
    return categories


def _sort_key(word: str) -> tuple[int, float, str]:
    """Return a key that sorts numbers by value, before words."""
    value = number(word)
    return (1, 0.0, word) if value is None or not np.isfinite(value) else (0, value, word)


def _column(
    name: str, column: pd.Series, categories: list[str] | None, form: TableFormat
) -> NDArray[np.float64]:
    if categories is None or holds_codes(column, categories):
        return quantities(name, column, form)
    if kind_of(column) == "other":
        raise DeploymentError(
            f"column {name!r} contains {describe_unsupported(column)}; it must contain words"
        )
    codes = {word: code for code, word in enumerate(categories)}
    positions, distinct = words(column)
    # The last entry is the code of a missing value, whose position is -1.
    code_of = np.array([*(codes.get(word, len(categories)) for word in distinct), np.nan])
    return np.asarray(code_of[positions], dtype=np.float64)
