from __future__ import annotations

import logging

import pytest

from operators.logs import quiet_libraries, tell


def test_an_event_is_one_line_with_what_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "weir"):
        tell("Serving", pipeline="p", step="", generation=3)
        tell("LoadFailed", logging.ERROR, pipeline="p", generation=4, why='no\n "model" there')
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("INFO", "Serving pipeline=p generation=3"),
        ("ERROR", "LoadFailed pipeline=p generation=4 why=\"no 'model' there\""),
    ]


def test_a_client_that_tells_every_poll_tells_only_what_is_wrong() -> None:
    before = logging.getLogger("kafka").level
    quiet_libraries()
    assert not logging.getLogger("kafka.cluster").isEnabledFor(logging.INFO)
    logging.getLogger("kafka").setLevel(before)
