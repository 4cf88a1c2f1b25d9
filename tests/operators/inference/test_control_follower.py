"""What follows from records of the control topic; the topic itself is followed in test_topic_follower."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from operators.control.release import Head, Release
from operators.core.errors import DeploymentError
from operators.inference.control_follower import ControlFollower
from operators.inference.deployments import Deployments
from operators.kafka.brokers import Brokers
from operators.kafka.connection import Connection
from operators.kafka.skipped_records import Skipped
from operators.kafka.topics import Topics
from operators.pipeline.load import ModelCache
from operators.storage.trusted_roots import make_policy
from tests.builders.pipelines import pipeline, released


class Worker:
    """A follower, how often it announced a change, and what it skipped."""

    def __init__(self, models: Path) -> None:
        self.deployments = Deployments(ModelCache(make_policy(str(models), str(models.with_name("cache")))))
        self.changes = 0
        self.fails = False
        self.skipped: list[Skipped] = []
        connection = Connection(Brokers("nowhere:1"), Topics())
        self.follower = ControlFollower(connection, self.deployments, self._changed, self.skipped.extend)

    def _changed(self) -> None:
        self.changes += 1
        if self.fails:
            raise DeploymentError("the verdicts cannot be read")


def record(key: str, value: Any, offset: int) -> Any:
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return SimpleNamespace(topic="c", partition=0, offset=offset, key=key.encode(), value=body)


@pytest.fixture
def worker(models: Path) -> Worker:
    return Worker(models)


@pytest.fixture
def applied(tmp_path: Path, models: Path) -> list[Any]:
    (release,) = released(tmp_path, models, pipeline("p", [{"name": "income"}]))
    one: Release = msgspec.structs.replace(release, generation=1)
    return [record("release/p/1", one, 0), record("head/p", Head(1), 1)]


def test_an_empty_topic_is_a_change_at_first_so_that_there_is_an_engine(worker: Worker) -> None:
    worker.follower.after_poll(True)
    assert worker.changes == 1
    worker.follower.after_poll(True)
    worker.follower.after_poll(False)
    assert worker.changes == 1


def test_records_are_loaded_after_the_poll_that_received_them(worker: Worker, applied: list[Any]) -> None:
    worker.follower.take(applied)
    assert worker.deployments.deployments == {}
    worker.follower.after_poll(True)
    assert worker.deployments.deployments["p"].generation == 1
    assert worker.changes == 1


def test_a_change_whose_announcement_failed_is_announced_again(worker: Worker, applied: list[Any]) -> None:
    worker.follower.take(applied)
    worker.fails = True
    with pytest.raises(DeploymentError, match="the verdicts cannot be read"):
        worker.follower.after_poll(True)
    worker.fails = False
    worker.follower.reset()
    worker.follower.take(applied)
    worker.follower.after_poll(True)
    assert worker.changes == 2


def test_a_topic_that_lost_its_records_is_an_error_and_what_is_loaded_serves(
    worker: Worker, applied: list[Any]
) -> None:
    worker.follower.take(applied)
    worker.follower.after_poll(True)
    worker.follower.reset()
    with pytest.raises(DeploymentError, match=r"weir.default.control is empty, but releases were loaded"):
        worker.follower.after_poll(True)
    assert worker.deployments.deployments["p"].generation == 1


def test_junk_is_reported_once_however_often_it_is_read(worker: Worker, applied: list[Any]) -> None:
    junk = record("head/q", b"junk", 2)
    for _ in range(3):
        worker.follower.reset()
        worker.follower.take([*applied, junk])
        worker.follower.after_poll(True)
    assert [one.offset for one in worker.skipped] == [2]
    assert worker.deployments.deployments["p"].generation == 1
