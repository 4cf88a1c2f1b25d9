from __future__ import annotations

import pytest

from operators.rows.chunks import SubtaskId
from operators.rows.lineage import Lineage, OffsetRange
from operators.windows.superseded import SupersededWindow, decode_superseded


def rows(generation: int, first: int, last: int, partition: int = 0) -> Lineage:
    count = last - first + 1
    place = {("requests", partition): OffsetRange(first, last, count)}
    return Lineage("p", "d", generation, place, first * 10, last * 10)


def test_it_waits_for_every_subtask_and_then_for_stragglers() -> None:
    superseded = SupersededWindow(1, 2, began=1_000, latest=1_000).with_subtask(SubtaskId(0, 2), 1_000)
    assert not superseded.is_complete(2, 30_000), "the other subtask still answers with the old generation"
    superseded = superseded.with_subtask(SubtaskId(1, 2), 30_000)
    assert not superseded.is_complete(2, 31_999)
    assert superseded.is_complete(2, 32_000)


def test_hearing_a_subtask_again_makes_nothing_longer() -> None:
    superseded = SupersededWindow(1, 2, began=0, latest=0).with_subtask(SubtaskId(0), 0)
    assert superseded.with_subtask(SubtaskId(0), 1_999) == superseded


def test_it_waits_no_longer_than_a_minute() -> None:
    superseded = SupersededWindow(1, 2, began=0, latest=0).with_subtask(SubtaskId(0, 2), 0)
    assert not superseded.is_complete(2, 59_999)
    assert superseded.is_complete(2, 60_000)


def test_rows_that_drain_are_accounted_for() -> None:
    superseded = SupersededWindow(1, 2, began=0, latest=0)
    assert superseded.lineage is None
    superseded = (
        superseded.with_rows(rows(1, 5, 9)).with_rows(rows(1, 10, 10)).with_rows(rows(1, 3, 4, partition=1))
    )
    lineage = superseded.lineage
    assert lineage is not None
    assert lineage.members == {("requests", 0): OffsetRange(5, 10, 6), ("requests", 1): OffsetRange(3, 4, 2)}
    assert (lineage.rows, lineage.first_timestamp, lineage.last_timestamp) == (8, 30, 100)


def test_its_state_survives_encoding() -> None:
    superseded = SupersededWindow(4, 7, 11, 12).with_subtask(SubtaskId(3, 4), 13).with_rows(rows(6, 5, 9))
    assert decode_superseded(superseded.encode()) == superseded
    assert decode_superseded(SupersededWindow(4, 0, 11, 12).encode()) == SupersededWindow(4, 0, 11, 12)


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="superseded window state of version 9"):
        decode_superseded(b"\x09")
