"""What a chunk does to the windows of its step, as pure functions of state, chunk and clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from operators.resources.seldon_schema import Batch
from operators.rows.chunks import Chunk
from operators.rows.counted_rows import Arrived, CountedRows
from operators.rows.lineage import Lineage, lineage_of
from operators.rows.pane import Pane
from operators.windows.superseded import SupersededWindow
from operators.windows.window import OpenWindow, cut

# Count rows in groups of this size: smaller groups cost more time, larger ones more state.
_MAX_PENDING_ROWS = 1_000


class StepState(NamedTuple):
    """A step's open window, and the window that the latest epoch ended, until that is reported."""

    window: OpenWindow
    superseded: SupersededWindow | None = None


class Lookups(NamedTuple):
    """What some decisions need to know besides state, chunk and clock.

    `batch` returns the batch settings of the chunk's release, `lineage` that of the open window's rows, and
    `has_topic` whether the topic of the step's reports exists.
    """

    batch: Callable[[], Batch]
    lineage: Callable[[], Lineage]
    has_topic: Callable[[], bool]


class AddRows(NamedTuple):
    """Add the chunk's rows from `start` up to, but not including, `stop` to the open window."""

    start: int
    stop: int


class AddPane(NamedTuple):
    """Add counted rows to the open window."""

    pane: Pane


class CountRows(NamedTuple):
    """Count the open window's pending rows into a pane."""


class CloseWindow(NamedTuple):
    """Judge and report window `number`; keep at most `kept` of its rows for the next one."""

    number: int
    kept: int


class ClearRows(NamedTuple):
    """Delete the open window's rows, because a new epoch ends it."""


class ReportSuperseded(NamedTuple):
    """Report a window without a verdict. `successor` as in `SupersededWindow`."""

    number: int
    lineage: Lineage
    successor: int


class DropSuperseded(NamedTuple):
    """Drop a window of a deleted step whose topic is deleted too."""

    lineage: Lineage


class CountLateRows(NamedTuple):
    """Count rows of an earlier epoch whose window is reported already."""

    rows: int


class ResolveAlerts(NamedTuple):
    """Resolve the step's alerts and forget its streak, because no live pipeline contains it."""


Effect = (
    AddRows
    | AddPane
    | CountRows
    | CloseWindow
    | ClearRows
    | ReportSuperseded
    | DropSuperseded
    | CountLateRows
    | ResolveAlerts
)
Advanced = tuple[StepState, list[Effect]]


def advance(state: StepState, chunk: Arrived, now: int, lookups: Lookups) -> Advanced:
    """Return the state after a chunk or counted rows, and the effects in the order in which they must happen.

    Rows, the clock or a new epoch end a window. `now` is the clock's time in milliseconds since 1970.
    `streak` and `panes` of the open window are not considered; they follow from the effects.
    """
    effects: list[Effect] = []
    if chunk.epoch > state.window.epoch:
        state, effects = _begin_epoch(state, chunk, now, lookups)
    if chunk.epoch < state.window.epoch:
        state, more = _add_earlier_rows(state, chunk)
        effects += more
    elif not chunk.ended:
        batch = lookups.batch()
        if isinstance(chunk, CountedRows):
            window, more = _add_pane(state.window, chunk.pane, now, batch)
        else:
            window, more = _fill(state.window, chunk, now, batch)
        state, effects = state._replace(window=window), effects + more
    return _leave_epoch(state, chunk, now, lookups, effects)


def finish(window: OpenWindow, batch: Batch) -> tuple[OpenWindow, list[Effect]]:
    """Close the open window if it has fresh rows, because no more rows follow."""
    return _close(window, batch) if window.fresh else (window, [])


def _begin_epoch(state: StepState, chunk: Arrived, now: int, lookups: Lookups) -> Advanced:
    """End the open window. It remains as the superseded one, for rows of slower subtasks."""
    state, effects = _supersede(state, lookups)
    window = state.window
    superseded = SupersededWindow(window.epoch, 0 if chunk.ended else chunk.generation, now, now)
    if window.fresh:
        superseded = superseded.with_rows(lookups.lineage())
    effects.append(ClearRows())
    if chunk.ended:
        effects.append(ResolveAlerts())
    return StepState(window.of_epoch(chunk.epoch), superseded), effects


def _add_earlier_rows(state: StepState, chunk: Arrived) -> Advanced:
    """Add rows of an earlier epoch to its superseded window; count them as late if that is reported."""
    if not isinstance(chunk, CountedRows) and not len(chunk.rows):
        return state, []
    lineage = chunk.pane.lineage if isinstance(chunk, CountedRows) else lineage_of(chunk)
    if state.superseded and chunk.epoch == state.superseded.epoch:
        return state._replace(superseded=state.superseded.with_rows(lineage)), []
    return state, [CountLateRows(lineage.rows)]


def _fill(window: OpenWindow, chunk: Chunk, now: int, batch: Batch) -> tuple[OpenWindow, list[Effect]]:
    """Add the chunk's rows. Close the windows that they fill, or that are overdue when none arrive."""
    effects: list[Effect] = []
    if not len(chunk.rows) and window.is_overdue(batch, now):
        window, effects = _close(window, batch)
    for part in cut(window, batch, chunk.timestamp):
        if part.stop > part.start:
            effects.append(AddRows(part.start, part.stop))
            window = window.with_rows(part, now)
        if part.closes:
            window, more = _close(window, batch)
        elif part.slides or window.pending >= _MAX_PENDING_ROWS:
            window, more = _count(window)
        else:
            more = []
        effects += more
    return window, effects


def _add_pane(window: OpenWindow, pane: Pane, now: int, batch: Batch) -> tuple[OpenWindow, list[Effect]]:
    """Add counted rows, which are not divided: the window closes as soon as it has its size or more."""
    effects: list[Effect] = []
    if window.fresh and batch.window_ms and pane.lineage.first_timestamp >= window.opened + batch.window_ms:
        window, effects = _close(window, batch)
    window, more = _count(window)
    window = window.with_pane(pane.lineage, now)
    effects += [*more, AddPane(pane)]
    if window.rows >= batch.rows:
        window, more = _close(window, batch)
        effects += more
    return window, effects


def _count(window: OpenWindow) -> tuple[OpenWindow, list[Effect]]:
    return window._replace(pending=0), [CountRows()] if window.pending else []


def _close(window: OpenWindow, batch: Batch) -> tuple[OpenWindow, list[Effect]]:
    window, effects = _count(window)
    kept = batch.kept(window.rows)
    return window.closed(kept), [*effects, CloseWindow(window.number, kept)]


def _leave_epoch(
    state: StepState, chunk: Arrived, now: int, lookups: Lookups, effects: list[Effect]
) -> Advanced:
    """Note that the sender has left the superseded window's epoch; report the window once all have."""
    superseded = state.superseded
    if superseded and chunk.epoch == state.window.epoch:
        superseded = superseded.with_subtask(chunk.sender, now)
        state = state._replace(superseded=superseded)
    if superseded and superseded.is_complete(chunk.sender.subtasks, now):
        state, more = _supersede(state, lookups)
        effects = effects + more
    return state, effects


def _supersede(state: StepState, lookups: Lookups) -> Advanced:
    """Report the superseded window, if it has rows, under the next number."""
    window, superseded = state
    if superseded is None or (lineage := superseded.lineage) is None:
        return StepState(window), []
    if not superseded.successor and not lookups.has_topic():
        return StepState(window), [DropSuperseded(lineage)]
    report = ReportSuperseded(window.number, lineage, superseded.successor)
    return StepState(window._replace(number=window.number + 1)), [report]
