"""A report on the columns of a table: the type of each, why it was chosen, and what to check."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd

from detectors.input_rows import LARGEST
from jobs.data.cell_remedies import remedy
from jobs.data.column_values import (
    OddValues,
    converted_from,
    inexact_numbers,
    is_text,
    marked_values,
    number,
    plain,
    words,
    words_beside_numbers,
)
from jobs.data.feature_encoding import Features, quantities
from jobs.data.table_format import TableFormat
from jobs.data.usable_numbers import unusable

# A column with at most this many distinct whole numbers may hold codes; a person has to decide.
_FEW_VALUES = 10
# Words that pandas always reads as missing.
_LIKE_MISSING = {"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "#na"}
# float32 stores a smaller number with less than its usual precision, or as 0.
_SMALLEST = float(np.finfo(np.float32).tiny)
Missing = Mapping[str, Mapping[str, int]]
_NOTHING: Missing = {}
_DEFAULT = TableFormat()


def describe_columns(
    table: pd.DataFrame,
    features: Features,
    declared: Collection[str] = (),
    missing: Missing = _NOTHING,
    form: TableFormat = _DEFAULT,
) -> Iterator[tuple[str, str]]:
    """Yield each feature with its type, the reason for the type, and remarks.

    `missing` counts the cells that were read as missing, by column and word; `form` is the file's format.
    """
    for name in features.names:
        column, why = plain(table[name]), "declared" if name in declared else "inferred"
        lacks = _lacks(column, missing.get(name, {}))
        if name in features.categories:
            yield name, _category(column, why, features.categories[name], lacks, form)
        else:
            origin = converted_from(table[name])
            yield name, _quantity(name, column, f"{why}; {origin}" if origin else why, lacks)


def _lacks(column: pd.Series, by_word: Mapping[str, int]) -> str:
    """Return the share of missing values and the words that mean missing, as text."""
    count = int(column.isna().sum())
    if not count:
        return ""
    which = ", ".join(f"{times:,} {f'{word!r}' if word else 'empty'}" for word, times in by_word.items())
    return f", {count / len(column):.1%} missing" + (f" ({which})" if which else "")


def _category(column: pd.Series, why: str, categories: list[str], lacks: str, form: TableFormat) -> str:
    shown = ", ".join(categories[:4]) + (", …" if len(categories) > 4 else "")
    text = f"categorical ({why}): {len(categories)} categories, {shown}{lacks}"
    words_found = words_beside_numbers(column) if why == "inferred" and is_text(column) else None
    like_missing = [one for one in categories if one.strip().casefold() in _LIKE_MISSING]
    if like_missing:
        suspect = like_missing[0]
        cells = _cells(column, suspect)
        text += (
            f"; {suspect!r} is a category ({cells.times:,} cells, first in row {cells.row}, counted from 0)"
            f"{remedy(suspect, form)}"
        )
    elif words_found:
        found = words_found.describe("word", "words")
        text += f"; besides numbers it contains {found}{remedy(words_found.example, form)}"
    if not is_text(column) and any(
        one != str(code) and number(one) is not None for code, one in enumerate(categories)
    ):
        text += f"; a request sends the text {categories[0]!r}, or the code 0"
    return text


def _cells(column: pd.Series, word: str) -> OddValues:
    """Return the cells of a column that hold a word."""
    codes, distinct = words(column)
    cells = marked_values(codes == distinct.index(word), column)
    assert cells is not None
    return cells


def _quantity(name: str, column: pd.Series, why: str, lacks: str) -> str:
    values = quantities(name, column)
    usable = values[~unusable(values) & ~np.isnan(values)]
    span = f"{usable.min():g} to {usable.max():g}" if len(usable) else "no value"
    text = f"numeric ({why}): {span}{lacks}"
    beyond = marked_values(unusable(values), column)
    if beyond:
        which = f"infinite or beyond {LARGEST:.1e}"
        text += f"; left out of every reference: {beyond.describe(f'value {which}', f'values {which}')}"
    inexact = inexact_numbers(column)
    if inexact:
        which = inexact.describe("whole number is rounded", "whole numbers are rounded")
        text += f"; {which}: if they are keys, leave them out (--drop)"
    if len(usable) and 0 < np.abs(usable).max() < _SMALLEST:
        text += f"; all are below {_SMALLEST:.1e}, which models read as 0: scale them"
    distinct = np.unique(usable)
    if why.startswith("inferred") and len(distinct) <= _FEW_VALUES and (distinct == np.round(distinct)).all():
        text += f"; only {len(distinct)} whole values: if they are codes, declare it categorical"
    return text
