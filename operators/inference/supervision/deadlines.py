"""How long a call of a step may take, from the slowness that the step has shown."""

from __future__ import annotations

from typing import NamedTuple

from operators.inference.supervision.messages import Calling

# A step may be this many times slower than at its largest call before.
_SLACK = 4.0


class _Largest(NamedTuple):
    requests: int
    seconds: float


class Deadlines:
    """The seconds that the call of a step may take.

    One request may take `step_seconds`. A call for several requests has the same time, and more if the step
    has been slow: four times what its largest call took for each request. When the request is sought on which
    a step hangs, groups of requests have `group_seconds` instead.
    """

    def __init__(self, step_seconds: float) -> None:
        self._step_seconds = step_seconds
        self._group_seconds = min(1.0, step_seconds)
        self._largest: dict[tuple[str, str], _Largest] = {}

    def of(self, call: Calling, *, is_search: bool) -> float:
        """Return the seconds that a call may take."""
        base = self._group_seconds if is_search and call.requests > 1 else self._step_seconds
        largest = self._largest.get((call.pipeline, call.step))
        if largest is None or call.requests == 1:
            return base
        return base + _SLACK * call.requests * largest.seconds / largest.requests

    def learn(self, call: Calling, seconds: float) -> None:
        """Remember how long a call took that has returned."""
        key = (call.pipeline, call.step)
        largest = self._largest.get(key)
        if largest is None or call.requests >= largest.requests:
            self._largest[key] = _Largest(call.requests, seconds)
