"""A micro-batch in columns: each tensor of many requests as one array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_NOTHING: Mapping[str, object] = MappingProxyType({})


class TensorColumn(NamedTuple):
    """One tensor of k requests, their rows one after the other.

    `data` has shape (sum of rows, ...), `rows` says how many belong to each request, shape (k,).
    `flat` marks values that the wire shows as [1, n, ...] instead of [n, ...] (of one value a row: [1, n]
    instead of [n, 1]), as MLServer's outlier detectors do.
    `parameters` go to the wire with the tensor. A `hidden` one is there only for who asks for it by name.
    `content_type` is what a request says of this tensor alone, empty where it says nothing.
    """

    data: Array
    rows: NDArray[np.int64]
    flat: bool = False
    parameters: Mapping[str, object] = _NOTHING
    hidden: bool = False
    content_type: str = ""

    def take(self, requests: NDArray[np.intp]) -> TensorColumn:
        """Keep some requests, in the given order."""
        return self._replace(data=self.data[self._row_numbers(requests)], rows=self.rows[requests])

    def bounds(self) -> list[int]:
        """Where each request's rows begin, and at last where they end: k + 1 row numbers."""
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
    """Keep some requests of every tensor."""
    return {name: column.take(requests) for name, column in tensors.items()}


def read_only(tensors: Tensors) -> Tensors:
    """Show tensors that cannot be written to: other steps and windows read the same arrays."""
    return {name: column._replace(data=_locked(column.data)) for name, column in tensors.items()}


def _locked(data: Array) -> Array:
    view = data.view()
    view.flags.writeable = False
    return view


def concatenate(parts: Sequence[Tensors]) -> Tensors:
    """Put the requests of several parts with the same tensors one after the other."""
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
    """Requests that were answered with different tensors, and why each other one failed.

    `parts` hold positions in what was asked and the answers in that order.
    """

    parts: list[tuple[NDArray[np.intp], Tensors]]
    failures: dict[int, str]
