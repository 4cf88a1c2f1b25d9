"""Relating the output columns of a fitted preprocessor to the units and categories of its features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)

from operators.models.column_origins import Origin


class _Column(NamedTuple):
    """A column inside the preprocessor: the feature it is computed from, and how to recover its values."""

    feature: str
    origin: Origin = Origin()


# None is a column whose origin is unknown.
_Columns = Sequence[_Column | None]


def origins_of(
    estimator: Any, features: Sequence[str], categories: Mapping[str, Sequence[str]], columns: Sequence[str]
) -> dict[str, Origin]:
    """Return the origin of each output column whose origin is known.

    `features` are the columns that the estimator was fitted on, `categories` the texts of the features that
    contain codes, `columns` the names of the output columns. Supported are scikit-learn's affine scalers, its
    simple imputer and its one-hot encoder, in pipelines and column transformers. Columns of other
    transformers, and codes that are passed through, have no origin, because a wrong unit is worse than none.
    """
    outputs = _after(estimator, [_Column(name) for name in features], categories)
    if outputs is None or len(outputs) != len(columns):
        return {}
    return {
        name: column.origin
        for name, column in zip(columns, outputs, strict=True)
        if column and (column.origin.category is not None or column.feature not in categories)
    }


def _after(fitted: Any, columns: _Columns, categories: Mapping[str, Sequence[str]]) -> _Columns | None:
    """Return the output columns of a fitted transformer; None if the transformer is not supported."""
    if isinstance(fitted, str):
        return columns if fitted == "passthrough" else None
    if type(fitted) is Pipeline:
        outputs: _Columns | None = columns
        for _, step in fitted.steps:
            outputs = None if outputs is None else _after(step, outputs, categories)
        return outputs
    if type(fitted) is ColumnTransformer:
        return _side_by_side(fitted, columns, categories)
    if type(fitted) is OneHotEncoder:
        return _one_hot(fitted, columns, categories)
    affine = _AFFINE.get(type(fitted))
    values = affine and affine(fitted)
    if values is None:
        return None
    scales, offsets = (np.broadcast_to(value, (len(columns),)).tolist() for value in values)
    return [
        column and _scaled(column, scale, offset)
        for column, scale, offset in zip(columns, scales, offsets, strict=True)
    ]


def _scaled(column: _Column, scale: float, offset: float) -> _Column | None:
    """Return a column after an affine transformer whose input is `output * scale + offset`."""
    if column.origin.category is not None:
        # A scaled category is no longer 0 or 1.
        return column if (scale, offset) == (1.0, 0.0) else None
    origin = column.origin
    return _Column(column.feature, Origin(origin.scale * scale, origin.raw(offset)))


def _side_by_side(
    fitted: ColumnTransformer, columns: _Columns, categories: Mapping[str, Sequence[str]]
) -> _Columns:
    spans = fitted.output_indices_
    outputs: list[_Column | None] = [None] * max((span.stop for span in spans.values()), default=0)
    names = [str(name) for name in getattr(fitted, "feature_names_in_", ())]
    for name, part, selected in fitted.transformers_:
        span = spans[name]
        if span.stop == span.start:
            continue
        inputs = [columns[i] for i in _positions(selected, names, len(columns))]
        part_outputs = _after(part, inputs, categories)
        if part_outputs is not None and len(part_outputs) == span.stop - span.start:
            outputs[span] = part_outputs
    return outputs


def _positions(selected: Any, names: Sequence[str], width: int) -> list[int]:
    """Return the positions of columns selected by name, position, mask or slice."""
    positions = list(range(width))
    if isinstance(selected, slice) and (isinstance(selected.start, str) or isinstance(selected.stop, str)):
        # A slice of names includes its last name.
        first = 0 if selected.start is None else names.index(selected.start)
        last = width - 1 if selected.stop is None else names.index(selected.stop)
        return positions[first : last + 1]
    if isinstance(selected, slice):
        return positions[selected]
    listed = np.atleast_1d(np.asarray(selected))
    if listed.dtype.kind == "b":
        return [i for i, is_selected in zip(positions, listed.tolist(), strict=True) if is_selected]
    if listed.dtype.kind in "iu":
        return [positions[i] for i in listed.tolist()]
    return [names.index(str(name)) for name in listed.tolist()]


def _one_hot(
    fitted: OneHotEncoder, columns: _Columns, categories: Mapping[str, Sequence[str]]
) -> _Columns | None:
    if any(codes is not None for codes in getattr(fitted, "infrequent_categories_", None) or ()):
        return None
    dropped = [None] * len(columns) if fitted.drop_idx_ is None else fitted.drop_idx_.tolist()
    outputs: list[_Column | None] = []
    for column, codes, dropped_position in zip(columns, fitted.categories_, dropped, strict=True):
        is_unchanged = column is not None and column.origin == Origin()
        for i, code in enumerate(codes.tolist()):
            if i == dropped_position:
                continue
            if column and is_unchanged:
                text = _text(code, categories.get(column.feature))
                outputs.append(_Column(column.feature, Origin(category=text)))
            else:
                outputs.append(None)
    return outputs


def _text(code: Any, texts: Sequence[str] | None) -> str:
    """Return the text of a category: that of its code, or the category itself."""
    if code is None or code != code:
        return "missing"
    if isinstance(code, str):
        return code
    if texts is not None and 0 <= code < len(texts):
        return texts[int(code)]
    return f"{code:g}"


_Affine = tuple[Any, Any]


def _standard(fitted: Any) -> _Affine:
    return (
        fitted.scale_ if fitted.with_std else 1.0,
        fitted.mean_ if fitted.with_mean else 0.0,
    )


def _min_max(fitted: Any) -> _Affine | None:
    # Clipping loses the values beyond the range.
    return None if fitted.clip else (1 / fitted.scale_, -fitted.min_ / fitted.scale_)


def _max_abs(fitted: Any) -> _Affine | None:
    return None if getattr(fitted, "clip", False) else (fitted.scale_, 0.0)


def _robust(fitted: Any) -> _Affine:
    return (
        fitted.scale_ if fitted.with_scaling else 1.0,
        fitted.center_ if fitted.with_centering else 0.0,
    )


def _imputer(fitted: Any) -> _Affine | None:
    # SimpleImputer drops columns that had no value when it was fitted.
    empty = any(value is None or value != value for value in fitted.statistics_.tolist())
    return None if empty or fitted.add_indicator else (1.0, 0.0)


def _function(fitted: Any) -> _Affine | None:
    return (1.0, 0.0) if fitted.func is None else None


_AFFINE: dict[type, Callable[[Any], _Affine | None]] = {
    StandardScaler: _standard,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    RobustScaler: _robust,
    SimpleImputer: _imputer,
    FunctionTransformer: _function,
}
