"""When a pipeline has cost the others so much time that it must not serve any more."""

from __future__ import annotations

from collections import deque
from time import monotonic

# The seconds that a pipeline may cost, and the seconds within which.
MOST_SECONDS, PERIOD = 60.0, 600.0


class Costs:
    """The seconds that others have waited because a pipeline's requests ended the worker process.

    `most` are the seconds that a generation of a pipeline may cost within ten minutes.
    """

    def __init__(self, most: float = MOST_SECONDS) -> None:
        self._most = most
        self._costs: dict[tuple[str, int], deque[tuple[float, float]]] = {}

    def add(self, pipeline: str, generation: int, seconds: float) -> bool:
        """Add seconds; return whether the generation has now cost more than it may."""
        costs = self._costs.setdefault((pipeline, generation), deque())
        now = monotonic()
        costs.append((now, seconds))
        while costs[0][0] < now - PERIOD:
            costs.popleft()
        return sum(cost for _, cost in costs) > self._most
