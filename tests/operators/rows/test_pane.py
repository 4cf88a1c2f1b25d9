from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.drift.tabular import TabularDrift
from operators.resources.seldon_schema import Batch
from operators.rows.chunks import Chunk, SubtaskId
from operators.rows.lineage import OffsetRange, lineage_of
from operators.rows.pane import Pane, compact, decode_pane, keep, merge
from operators.windows.window import OpenWindow, cut

RNG = np.random.default_rng(0)
DETECTOR = TabularDrift(
    np.column_stack([RNG.normal(size=400).round(1), RNG.integers(0, 4, 400)]),
    categories_per_feature={1: None},
)
ROWS = np.column_stack([RNG.normal(size=400).round(1), RNG.integers(0, 5, 400)])
ROWS[::50] = np.nan


def pane(start: int, stop: int) -> Pane:
    """The rows from start up to stop, of two topics in turn."""
    number = np.arange(start, stop)
    topic, partition = (number % 2).astype(np.int8), (number % 3).astype(np.int32)
    chunk = Chunk(
        "p",
        "d",
        2,
        2,
        False,
        SubtaskId(),
        ROWS[start:stop],
        ("a", "b"),
        topic,
        partition,
        number * 10,
        number,
    )
    return Pane(lineage_of(chunk), DETECTOR.count(chunk.rows))


def assert_same(one: Pane, other: Pane) -> None:
    assert one.lineage == other.lineage
    for mine, yours in zip(one.counts, other.counts, strict=True):
        assert np.array_equal(mine.keys, yours.keys)
        assert np.array_equal(mine.counts, yours.counts)
        assert mine.missing == yours.missing


def test_a_pane_survives_encoding() -> None:
    assert_same(decode_pane(pane(3, 90).encode()), pane(3, 90))


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="a pane of version 9"):
        decode_pane(b"\x09" + pane(0, 5).encode()[1:])


@given(st.lists(st.integers(1, 399), max_size=8))
def test_panes_put_together_are_the_window(cuts: list[int]) -> None:
    bounds = [0, *sorted(set(cuts)), 400]
    panes = [pane(start, stop) for start, stop in pairwise(bounds)]
    assert_same(merge(panes[::-1], DETECTOR.add)._replace(lineage=pane(0, 400).lineage), pane(0, 400))
    assert merge(panes, DETECTOR.add).lineage == pane(0, 400).lineage


def test_a_window_names_its_requests() -> None:
    lineage = pane(0, 12).lineage
    assert lineage.members["a", 0] == OffsetRange(first_offset=0, last_offset=60, rows=2)
    assert (lineage.rows, lineage.first_timestamp, lineage.last_timestamp) == (12, 0, 11)


@given(st.integers(1, 60), st.lists(st.integers(1, 90), min_size=1, max_size=12))
def test_a_rolling_window_of_panes_holds_the_rows_it_should(size: int, chunks: list[int]) -> None:
    batch = Batch(size=size, rolling=True)
    head, panes, start, closed = OpenWindow(1, 1), list[Pane](), 0, 0
    for count in chunks:
        stop = min(400, start + count)
        for part in cut(head, batch, np.arange(start, stop)):
            panes = compact([*panes, pane(start + part.start, start + part.stop)], batch.slide, DETECTOR.add)
            head = head.with_rows(part, 0)
            if part.closes:
                first = closed * batch.slide
                assert_same(merge(panes, DETECTOR.add), pane(first, first + size))
                kept = batch.kept(head.rows)
                panes, closed = keep(panes, kept, batch.slide), closed + 1
                assert sum(one.lineage.rows for one in panes) == kept
                head = head.closed(kept)
        start = stop
    assert len(panes) <= 11 + size % 10
