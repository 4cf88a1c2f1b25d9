"""A follower against a broker of its own, that is killed and started again."""

from __future__ import annotations

from collections.abc import Collection
from threading import Thread, get_ident
from typing import Any

import pytest

from jobs.kafka.admin import create_topics, delete_topics
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers
from operators.kafka.connection import Connection
from operators.kafka.topic_follower import TopicFollower
from operators.kafka.topics import Topics
from tests.end_to_end.deployment import await_true
from tests.support.broker import Broker


class Reading(TopicFollower):
    """Remembers values, in the order of reading, and what else happened."""

    def __init__(self, brokers: Brokers, *topics: str) -> None:
        super().__init__(Connection(brokers, Topics()), "reading values")
        self.wanted = frozenset(topics)
        self.values: list[str] = []
        self.errors: list[str] = []
        self.resets = 0
        self.threads: set[int] = set()
        self.fails_on = ""

    def topics(self) -> Collection[str]:
        return self.wanted

    def reset(self) -> None:
        self.resets += 1
        if not self.resumes:
            self.values.clear()

    def take(self, records: list[Any]) -> None:
        self.threads.add(get_ident())
        values = [record.value.decode() for record in records]
        if self.fails_on in values:
            self.fails_on = ""
            raise DeploymentError("cannot be used yet")
        self.values += values

    def failed(self, error: Exception) -> None:
        self.errors.append(f"{type(error).__name__}: {error}")


class Resuming(Reading):
    resumes = True


@pytest.fixture
def topic(broker: Broker, request: pytest.FixtureRequest) -> str:
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    create_topics(broker.brokers, [name], partitions=1)
    return name


KINDS = pytest.mark.parametrize("kind", [Reading, Resuming])


@KINDS
def test_start_returns_when_the_topic_is_read_to_its_end(
    broker: Broker, topic: str, kind: type[Reading]
) -> None:
    broker.send(topic, "a", "b")
    follower = kind(broker.brokers, topic)
    follower.start()
    assert follower.values == ["a", "b"]
    assert follower.threads == {get_ident()}
    broker.send(topic, "c")
    await_true(lambda: len(follower.values) > 2, "the third value")
    follower.close()
    assert follower.values == ["a", "b", "c"]
    assert (follower.errors, follower.resets) == ([], 1)


def test_start_raises_what_taking_raises_and_leaves_no_thread(broker: Broker, topic: str) -> None:
    broker.send(topic, "a")
    follower = Reading(broker.brokers, topic)
    follower.fails_on = "a"
    with pytest.raises(DeploymentError, match="cannot be used yet"):
        follower.start()
    follower.close()
    assert follower.threads == {get_ident()}


@KINDS
def test_records_whose_taking_failed_are_taken_again(broker: Broker, topic: str, kind: type[Reading]) -> None:
    follower = kind(broker.brokers, topic)
    follower.fails_on = "b"
    follower.start()
    broker.send(topic, "a")
    await_true(lambda: follower.values == ["a"], "the first value")
    broker.send(topic, "b")
    await_true(lambda: follower.values == ["a", "b"], "the second value")
    follower.close()
    assert follower.errors == ["DeploymentError: cannot be used yet"]


@KINDS
def test_a_topic_that_is_created_later_is_followed(broker: Broker, topic: str, kind: type[Reading]) -> None:
    follower = kind(broker.brokers, topic, f"{topic}-later")
    follower.start()
    assert follower.followed == {topic}
    create_topics(broker.brokers, [f"{topic}-later"], partitions=3)
    broker.send(f"{topic}-later", "a")
    await_true(lambda: follower.values == ["a"], "the value")
    assert follower.followed == {topic, f"{topic}-later"}
    follower.close()


@KINDS
def test_a_follower_of_nothing_follows_what_it_is_given(
    broker: Broker, topic: str, kind: type[Reading]
) -> None:
    broker.send(topic, "a")
    follower = kind(broker.brokers)
    follower.start()
    follower.wanted = frozenset({topic})
    await_true(lambda: follower.followed == {topic}, "the topic")
    assert follower.values == ["a"]
    follower.close()
    assert follower.errors == []


@KINDS
def test_a_broker_that_was_killed_costs_no_record_and_doubles_none(
    broker: Broker, topic: str, kind: type[Reading]
) -> None:
    follower = kind(broker.brokers, topic)
    follower.start()
    broker.send(topic, "a", "b")
    await_true(lambda: len(follower.values) == 2, "two values")
    broker.kill()
    await_true(lambda: bool(follower.errors), "the outage")
    broker.start()
    broker.send(topic, "c")
    await_true(lambda: follower.values == ["a", "b", "c"], "the third value")
    follower.close()
    assert follower.resets > 1


@KINDS
def test_a_topic_that_was_deleted_and_created_again_is_read_from_its_beginning(
    broker: Broker, topic: str, kind: type[Reading]
) -> None:
    broker.send(topic, "a", "b", "c")
    follower = kind(broker.brokers, topic)
    follower.start()
    follower.wanted = frozenset()
    await_true(lambda: follower.followed == frozenset(), "nothing to follow")
    delete_topics(broker.brokers, [topic])
    create_topics(broker.brokers, [topic], partitions=1)
    broker.send(topic, "d")
    follower.values.clear()
    follower.wanted = frozenset({topic})
    await_true(lambda: follower.followed == {topic}, "the topic")
    follower.close()
    assert follower.values == ["d"]


def test_close_ends_the_thread_also_during_an_outage() -> None:
    follower = Reading(Brokers("127.0.0.1:1"), "unreachable")
    follower.start_in_background()
    closing = Thread(target=follower.close)
    closing.start()
    closing.join(timeout=6.0)
    assert not closing.is_alive()
