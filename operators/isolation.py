"""A step that fails on a micro-batch fails because of some requests: find them, answer the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.columns import Tensors, concatenate, take
from operators.errors import MismatchError

MESSAGE_LENGTH = 1_000


class Budget:
    """How many further calls of failing steps a micro-batch may cost.

    Counted, not timed, so that a replay of the same micro-batch ends the same.
    """

    def __init__(self, calls: int = 500) -> None:
        self.calls = calls


class Isolated(NamedTuple):
    """The requests that were answered, their answers in that order, and why each other one failed."""

    answered: NDArray[np.intp]
    outputs: Tensors
    failures: dict[int, str]


def isolate(call: Callable[[Tensors], Tensors], tensors: Tensors, budget: Budget) -> Isolated:
    """Call a step; if it raises, halve the requests until those that fail stand alone.

    Requests with values that are not finite are the usual culprits, so they are set apart first. A mismatch
    is true of all and ends the search at once. When the budget is spent, requests that fail together are
    given up together, and the message says so.
    """
    count = len(next(iter(tensors.values())).rows)
    failures: dict[int, str] = {}
    parts = list(_attempt(call, tensors, np.arange(count), budget, failures, _suspects(tensors)))
    answered = np.concatenate([requests for requests, _ in parts]) if parts else np.arange(0)
    outputs = concatenate([answer for _, answer in parts]) if parts else {}
    return Isolated(answered, outputs, failures)


def _attempt(
    call: Callable[[Tensors], Tensors],
    tensors: Tensors,
    requests: NDArray[np.intp],
    budget: Budget,
    failures: dict[int, str],
    suspects: Callable[[], NDArray[np.bool_]] | None,
) -> Iterator[tuple[NDArray[np.intp], Tensors]]:
    try:
        answer = call(take(tensors, requests) if suspects is None else tensors)
    except MismatchError as error:
        failures.update(dict.fromkeys(requests.tolist(), str(error)))
        return
    except Exception as error:  # a model may raise anything; it is told to whoever sent the request
        message = f"{type(error).__name__}: {error}"[:MESSAGE_LENGTH]
    else:
        yield requests, answer
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


def _suspects(tensors: Tensors) -> Callable[[], NDArray[np.bool_]]:
    def find() -> NDArray[np.bool_]:
        columns = [column for column in tensors.values() if column.data.dtype.kind == "f"]
        suspect = np.zeros(len(next(iter(tensors.values())).rows), dtype=bool)
        for column in columns:
            odd = ~(np.abs(column.data.reshape(len(column.data), -1)) <= np.finfo(np.float32).max).all(axis=1)
            suspect |= np.logical_or.reduceat(odd, column.bounds()[:-1])
        return suspect

    return find
