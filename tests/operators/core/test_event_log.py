from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from operators.core.event_log import log_event, quiet_libraries


def test_an_event_is_one_line_with_what_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "weir"):
        log_event("Serving", pipeline="p", step="", generation=3)
        log_event("LoadFailed", logging.ERROR, pipeline="p", generation=4, why='no\n "model" there')
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("INFO", "Serving pipeline=p generation=3"),
        ("ERROR", "LoadFailed pipeline=p generation=4 why=\"no 'model' there\""),
    ]


def test_a_client_that_logs_every_poll_logs_only_what_is_wrong() -> None:
    before = logging.getLogger("kafka").level
    quiet_libraries()
    assert not logging.getLogger("kafka.cluster").isEnabledFor(logging.INFO)
    logging.getLogger("kafka").setLevel(before)


CONNECT = """
import logging, sys
logging.basicConfig(level=logging.INFO)
{quiet}
from kafka import KafkaProducer
try:
    KafkaProducer(bootstrap_servers="127.0.0.1:1", bootstrap_timeout_ms=200)
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize(
    ("quiet", "is_quiet"),
    [
        ("", False),
        ("from operators.core.event_log import quiet_libraries; quiet_libraries()", True),
        ("import jobs.cli.app", True),
    ],
)
def test_workers_and_commands_quiet_the_kafka_client(quiet: str, is_quiet: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONNECT.format(quiet=quiet)], capture_output=True, text=True, check=True
    )
    assert ("INFO:kafka" not in done.stderr) is is_quiet, done.stderr
