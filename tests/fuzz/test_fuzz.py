"""A short form of `make fuzz`, and proof that it finds what breaks a bound."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import pytest
from hypothesis import strategies as st

from tests.fuzz.artifacts import BOOSTERS
from tests.fuzz.bounds import BoundError, Target, check_bounds
from tests.fuzz.separate_process import SeparateProcess
from tests.fuzz.targets import TARGETS, run


@pytest.fixture(scope="module")
def process() -> Iterator[SeparateProcess]:
    process = SeparateProcess()
    yield process
    process.close()


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_read_stays_within_its_bounds(name: str, process: SeparateProcess) -> None:
    assert run(name, 40 if name in BOOSTERS else 100, process)


def test_another_error_is_found() -> None:
    with pytest.raises(BoundError, match="KeyError"):
        check_bounds(Target(st.none(), {}.__getitem__, (ValueError,)), None)


def test_a_reader_that_does_not_end_is_found() -> None:
    with pytest.raises(BoundError, match="did not end within 1 s"):
        check_bounds(
            Target(st.none(), lambda value: [None for _ in repeat(0) if value], ()), None, stuck_seconds=1
        )


def test_a_reader_that_takes_much_memory_is_found() -> None:
    with pytest.raises(BoundError, match=r"it took \d+ MB"):
        check_bounds(Target(st.none(), lambda value: bytearray(2**29).count(1)), None)
