"""Conversion of tensors to the rows of numbers that a detector was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from operators.core.errors import MismatchError
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.content_types import PLAIN, ContentTypes
from operators.models.step import InferenceOptions, check_width, hstack_tensors, named_columns, single_tensor


class FeatureRows:
    """The columns of a detector's reference: their number and, where known, their names.

    `categories` maps a column of codes to the texts of the codes 0, 1, …. Such a column accepts texts as
    well as codes; an unknown text becomes the code after the last one. With `single`, all values must be in
    one tensor, unless content type `pd` names the columns.
    """

    def __init__(
        self,
        width: int,
        names: Sequence[str] | None = None,
        categories: Mapping[str, Sequence[str]] | None = None,
        content_types: ContentTypes = PLAIN,
        *,
        single: bool = False,
    ) -> None:
        self._width = width
        self._names = list(names) if names else None
        self._texts = {name: list(texts) for name, texts in (categories or {}).items()}
        self._codes = {
            name: {text: code for code, text in enumerate(texts)}
            for name, texts in (categories or {}).items()
        }
        self._content_types = content_types
        self._single = single

    def texts(self, name: str) -> list[str]:
        """Return the texts of a column's codes, empty for a column without codes."""
        return self._texts.get(name, [])

    def read(self, tensors: Tensors, options: InferenceOptions) -> TensorColumn:
        """Return numeric rows, shape (rows, columns).

        With content type `pd`, tensors are matched by name where names are known. Otherwise values are
        used in their order. Raises MismatchError for missing columns and for another number of columns,
        ValueError for texts that are not numbers.
        """
        self._content_types.require_plain(tensors)
        if self._content_types.has_named_columns(options):
            tensors = self._by_name(tensors)
        elif self._single:
            single_tensor(tensors)
        column = hstack_tensors(tensors)
        check_width(column.data, self._width)
        if column.data.dtype.kind in "biuf":
            return column
        return column._replace(
            data=np.column_stack([self._numbers(i, c) for i, c in enumerate(column.data.T)])
        )

    def columns(self, tensors: Tensors, options: InferenceOptions) -> tuple[list[Array], NDArray[np.int64]]:
        """Return each column's unconverted values, shape (rows,), and each request's number of rows.

        Tensors are matched as in `read`, or by position if none of them has a known name. Every value is
        accepted. Raises MismatchError for another number of columns.
        """
        self._content_types.require_plain(tensors)
        known_names = tensors.keys() & set(self._names or ())
        if self._content_types.has_named_columns(options) and known_names:
            tensors = self._by_name(tensors)
        (first, column), *others = tensors.items()
        for name, other in others:
            if not np.array_equal(other.rows, column.rows):
                raise ValueError(f"tensor {name!r} has another number of rows than {first!r}")
        values = [one for tensor in tensors.values() for one in _flatten(tensor.data).T]
        if len(values) != self._width:
            raise MismatchError(f"takes rows of {self._width} values, got rows of {len(values)}")
        return values, column.rows

    def _by_name(self, tensors: Tensors) -> Tensors:
        named_columns(tensors)
        if self._names is None:
            return tensors
        missing = [name for name in self._names if name not in tensors]
        if missing:
            raise MismatchError(
                f"takes columns by name, but {', '.join(map(repr, missing))} is missing; got "
                f"{', '.join(map(repr, tensors))}: rename them with the step's tensorMap"
            )
        return {name: tensors[name] for name in self._names}

    def _numbers(self, i: int, values: Array) -> Array:
        name = self._names[i] if self._names else f"column {i}"
        codes = self._codes.get(name)
        try:
            if codes is None:
                return values.astype(np.float64)
            return np.array([_code(codes, value) for value in values.tolist()])
        except (TypeError, ValueError):
            alternative = "" if self._single else ", or list them in the detector's features.json"
            raise ValueError(
                f"takes numbers for {name}, got strings: encode its categories as numbers{alternative}"
            ) from None


def _flatten(data: Array) -> Array:
    return data.reshape(len(data), prod(data.shape[1:]))


def _code(codes: Mapping[str, int], value: object) -> float:
    if isinstance(value, str):
        return float(codes.get(value, len(codes)))
    return np.nan if value is None else float(value)  # type: ignore[arg-type]
