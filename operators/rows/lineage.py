"""Lineage: the requests that contain the rows of a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from operators.rows.chunks import Chunk


class OffsetRange(NamedTuple):
    """Rows of one topic's partition: the offsets of the first and the last request, and the row count."""

    first_offset: int
    last_offset: int
    rows: int


class Lineage(NamedTuple):
    """The source of rows of one step: offsets by topic and partition, Kafka times in ms since 1970.

    `generation` is the newest generation that sent one of the rows.
    """

    pipeline: str
    step: str
    generation: int
    members: dict[tuple[str, int], OffsetRange]
    first_timestamp: int
    last_timestamp: int

    @property
    def key(self) -> str:
        """The key of the step in keyed state and of its reports."""
        return f"{self.pipeline}/{self.step}"

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(member.rows for member in self.members.values())

    def as_dicts(self) -> Iterator[dict[str, Any]]:
        """Yield the members, sorted, in the form that reports show."""
        for (topic, partition), member in sorted(self.members.items()):
            yield {"topic": topic, "partition": partition, **member._asdict()}


def lineage_of(chunk: Chunk) -> Lineage:
    """Return the lineage of a chunk's rows. The chunk must have at least one row."""
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
    """Merge the lineages of parts of one window."""
    members: dict[tuple[str, int], OffsetRange] = {}
    for part in parts:
        for partition, member in part.members.items():
            merged = members.get(partition, member._replace(rows=0))
            members[partition] = OffsetRange(
                min(merged.first_offset, member.first_offset),
                max(merged.last_offset, member.last_offset),
                merged.rows + member.rows,
            )
    return parts[0]._replace(
        generation=max(part.generation for part in parts),
        members=members,
        first_timestamp=min(part.first_timestamp for part in parts),
        last_timestamp=max(part.last_timestamp for part in parts),
    )
