"""Anybody's step may answer tensors whose names we know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from operators.core.redaction import HIDDEN, Redaction
from operators.core.tensors import TensorColumn
from operators.metrics.tally import StepTally

ONE = np.ones(2, dtype=np.int64)


def counted(name: str, values: Any, parameters: dict[str, object] | None = None) -> StepTally:
    tally = StepTally()
    tally.record_outputs(
        {name: TensorColumn(np.asarray(values), ONE, parameters=parameters or {})}, Redaction()
    )
    return tally


@pytest.mark.parametrize(
    "values",
    [["yes", "no"], np.array(["yes", None], dtype=object), np.zeros((0, 3)), np.array([b"a", b"b"])],
)
def test_flags_that_are_none_are_passed_over(values: Any) -> None:
    assert counted("is_outlier", values).outliers is None


@pytest.mark.parametrize(
    ("values", "outliers"),
    [([0, 1], 1), ([True, False], 1), ([[0.0, 2.0], [0.0, 0.0]], 1), ([np.nan, 1.0], 1), (7, None)],
)
def test_flags_of_any_number_are_counted_by_row(values: Any, outliers: int | None) -> None:
    if np.ndim(values):
        assert counted("is_outlier", values).outliers == outliers


def test_hidden_features_are_counted_together_and_none_of_their_values_is_lost() -> None:
    tally = StepTally(
        bad_values={"age": {"missing": 2}, "sex": {"missing": 3, "unseen": 1}, "job": {"unseen": 4}}
    )
    tally.hide(Redaction(["age", "sex"]))
    assert tally.bad_values == {HIDDEN: {"missing": 5, "unseen": 1}, "job": {"unseen": 4}}


@pytest.mark.parametrize("values", [[0, 1], ["a", "b"], np.zeros((2, 3)), np.ones((2, 3), dtype=np.uint8)])
def test_issues_that_are_not_ours_are_passed_over(values: Any) -> None:
    assert counted("issues", values).bad_values == {}
