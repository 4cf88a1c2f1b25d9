"""The parts of a ColumnTransformer that a few numpy operations can replace."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from operators.core.tensors import Array


class Block:
    """Some columns and the fitted transformers that are applied to them in order."""

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
        """Put random known categories into a probe, so that it tests how this block encodes them."""
        for transformer in self._transformers:
            if isinstance(transformer, OneHotEncoder):
                drawn = [rng.choice(categories, len(probe)) for categories in transformer.categories_]
                probe[:, self._columns] = np.column_stack(drawn)


def compile_block(fitted: Any, columns: Any) -> Block | None:
    """Return the block, or None if it has a part that is not supported."""
    transformers = [step for _, step in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]
    has_positions = isinstance(columns, (list, np.ndarray)) and all(
        isinstance(column, (int, np.integer)) for column in columns
    )
    is_supported = all(
        _IS_SUPPORTED.get(type(transformer), _never)(transformer) for transformer in transformers
    )
    return Block(list(columns), transformers) if has_positions and is_supported else None


def _never(transformer: Any) -> bool:
    return False


def _is_supported_imputer(imputer: Any) -> bool:
    statistics = np.asarray(imputer.statistics_)
    return (
        bool(np.isscalar(imputer.missing_values) and np.isnan(imputer.missing_values))
        and not imputer.add_indicator
        and statistics.dtype.kind == "f"
        and not np.isnan(statistics).any()
    )


def _is_supported_encoder(encoder: Any) -> bool:
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
    pieces = [values[:, [i]] == categories for i, categories in enumerate(encoder.categories_)]
    return np.hstack(pieces).astype(encoder.dtype)


_IS_SUPPORTED = {
    SimpleImputer: _is_supported_imputer,
    StandardScaler: lambda scaler: True,
    OneHotEncoder: _is_supported_encoder,
}
_APPLY = {SimpleImputer: _impute, StandardScaler: _scale, OneHotEncoder: _encode}
