"""Which requests a window was made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from operators.windows.chunks import Chunk


class OffsetRange(NamedTuple):
    """Rows of one topic's partition: the first and the last request's offset, and how many rows."""

    first_offset: int
    last_offset: int
    rows: int


class Lineage(NamedTuple):
    """Where rows of one step came from: members by topic and partition, Kafka times in milliseconds.

    `generation` is the newest that sent any.
    """

    pipeline: str
    step: str
    generation: int
    members: dict[tuple[str, int], OffsetRange]
    first_timestamp: int
    last_timestamp: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(member.rows for member in self.members.values())

    def as_dicts(self) -> Iterator[dict[str, Any]]:
        """Yield the members for people."""
        for (topic, partition), member in sorted(self.members.items()):
            yield {"topic": topic, "partition": partition, **member._asdict()}


def lineage_of(chunk: Chunk) -> Lineage:
    """Tell where a chunk's rows, of which there is at least one, came from."""
    members = {}
    for topic, partition in set(zip(chunk.topic.tolist(), chunk.partition.tolist(), strict=True)):
        offsets = chunk.offset[(chunk.topic == topic) & (chunk.partition == partition)]
        member = OffsetRange(int(offsets.min()), int(offsets.max()), len(offsets))
        members[chunk.topics[topic], partition] = member
    return Lineage(
        chunk.pipeline,
        chunk.step,
        chunk.generation,
        members,
        int(chunk.timestamp.min()),
        int(chunk.timestamp.max()),
    )


def merge_lineages(parts: Sequence[Lineage]) -> Lineage:
    """Put parts of one window together."""
    members: dict[tuple[str, int], OffsetRange] = {}
    for part in parts:
        for place, other in part.members.items():
            known = members.get(place, other._replace(rows=0))
            members[place] = OffsetRange(
                min(known.first_offset, other.first_offset),
                max(known.last_offset, other.last_offset),
                known.rows + other.rows,
            )
    return parts[0]._replace(
        generation=max(part.generation for part in parts),
        members=members,
        first_timestamp=min(part.first_timestamp for part in parts),
        last_timestamp=max(part.last_timestamp for part in parts),
    )
