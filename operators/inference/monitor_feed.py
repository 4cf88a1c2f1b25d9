"""What the monitor is told by one subtask: rows that a pipeline gathered, and which steps live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.core.micro_batch import RequestBatch
from operators.core.tensors import Array
from operators.metrics.pipeline_tally import PipelineTally
from operators.metrics.tally import Tally
from operators.pipeline.load import LoadedPipeline
from operators.windows.chunks import Chunk, SubtaskId, empty_chunk

# For so many seconds the monitor hears that a step changed or ended: longer than it waits for other subtasks.
_ANNOUNCE_SECONDS = 90.0
_IDLE_REPEAT_SECONDS = 10.0


class RemovedStep(NamedTuple):
    """A batched step that a pipeline has no more, from an epoch on; without a name, the pipeline itself."""

    pipeline: str
    step: str
    epoch: int


class MonitorTicks:
    """What each tick tells the monitor, so that it looks at the clock, and hears of changes without traffic.

    Pipelines, and steps whose windows close by time, are told always; what ended only at first, and the other
    steps after that seldom.
    """

    def __init__(
        self, served: Sequence[LoadedPipeline], ended: Sequence[RemovedStep], sender: SubtaskId
    ) -> None:
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
                    told = empty_chunk(
                        one.release.name,
                        planned.name,
                        one.release.generation,
                        one.release.epoch(planned.name),
                        sender,
                        ended=False,
                    )
                    (self._timed if planned.batch.window_ms else self._others).append(told.encode())

    def messages(self, now: float) -> list[bytes] | None:
        """Return the chunks of one tick, at a time in seconds by any clock that does not go back."""
        self._until = now + _ANNOUNCE_SECONDS if self._until is None else self._until
        told = [*self._timed, *(self._ended if now < self._until else ())]
        if now < self._until or now >= self._seldom + _IDLE_REPEAT_SECONDS:
            told += self._others
            self._seldom = now
        return told or None


def _ended(one: RemovedStep, sender: SubtaskId) -> bytes:
    if not one.step:
        return PipelineTally(one.pipeline, one.epoch, Tally(), ended=True).encode()
    return empty_chunk(one.pipeline, one.step, one.epoch, one.epoch, sender, ended=True).encode()


def chunk_of(
    served: LoadedPipeline,
    step: str,
    rows: Array,
    records_of_rows: NDArray[np.intp],
    records: RequestBatch,
    sender: SubtaskId,
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
