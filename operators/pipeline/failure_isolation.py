"""Isolation of the requests on which a step fails, so that the others are answered."""

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
    """The number of further calls of failing steps that a micro-batch may need.

    Calls are counted, not timed, so that a replay of the same micro-batch has the same result.
    """

    def __init__(self, calls: int = 500) -> None:
        self.calls = calls


def isolate(call: Call, tensors: Tensors, budget: Budget) -> Routed:
    """Call a step. If it raises, split the requests in halves until each failing request is alone.

    Requests with values that are not finite or exceed float32 often fail, so they are separated first. A
    MismatchError concerns all requests and ends the search. Once the budget is used up, all requests that
    fail together get an error, which asks the client to send them again. Requests whose outputs have the same
    names, types and row shapes are one part, in the order of the requests.
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
    except Exception as error:  # a model may raise anything; the client receives it as an error
        message = describe(error)
    else:
        if not isinstance(answer, Routed):
            yield requests, answer
            return
        failures.update({int(requests[i]): why for i, why in answer.failures.items()})
        yield from ((requests[positions], outputs) for positions, outputs in answer.parts)
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


def _suspects(tensors: Tensors) -> Callable[[], NDArray[np.bool_]]:
    """Return a function that marks requests with values that are not finite or exceed float32."""

    def find() -> NDArray[np.bool_]:
        columns = [column for column in tensors.values() if column.data.dtype.kind == "f"]
        suspect = np.zeros(len(next(iter(tensors.values())).rows), dtype=bool)
        for column in columns:
            values = np.abs(column.data.reshape(len(column.data), -1))
            suspect_rows = ~(values <= np.finfo(np.float32).max).all(axis=1)
            np.logical_or.at(suspect, np.repeat(np.arange(len(column.rows)), column.rows), suspect_rows)
        return suspect

    return find
