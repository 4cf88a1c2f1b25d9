from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.core.tensors import TensorColumn, concatenate, take


def column(counts: list[int]) -> TensorColumn:
    return TensorColumn(np.arange(sum(counts) * 2).reshape(-1, 2), np.array(counts, dtype=np.int64))


def parts(of: TensorColumn) -> list[Any]:
    bounds = of.bounds()
    return [of.data[start:stop].tolist() for start, stop in pairwise(bounds)]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.data())
def test_taking_requests_takes_their_rows(counts: list[int], data: st.DataObject) -> None:
    whole = column(counts)
    wanted = data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=8))
    taken = whole.take(np.array(wanted, dtype=np.intp))
    assert parts(taken) == [parts(whole)[i] for i in wanted]


def test_concatenating_puts_back_what_was_taken_apart() -> None:
    whole = {"a": column([1, 3, 2])}
    pieces = [take(whole, np.array([0])), take(whole, np.array([1, 2]))]
    assert parts(concatenate(pieces)["a"]) == parts(whole["a"])
