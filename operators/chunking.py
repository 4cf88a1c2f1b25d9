"""Rows that a pipeline gathered → chunks for the monitor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from operators.chunks import Chunk
from operators.columns import Array
from operators.records import Records
from operators.releases import Served
from operators.steps.watching import Watcher


def heartbeats(served: Served) -> Iterator[Chunk]:
    """An empty chunk for each step whose windows close by time: it lets the monitor look at the clock."""
    release, nothing = served.release, np.zeros(0, dtype=np.int64)
    for planned in served.plan.steps if served.plan else ():
        if planned.batch and planned.batch.window_ms and isinstance(planned.step, Watcher):
            rows = np.zeros((0, planned.step.width))
            yield Chunk(
                release.name,
                planned.name,
                release.generation,
                rows,
                (),
                nothing.astype(np.int8),
                nothing.astype(np.int32),
                nothing,
                nothing,
            )


def chunk_of(
    served: Served, step: str, rows: Array, records_of_rows: NDArray[np.intp], records: Records
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
        rows,
        topics,
        topic,
        records.partitions[records_of_rows].astype(np.int32),
        records.offsets[records_of_rows],
        records.timestamps[records_of_rows],
    )
