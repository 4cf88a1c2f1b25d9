"""What each column of a table was taken for, why, and what a reader of it should know."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd

from detectors.input_rows import LARGEST
from jobs.data.column_values import (
    OddValues,
    is_text,
    marked_values,
    number,
    plain,
    rounded,
    taken_from,
    words,
    words_beside_numbers,
)
from jobs.data.feature_encoding import Features, quantities, remedy
from jobs.data.usable_numbers import unusable

# Numbers of so few distinct whole values may be codes: a person has to say.
_FEW = 10
# Words that pandas takes as missing wherever they are.
_LIKE_MISSING = {"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "#na"}
# Below, float32 holds a number with less than its usual precision, or as 0.
_SMALLEST = float(np.finfo(np.float32).tiny)
Missing = Mapping[str, Mapping[str, int]]
_NOTHING: Missing = {}


def explained(
    table: pd.DataFrame, features: Features, declared: Collection[str] = (), missing: Missing = _NOTHING
) -> Iterator[tuple[str, str]]:
    """Yield each feature, and what it was taken for and why.

    `missing` counts cells that were taken as missing, by column and word.
    """
    for name in features.names:
        column, why = plain(table[name]), "declared" if name in declared else "inferred"
        lacks = _lacks(column, missing.get(name, {}))
        if name in features.categories:
            yield name, _category(column, why, features.categories[name], lacks)
        else:
            origin = taken_from(table[name])
            yield name, _quantity(name, column, f"{why}; {origin}" if origin else why, lacks)


def _lacks(column: pd.Series, by_word: Mapping[str, int]) -> str:
    """Say how many values are missing, and by which word."""
    count = int(column.isna().sum())
    if not count:
        return ""
    which = ", ".join(f"{times:,} {f'{word!r}' if word else 'empty'}" for word, times in by_word.items())
    return f", {count / len(column):.1%} missing" + (f" ({which})" if which else "")


def _category(column: pd.Series, why: str, categories: list[str], lacks: str) -> str:
    shown = ", ".join(categories[:4]) + (", …" if len(categories) > 4 else "")
    told = f"categorical ({why}): {len(categories)} categories, {shown}{lacks}"
    odd = words_beside_numbers(column) if why == "inferred" and is_text(column) else None
    like = [one for one in categories if one.strip().casefold() in _LIKE_MISSING]
    if like:
        odd = _first(column, like[0])
        told += (
            f"; {like[0]!r} is a category ({odd.times:,} cells, first in row {odd.row}, counted from 0)"
            f"{remedy(like[0])}"
        )
    elif odd:
        told += f"; beside numbers it holds {odd.told('word', 'words')}{remedy(odd.example)}"
    if not is_text(column) and any(
        one != str(code) and number(one) is not None for code, one in enumerate(categories)
    ):
        told += f"; a request sends the text {categories[0]!r}, or the code 0"
    return told


def _first(column: pd.Series, word: str) -> OddValues:
    at, found = words(column)
    odd = marked_values(at == found.index(word), column)
    assert odd is not None
    return odd


def _quantity(name: str, column: pd.Series, why: str, lacks: str) -> str:
    values = quantities(name, column)
    usable = values[~unusable(values) & ~np.isnan(values)]
    span = f"{usable.min():g} to {usable.max():g}" if len(usable) else "no value"
    told = f"numeric ({why}): {span}{lacks}"
    beyond = marked_values(unusable(values), column)
    if beyond:
        which = f"infinite or beyond {LARGEST:.1e}"
        told += f"; left out of every reference: {beyond.told(f'value {which}', f'values {which}')}"
    inexact = rounded(column)
    if inexact:
        which = inexact.told("whole number is rounded", "whole numbers are rounded")
        told += f"; {which}: if they are keys, leave them out (--drop)"
    if len(usable) and 0 < np.abs(usable).max() < _SMALLEST:
        told += f"; all are below {_SMALLEST:.1e}, where models take them for 0: scale them"
    distinct = np.unique(usable)
    if why.startswith("inferred") and len(distinct) <= _FEW and (distinct == np.round(distinct)).all():
        told += f"; only {len(distinct)} whole values: if they are codes, declare it categorical"
    return told
