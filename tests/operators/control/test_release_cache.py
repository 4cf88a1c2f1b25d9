"""When the control topic is read: for a release that is not known, and only then."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.release_cache import ReleaseCache
from operators.core.errors import DeploymentError
from operators.kafka.topics import Topics
from tests.builders.pipelines import pipeline, released


class Topic:
    """A control topic that counts how often it is read, and fails while it is out."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self.generations = [1]
        self.reads = 0
        self.is_out = False

    def read(self) -> ControlState:
        self.reads += 1
        if self.is_out:
            raise DeploymentError("no broker answers")
        state = ControlState.empty()
        for generation in self.generations:
            release = msgspec.structs.replace(self._release, generation=generation)
            state.releases[release.name, generation] = release
        return state


@pytest.fixture
def topic(tmp_path: Path, models: Path) -> Topic:
    (release,) = released(tmp_path, models, pipeline("p", [{"name": "income"}]))
    return Topic(release)


@pytest.fixture
def cache(topic: Topic) -> ReleaseCache:
    return ReleaseCache(Topics(), topic.read)


def test_the_topic_is_read_at_the_first_release_and_at_one_that_is_new(
    topic: Topic, cache: ReleaseCache
) -> None:
    assert topic.reads == 0
    assert [cache.get("p", 1).generation for _ in range(3)] == [1, 1, 1]
    assert topic.reads == 1
    topic.generations.append(2)
    assert [cache.get("p", 2).generation, cache.get("p", 1).generation] == [2, 1]
    assert topic.reads == 2


def test_a_release_that_is_nowhere_is_looked_for_each_time(topic: Topic, cache: ReleaseCache) -> None:
    for reads in (1, 2):
        assert cache.find("p", 7) is None
        assert topic.reads == reads
    with pytest.raises(DeploymentError, match=r"weir\.default\.control contains no release 7 of pipeline p"):
        cache.get("p", 7)


def test_what_is_known_is_known_while_the_topic_is_out(topic: Topic, cache: ReleaseCache) -> None:
    cache.get("p", 1)
    topic.is_out = True
    with pytest.raises(DeploymentError, match="no broker answers"):
        cache.find("p", 2)
    assert cache.get("p", 1).generation == 1
