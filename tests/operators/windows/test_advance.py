"""Every event in every state, as values: what becomes of the state, and which effects follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from operators.resources.seldon_schema import Batch
from operators.rows.chunks import Chunk, SubtaskId
from operators.rows.lineage import Lineage, OffsetRange
from operators.windows.advance import (
    AddRows,
    ClearRows,
    CloseWindow,
    CountLateRows,
    CountRows,
    DropSuperseded,
    Effect,
    Lookups,
    ReportSuperseded,
    ResolveAlerts,
    StepState,
    advance,
    finish,
)
from operators.windows.superseded import SupersededWindow
from operators.windows.window import OpenWindow

BATCH = Batch(size=4, window_ms=60_000)
NOW = 100_000
TOPIC = "weir.default.pipeline.p.inputs"


def chunk(epoch: int, n: int = 0, *, sender: int = 0, ended: bool = False, time: int = NOW) -> Chunk:
    """A chunk of n rows at offsets 50 to 50 + n, from one of two subtasks."""
    return Chunk(
        "p",
        "step",
        epoch,
        epoch,
        ended,
        SubtaskId(sender, 2),
        np.zeros((n, 1), np.uint8),
        (TOPIC,),
        np.zeros(n, np.int8),
        np.zeros(n, np.int32),
        np.arange(50, 50 + n),
        np.full(n, time),
    )


def lineage(n: int, first: int, epoch: int = 1, time: int = NOW) -> Lineage:
    """The lineage of n rows of one request each, from one partition."""
    return Lineage("p", "step", epoch, {(TOPIC, 0): OffsetRange(first, first + n - 1, n)}, time, time)


def lookups(*, has_topic: bool = True, batch: Batch = BATCH) -> Lookups:
    return Lookups(lambda: batch, lambda: lineage(2, 0), lambda: has_topic)


def forbidden() -> Any:
    raise AssertionError("this decision needs no lookup")


NONE = Lookups(forbidden, forbidden, forbidden)
# Two rows that arrived now, in epoch 1.
HALF = OpenWindow(3, 1, rows=2, fresh=2, opened=NOW, arrived=NOW, last=NOW, pending=2)
EMPTY = OpenWindow(3, 1)
# Epoch 2 has begun; the window of epoch 1 has two rows, and nobody has arrived yet.
ENDED = SupersededWindow(1, 2, NOW, NOW).with_rows(lineage(2, 0))


def test_rows_join_an_open_window() -> None:
    after, effects = advance(StepState(EMPTY), chunk(1, 2), NOW, lookups())
    assert after == StepState(HALF)
    assert effects == [AddRows(0, 2)]


def test_rows_that_fill_a_window_are_counted_and_close_it_and_the_others_begin_the_next() -> None:
    after, effects = advance(StepState(HALF), chunk(1, 3), NOW, lookups())
    assert effects == [AddRows(0, 2), CountRows(), CloseWindow(3, 0), AddRows(2, 3)]
    assert after.window[:4] == (4, 1, 1, 1)


def test_a_full_rolling_window_keeps_its_later_rows() -> None:
    rolling = lookups(batch=Batch(size=20, rolling=True))
    full = OpenWindow(3, 1, rows=19, fresh=1, opened=NOW, arrived=NOW, last=NOW)
    after, effects = advance(StepState(full), chunk(1, 1), NOW, rolling)
    assert effects == [AddRows(0, 1), CountRows(), CloseWindow(3, 18)]
    assert after.window[:4] == (4, 1, 18, 0)


def test_a_rolling_window_is_counted_at_each_slide() -> None:
    rolling = lookups(batch=Batch(size=20, rolling=True))
    after, effects = advance(StepState(OpenWindow(1, 1)), chunk(1, 5), NOW, rolling)
    assert effects == [AddRows(0, 2), CountRows(), AddRows(2, 4), CountRows(), AddRows(4, 5)]
    assert (after.window.rows, after.window.pending) == (5, 1)


def test_a_thousand_pending_rows_are_counted() -> None:
    large = lookups(batch=Batch(size=100_000))
    after, effects = advance(StepState(EMPTY), chunk(1, 999), NOW, large)
    assert effects == [AddRows(0, 999)]
    after, effects = advance(after, chunk(1, 1), NOW, large)
    assert effects == [AddRows(0, 1), CountRows()]
    assert (after.window.rows, after.window.pending) == (1_000, 0)


@pytest.mark.parametrize(
    ("later", "effects"),
    [(59_999, []), (60_000, []), (61_999, []), (62_000, [CountRows(), CloseWindow(3, 0)])],
)
def test_a_heartbeat_closes_a_window_two_seconds_after_its_time_while_rows_arrive(
    later: int, effects: list[Effect]
) -> None:
    arriving = HALF._replace(last=NOW + later)
    assert advance(StepState(arriving), chunk(1), NOW + later, lookups())[1] == effects


def test_a_heartbeat_closes_a_window_at_its_time_if_no_rows_arrive() -> None:
    assert advance(StepState(HALF), chunk(1), NOW + 59_999, lookups()) == (StepState(HALF), [])
    after, effects = advance(StepState(HALF), chunk(1), NOW + 60_000, lookups())
    assert (after, effects) == (StepState(OpenWindow(4, 1)), [CountRows(), CloseWindow(3, 0)])


def test_a_heartbeat_closes_no_window_without_fresh_rows() -> None:
    assert advance(StepState(EMPTY), chunk(1), NOW + 600_000, lookups()) == (StepState(EMPTY), [])


@pytest.mark.parametrize("n", [0, 1])
def test_a_new_epoch_ends_the_window_and_waits_for_the_other_subtask(n: int) -> None:
    after, effects = advance(StepState(HALF), chunk(2, n), NOW, lookups())
    assert effects == [ClearRows(), *[AddRows(0, 1)] * n]
    assert after.window[:4] == (3, 2, n, n)
    assert after.superseded == ENDED.with_subtask(SubtaskId(0, 2), NOW)


def test_a_new_epoch_without_rows_in_the_old_one_reports_nothing_later() -> None:
    after, effects = advance(StepState(EMPTY), chunk(2), NOW, lookups())
    assert effects == [ClearRows()]
    after, effects = advance(after, chunk(2, sender=1), NOW, lookups())
    assert advance(after, chunk(2), NOW + 2_000, lookups()) == (StepState(OpenWindow(3, 2)), [])


def test_rows_of_the_old_epoch_join_the_window_that_ended() -> None:
    state = StepState(OpenWindow(3, 2), ENDED)
    after, effects = advance(state, chunk(1, 3), NOW, NONE)
    assert effects == []
    assert after.window == state.window
    assert after.superseded == ENDED.with_rows(lineage(3, 50))


def test_a_heartbeat_of_the_old_epoch_changes_nothing() -> None:
    state = StepState(OpenWindow(3, 2), ENDED)
    assert advance(state, chunk(1), NOW, NONE) == (state, [])


@pytest.mark.parametrize("superseded", [None, SupersededWindow(2, 3, NOW, NOW)])
def test_rows_of_an_epoch_that_is_reported_are_late(superseded: SupersededWindow | None) -> None:
    state = StepState(OpenWindow(3, 3), superseded)
    assert advance(state, chunk(1, 5), NOW, NONE) == (state, [CountLateRows(5)])


def test_the_window_that_ended_is_reported_two_seconds_after_every_subtask_arrived() -> None:
    state = StepState(OpenWindow(3, 2), ENDED)
    state, effects = advance(state, chunk(2, sender=0), NOW, lookups())
    assert effects == []
    state, effects = advance(state, chunk(2, sender=1), NOW + 5_000, lookups())
    assert effects == []
    state, effects = advance(state, chunk(2), NOW + 6_999, lookups())
    assert effects == []
    state, effects = advance(state, chunk(2), NOW + 7_000, lookups())
    assert effects == [ReportSuperseded(3, lineage(2, 0), 2)]
    assert state == StepState(OpenWindow(4, 2))


def test_the_window_that_ended_is_reported_after_a_minute_whoever_is_missing() -> None:
    state = StepState(OpenWindow(3, 2), ENDED)
    assert advance(state, chunk(2), NOW + 59_999, lookups())[1] == []
    after, effects = advance(state, chunk(2), NOW + 60_000, lookups())
    assert (after, effects) == (StepState(OpenWindow(4, 2)), [ReportSuperseded(3, lineage(2, 0), 2)])


def test_another_epoch_reports_the_window_that_ended_first() -> None:
    state = StepState(OpenWindow(3, 2, rows=2, fresh=2, pending=2), ENDED)
    after, effects = advance(state, chunk(3), NOW, lookups())
    assert effects == [ReportSuperseded(3, lineage(2, 0), 2), ClearRows()]
    assert after.window == OpenWindow(4, 3)
    assert after.superseded is not None
    assert (after.superseded.epoch, after.superseded.successor) == (2, 3)


def test_the_end_of_a_step_ends_its_window_and_its_alerts() -> None:
    after, effects = advance(StepState(HALF), chunk(2, ended=True), NOW, lookups())
    assert effects == [ClearRows(), ResolveAlerts()]
    assert after.superseded is not None
    assert after.superseded.successor == 0


@pytest.mark.parametrize(
    ("has_topic", "number", "effect"),
    [(True, 4, ReportSuperseded(3, lineage(2, 0), 0)), (False, 3, DropSuperseded(lineage(2, 0)))],
)
def test_the_last_window_of_a_step_is_reported_if_it_has_a_topic(
    has_topic: bool, number: int, effect: Effect
) -> None:
    ended = SupersededWindow(1, 0, NOW, NOW).with_rows(lineage(2, 0))
    state = StepState(OpenWindow(3, 2), ended)
    after, effects = advance(state, chunk(2, ended=True), NOW + 60_000, lookups(has_topic=has_topic))
    assert (after, effects) == (StepState(OpenWindow(number, 2)), [effect])


def test_a_step_that_is_still_ended_loads_no_model() -> None:
    state = StepState(OpenWindow(3, 2))
    assert advance(state, chunk(2, ended=True), NOW, NONE) == (state, [])


@pytest.mark.parametrize(
    ("window", "after", "effects"),
    [
        (HALF, OpenWindow(4, 1), [CountRows(), CloseWindow(3, 0)]),
        (HALF._replace(pending=0), OpenWindow(4, 1), [CloseWindow(3, 0)]),
        (EMPTY, EMPTY, []),
    ],
)
def test_the_end_of_the_data_closes_a_window_with_fresh_rows(
    window: OpenWindow, after: OpenWindow, effects: list[Effect]
) -> None:
    assert finish(window, BATCH) == (after, effects)


def test_of_a_thousand_random_chunks_every_row_is_in_one_window_or_late() -> None:
    random = np.random.default_rng(4)
    state, epoch, now, sent = StepState(OpenWindow(1, 1)), 1, NOW, 0
    added = pending = judged = superseded = late = 0
    numbers: list[int] = []
    for _ in range(1_000):
        now += int(random.integers(0, 4_000))
        epoch += int(random.random() < 0.05)
        n = int(random.integers(0, 7))
        sent += n
        rows = chunk(max(1, epoch - int(random.random() < 0.3)), n, sender=int(random.integers(2)), time=now)
        held = lineage(added, 0)
        reads = Lookups(lambda: BATCH, lambda held=held: held, lambda: True)  # type: ignore[misc]
        state, effects = advance(state, rows, now, reads)
        for effect in effects:
            match effect:
                case AddRows(start, stop):
                    added, pending = added + stop - start, pending + stop - start
                case CountRows():
                    pending = 0
                case CloseWindow(number):
                    assert pending == 0
                    numbers.append(number)
                    judged, added = judged + added, 0
                case ClearRows():
                    added = pending = 0
                case ReportSuperseded(number, of_rows):
                    numbers.append(number)
                    superseded += of_rows.rows
                case CountLateRows(count):
                    late += count
        assert (state.window.rows, state.window.pending) == (added, pending)
    waiting = state.superseded.lineage if state.superseded else None
    assert sent == judged + superseded + late + added + (waiting.rows if waiting else 0)
    assert numbers == list(range(1, len(numbers) + 1))
    assert min(judged, superseded, late) > 0
