"""A step that fails on a micro-batch fails because of some requests: find them, answer the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.core.errors import MismatchError, describe
from operators.core.tensors import Routed, Tensors, concatenate, read_only, take

Call = Callable[[Tensors], Tensors | Routed]
_Part = tuple[NDArray[np.intp], Tensors]


class Budget:
    """How many further calls of failing steps a micro-batch may cost.

    Counted, not timed, so that a replay of the same micro-batch ends the same.
    """

    def __init__(self, calls: int = 500) -> None:
        self.calls = calls


def isolate(call: Call, tensors: Tensors, budget: Budget) -> Routed:
    """Call a step; if it raises, halve the requests until those that fail stand alone.

    Requests with values that are not finite are the usual culprits, so they are set apart first. A mismatch
    is true of all and ends the search at once. When the budget is spent, requests that fail together are
    given up together, and the message says so. Requests that were answered alike are one part, in order.
    """
    count = len(next(iter(tensors.values())).rows)
    failures: dict[int, str] = {}
    parts = list(_attempt(call, tensors, np.arange(count), budget, failures, _suspects(tensors)))
    return Routed(parts if len(parts) == 1 else list(_merged(parts)), failures)


def _attempt(
    call: Call,
    tensors: Tensors,
    requests: NDArray[np.intp],
    budget: Budget,
    failures: dict[int, str],
    suspects: Callable[[], NDArray[np.bool_]] | None,
) -> Iterator[_Part]:
    try:
        answer = call(read_only(take(tensors, requests) if suspects is None else tensors))
    except MismatchError as error:
        failures.update(dict.fromkeys(requests.tolist(), str(error)))
        return
    except Exception as error:  # a model may raise anything; it is told to whoever sent the request
        message = describe(error)
    else:
        if not isinstance(answer, Routed):
            yield requests, answer
            return
        failures.update({int(requests[i]): why for i, why in answer.failures.items()})
        yield from ((requests[here], outputs) for here, outputs in answer.parts)
        return
    if len(requests) == 1 or budget.calls < 2:
        alone = len(requests) == 1
        suffix = "" if alone else f" (one of {len(requests)} requests that failed together; send it again)"
        failures.update(dict.fromkeys(requests.tolist(), message + suffix))
        return
    budget.calls -= 2
    for half in _halves(requests, suspects() if suspects else None):
        yield from _attempt(call, tensors, half, budget, failures, None)


def _halves(requests: NDArray[np.intp], suspect: NDArray[np.bool_] | None) -> list[NDArray[np.intp]]:
    if suspect is not None and suspect.any() and not suspect.all():
        return [requests[~suspect], requests[suspect]]
    return np.array_split(requests, 2)


def _merged(parts: list[_Part]) -> Iterator[_Part]:
    """Join the parts whose tensors have the same names, types and shapes of a row."""
    alike: dict[tuple[object, ...], list[_Part]] = {}
    for requests, outputs in parts:
        kinds = tuple(
            (name, _alike(column.data.dtype), column.data.shape[1:], column.flat)
            for name, column in outputs.items()
        )
        alike.setdefault(kinds, []).append((requests, outputs))
    for some in alike.values():
        together = np.concatenate([requests for requests, _ in some])
        order = np.argsort(together, kind="stable")
        yield together[order], take(concatenate([outputs for _, outputs in some]), order)


def _alike(dtype: np.dtype[Any]) -> str:
    return dtype.kind if dtype.kind in "US" else dtype.str


def _suspects(tensors: Tensors) -> Callable[[], NDArray[np.bool_]]:
    def find() -> NDArray[np.bool_]:
        columns = [column for column in tensors.values() if column.data.dtype.kind == "f"]
        suspect = np.zeros(len(next(iter(tensors.values())).rows), dtype=bool)
        for column in columns:
            odd = ~(np.abs(column.data.reshape(len(column.data), -1)) <= np.finfo(np.float32).max).all(axis=1)
            np.logical_or.at(suspect, np.repeat(np.arange(len(column.rows)), column.rows), odd)
        return suspect

    return find
