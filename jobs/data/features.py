"""A table of numbers and words → rows of numbers, and the words behind the codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from operators.errors import DeploymentError


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


def infer_features(table: pd.DataFrame) -> Features:
    """Take columns of numbers as numeric, all others as categorical with their words in order."""
    categories = {
        str(name): sorted(column.dropna().astype(str).unique())
        for name, column in table.items()
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)
    }
    return Features([str(name) for name in table.columns], categories)


def encode(table: pd.DataFrame, features: Features) -> NDArray[np.float64]:
    """Encode rows as float64 of shape (rows, features): quantities, codes, NaN where nothing is known."""
    missing = [name for name in features.names if name not in table.columns]
    if missing:
        raise DeploymentError(f"the table has no column {missing[0]!r}; it has {', '.join(table.columns)}")
    return np.column_stack([_column(table[name], features.categories.get(name)) for name in features.names])


def _column(column: Any, categories: list[str] | None) -> NDArray[np.float64]:
    if categories is None:
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    codes = {word: float(code) for code, word in enumerate(categories)}
    words = column.astype(object).where(column.notna(), None)
    return np.array([codes.get(str(word), np.nan) if word is not None else np.nan for word in words])
