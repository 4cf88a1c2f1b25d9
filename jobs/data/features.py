"""A table of numbers and words → rows of numbers, and the words behind the codes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from operators.errors import DeploymentError

# Numbers of so few distinct whole values may be codes: a person has to say.
_FEW = 10
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


def read_table(path: Path) -> pd.DataFrame:
    """Read a Parquet file or a CSV with a header; `?` and empty cells of a CSV are missing values."""
    parquet = path.suffix in (".parquet", ".pq")
    try:
        if parquet:
            return pd.read_parquet(path)
        return pd.read_csv(path, na_values=["?"], skipinitialspace=True)
    except (OSError, ValueError) as error:
        kind = "Parquet" if parquet else "CSV"
        raise DeploymentError(f"{path} cannot be read as {kind}: {error}") from None


def infer_features(
    table: pd.DataFrame, categorical: Collection[str] = (), numeric: Collection[str] = ()
) -> Features:
    """Take columns as declared; else numbers as numeric, and all others as categorical.

    DeploymentError for a declared column that is not there or cannot be what it is declared, and for words
    that are no categories because there are too many.
    """
    table = table.rename(columns=str)
    for name in (*categorical, *numeric):
        if name not in table.columns:
            raise DeploymentError(f"there is no column {name!r}; there are {', '.join(table.columns)}")
    both = sorted(set(categorical) & set(numeric))
    if both:
        raise DeploymentError(f"column {both[0]!r} is declared both categorical and numeric")
    categories = {
        name: _categories(name, column)
        for name, column in table.items()
        if name in categorical or (name not in numeric and not _is_number(column))
    }
    for name in numeric:
        if not _is_number(table[name]):
            _numbers(name, table[name])
    return Features(list(table.columns), categories)


def explained(
    table: pd.DataFrame, features: Features, declared: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Yield each feature, and what it was taken for and why."""
    for name in features.names:
        column, why = table[name], "declared" if name in declared else "inferred"
        missing = int(column.isna().sum())
        lacks = f", {missing / len(column):.1%} missing" if missing else ""
        if name in features.categories:
            words = features.categories[name]
            shown = ", ".join(words[:4]) + (", …" if len(words) > 4 else "")
            yield name, f"categorical ({why}): {len(words)} categories, {shown}{lacks}"
            continue
        values = _numbers(name, column)
        present = values[~np.isnan(values)]
        span = f"{present.min():g} to {present.max():g}" if len(present) else "no value"
        distinct = np.unique(present)
        doubt = ""
        if why == "inferred" and len(distinct) <= _FEW and (distinct == np.round(distinct)).all():
            doubt = f"; only {len(distinct)} whole values: if they are codes, declare it categorical"
        yield name, f"numeric ({why}): {span}{lacks}{doubt}"


def encode(table: pd.DataFrame, features: Features) -> NDArray[np.float64]:
    """Encode rows as float64 of shape (rows, features): quantities, codes, NaN where nothing is known."""
    table = table.rename(columns=str)
    missing = [name for name in features.names if name not in table.columns]
    if missing:
        raise DeploymentError(f"the table has no column {missing[0]!r}; it has {', '.join(table.columns)}")
    return np.column_stack(
        [_column(name, table[name], features.categories.get(name)) for name in features.names]
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


def _is_number(column: Any) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def _categories(name: str, column: Any) -> list[str]:
    if pd.api.types.is_datetime64_any_dtype(column):
        raise DeploymentError(
            f"column {name!r} holds times: leave it out (--drop), or make numbers of it that mean something"
        )
    words = sorted({_word(value) for value in column.dropna()}, key=_in_order)
    if len(words) > _MOST_CATEGORIES or len(words) > max(50, 0.5 * len(column)):
        raise DeploymentError(
            f"column {name!r} has {len(words):,} distinct values in {len(column):,} rows, too many for "
            "categories: leave it out (--drop), or declare it numeric if it holds numbers"
        )
    return words


def _in_order(word: str) -> tuple[int, float, str]:
    """Sort codes that are numbers as numbers, before words."""
    try:
        number = float(word)
    except ValueError:
        return (1, 0.0, word)
    return (0, number, word) if np.isfinite(number) else (1, 0.0, word)


def _word(value: Any) -> str:
    """Write a category: a whole number without a fraction, whatever type the column has."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _numbers(name: str, column: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise DeploymentError(f"column {name!r} cannot be read as numbers: {error}") from None


def _column(name: str, column: Any, categories: list[str] | None) -> NDArray[np.float64]:
    if categories is None:
        return _numbers(name, column)
    codes = {word: float(code) for code, word in enumerate(categories)}
    words = column.astype(object).where(column.notna(), None)
    return np.array([codes.get(_word(word), np.nan) if word is not None else np.nan for word in words])
