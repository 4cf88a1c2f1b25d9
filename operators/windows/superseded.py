"""A window that a new epoch ended: it takes in, without a verdict, what slower subtasks still send."""

from __future__ import annotations

import msgspec

from operators.core.state import pack, unpack
from operators.windows.chunks import SubtaskId
from operators.windows.lineage import Lineage, OffsetRange, merge_lineages

_VERSION = 1
# How long to wait for stragglers once every subtask was heard in the new epoch, and at most, in milliseconds.
_GRACE_MS, _MOST_MS = 2_000, 60_000


class SupersededWindow(msgspec.Struct, frozen=True, array_like=True):
    """What ended in an epoch: where its rows came from, and which subtasks went on to the next one.

    `successor` is the generation that took over, 0 if none did. Times are the clock's, in milliseconds.
    """

    epoch: int
    successor: int
    began: int
    latest: int
    heard: frozenset[int] = frozenset()
    source: tuple[str, str, int, list[tuple[str, int, int, int, int]], int, int] | None = None

    def with_rows(self, lineage: Lineage) -> SupersededWindow:
        """Take in rows."""
        whole = merge_lineages([known, lineage]) if (known := self.lineage) else lineage
        members = [(topic, partition, *member) for (topic, partition), member in whole.members.items()]
        source = (whole.pipeline, whole.step, whole.generation, members, whole.first_timestamp)
        return msgspec.structs.replace(self, source=(*source, whole.last_timestamp))

    def with_subtask(self, sender: SubtaskId, now: int) -> SupersededWindow:
        """Note that a subtask is in the new epoch."""
        if sender.subtask in self.heard:
            return self
        return msgspec.structs.replace(self, heard=self.heard | {sender.subtask}, latest=now)

    def is_complete(self, subtasks: int, now: int) -> bool:
        """Tell whether nothing more is to be waited for."""
        everybody = len(self.heard) >= subtasks
        return now >= self.began + _MOST_MS or (everybody and now >= self.latest + _GRACE_MS)

    @property
    def lineage(self) -> Lineage | None:
        """Where the rows came from, None if there were none."""
        if self.source is None:
            return None
        pipeline, step, generation, members, first, last = self.source
        places = {(topic, partition): OffsetRange(*member) for topic, partition, *member in members}
        return Lineage(pipeline, step, generation, places, first, last)

    def encode(self) -> bytes:
        """Encode for checkpointed state."""
        return pack(self, _VERSION)


def decode_superseded(data: bytes) -> SupersededWindow:
    """Decode what `SupersededWindow.encode` wrote; ValueError for a version this code does not know."""
    return unpack(data, SupersededWindow, _VERSION, "draining state")
