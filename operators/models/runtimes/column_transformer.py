"""The parts of a ColumnTransformer that a few numpy operations can stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from operators.core.tensors import Array


class Block:
    """Some columns and what is done to them, one fitted transformer after the other."""

    def __init__(self, columns: Any, transformers: list[Any]) -> None:
        self._columns = columns
        self._transformers = transformers

    def transform(self, rows: Array) -> Array:
        """Transform rows of shape (n, all columns) into this block's output."""
        values = rows[:, self._columns].copy()
        for transformer in self._transformers:
            values = _APPLY[type(transformer)](transformer, values)
        return values

    def fill(self, probe: Array, rng: np.random.Generator) -> None:
        """Put values into a probe that this block knows, so that every path of it is taken."""
        for transformer in self._transformers:
            if isinstance(transformer, OneHotEncoder):
                drawn = [rng.choice(known, len(probe)) for known in transformer.categories_]
                probe[:, self._columns] = np.column_stack(drawn)


def compile_block(fitted: Any, columns: Any) -> Block | None:
    """Return the block, or None if a part of it is not known here."""
    transformers = [step for _, step in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]
    positions = isinstance(columns, (list, np.ndarray)) and all(
        isinstance(column, (int, np.integer)) for column in columns
    )
    known = all(_KNOWN.get(type(transformer), _unknown)(transformer) for transformer in transformers)
    return Block(list(columns), transformers) if positions and known else None


def _unknown(transformer: Any) -> bool:
    return False


def _known_imputer(imputer: Any) -> bool:
    statistics = np.asarray(imputer.statistics_)
    return (
        bool(np.isscalar(imputer.missing_values) and np.isnan(imputer.missing_values))
        and not imputer.add_indicator
        and statistics.dtype.kind == "f"
        and not np.isnan(statistics).any()
    )


def _known_encoder(encoder: Any) -> bool:
    return (
        encoder.handle_unknown == "ignore"
        and not encoder.sparse_output
        and encoder.drop is None
        and not getattr(encoder, "infrequent_categories_", None)
        and all(c.dtype.kind == "f" and not np.isnan(c).any() for c in encoder.categories_)
    )


def _impute(imputer: Any, values: Array) -> Array:
    return np.where(np.isnan(values), imputer.statistics_.astype(values.dtype), values)


def _scale(scaler: Any, values: Array) -> Array:
    if scaler.with_mean:
        values -= scaler.mean_.astype(values.dtype)
    if scaler.with_std:
        values /= scaler.scale_.astype(values.dtype)
    return values


def _encode(encoder: Any, values: Array) -> Array:
    pieces = [values[:, [i]] == known for i, known in enumerate(encoder.categories_)]
    return np.hstack(pieces).astype(encoder.dtype)


_KNOWN = {
    SimpleImputer: _known_imputer,
    StandardScaler: lambda scaler: True,
    OneHotEncoder: _known_encoder,
}
_APPLY = {SimpleImputer: _impute, StandardScaler: _scale, OneHotEncoder: _encode}
