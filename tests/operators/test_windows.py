from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.windows import Head, cut, decode_head


@given(st.integers(1, 20), st.lists(st.integers(1, 70), max_size=20))
def test_every_window_holds_exactly_its_size_and_no_row_is_lost(size: int, chunks: list[int]) -> None:
    held, filled = 0, []
    current: list[int] = []
    row = 0
    for rows in chunks:
        numbers = list(range(row, row + rows))
        row += rows
        for start, stop, closes in cut(held, size, rows):
            current += numbers[start:stop]
            held += stop - start
            if closes:
                filled.append(current)
                current, held = [], 0
    assert all(len(window) == size for window in filled)
    assert [number for window in [*filled, current] for number in window] == list(range(row))


def test_the_head_survives_encoding() -> None:
    head = Head(window=2**40, rows=123, generation=7)
    assert decode_head(head.encode()) == head


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="window state of version 9"):
        decode_head(b"\x09" + Head(1, 2, 3).encode()[1:])
