from __future__ import annotations

from docs import folder_picture
from jobs.flink.paths import ROOT
from tests.models_page import OTHERS, PAGE, page


def test_the_tables_of_models_are_what_the_tests_try() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text, "run `make docs`"


def test_every_row_names_tests_that_there_are() -> None:
    assert [one.tests for one in OTHERS if not (ROOT / one.tests).is_file()] == []


def test_the_picture_shows_the_folders_that_there_are() -> None:
    assert folder_picture.PICTURE.read_text("utf-8") == folder_picture.draw(), "run `make docs`"
