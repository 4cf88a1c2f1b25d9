"""What the monitor is told by one subtask: rows that a pipeline gathered, and which steps live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.core.micro_batch import Records
from operators.core.tensors import Array
from operators.metrics.pipeline_tally import PipelineTally
from operators.metrics.tally import Tally
from operators.pipeline.load import Served
from operators.windows.chunks import Chunk, Sender, bare

# For so many seconds the monitor hears that a step changed or ended: longer than it waits for other subtasks.
_SECONDS_TOLD = 90.0
_SECONDS_SELDOM = 10.0


class Ended(NamedTuple):
    """A batched step that a pipeline has no more, from an epoch on; without a name, the pipeline itself."""

    pipeline: str
    step: str
    epoch: int


class Heartbeats:
    """What each tick tells the monitor, so that it looks at the clock, and hears of changes without traffic.

    Pipelines, and steps whose windows close by time, are told always; what ended only at first, and the other
    steps after that seldom.
    """

    def __init__(self, served: Sequence[Served], ended: Sequence[Ended], sender: Sender) -> None:
        self._until: float | None = None
        self._seldom = 0.0
        self._ended = [_ended(one, sender) for one in ended]
        self._timed = [
            PipelineTally(one.release.name, one.release.generation, Tally()).encode() for one in served
        ]
        self._others: list[bytes] = []
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
        told = [*self._timed, *(self._ended if now < self._until else ())]
        if now < self._until or now >= self._seldom + _SECONDS_SELDOM:
            told += self._others
            self._seldom = now
        return told or None


def _ended(one: Ended, sender: Sender) -> bytes:
    if not one.step:
        return PipelineTally(one.pipeline, one.epoch, Tally(), ended=True).encode()
    return bare(one.pipeline, one.step, one.epoch, one.epoch, sender, ended=True).encode()


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
