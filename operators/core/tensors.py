"""The tensors of a micro-batch: each tensor of many requests is one array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_NOTHING: Mapping[str, object] = MappingProxyType({})


class TensorColumn(NamedTuple):
    """One tensor of k requests; their rows are concatenated.

    `data` has shape (sum of rows, ...). `rows`, shape (k,), is the number of rows of each request. A `flat`
    tensor is encoded with shape [1, n, ...] instead of [n, ...] ([1, n] instead of [n, 1] with one value per
    row), as by MLServer's outlier detectors. `parameters` are encoded with the tensor. A `hidden` tensor is
    returned only if a client requests it by name. `content_type` is the request's content type for this
    tensor alone, empty if there is none.
    """

    data: Array
    rows: NDArray[np.int64]
    flat: bool = False
    parameters: Mapping[str, object] = _NOTHING
    hidden: bool = False
    content_type: str = ""

    def take(self, requests: NDArray[np.intp]) -> TensorColumn:
        """Return the rows of these requests, in this order."""
        return self._replace(data=self.data[self._row_numbers(requests)], rows=self.rows[requests])

    def bounds(self) -> list[int]:
        """Return k + 1 row numbers: the first row of each request, and the total number of rows."""
        return [0, *np.cumsum(self.rows).tolist()]

    def _row_numbers(self, requests: NDArray[np.intp]) -> NDArray[np.intp]:
        if len(self.data) == len(self.rows) and (self.rows == 1).all():
            return requests
        counts = self.rows[requests]
        ends = np.cumsum(counts)
        starts = np.cumsum(self.rows)[requests] - counts
        steps = np.repeat(starts - ends + counts, counts)
        return np.asarray(np.arange(len(steps)) + steps)


Tensors = dict[str, TensorColumn]


def take(tensors: Tensors, requests: NDArray[np.intp]) -> Tensors:
    """Return the rows of these requests, in this order, of every tensor."""
    return {name: column.take(requests) for name, column in tensors.items()}


def read_only(tensors: Tensors) -> Tensors:
    """Return read-only views of tensors, because other steps and windows read the same arrays."""
    return {name: column._replace(data=_read_only(column.data)) for name, column in tensors.items()}


def _read_only(data: Array) -> Array:
    view = data.view()
    view.flags.writeable = False
    return view


def concatenate(parts: Sequence[Tensors]) -> Tensors:
    """Concatenate the requests of several parts that have the same tensors."""
    if len(parts) == 1:
        return parts[0]
    return {
        name: parts[0][name]._replace(
            data=np.concatenate([part[name].data for part in parts]),
            rows=np.concatenate([part[name].rows for part in parts]),
        )
        for name in parts[0]
    }


class Routed(NamedTuple):
    """Results of a step for requests whose tensors differ, and the errors of those that failed.

    Each of `parts` has the positions of its requests and their tensors, in this order. `failures` maps the
    position of a failed request to its error.
    """

    parts: list[tuple[NDArray[np.intp], Tensors]]
    failures: dict[int, str]
