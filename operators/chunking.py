"""What the monitor is told by one subtask: rows that a pipeline gathered, and which steps live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.chunks import Chunk, Sender, bare
from operators.columns import Array
from operators.records import Records
from operators.serving import Served

# For so many seconds the monitor hears that a step changed or ended: longer than it waits for other subtasks.
_SECONDS_TOLD = 90.0


class Ended(NamedTuple):
    """A batched step that a pipeline has no more, from an epoch on."""

    pipeline: str
    step: str
    epoch: int


class Heartbeats:
    """What each tick tells the monitor.

    Steps whose windows close by time are told always, so that the monitor looks at the clock; the others
    only at first, so that it hears of changes without traffic too.
    """

    def __init__(self, served: Sequence[Served], ended: Sequence[Ended], sender: Sender) -> None:
        self._until: float | None = None
        self._timed: list[bytes] = []
        self._others = [
            bare(one.pipeline, one.step, one.epoch, one.epoch, sender, ended=True).encode() for one in ended
        ]
        for one in served:
            for planned in one.plan.steps if one.plan else ():
                if planned.batch:
                    told = bare(
                        one.release.name,
                        planned.name,
                        one.release.generation,
                        one.release.epoch(planned.name),
                        sender,
                        ended=False,
                    )
                    (self._timed if planned.batch.window_ms else self._others).append(told.encode())

    def beat(self, now: float) -> list[bytes] | None:
        """Return the chunks of one tick, at a time in seconds by any clock that does not go back."""
        self._until = now + _SECONDS_TOLD if self._until is None else self._until
        return [*self._timed, *(self._others if now < self._until else ())] or None


def chunk_of(
    served: Served,
    step: str,
    rows: Array,
    records_of_rows: NDArray[np.intp],
    records: Records,
    sender: Sender,
) -> Chunk:
    """Put rows of one step beside the requests they came with: `records_of_rows` are positions of those."""
    here, positions = np.unique(records_of_rows, return_inverse=True)
    names = [str(records.topics[i]) for i in here.tolist()]
    topics = tuple(dict.fromkeys(names))
    topic = np.array([topics.index(name) for name in names], dtype=np.int8)[positions]
    return Chunk(
        served.release.name,
        step,
        served.release.generation,
        served.release.epoch(step),
        False,
        sender,
        rows,
        topics,
        topic,
        records.partitions[records_of_rows].astype(np.int32),
        records.offsets[records_of_rows],
        records.timestamps[records_of_rows],
    )
