from __future__ import annotations

import numpy as np
import pytest

from operators.core.errors import MismatchError
from operators.core.tensors import TensorColumn, Tensors
from operators.pipeline.failure_isolation import Budget, isolate


def batch(values: list[float]) -> Tensors:
    return {"x": TensorColumn(np.array(values)[:, None], np.ones(len(values), dtype=np.int64))}


class Picky:
    """Refuses any batch that holds a negative number or infinity, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, tensors: Tensors) -> Tensors:
        self.calls += 1
        column = tensors["x"]
        if (column.data < 0).any() or np.isinf(column.data).any():
            raise ValueError("negative or infinite")
        return {"y": column._replace(data=column.data * 10)}


def test_without_a_failure_the_step_is_called_once() -> None:
    step = Picky()
    done = isolate(step, batch([1, 2, 3]), Budget())
    assert step.calls == 1
    assert [(part.tolist(), outputs["y"].data.ravel().tolist()) for part, outputs in done.parts] == [
        ([0, 1, 2], [10, 20, 30])
    ]
    assert not done.failures


@pytest.mark.parametrize("bad", [[0], [5], [2, 3], [0, 7, 40], list(range(0, 50, 2)), list(range(50))])
def test_bad_requests_fail_and_their_neighbours_are_answered(bad: list[int]) -> None:
    values = [-1.0 if i in bad else float(i) for i in range(50)]
    done = isolate(Picky(), batch(values), Budget())
    assert sorted(done.failures) == bad
    assert set(done.failures.values()) == {"ValueError: negative or infinite"}
    good = [i for i in range(50) if i not in bad]
    assert [part.tolist() for part, _ in done.parts] == ([good] if good else [])
    for part, outputs in done.parts:
        assert outputs["y"].data.ravel().tolist() == [i * 10.0 for i in part]


def test_values_that_are_not_finite_are_suspected_first() -> None:
    step = Picky()
    values = [float(i) for i in range(1_000)]
    values[123] = np.inf
    done = isolate(step, batch(values), Budget())
    assert list(done.failures) == [123]
    assert step.calls == 3


def test_a_flood_of_bad_requests_costs_no_more_than_the_budget() -> None:
    step = Picky()
    rng = np.random.default_rng(0)
    values = np.where(rng.random(2_000) < 0.5, -1.0, 1.0).tolist()
    done = isolate(step, batch(values), Budget(calls=100))
    assert step.calls <= 101
    assert len(done.failures) + len(done.parts[0][0]) == 2_000
    assert any("failed together; send it again" in message for message in done.failures.values())


def test_a_mismatch_is_true_of_all_and_not_searched() -> None:
    calls = []

    def step(tensors: Tensors) -> Tensors:
        calls.append(1)
        raise MismatchError("takes rows of 3 values, got rows of shape [1]")

    done = isolate(step, batch([1, 2, 3]), Budget())
    assert len(calls) == 1
    assert sorted(done.failures) == [0, 1, 2]


def test_requests_of_several_rows_stand_or_fall_as_a_whole() -> None:
    tensors = {"x": TensorColumn(np.array([[1.0], [2.0], [-1.0], [4.0]]), np.array([2, 2], dtype=np.int64))}
    done = isolate(Picky(), tensors, Budget())
    assert list(done.failures) == [1]
    assert done.parts[0][1]["y"].data.ravel().tolist() == [10, 20]
