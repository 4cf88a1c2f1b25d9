"""Isolation of the requests on which a step fails, so that the others are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.core.errors import MismatchError, describe
from operators.core.memory import raise_if_fatal
from operators.core.tensors import Routed, Tensors, concatenate, read_only, take

Call = Callable[[Tensors], Tensors | Routed]
_Part = tuple[NDArray[np.intp], Tensors]


class Budget:
    """The number of further calls of failing steps that a micro-batch may need.

    Calls are counted, not timed, so that a replay of the same micro-batch has the same result.
    """

    def __init__(self, calls: int = 500) -> None:
        self.calls = calls


def isolate(call: Call, tensors: Tensors, budget: Budget) -> Routed:
    """Call a step. If it raises, split the requests in halves until each failing request is alone.

    Requests with values that are not finite or exceed float32 often fail, so they are separated first. A
    MismatchError concerns all requests and ends the search; so does a MemoryError of a process that has
    nearly all memory that it may have, which propagates. Once the budget is used up, all requests that
    fail together get an error, which asks the client to send them again. Requests whose outputs have the same
    names, types and row shapes are one part, in the order of the requests.
    """
    everything = np.arange(len(next(iter(tensors.values())).rows))
    answered = Routed([], {})
    pending = [everything]
    while pending:
        requests = pending.pop()
        try:
            answer = call(read_only(tensors if requests is everything else take(tensors, requests)))
        except MismatchError as error:
            answered.failures.update(dict.fromkeys(requests.tolist(), str(error)))
        except Exception as error:  # a model may raise anything; the client receives it as an error
            raise_if_fatal(error)
            if len(requests) == 1 or budget.calls < 2:
                answered.failures.update(dict.fromkeys(requests.tolist(), _message(error, len(requests))))
            else:
                budget.calls -= 2
                suspect = _suspects(tensors) if requests is everything else None
                pending += reversed(_halves(requests, suspect))
        else:
            _collect(answer, requests, answered)
    parts = answered.parts
    return Routed(parts if len(parts) == 1 else list(_merged(parts)), answered.failures)


def _collect(answer: Tensors | Routed, requests: NDArray[np.intp], answered: Routed) -> None:
    """Add the answer to some requests to that of all requests."""
    if not isinstance(answer, Routed):
        answered.parts.append((requests, answer))
        return
    answered.parts.extend((requests[positions], outputs) for positions, outputs in answer.parts)
    answered.failures.update({int(requests[i]): why for i, why in answer.failures.items()})


def _message(error: Exception, count: int) -> str:
    """Return the error of requests that failed together, or of one that failed alone."""
    suffix = "" if count == 1 else f" (one of {count} requests that failed together; send it again)"
    return describe(error) + suffix


def _halves(requests: NDArray[np.intp], suspect: NDArray[np.bool_] | None) -> list[NDArray[np.intp]]:
    if suspect is not None and suspect.any() and not suspect.all():
        return [requests[~suspect], requests[suspect]]
    return np.array_split(requests, 2)


def _merged(parts: list[_Part]) -> Iterator[_Part]:
    """Join the parts whose tensors have the same names, types and row shapes."""
    groups: dict[tuple[object, ...], list[_Part]] = {}
    for requests, outputs in parts:
        signature = tuple(
            (name, _type_key(column.data.dtype), column.data.shape[1:], column.flat)
            for name, column in outputs.items()
        )
        groups.setdefault(signature, []).append((requests, outputs))
    for group in groups.values():
        joined = np.concatenate([requests for requests, _ in group])
        order = np.argsort(joined, kind="stable")
        yield joined[order], take(concatenate([outputs for _, outputs in group]), order)


def _type_key(dtype: np.dtype[Any]) -> str:
    """Return a key that is equal for dtypes that can be concatenated: texts of any length have the same."""
    return dtype.kind if dtype.kind in "US" else dtype.str


def _suspects(tensors: Tensors) -> NDArray[np.bool_]:
    """Mark the requests with values that are not finite or exceed float32, shape (requests,)."""
    suspect = np.zeros(len(next(iter(tensors.values())).rows), dtype=bool)
    for column in tensors.values():
        if column.data.dtype.kind == "f":
            values = np.abs(column.data.reshape(len(column.data), -1))
            suspect_rows = ~(values <= np.finfo(np.float32).max).all(axis=1)
            np.logical_or.at(suspect, np.repeat(np.arange(len(column.rows)), column.rows), suspect_rows)
    return suspect
