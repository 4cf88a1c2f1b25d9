"""A table of numbers and words → rows of numbers, and the words behind the codes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.column_values import (
    is_text,
    kind_of,
    not_numbers,
    number,
    numbers,
    plain,
    what_other,
    words,
    words_beside_numbers,
)
from jobs.data.table_format import MISSING_WORDS
from operators.core.errors import DeploymentError

# Words of which most come once are names or keys, and no category.
_MOST_CATEGORIES = 1_000


class Features(msgspec.Struct, frozen=True):
    """The features in order; for a categorical one its categories, whose positions are the codes."""

    names: list[str]
    categories: dict[str, list[str]]

    @property
    def categorical(self) -> list[int]:
        """Columns that hold codes."""
        return [i for i, name in enumerate(self.names) if name in self.categories]

    @property
    def numeric(self) -> list[int]:
        """Columns that hold quantities."""
        return [i for i, name in enumerate(self.names) if name not in self.categories]


def with_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with texts as names and rows numbered from 0; DeploymentError for a name twice."""
    named = table.rename(columns=str).reset_index(drop=True)
    twice = named.columns[named.columns.duplicated()]
    if len(twice):
        raise DeploymentError(f"several columns are named {twice[0]!r}: rename all but one")
    return named


def infer_features(
    table: pd.DataFrame, categorical: Collection[str] = (), numeric: Collection[str] = ()
) -> Features:
    """Take columns as declared; else numbers as numeric, and all others as categorical.

    DeploymentError for a declared column that is not there or cannot be what it is declared, for columns that
    hold neither numbers nor words, and for words that are no categories because there are too many.
    """
    table = table.rename(columns=str)
    for name in (*categorical, *numeric):
        if name not in table.columns:
            raise DeploymentError(f"there is no column {name!r}; there are {', '.join(table.columns)}")
    both = sorted(set(categorical) & set(numeric))
    if both:
        raise DeploymentError(f"column {both[0]!r} is declared both categorical and numeric")
    categories = {}
    for name, column in ((name, plain(column)) for name, column in table.items()):
        kind = kind_of(column)
        if kind == "other":
            raise DeploymentError(
                f"column {name!r} holds {what_other(column)}: leave it out (--drop), or make columns of "
                "numbers or words of it"
            )
        if kind == "time" and (column.dtype.kind != "O" or name not in categorical):
            text = " or declare it categorical," if is_text(column) else ""
            raise DeploymentError(
                f"column {name!r} holds times: leave it out (--drop),{text} or make numbers of it that mean "
                "something"
            )
        if name in numeric:
            quantities(name, column)
        elif name in categorical or kind != "number":
            categories[name] = _categories(name, column, declared=name in categorical)
    return Features(list(table.columns), categories)


def encode(table: pd.DataFrame, features: Features) -> NDArray[np.float64]:
    """Encode rows as float64 of shape (rows, features): quantities, codes, NaN where nothing is known.

    A word that is no category gets the code behind the last, as in a request. Numbers in a column whose
    categories are no numbers are codes.
    """
    table = table.rename(columns=str)
    missing = [name for name in features.names if name not in table.columns]
    if missing:
        raise DeploymentError(f"the table has no column {missing[0]!r}; it has {', '.join(table.columns)}")
    return np.column_stack(
        [_column(name, plain(table[name]), features.categories.get(name)) for name in features.names]
    )


def decode(rows: NDArray[np.float64], features: Features) -> pd.DataFrame:
    """Return the table that `encode` would make these rows of: words for codes, None where none is known."""
    columns: dict[str, Any] = {}
    for name, column in zip(features.names, rows.T, strict=True):
        words = features.categories.get(name)
        if words is None:
            columns[name] = column
        else:
            columns[name] = [words[int(c)] if c == c and 0 <= c < len(words) else None for c in column]
    return pd.DataFrame(columns)


def quantities(name: str, column: pd.Series) -> NDArray[np.float64]:
    """Return a plain column as float64, NaN where a value is missing.

    DeploymentError names the column, the first row that holds no number, and what to do.
    """
    if kind_of(column) in ("time", "other") and column.dtype.kind != "O":
        raise DeploymentError(f"column {name!r} cannot be read as numbers: it holds times")
    try:
        return numbers(column)
    except (TypeError, ValueError):
        odd = not_numbers(column)
        held = odd.told("other value", "other values") + remedy(odd.example) if odd else "other values"
        raise DeploymentError(f"column {name!r} cannot be read as numbers: it holds {held}") from None


def hold_codes(column: pd.Series, categories: Collection[str]) -> bool:
    """Tell whether a plain column holds codes of categories, and not the categories themselves."""
    return kind_of(column) == "number" and all(number(one) is None for one in categories)


def remedy(text: str) -> str:
    """Say which option reads a word as a number, or as missing."""
    if "," in text and number(text.replace(".", "").replace(",", ".")) is not None:
        return "; if it is a decimal comma, say --decimal ,"
    return f"; if it means missing, say --missing-values {','.join((*MISSING_WORDS, text))!r}"


def _categories(name: str, column: pd.Series, declared: bool) -> list[str]:
    found = sorted(set(words(column)[1]), key=_in_order)
    if len(found) > _MOST_CATEGORIES or len(found) > max(50, 0.5 * len(column)):
        odd = None if declared else words_beside_numbers(column)
        if odd:
            beside = odd.told("word", "words")
            raise DeploymentError(
                f"column {name!r} holds numbers, and beside them {beside}{remedy(odd.example)}"
            )
        raise DeploymentError(
            f"column {name!r} has {len(found):,} distinct values in {len(column):,} rows, such as "
            f"{found[0]!r}, too many for categories: leave it out (--drop), or declare it numeric if it "
            "holds numbers"
        )
    return found


def _in_order(word: str) -> tuple[int, float, str]:
    """Sort codes that are numbers as numbers, before words."""
    value = number(word)
    return (1, 0.0, word) if value is None or not np.isfinite(value) else (0, value, word)


def _column(name: str, column: pd.Series, categories: list[str] | None) -> NDArray[np.float64]:
    if categories is None or hold_codes(column, categories):
        return quantities(name, column)
    if kind_of(column) == "other":
        raise DeploymentError(f"column {name!r} holds {what_other(column)}: words are needed")
    codes = {word: code for code, word in enumerate(categories)}
    at, found = words(column)
    known = np.array([*(codes.get(word, len(categories)) for word in found), np.nan])
    return np.asarray(known[at], dtype=np.float64)
