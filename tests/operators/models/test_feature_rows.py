from __future__ import annotations

import numpy as np
import pytest

from operators.core.errors import MismatchError
from operators.core.tensors import TensorColumn, Tensors
from operators.models.content_types import ContentTypes
from operators.models.feature_rows import FeatureRows
from operators.models.step import InferenceOptions

ONE = np.ones(2, dtype=np.int64)


def texts(*values: object) -> TensorColumn:
    data = np.empty((len(values), 1), dtype=object)
    data[:, 0] = values
    return TensorColumn(data, ONE)


AGE = TensorColumn(np.array([[30.0], [60.0]]), ONE)
TABLE = FeatureRows(2, ["age", "work"], {"work": ["Private", "State"]})


def read(tensors: Tensors, content_type: str = "", table: FeatureRows = TABLE) -> list[list[float]]:
    rows: list[list[float]] = table.read(tensors, InferenceOptions(content_type)).data.tolist()
    return rows


def test_texts_of_categories_become_their_codes_and_unknown_ones_a_code_of_their_own() -> None:
    assert read({"work": texts("State", "Martian"), "age": AGE}, "pd") == [[30, 1], [60, 2]]


def test_codes_are_taken_as_they_are() -> None:
    codes = TensorColumn(np.array([[1], [0]]), ONE)
    assert read({"age": AGE, "work": codes}, "pd") == [[30, 1], [60, 0]]


def test_a_missing_text_is_a_missing_value() -> None:
    rows = read({"age": AGE, "work": texts("State", np.nan)}, "pd")
    assert rows[0] == [30, 1]
    assert np.isnan(rows[1][1])


@pytest.mark.parametrize(
    ("content_type", "expected"), [("pd", [[30, 1], [60, 1]]), ("np", [[1, 30], [1, 60]])]
)
def test_names_matter_with_content_type_pd_and_order_without(content_type: str, expected: object) -> None:
    codes = TensorColumn(np.array([[1], [1]]), ONE)
    assert read({"work": codes, "age": AGE}, content_type) == expected


def test_a_missing_column_is_named_with_the_remedy() -> None:
    with pytest.raises(
        MismatchError, match="'work' is missing; got 'age', 'job': rename them with the step's"
    ):
        read({"age": AGE, "job": AGE}, "pd")


def test_the_models_own_content_type_counts_where_the_request_has_none() -> None:
    table = FeatureRows(2, ["age", "work"], content_types=ContentTypes("pd"))
    assert read({"work": AGE, "age": AGE._replace(data=AGE.data + 1)}, table=table) == [[31, 30], [61, 60]]


def test_several_tensors_stand_side_by_side_and_must_fit_the_width() -> None:
    wide = TensorColumn(np.array([[1.0, 2.0], [3.0, 4.0]]), ONE)
    assert read({"a": wide, "b": AGE}, table=FeatureRows(3)) == [[1, 2, 30], [3, 4, 60]]
    with pytest.raises(MismatchError, match=r"takes rows of 2 values, got rows of shape \[3\]"):
        read({"a": wide, "b": AGE})


def test_texts_where_no_categories_are_known_are_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"takes numbers for column 1, got strings: .*features\.json"):
        read({"a": AGE, "b": texts("x", "y")}, table=FeatureRows(2))
    assert read({"a": AGE, "b": texts("1", "2.5")}, table=FeatureRows(2)) == [[30, 1], [60, 2.5]]


def test_values_as_they_came_are_found_by_position_where_no_name_is_known() -> None:
    strangers = {"a": AGE, "b": texts("State", 7)}
    (age, work), rows = TABLE.columns(strangers, InferenceOptions("pd"))
    assert (age.tolist(), work.tolist(), rows.tolist()) == ([30, 60], ["State", 7], [1, 1])
    with pytest.raises(MismatchError, match="'work' is missing"):
        TABLE.columns({"age": AGE, "b": AGE}, InferenceOptions("pd"))
