"""How content types convert the values of tensors, as MLServer's codecs do.

==========  ===========================================================================
`np`        an array in the tensor's shape; the default
`pd`        for a whole request: each tensor is a named column
`str`       one text per row
`base64`    one byte string per row, sent as base64; other text becomes its UTF-8 bytes
`datetime`  one `datetime` per row, sent in ISO 8601
==========  ===========================================================================

Order of precedence: the tensor's own content type, the one that the model's settings declare for the
tensor's name, the request's, the model's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from operators.core.errors import DeploymentError, MismatchError
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.step import InferenceOptions, single_tensor

_NONE: Mapping[str, str] = MappingProxyType({})
_NOT_ENCODED = ("", "np")
# Content types of values that are neither numbers nor categories.
_ENCODED = ("base64", "datetime")


class ContentTypes(NamedTuple):
    """The content types that a model's settings declare.

    `request` applies to requests without a content type; `tensors` maps names of tensors to content types.
    """

    request: str = ""
    tensors: Mapping[str, str] = _NONE

    def has_named_columns(self, options: InferenceOptions) -> bool:
        """Return whether each tensor is a named column."""
        return (options.content_type or self.request) == "pd"

    def of_tensor(self, name: str, column: TensorColumn) -> str:
        """Return the content type of one tensor, empty if none is declared for it."""
        return column.content_type or self.tensors.get(name, "")

    def single(self, tensors: Tensors, options: InferenceOptions) -> tuple[TensorColumn, str]:
        """Return the only tensor and its content type, which is empty for a plain array.

        Raises MismatchError unless there is exactly one tensor.
        """
        column = single_tensor(tensors)
        kind = self.of_tensor(next(iter(tensors)), column) or options.content_type or self.request
        return column, "" if kind in _NOT_ENCODED else kind

    def decoded(self, name: str, column: TensorColumn) -> Array:
        """Decode a named column by the tensor's content type; the shape stays the same."""
        return decode(column.data, self.of_tensor(name, column))

    def require_plain(self, tensors: Tensors) -> None:
        """Raise MismatchError if a tensor contains bytes or times."""
        for name, column in tensors.items():
            kind = self.of_tensor(name, column)
            if kind in _ENCODED:
                raise MismatchError(f"takes numbers or categories, but {name!r} has content_type {kind}")

    def require_comparable(self, runtime: str) -> None:
        """Raise DeploymentError if the settings declare a tensor of bytes or times.

        `runtime` is the subject of the message: a runtime for numbers or categories.
        """
        for name, kind in self.tensors.items():
            if kind in _ENCODED:
                raise DeploymentError(
                    f"{runtime} takes numbers or categories, but inputs of model-settings.json declares "
                    f"content_type {kind} for {name!r}: remove it, or decode the tensor in an earlier step"
                )


PLAIN = ContentTypes()


def decode(values: Array, kind: str) -> Array:
    """Decode values by their content type; the shape stays the same.

    Missing values become None. Raises ValueError, which quotes the value that cannot be decoded.
    """
    if kind in _NOT_ENCODED:
        return values
    decoded = np.empty(values.size, dtype=object)
    decoded[:] = [_DECODERS[kind](value) if type(value) is str else None for value in values.ravel()]
    return decoded.reshape(values.shape)


def _text(value: str) -> str:
    return value


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return value.encode("utf-8")


def _time(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"content_type datetime takes times in ISO 8601, got {value[:50]!r}") from None


_DECODERS = {"str": _text, "base64": _bytes, "datetime": _time}
