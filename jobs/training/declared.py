"""What is said of a table's columns, and what has to hold of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.features import Features
from jobs.training.splitting import Rows
from operators.errors import DeploymentError

_MOST_CLASSES = 50
_MARKS = {0: False, 1: True, "0": False, "1": True}


class Declared(NamedTuple):
    """The columns' types, which one marks outliers (none: empty), and where the table is from."""

    categorical: Collection[str] = ()
    numeric: Collection[str] = ()
    outlier_label: str = ""
    source: str = "a table"

    @property
    def types(self) -> set[str]:
        """Columns whose type is declared."""
        return {*self.categorical, *self.numeric}

    def without(self, names: Collection[str]) -> Declared:
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


def require_values(reference: Rows, features: Features) -> None:
    """Raise DeploymentError for a feature of which the reference holds no value."""
    for name, known in zip(features.names, ~np.isnan(reference.T), strict=True):
        if not known.any():
            raise DeploymentError(f"column {name!r} has no value at all in the reference rows: leave it out")


def labels_of(target: pd.Series) -> tuple[NDArray[np.int64], list[str]]:
    """Return class numbers, shape (n,), and the names of the classes."""
    codes = pd.Categorical(target)
    if len(codes.categories) > _MOST_CLASSES:
        raise DeploymentError(
            f"the target has {len(codes.categories):,} distinct values: a classifier predicts classes, at "
            f"most {_MOST_CLASSES}; with a model of another kind use --monitors-only"
        )
    return codes.codes.astype(np.int64), [str(name) for name in codes.categories]


def marked(table: pd.DataFrame, label: str) -> NDArray[np.bool_] | None:
    """Return which rows a column of 0 and 1 marks as outliers, shape (n,); None without a column."""
    if not label:
        return None
    require(table, label)
    odd = [value for value in table[label].unique().tolist() if value not in _MARKS]
    if odd:
        raise DeploymentError(f"--outlier-label {label} must hold 0 and 1, or false and true; got {odd[0]!r}")
    return np.array([_MARKS[value] for value in table[label].tolist()])
