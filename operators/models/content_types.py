"""What a content type makes of a tensor's values, as MLServer's codecs do.

==========  ===========================================================================
`np`        an array in the tensor's shape; what holds where nothing is said
`pd`        of a whole request: each tensor is a named column
`str`       a text for each row
`base64`    bytes for each row, sent as base64; text that is not base64 as its own bytes
`datetime`  a `datetime` for each row, sent in ISO 8601
==========  ===========================================================================

A tensor's own content type counts before the one that the model's settings give for its name, and that
before the request's and the model's.
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
_AS_IT_IS = ("", "np")
# What no estimator of numbers or categories can compare.
_ENCODED = ("base64", "datetime")


class ContentTypes(NamedTuple):
    """What a model's settings say: of requests without a content type, and of tensors by name."""

    request: str = ""
    tensors: Mapping[str, str] = _NONE

    def names_columns(self, options: InferenceOptions) -> bool:
        """Tell whether tensors are named columns."""
        return (options.content_type or self.request) == "pd"

    def of_tensor(self, name: str, column: TensorColumn) -> str:
        """Return a tensor's own content type, empty if it has none."""
        return column.content_type or self.tensors.get(name, "")

    def single(self, tensors: Tensors, options: InferenceOptions) -> tuple[TensorColumn, str]:
        """Return the single tensor that is wanted, and its content type, empty for a plain array."""
        column = single_tensor(tensors)
        kind = self.of_tensor(next(iter(tensors)), column) or options.content_type or self.request
        return column, "" if kind in _AS_IT_IS else kind

    def decoded(self, name: str, column: TensorColumn) -> Array:
        """Return a named column's values as its own content type says, in the tensor's shape."""
        return decode(column.data, self.of_tensor(name, column))

    def require_plain(self, tensors: Tensors) -> None:
        """Raise MismatchError for a tensor that holds bytes or times."""
        for name, column in tensors.items():
            kind = self.of_tensor(name, column)
            if kind in _ENCODED:
                raise MismatchError(f"takes numbers or categories, but {name!r} has content_type {kind}")

    def require_comparable(self, runtime: str) -> None:
        """Raise DeploymentError for settings that promise bytes or times to a runtime of numbers."""
        for name, kind in self.tensors.items():
            if kind in _ENCODED:
                raise DeploymentError(
                    f"{runtime} takes numbers or categories, but inputs of model-settings.json gives "
                    f"{name!r} the content_type {kind}: leave it out, or decode it in a step before this one"
                )


PLAIN = ContentTypes()


def decode(values: Array, kind: str) -> Array:
    """Return the values that a content type stands for, in the same shape; missing ones are None.

    Raises ValueError that names what cannot be decoded.
    """
    if kind in _AS_IT_IS:
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
