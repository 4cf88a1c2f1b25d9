"""Panes: counted parts of a window, so that state need not contain the rows of a large window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from detectors.counts import Counts
from operators.rows.encoding import decode_header, encode_arrays, inflate
from operators.rows.lineage import Lineage, OffsetRange, merge_lineages

_VERSION = 1
# Bytes of a key and its count.
_KEY_BYTES = 8 + 8
Add = Callable[[Sequence[Sequence[Counts]]], list[Counts]]


class Pane(NamedTuple):
    """Rows of one step as counts per column, with their lineage."""

    lineage: Lineage
    counts: list[Counts]

    def encode(self) -> bytes:
        """Encode as a header, and keys and counts as deflated arrays (`encode_arrays`)."""
        lineage = self.lineage
        members = [(topic, partition, *member) for (topic, partition), member in lineage.members.items()]
        header = _Header(
            lineage.pipeline,
            lineage.step,
            lineage.generation,
            members,
            lineage.first_timestamp,
            lineage.last_timestamp,
            [(len(column.keys), column.missing) for column in self.counts],
        )
        keys = np.concatenate([column.keys for column in self.counts]).astype("<f8")
        counts = np.concatenate([column.counts for column in self.counts]).astype("<i8")
        return encode_arrays(_VERSION, header, keys.tobytes() + counts.tobytes())


class _Header(msgspec.Struct, frozen=True, array_like=True):
    pipeline: str
    step: str
    generation: int
    members: list[tuple[str, int, int, int, int]]
    first_timestamp: int
    last_timestamp: int
    columns: list[tuple[int, int]]


def decode_lineage(data: bytes) -> Lineage:
    """Return the lineage of an encoded pane without decoding its counts."""
    return _lineage(_decode_header(data)[0])


def decode_pane(data: bytes) -> Pane:
    """Decode the bytes of `Pane.encode`; ValueError for an unknown version, and for other bytes.

    Keys and counts take at most 256 MB, which is 16 million distinct values.
    """
    header, end = _decode_header(data)
    if any(size < 0 for size, _ in header.columns):
        raise ValueError("a pane declares a negative number of keys")
    total = sum(size for size, _ in header.columns)
    body = inflate(data, end, total * _KEY_BYTES, "a pane")
    keys = np.frombuffer(body, "<f8", count=total)
    counts = np.frombuffer(body, "<i8", count=total, offset=keys.nbytes)
    ends = np.cumsum([size for size, _ in header.columns])[:-1]
    columns = zip(np.split(keys, ends), np.split(counts, ends), header.columns, strict=True)
    return Pane(_lineage(header), [Counts(key, count, missing) for key, count, (_, missing) in columns])


def _decode_header(data: bytes) -> tuple[_Header, int]:
    """Return the header, and the position at which it ends."""
    return decode_header(data, _VERSION, _Header, "a pane")


def _lineage(header: _Header) -> Lineage:
    members = {(topic, partition): OffsetRange(*member) for topic, partition, *member in header.members}
    times = header.first_timestamp, header.last_timestamp
    return Lineage(header.pipeline, header.step, header.generation, members, *times)


def merge(panes: Sequence[Pane], add: Add) -> Pane:
    """Merge panes of one window into one; `add` adds their counts."""
    if len(panes) == 1:
        return panes[0]
    return Pane(merge_lineages([pane.lineage for pane in panes]), add([pane.counts for pane in panes]))


def compact(panes: Sequence[Pane], slide: int, add: Add) -> list[Pane]:
    """Merge the panes that leave a rolling window together: the panes of each `slide` rows."""
    return [merge(group, add) for group in _groups_by_slide(panes, slide)]


def keep(panes: Sequence[Pane], most: int, slide: int) -> list[Pane]:
    """Drop whole slides from the start until at most `most` rows remain."""
    remaining = sum(pane.lineage.rows for pane in panes)
    kept: list[Pane] = []
    for group in _groups_by_slide(panes, slide):
        if remaining > most:
            remaining -= sum(pane.lineage.rows for pane in group)
        else:
            kept.extend(group)
    return kept


def _groups_by_slide(panes: Sequence[Pane], slide: int) -> Iterator[list[Pane]]:
    """Yield the panes of each slide. The first pane begins a slide, and no pane spans two slides."""
    group: list[Pane] = []
    rows = 0
    for pane in panes:
        group.append(pane)
        rows += pane.lineage.rows
        if rows % slide == 0:
            yield group
            group = []
    if group:
        yield group
