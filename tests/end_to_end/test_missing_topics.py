"""A topic of one pipeline is deleted under traffic; the others are answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest

from jobs.kafka.admin import create_topics, delete_topics
from jobs.kafka.pipeline_client import PipelineClient, request_body
from jobs.local_stack.stack import Stack
from operators.kafka.topic_watch import TopicWatch
from tests.end_to_end.deployment import PATIENCE, Deployment, await_answers, await_true, deployed
from tests.support.broker import Broker

BROKEN, HEALTHY = "income-production", "income-workflow"


@pytest.fixture(scope="module")
def job(stack: Stack, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("missing")
    with deployed(stack, folder, models, "missing", settings=["--parallelism", "2"]) as one:
        yield one


def test_a_pipeline_without_its_outputs_topic_does_not_stop_the_others(job: Deployment, models: Path) -> None:
    body = request_body(np.load(models / "holdout.npy")[:1], "r")
    with job.client(BROKEN) as broken, job.client(HEALTHY) as healthy:
        for client in (broken, healthy):
            client.ask(body, seconds=PATIENCE)
        delete_topics(job.connection.brokers, [job.topics.outputs(BROKEN)])
        keys = []
        for i in range(1_000):
            keys.append(healthy.send(body, key=f"h{i}".encode()))
            broken.send(body, key=f"b{i}".encode())
            broken.producer.flush()
            sleep(0.01)
        healthy.producer.flush()
        await_answers(healthy, keys)

    def lost(found: list[Any]) -> set[str]:
        reasons = {
            record.key.decode(): dict(record.headers)["__connect.errors.exception.class.name"]
            for record in found
        }
        assert set(reasons.values()) <= {b"NO_TOPIC"}
        return {f"b{i}" for i in range(1_000)} - reasons.keys()

    def enough(found: list[Any]) -> bool:
        """The first ones may have been written before the broker had deleted the topic."""
        return len(lost(found)) < 100

    job.records(job.topics.errors, enough)
    create_topics(job.connection.brokers, [job.topics.outputs(BROKEN)], partitions=2)

    def is_answered() -> bool:
        with PipelineClient(job.connection, BROKEN) as client:
            client.send(body)
            client.producer.flush()
            return any(not answer.failed for answer in client.answers(2.0))

    await_true(is_answered, "requests are answered again once the topic is there")


def test_a_topic_is_missing_after_two_checks_and_found_at_once(broker: Broker) -> None:
    watch = TopicWatch(broker.brokers)
    assert watch.want(["seen", "unseen"])
    assert not watch.want(["seen"])
    create_topics(broker.brokers, ["seen"], partitions=1)
    watch.start()
    assert watch.missing == {"unseen"}
    create_topics(broker.brokers, ["unseen"], partitions=1)
    await_true(lambda: not watch.missing, "the topic is found")
    delete_topics(broker.brokers, ["seen"])
    await_true(lambda: watch.missing == {"seen"}, "the topic is missed")
    watch.close()
