"""Messages of one subtask to the monitor: chunks of gathered rows, and heartbeats."""

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
from operators.rows.chunks import Chunk, SubtaskId, empty_chunk

# For this many seconds each tick announces changed and removed steps. It is longer than the 60 s for which
# the monitor waits for the other subtasks.
_ANNOUNCE_SECONDS = 90.0
_IDLE_REPEAT_SECONDS = 10.0


class RemovedStep(NamedTuple):
    """A batched step that a pipeline no longer contains, from an epoch on.

    An empty `step` means that the pipeline itself was deleted.
    """

    pipeline: str
    step: str
    epoch: int


class MonitorTicks:
    """The messages of each tick, so that the monitor checks the clock and learns of changes without traffic.

    Each tick has a heartbeat of every pipeline, and of every step whose windows close by time. For the first
    90 s it also has a message for every removed step, and a heartbeat of every other step. After that the
    other steps have a heartbeat every 10 s.
    """

    def __init__(
        self, served: Sequence[LoadedPipeline], ended: Sequence[RemovedStep], sender: SubtaskId
    ) -> None:
        self._until: float | None = None
        self._others_sent = 0.0
        self._ended = [_encode_removed(step, sender) for step in ended]
        releases = [pipeline.release for pipeline in served]
        self._timed = [
            PipelineTally(release.name, release.generation, Tally()).encode() for release in releases
        ]
        self._others: list[bytes] = []
        for pipeline in served:
            release = pipeline.release
            for planned in pipeline.plan.steps if pipeline.plan else ():
                if planned.batch:
                    heartbeat = empty_chunk(
                        release.name,
                        planned.name,
                        release.generation,
                        release.epoch(planned.name),
                        sender,
                        ended=False,
                    )
                    (self._timed if planned.batch.window_ms else self._others).append(heartbeat.encode())

    def messages(self, now: float) -> list[bytes] | None:
        """Return the messages of one tick, None if there are none; `now` is a monotonic time in seconds."""
        self._until = now + _ANNOUNCE_SECONDS if self._until is None else self._until
        messages = [*self._timed, *(self._ended if now < self._until else ())]
        if now < self._until or now >= self._others_sent + _IDLE_REPEAT_SECONDS:
            messages += self._others
            self._others_sent = now
        return messages or None


def _encode_removed(removed: RemovedStep, sender: SubtaskId) -> bytes:
    pipeline, step, epoch = removed
    if not step:
        return PipelineTally(pipeline, epoch, Tally(), ended=True).encode()
    return empty_chunk(pipeline, step, epoch, epoch, sender, ended=True).encode()


def chunk_of(
    served: LoadedPipeline,
    step: str,
    rows: Array,
    records_of_rows: NDArray[np.intp],
    records: RequestBatch,
    sender: SubtaskId,
) -> Chunk:
    """Return a chunk of rows of one step, shape (n, features).

    `records_of_rows`, shape (n,), contains the position in `records` of each row's request.
    """
    used, positions = np.unique(records_of_rows, return_inverse=True)
    names = [str(records.topics[i]) for i in used.tolist()]
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
