"""A window that a new epoch ended. It collects rows of slower subtasks, and gets no verdict."""

from __future__ import annotations

import msgspec

from operators.core.state import pack, unpack
from operators.rows.chunks import SubtaskId
from operators.rows.lineage import Lineage, OffsetRange, merge_lineages

_VERSION = 1
# How long to wait for more rows after every subtask has arrived in the new epoch.
_GRACE_MS = 2_000
# How long to wait for subtasks at most.
_MOST_MS = 60_000


class SupersededWindow(msgspec.Struct, frozen=True, array_like=True):
    """The window of an epoch that ended: the lineage of its rows, and the subtasks that have left the epoch.

    `successor` is the generation that began the new epoch, 0 if no live pipeline contains the step.
    `arrived` contains the subtasks that send chunks of the new epoch. `began` is when the new epoch began,
    `latest` when the last of these subtasks arrived; both are the clock's, in milliseconds since 1970.
    """

    epoch: int
    successor: int
    began: int
    latest: int
    arrived: frozenset[int] = frozenset()
    source: tuple[str, str, int, list[tuple[str, int, int, int, int]], int, int] | None = None

    def with_rows(self, lineage: Lineage) -> SupersededWindow:
        """Return the window with the lineage of more rows."""
        merged = merge_lineages([previous, lineage]) if (previous := self.lineage) else lineage
        members = [(topic, partition, *member) for (topic, partition), member in merged.members.items()]
        source = (merged.pipeline, merged.step, merged.generation, members, merged.first_timestamp)
        return msgspec.structs.replace(self, source=(*source, merged.last_timestamp))

    def with_subtask(self, sender: SubtaskId, now: int) -> SupersededWindow:
        """Return the window after a subtask has arrived in the new epoch."""
        if sender.subtask in self.arrived:
            return self
        return msgspec.structs.replace(self, arrived=self.arrived | {sender.subtask}, latest=now)

    def is_complete(self, subtasks: int, now: int) -> bool:
        """Return whether no more rows are awaited; `subtasks` is the number of subtasks of `infer`."""
        all_arrived = len(self.arrived) >= subtasks
        return now >= self.began + _MOST_MS or (all_arrived and now >= self.latest + _GRACE_MS)

    @property
    def lineage(self) -> Lineage | None:
        """The lineage of the rows, None without rows."""
        if self.source is None:
            return None
        pipeline, step, generation, members, first, last = self.source
        ranges = {(topic, partition): OffsetRange(*member) for topic, partition, *member in members}
        return Lineage(pipeline, step, generation, ranges, first, last)

    def encode(self) -> bytes:
        """Encode for checkpointed state."""
        return pack(self, _VERSION)


def decode_superseded(data: bytes) -> SupersededWindow:
    """Decode the bytes of `SupersededWindow.encode`; ValueError for an unknown version."""
    return unpack(data, SupersededWindow, _VERSION, "superseded window state")
