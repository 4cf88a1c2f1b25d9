"""What holds for every detector of windows, whatever it tests."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.counts import MOST_UNKNOWN, Counts
from operators.rows.lineage import Lineage, OffsetRange
from operators.rows.pane import Pane, decode_pane
from tests.detectors.drift.drift_cases import (
    CASES,
    FEATURES,
    MAKERS,
    REFERENCE,
    WINDOW,
    Answer,
    Checked,
    moved,
)


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(name: str) -> Any:
    return CASES[name]


def assert_same(one: Answer, other: Answer) -> None:
    assert (one.state, one.verdict, one.drifted.tolist()) == (
        other.state,
        other.verdict,
        other.drifted.tolist(),
    )
    for mine, yours in zip(one.features, other.features, strict=True):
        assert np.array_equal(mine, yours)


def assert_same_counts(one: list[Counts], other: list[Counts]) -> None:
    for mine, yours in zip(one, other, strict=True):
        assert np.array_equal(mine.keys, yours.keys)
        assert np.array_equal(mine.counts, yours.counts)
        assert mine.missing == yours.missing


def test_drift_that_is_there_is_found(case: Any) -> None:
    found = case.answer(moved())
    assert found.verdict == 1
    assert found.state in ("DRIFT", "VIOLATION")
    assert found.drifted.any()


def test_rows_and_counts_are_left_as_they_are(case: Any) -> None:
    rows = moved()
    before = rows.copy()
    counts = case.count(rows)
    kept = pickle.loads(pickle.dumps(counts))
    case.judge(case.detector.add([counts, counts]), 800)
    case.judge(counts, 400)
    assert np.array_equal(rows, before, equal_nan=True)
    assert_same_counts(counts, kept)


def test_rows_and_counts_may_be_read_only(case: Any) -> None:
    rows = np.asfortranarray(moved())
    rows.flags.writeable = False
    counts = case.count(rows)
    for one in counts:
        one.keys.flags.writeable = one.counts.flags.writeable = False
    assert_same(case.judge(counts, 400), case.answer(moved()))


def test_the_same_rows_give_the_same_answer_again(name: str, case: Any) -> None:
    assert_same(case.answer(moved()), case.answer(moved()))
    assert_same(MAKERS[name](range(FEATURES)).answer(moved()), case.answer(moved()))


def test_pickling_keeps_the_answers(case: Any) -> None:
    again = pickle.loads(pickle.dumps(case))
    for rows in (WINDOW, moved()):
        assert_same(again.answer(rows), case.answer(rows))


def test_saving_keeps_the_answers(name: str, case: Any, tmp_path: Path) -> None:
    again = MAKERS[name](range(FEATURES))
    case.save(tmp_path)
    again.load(tmp_path)
    assert again.detector is not case.detector
    for rows in (WINDOW, moved()):
        assert_same(again.answer(rows), case.answer(rows))


def test_the_order_of_rows_does_not_matter(case: Any) -> None:
    order = np.random.default_rng(4).permutation(len(WINDOW))
    for rows in (WINDOW, moved()):
        assert_same(case.answer(rows[order]), case.answer(rows))


@pytest.mark.parametrize("order", [[5, 4, 3, 2, 1, 0], [3, 0, 4, 1, 5, 2]])
def test_the_order_of_features_is_the_order_of_the_answer(name: str, case: Any, order: list[int]) -> None:
    other = MAKERS[name](order)
    for rows in (WINDOW, moved()):
        one, whole = other.answer(rows[:, order]), case.answer(rows)
        features = tuple(part[order] for part in whole.features)
        assert_same(one, whole._replace(drifted=whole.drifted[order], features=features))


@settings(max_examples=15, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("which", CASES)
def test_neither_order_nor_grouping_of_parts_matters(which: str, data: st.DataObject) -> None:
    case, rows = CASES[which], np.vstack((moved(), WINDOW))
    cuts = data.draw(st.lists(st.integers(0, len(rows)), min_size=1, max_size=7).map(sorted))
    parts = [case.count(part) for part in np.split(rows, cuts)]
    shuffled = data.draw(st.permutations(parts))
    middle = data.draw(st.integers(1, len(parts) - 1))
    add = case.detector.add
    grouped = add([add(shuffled[:middle]), add(shuffled[middle:])])
    assert_same_counts(grouped, case.count(rows))
    assert_same(case.judge(grouped, len(rows)), case.answer(rows))


def test_the_reference_against_itself_is_no_drift(case: Any) -> None:
    same = case.answer(REFERENCE)
    assert (same.state, same.verdict, same.drifted.any()) == ("OK", 0, False)


@pytest.mark.parametrize("which", ["kolmogorov-smirnov", "chi-square", "mixed", "calibrated"])
def test_the_reference_is_at_no_distance_from_itself(which: str) -> None:
    result = CASES[which].detector.test(REFERENCE)
    for measured in (result.distance, result.effect, result.psi, 1 - result.p_val):
        assert measured.tolist() == [0] * FEATURES


def most_keys(feature: int, case: Any) -> int:
    """Return how many keys a feature's counts may have, whatever the window holds."""
    distinct = np.unique(REFERENCE[:, feature]).size
    if isinstance(case, Checked):
        return 5
    return distinct + MOST_UNKNOWN + 1 if feature in case.detector.categorical else 2 * distinct + 1


def test_counts_of_a_million_rows_take_bounded_memory(case: Any) -> None:
    rows = np.random.default_rng(5).normal(scale=3, size=(1_000_000, FEATURES))
    for feature, counts in enumerate(case.count(rows)):
        assert counts.n + counts.missing == 1_000_000
        assert counts.keys.size <= most_keys(feature, case)


def test_panes_stop_growing_once_every_cell_was_seen(case: Any) -> None:
    rows = np.tile(np.vstack((moved(), WINDOW)), (20, 1))
    counts = case.count(rows)
    keys = sum(one.keys.size for one in counts)
    for times in (1, 10, 1_000, 100_000):
        many = [Counts(one.keys, one.counts * times, one.missing * times) for one in counts]
        lineage = Lineage("p", "s", 1, {("t", 0): OffsetRange(0, 1, len(rows) * times)}, 0, 1)
        encoded = Pane(lineage, many).encode()
        assert_same_counts(decode_pane(encoded).counts, many)
        assert len(encoded) <= 16 * keys + 250
    assert_same_counts(case.count(np.tile(rows, (10, 1))), case.detector.add([counts] * 10))


@pytest.mark.parametrize("feature", range(FEATURES))
def test_a_missing_value_changes_no_other_feature(case: Any, feature: int) -> None:
    holed = moved()
    holed[::3, feature] = np.nan
    others = np.arange(FEATURES) != feature
    for with_, without in zip(case.answer(holed).features, case.answer(moved()).features, strict=True):
        assert np.array_equal(with_[others], without[others])


@pytest.mark.parametrize("feature", range(FEATURES))
def test_a_feature_without_any_value_is_never_ok(case: Any, feature: int) -> None:
    holed = WINDOW.copy()
    holed[:, feature] = np.nan
    answer = case.answer(holed)
    assert answer.state == ("VIOLATION" if isinstance(case, Checked) else "INSUFFICIENT_DATA")
    holed = moved()
    holed[:, feature] = np.nan
    answer = case.answer(holed)
    assert answer.state == ("VIOLATION" if isinstance(case, Checked) else "DRIFT"), "the others drifted"
    assert bool(answer.drifted[feature]) == isinstance(case, Checked)


@pytest.mark.parametrize("value", [0.0, 99.0, -1.5, np.nan])
def test_a_window_of_one_row_has_an_answer(case: Any, value: float) -> None:
    answer = case.answer(np.full((1, FEATURES), value))
    if np.isnan(value) and not isinstance(case, Checked):
        assert answer.state == "INSUFFICIENT_DATA"
    else:
        assert answer.state in ("OK", "DRIFT", "VIOLATION")
    assert all(np.isfinite(part).all() for part in answer.features)


def test_a_window_without_rows_shows_nothing(case: Any) -> None:
    answer = case.answer(np.zeros((0, FEATURES)))
    state = "OK" if isinstance(case, Checked) else "INSUFFICIENT_DATA"
    assert (answer.state, answer.verdict, answer.drifted.any()) == (state, 0, False)
    assert all(np.isfinite(part).all() for part in answer.features)
    assert_same_counts(
        case.detector.add([case.count(np.zeros((0, FEATURES))), case.count(WINDOW)]), case.count(WINDOW)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.int32, np.int8, np.uint8, np.bool_])
def test_numbers_of_any_type_are_taken(case: Any, dtype: type) -> None:
    rows = np.abs(WINDOW).astype(dtype)
    assert_same(case.answer(rows), case.answer(rows.astype(np.float64)))


def test_rows_may_be_lists(case: Any) -> None:
    assert_same(case.answer(WINDOW.tolist()), case.answer(WINDOW))
