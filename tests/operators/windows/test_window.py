from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.drift.confirmation import Streak
from operators.resources.seldon_schema import Batch
from operators.windows.window import Cut, OpenWindow, cut, decode_window


def windows(batch: Batch, chunks: list[list[int]], now: int = 0) -> tuple[list[list[int]], list[int]]:
    """Feed rows, each its own Kafka time, and return the windows that closed and the rows that are left."""
    window, held, closed = OpenWindow(1, 1), list[int](), list[list[int]]()
    for chunk in chunks:
        for part in cut(window, batch, np.array(chunk, dtype=np.int64)):
            held += chunk[part.start : part.stop]
            if part.closes:
                closed.append(held)
                kept = batch.kept(len(held))
                held = held[len(held) - kept :]
                window = window.closed(kept)
            else:
                window = window.with_rows(part, now)
    assert window.rows == len(held)
    return closed, held


chunks = st.lists(st.integers(1, 70), max_size=20)


def numbered(counts: list[int]) -> list[list[int]]:
    starts = np.cumsum([0, *counts])
    return [list(range(start, start + count)) for start, count in zip(starts, counts, strict=False)]


@given(st.integers(1, 20), chunks)
def test_every_window_holds_exactly_its_size_and_no_row_is_lost(size: int, counts: list[int]) -> None:
    closed, left = windows(Batch(size=size), numbered(counts))
    assert all(len(window) == size for window in closed)
    assert [row for window in [*closed, left] for row in window] == list(range(sum(counts)))


@given(st.integers(2, 40), chunks)
def test_a_rolling_window_moves_on_by_a_tenth(size: int, counts: list[int]) -> None:
    closed, _ = windows(Batch(size=size, rolling=True), numbered(counts))
    hop = max(1, size // 10)
    total = sum(counts)
    assert [window[0] for window in closed] == list(range(0, max(0, total - size + 1), hop))
    assert all(window == list(range(window[0], window[0] + size)) for window in closed)


@given(st.integers(1, 20), st.integers(1, 30), st.lists(st.integers(0, 50), max_size=80))
def test_a_window_of_time_holds_no_row_that_came_too_late(size: int, span: int, gaps: list[int]) -> None:
    times = np.cumsum(gaps).tolist()
    by_row, _ = windows(Batch(size=size, window_ms=span), [[time] for time in times])
    at_once, left = windows(Batch(size=size, window_ms=span), [times] if times else [])
    assert at_once == by_row, "how the rows were batched does not matter"
    assert all(len(window) <= size and window[-1] < window[0] + span for window in at_once)
    assert [time for window in [*at_once, left] for time in window] == times


def test_a_window_without_size_closes_by_time_alone() -> None:
    closed, left = windows(Batch(window_ms=10), [[0, 3, 9], [10, 12], [25]])
    assert (closed, left) == ([[0, 3, 9], [10, 12]], [25])


def test_a_window_that_fell_idle_closes_when_its_time_is_up_by_the_clock() -> None:
    batch = Batch(size=100, window_ms=10_000)
    window = OpenWindow(1, 1).with_rows(Cut(0, 5, False, False, 0), now=1_000)
    assert not window.is_overdue(batch, 10_999)
    assert window.is_overdue(batch, 11_000)
    busy = window.with_rows(Cut(0, 5, False, False, 0), now=10_500)
    assert not busy.is_overdue(batch, 11_000), "rows are still coming"
    assert busy.is_overdue(batch, 12_500)


def test_a_window_without_fresh_rows_is_never_overdue() -> None:
    batch = Batch(size=10, window_ms=1, rolling=True)
    assert not OpenWindow(3, 1, rows=9).is_overdue(batch, 10**12)
    assert not OpenWindow(1, 1).is_overdue(batch, 10**12)
    assert not OpenWindow(1, 1, rows=3, fresh=3).is_overdue(Batch(size=10), 10**12)


def test_an_open_window_survives_encoding() -> None:
    window = OpenWindow(2**40, 7, 123, 100, 1_700_000_000_000, 5, 6, 3, 2, Streak(True, 9, 1))
    assert decode_window(window.encode()) == window


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="window state of version 9"):
        decode_window(b"\x09" + OpenWindow(1, 2, 3).encode()[1:])


def test_state_that_is_cut_is_refused() -> None:
    whole = OpenWindow(1, 2, 3).encode()
    for data in (b"", whole[:-1], whole + b"x"):
        with pytest.raises(ValueError, match="window state "):
            decode_window(data)
