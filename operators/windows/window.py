"""Windows over chunks, closed by rows or by time, whichever comes first: state in, state out."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.drift.confirmation import Streak
from operators.resources.seldon_schema import Batch

_LAYOUT = struct.Struct("<BQQQQqqqQQ?QQ")
_VERSION = 4
# A window whose time is up by the clock, not by a request's time, waits so long for stragglers.
_GRACE_MS = 2_000


class OpenWindow(NamedTuple):
    """A step's open window: its number (from 1), the epoch it belongs to, the rows it holds, and how many of
    them are `fresh`, in no earlier window.

    Of the fresh rows: `opened` is the Kafka time of the first, `arrived` and `last` the clock when the first
    and the last came, all in milliseconds. `pending` rows are not counted yet, the others are in `panes`
    panes. `streak` is what the windows before confirmed.
    """

    window: int
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

    def grown(self, cut: Cut, now: int) -> OpenWindow:
        """Take in a cut."""
        rows = cut.stop - cut.start
        return self._replace(
            rows=self.rows + rows,
            fresh=self.fresh + rows,
            opened=cut.opened,
            arrived=self.arrived if self.fresh else now,
            last=now,
            pending=self.pending + rows,
        )

    def closed(self, rows: int = 0, panes: int = 0) -> OpenWindow:
        """Begin the next window with what is kept of this one."""
        return OpenWindow(self.window + 1, self.epoch, rows, panes=panes, streak=self.streak)

    def of_epoch(self, epoch: int) -> OpenWindow:
        """Begin the same number again, without rows, in another epoch."""
        return OpenWindow(self.window, epoch, streak=self.streak)

    def idle(self, batch: Batch, now: int) -> bool:
        """Tell whether the window's time is up by the clock although no request closed it.

        While rows come it waits longer: their own times may yet close it, as a replay would.
        """
        if not batch.window_ms or not self.fresh:
            return False
        due = self.arrived + batch.window_ms
        return now >= due + _GRACE_MS or now >= max(due, self.last + min(batch.window_ms, _GRACE_MS))


def decode_window(data: bytes) -> OpenWindow:
    """Decode what `OpenWindow.encode` wrote; ValueError for a version this code does not know."""
    if data[0] != _VERSION:
        raise ValueError(f"window state of version {data[0]} cannot be read here, only version {_VERSION}")
    fields = _LAYOUT.unpack(data)
    return OpenWindow._make((*fields[1:-3], Streak._make(fields[-3:])))


class Cut(NamedTuple):
    """Rows from start up to stop of a chunk go into one window; `closes` says that it ends with them.

    `slides` says that the rows of a rolling window that leave it together end with them. `opened` is the
    Kafka time of the window's first fresh row.
    """

    start: int
    stop: int
    closes: bool
    slides: bool
    opened: int


def cut(head: OpenWindow, batch: Batch, timestamps: NDArray[np.int64]) -> Iterator[Cut]:
    """Cut a chunk's rows, given by their Kafka times in milliseconds, where they close or slide windows.

    A window closes when it is full, or before the first row that came `windowMs` or more after its first
    fresh one.

    >>> times = np.arange(8)
    >>> [tuple(part)[:3] for part in cut(OpenWindow(1, 1, rows=3, fresh=3), Batch(size=5), times)]
    [(0, 2, True), (2, 7, True), (7, 8, False)]
    >>> [tuple(part)[:3] for part in cut(OpenWindow(1, 1), Batch(size=5, window_ms=4), times)]
    [(0, 4, True), (4, 8, False)]
    """
    start, held, fresh, opened = 0, head.rows, head.fresh, head.opened
    while start < len(timestamps):
        opened = opened if fresh else int(timestamps[start])
        room = min(batch.rows - held, batch.slide - held % batch.slide)
        stop = min(len(timestamps), start + room)
        late = timestamps[start:stop] >= opened + batch.window_ms
        timed_out = bool(batch.window_ms) and bool(late.any())
        if timed_out:
            stop = start + int(late.argmax())
        held, fresh = held + stop - start, fresh + stop - start
        closes = timed_out or held == batch.rows
        yield Cut(start, stop, closes, held % batch.slide == 0, opened)
        if closes:
            held, fresh = batch.kept(held), 0
        start = stop
