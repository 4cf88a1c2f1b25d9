"""Windows over chunks, closed by row count or by time, whichever comes first. Pure functions of state."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.drift.confirmation import Streak
from operators.resources.seldon_schema import Batch
from operators.rows.lineage import Lineage

_LAYOUT = struct.Struct("<BQQQQqqqQQ?QQ")
_VERSION = 4
# A window that the clock closes, not a request's time, first waits this long for delayed rows.
_GRACE_MS = 2_000


class OpenWindow(NamedTuple):
    """A step's open window: its number (from 1), its epoch, and its number of rows.

    `fresh` rows were in no earlier window. `opened` is the Kafka time of the first fresh row; `arrived` and
    `last` are the clock's times when the first and the last fresh row arrived, all in milliseconds since
    1970. `pending` rows are not counted yet; the others are in `panes` panes. `streak` is the result of the
    windows before.
    """

    number: int
    epoch: int
    rows: int = 0
    fresh: int = 0
    opened: int = 0
    arrived: int = 0
    last: int = 0
    pending: int = 0
    panes: int = 0
    streak: Streak = Streak()

    def encode(self) -> bytes:
        """Encode for checkpointed state."""
        return _LAYOUT.pack(_VERSION, *self[:-1], *self.streak)

    def with_rows(self, cut: Cut, now: int) -> OpenWindow:
        """Return the window with the rows of a cut."""
        rows = cut.stop - cut.start
        return self._replace(
            rows=self.rows + rows,
            fresh=self.fresh + rows,
            opened=cut.opened,
            arrived=self.arrived if self.fresh else now,
            last=now,
            pending=self.pending + rows,
        )

    def with_pane(self, lineage: Lineage, now: int) -> OpenWindow:
        """Return the window with counted rows; none may be pending."""
        opened = self.opened if self.fresh else lineage.first_timestamp
        counted = self.with_rows(Cut(0, lineage.rows, False, False, opened), now)
        return counted._replace(pending=0)

    def closed(self, rows: int = 0) -> OpenWindow:
        """Return the next window, which begins with `rows` rows of this one."""
        return OpenWindow(self.number + 1, self.epoch, rows, streak=self.streak)

    def of_epoch(self, epoch: int) -> OpenWindow:
        """Return a window without rows in another epoch, with the same number."""
        return OpenWindow(self.number, epoch, streak=self.streak)

    def is_overdue(self, batch: Batch, now: int) -> bool:
        """Return whether the clock has passed `windowMs` although no request has closed the window.

        While rows arrive, the window waits longer: their own times may close it, as in a replay.
        """
        if not batch.window_ms or not self.fresh:
            return False
        due = self.arrived + batch.window_ms
        return now >= due + _GRACE_MS or now >= max(due, self.last + min(batch.window_ms, _GRACE_MS))


def decode_window(data: bytes) -> OpenWindow:
    """Decode the bytes of `OpenWindow.encode`; ValueError for an unknown version, and for other bytes."""
    version = int.from_bytes(data[:1], "big")
    if version != _VERSION:
        raise ValueError(
            f"window state of version {version} cannot be read; this code reads version {_VERSION}"
        )
    if len(data) != _LAYOUT.size:
        raise ValueError(f"window state has {len(data)} bytes; it must have {_LAYOUT.size}")
    fields = _LAYOUT.unpack(data)
    return OpenWindow._make((*fields[1:-3], Streak._make(fields[-3:])))


class Cut(NamedTuple):
    """Rows of a chunk, from `start` up to but not including `stop`, that belong to one window.

    `closes`: the window closes after these rows. `slides`: a slide, the rows that leave a rolling window
    together, ends with these rows. `opened` is the Kafka time of the window's first fresh row, in
    milliseconds since 1970.
    """

    start: int
    stop: int
    closes: bool
    slides: bool
    opened: int


def cut(window: OpenWindow, batch: Batch, timestamps: NDArray[np.int64]) -> Iterator[Cut]:
    """Yield the parts of a chunk, cut where its rows close or slide a window.

    `timestamps` are the Kafka times of the chunk's rows in milliseconds. A window closes when it is full, or
    before the first row that is `windowMs` or more later than the window's first fresh row.

    >>> times = np.arange(8)
    >>> [tuple(part)[:3] for part in cut(OpenWindow(1, 1, rows=3, fresh=3), Batch(size=5), times)]
    [(0, 2, True), (2, 7, True), (7, 8, False)]
    >>> [tuple(part)[:3] for part in cut(OpenWindow(1, 1), Batch(size=5, window_ms=4), times)]
    [(0, 4, True), (4, 8, False)]
    """
    start, rows, fresh, opened = 0, window.rows, window.fresh, window.opened
    while start < len(timestamps):
        opened = opened if fresh else int(timestamps[start])
        room = min(batch.rows - rows, batch.slide - rows % batch.slide)
        stop = min(len(timestamps), start + room)
        late = timestamps[start:stop] >= opened + batch.window_ms
        timed_out = bool(batch.window_ms) and bool(late.any())
        if timed_out:
            stop = start + int(late.argmax())
        rows, fresh = rows + stop - start, fresh + stop - start
        closes = timed_out or rows == batch.rows
        yield Cut(start, stop, closes, rows % batch.slide == 0, opened)
        if closes:
            rows, fresh = batch.kept(rows), 0
        start = stop
