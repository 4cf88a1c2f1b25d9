from __future__ import annotations

import logging
from threading import Event, Thread
from time import monotonic

import pytest
from kafka.errors import KafkaConnectionError

from operators.core.background_thread import log_failure, repeat
from operators.core.errors import DeploymentError

ERRORS = [ValueError("x"), RecursionError(), MemoryError(), KeyError("k"), KafkaConnectionError()]


@pytest.mark.parametrize("error", ERRORS)
def test_whatever_goes_wrong_it_begins_again(error: Exception) -> None:
    stopped, began_again, failures = Event(), Event(), []
    runs: list[float] = []

    def run() -> None:
        runs.append(monotonic())
        if len(runs) == 1:
            raise error
        began_again.set()
        stopped.wait()

    thread = Thread(target=repeat, args=(run, stopped, failures.append))
    thread.start()
    assert began_again.wait(timeout=30)
    stopped.set()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert failures == [error]
    assert runs[1] - runs[0] >= 1.0, "it does not try again at once"


def test_it_waits_longer_after_each_error_in_a_row_and_is_stopped_while_it_waits() -> None:
    stopped, third = Event(), Event()
    failures: list[float] = []

    def failed(error: Exception) -> None:
        failures.append(monotonic())
        if len(failures) == 3:
            third.set()

    def run() -> None:
        raise ValueError

    thread = Thread(target=repeat, args=(run, stopped, failed))
    thread.start()
    assert third.wait(timeout=30)
    stopped.set()
    thread.join(timeout=3)
    assert not thread.is_alive(), "it would wait 4 seconds"
    assert failures[2] - failures[1] > failures[1] - failures[0] >= 1.0


def test_an_outage_is_a_line_and_a_bug_has_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    failed = log_failure(logging.getLogger("weir"), "reading")
    for outage in (KafkaConnectionError(), DeploymentError("no"), ConnectionRefusedError()):
        failed(outage)
    failed(KeyError("k"))
    assert [one.levelname for one in caplog.records] == ["WARNING"] * 3 + ["ERROR"]
    assert [bool(one.exc_info) for one in caplog.records] == [False] * 3 + [True]
