from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.quality.issues import (
    FINE,
    MISSING,
    OUT_OF_RANGE,
    UNSEEN,
    WRONG_TYPE,
    category_issues,
    quantity_issues,
)

NAN, INF = float("nan"), float("inf")
CODES = {"Private": 0, "State": 1, "3": 2}


def objects(*values: object) -> NDArray[Any]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


QUANTITIES: list[tuple[object, int]] = [
    (17, FINE),
    (90.0, FINE),
    (True, OUT_OF_RANGE),
    ("3.5", OUT_OF_RANGE),
    ("35", FINE),
    (" 35 ", FINE),
    (np.float32(35), FINE),
    (np.int8(35), FINE),
    (np.bool_(True), OUT_OF_RANGE),
    (Fraction(70, 2), FINE),
    (None, MISSING),
    (NAN, MISSING),
    (np.float16("nan"), MISSING),
    ("nan", MISSING),
    (16.999, OUT_OF_RANGE),
    (INF, OUT_OF_RANGE),
    ("-inf", OUT_OF_RANGE),
    (10**400, OUT_OF_RANGE),
    (-(10**400), OUT_OF_RANGE),
    ("", WRONG_TYPE),
    ("old", WRONG_TYPE),
    ("35 years", WRONG_TYPE),
    (b"35", WRONG_TYPE),
    (35 + 0j, WRONG_TYPE),
    ([35], WRONG_TYPE),
    ({}, WRONG_TYPE),
    (np.array([35.0]), WRONG_TYPE),
    (np.datetime64("2024-01-01"), WRONG_TYPE),
]
CATEGORIES: list[tuple[object, int]] = [
    ("Private", FINE),
    ("3", FINE),
    (0, FINE),
    (2.0, FINE),
    (True, FINE),
    (None, MISSING),
    (NAN, MISSING),
    ("private", UNSEEN),
    ("", UNSEEN),
    ("1", UNSEEN),
    (3, UNSEEN),
    (-1, UNSEEN),
    (INF, UNSEEN),
    (10**400, UNSEEN),
    (0.5, WRONG_TYPE),
    (-0.5, WRONG_TYPE),
    (b"Private", WRONG_TYPE),
    (["Private"], WRONG_TYPE),
]


@pytest.mark.parametrize(("value", "code"), QUANTITIES, ids=repr)
def test_every_kind_of_value_of_a_quantity_has_its_code(value: object, code: int) -> None:
    assert quantity_issues(objects(value), 17, 90).tolist() == [code]


@pytest.mark.parametrize(("value", "code"), CATEGORIES, ids=repr)
def test_every_kind_of_value_of_a_category_has_its_code(value: object, code: int) -> None:
    assert category_issues(objects(value), CODES).tolist() == [code]


def test_values_of_all_kinds_do_not_touch_each_other() -> None:
    column, codes = zip(*QUANTITIES, strict=True)
    assert quantity_issues(objects(*column), 17, 90).tolist() == list(codes)
    column, codes = zip(*CATEGORIES, strict=True)
    assert category_issues(objects(*column), CODES).tolist() == list(codes)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "u8", "?", "g"])
def test_a_column_of_numbers_is_judged_as_the_same_objects(dtype: str) -> None:
    column = np.array([0, 1, 1, 0], dtype=dtype)
    assert quantity_issues(column, 1, 5).tolist() == quantity_issues(objects(*column), 1, 5).tolist()
    assert category_issues(column, {"a": 0}).tolist() == [FINE, UNSEEN, UNSEEN, FINE]


@pytest.mark.parametrize("dtype", ["c16", "M8[s]", "S3", "V2"])
def test_a_column_of_what_is_neither_text_nor_number_is_of_a_wrong_type(dtype: str) -> None:
    column = np.zeros(2, dtype=dtype)
    assert (
        quantity_issues(column, 0, 1).tolist() == category_issues(column, CODES).tolist() == [WRONG_TYPE] * 2
    )


def test_a_column_of_numpys_own_text_is_read_as_text() -> None:
    assert quantity_issues(np.array(["1", "x"]), 0, 1).tolist() == [FINE, WRONG_TYPE]
    assert category_issues(np.array(["State", "x"]), CODES).tolist() == [FINE, UNSEEN]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@given(values=st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=20))
def test_what_lay_in_the_reference_is_in_range_in_any_precision(dtype: type, values: list[float]) -> None:
    with np.errstate(over="ignore"):
        column = np.array(values).astype(dtype)
    finite = np.isfinite(column)
    assert not quantity_issues(column, min(values), max(values))[finite].any()
    assert (quantity_issues(column, min(values), max(values))[~finite] == OUT_OF_RANGE).all()


def test_an_empty_column_has_no_issues() -> None:
    assert quantity_issues(objects(), 0, 1).tolist() == category_issues(objects(), CODES).tolist() == []


def test_without_a_range_only_infinity_is_out_of_it() -> None:
    assert quantity_issues(np.array([1e308, -INF, NAN]), -INF, INF).tolist() == [FINE, OUT_OF_RANGE, MISSING]


@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()))
def test_no_value_is_refused_and_none_is_changed(values: list[object]) -> None:
    column = objects(*values)
    for issues in (quantity_issues(column, -5, 5), category_issues(column, CODES)):
        assert issues.dtype == np.uint8
        assert len(issues) == len(values)
    assert all(mine is yours for mine, yours in zip(column.tolist(), values, strict=True))
