"""Tensors → the rows of numbers that a detector was trained on."""

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
    """The columns of a detector's reference: so many, and their names where they are known.

    `categories` gives, for a column of codes, the text of code 0, 1, …: text is then taken as well as the
    code, and a text that is not known as a code behind the last one. With `single` all values are in one
    tensor, unless content type `pd` names columns.
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
        """Return the texts behind a column's codes, if it holds codes."""
        return self._texts.get(name, [])

    def read(self, tensors: Tensors, options: InferenceOptions) -> TensorColumn:
        """Return numeric rows, shape (rows, columns).

        With content type `pd` tensors are found by name where names are known; else values are taken in
        their order. MismatchError tells what does not fit.
        """
        self._content_types.require_plain(tensors)
        if self._content_types.names_columns(options):
            tensors = self._named(tensors)
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
        """Return the values of each column as they came, shape (rows,), and each request's number of rows.

        Tensors are found as `read` finds them, or by position where not one has a known name; no value is
        refused, only another number of columns.
        """
        self._content_types.require_plain(tensors)
        known = tensors.keys() & set(self._names or ())
        if self._content_types.names_columns(options) and known:
            tensors = self._named(tensors)
        (first, column), *others = tensors.items()
        for name, other in others:
            if not np.array_equal(other.rows, column.rows):
                raise ValueError(f"tensor {name!r} has other numbers of rows than {first!r}")
        values = [one for tensor in tensors.values() for one in _flat(tensor.data).T]
        if len(values) != self._width:
            raise MismatchError(f"takes rows of {self._width} values, got rows of {len(values)}")
        return values, column.rows

    def _named(self, tensors: Tensors) -> Tensors:
        named_columns(tensors)
        if self._names is None:
            return tensors
        missing = [name for name in self._names if name not in tensors]
        if missing:
            raise MismatchError(
                f"takes columns by name, but {', '.join(map(repr, missing))} is missing; there are "
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
            listed = "" if self._single else ", or list them in features.json beside the detector"
            raise ValueError(
                f"takes numbers for {name}, got strings: encode its categories as numbers{listed}"
            ) from None


def _flat(data: Array) -> Array:
    return data.reshape(len(data), prod(data.shape[1:]))


def _code(codes: Mapping[str, int], value: object) -> float:
    if isinstance(value, str):
        return float(codes.get(value, len(codes)))
    return np.nan if value is None else float(value)  # type: ignore[arg-type]
