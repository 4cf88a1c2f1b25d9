"""The dashboard's callbacks over HTTP, with records that the test puts on a broker."""

from __future__ import annotations

from collections.abc import Iterator
from time import time
from typing import Any

import msgspec
import numpy as np
import pytest
from kafka import KafkaProducer

from detectors.drift.confirmation import Streak
from jobs.kafka.admin import create_control, create_topics
from jobs.services.dashboard.app import Page
from jobs.services.views.kafka_feed import KafkaFeed
from operators.control.release import Artifact, Head, Release
from operators.core.timestamps import iso_milliseconds
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from operators.metrics.tally import BOUNDS, StepTally, Tally
from operators.windows.rate_windows import Rates
from tests.builders.reports import REFERENCE, STEP, chunk, reported
from tests.end_to_end.deployment import await_true
from tests.support.broker import Broker

TOPICS = Topics("weir", "paged")


class Reader:
    """A reader of the page: what its callbacks return for what is chosen on it."""

    def __init__(self, page: Page) -> None:
        self._client = page.app.server.test_client()
        self._callbacks = self._client.get("/_dash-dependencies").json
        self.chosen: dict[str, Any] = {"tick.n_intervals": 1, "period.value": "1 hour", "theme.data": "light"}

    def shows(self, part: str, changed: str = "tick.n_intervals") -> dict[str, Any]:
        """The properties that the callback of a part of the page updates, by component."""
        (callback,) = [one for one in self._callbacks if f"{part}." in one["output"]]
        given = {
            kind: [
                {**one, "value": self.chosen.get(f"{one['id']}.{one['property']}")} for one in callback[kind]
            ]
            for kind in ("inputs", "state")
        }
        names = callback["output"].strip(".").split("...")
        outputs = [dict(zip(("id", "property"), name.split("."), strict=True)) for name in names]
        request = {"output": callback["output"], "outputs": outputs, "changedPropIds": [changed], **given}
        response = self._client.post("/_dash-update-component", json=request)
        assert response.status_code == 200, response.text
        updated: dict[str, Any] = response.json["response"]
        return updated


def release(generation: int, message: str) -> Release:
    steps = [{"name": "o"}, {"name": "d", "batch": {"size": 400}}]
    document = {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "p"},
        "spec": {"steps": steps, "output": {"steps": ["o"]}},
    }
    artifacts = {name: Artifact(name, "sha256:" + "0" * 64, "weir.DataQuality") for name in ("o", "d")}
    models = [
        {
            "apiVersion": "mlops.seldon.io/v1alpha1",
            "kind": "Model",
            "metadata": {"name": name},
            "spec": {"storageUri": name},
        }
        for name in artifacts
    ]
    return Release(
        name="p",
        generation=generation,
        pipeline=document,
        models=models,
        artifacts=artifacts,
        topics=[],
        created_at="2026-01-02T03:04:05+00:00",
        created_by="ana",
        message=message,
    )


def rates(requests: int, now: int) -> bytes:
    buckets = [0] * (len(BOUNDS) + 1)
    buckets[6] = requests
    step = StepTally(requests, 1, 1_000, list(buckets), 3)
    tally = Tally(requests, 0, 50 * requests, buckets, {}, {"o": step})
    return Rates("p", 2, iso_milliseconds(now - 10_000), iso_milliseconds(now), BOUNDS, tally).encode()


def report(window: int, moved: float, now: int) -> bytes:
    rows = REFERENCE[:400] + np.array([moved, 0])
    body = msgspec.json.decode(reported(STEP, chunk(rows), Streak()))
    body["parameters"] |= {"window": window, "closed_at": iso_milliseconds(now - 60_000 + window * 1_000)}
    return msgspec.json.encode(body)


@pytest.fixture(scope="module")
def feed(broker: Broker) -> Iterator[KafkaFeed]:
    connection, now = Connection(broker.brokers, TOPICS), int(time() * 1000)
    create_control(connection)
    reports = TOPICS.model_outputs("d")
    create_topics(broker.brokers, [reports, TOPICS.errors], partitions=1)
    with KafkaProducer(**broker.brokers.options()) as producer:
        for one in (release(1, "first"), release(2, "<b>second</b>")):
            producer.send(
                TOPICS.control, key=f"release/p/{one.generation}".encode(), value=msgspec.json.encode(one)
            )
        producer.send(TOPICS.control, key=b"head/p", value=msgspec.json.encode(Head(2)))
        producer.send(TOPICS.rates, key=b"p", value=rates(1_000, now))
        for number, moved in ((1, 0.0), (2, 0.8)):
            producer.send(reports, key=b"p/d", value=report(number, moved, now))
    feed = KafkaFeed(connection, 3_600.0)
    feed.start()
    await_true(lambda: not feed.failure, "the feed has read everything")
    yield feed
    feed.close()


@pytest.fixture
def reader(feed: KafkaFeed) -> Reader:
    return Reader(Page(feed, "weir.paged"))


def test_the_busiest_pipeline_is_chosen_at_first_and_a_choice_is_kept(reader: Reader) -> None:
    assert reader.shows("pipeline")["pipeline"] == {"options": ["p"], "value": "p"}
    reader.chosen["pipeline.value"] = "p"
    assert reader.shows("pipeline")["pipeline"] == {"options": ["p"]}


def test_a_pipeline_is_shown_with_its_rates_and_its_history(reader: Reader) -> None:
    reader.chosen["pipeline.value"] = "p"
    shown = reader.shows("state")
    assert shown["state"]["children"] == "live"
    assert shown["banner"]["children"] is None
    answered = shown["requests"]["figure"]["data"][0]
    assert sum(value or 0 for value in answered["y"]) > 0
    history = msgspec.json.encode(shown["versions"]["children"]).decode()
    assert history.index("<b>second</b>") < history.index("first"), "as text, the newest first"
    assert "No rows were flagged." in str(shown["flagged"]["children"])


def test_the_banner_of_a_pipeline_that_is_not_live_shows_the_remedy(reader: Reader) -> None:
    reader.chosen["pipeline.value"] = "gone"
    assert "run weir apply" in str(reader.shows("state")["banner"]["children"])


def test_the_newest_window_is_shown_until_a_reader_chooses_another(reader: Reader) -> None:
    reader.chosen["pipeline.value"] = "p"
    shown = reader.shows("heat")
    assert [one["label"] for one in shown["window"]["options"]] == ["2 DRIFT", "1 OK"]
    assert shown["step"]["value"] == "d"
    assert "Window 2 of d: DRIFT, 400 rows" in shown["which"]["children"]
    assert ["▲" in row for row in shown["heat"]["figure"]["data"][0]["text"]].count(True) == 1

    newest, older = (one["value"] for one in shown["window"]["options"])
    reader.chosen |= {"step.value": "d", "window.value": older, "newest.data": newest}
    shown = reader.shows("heat", changed="window.value")
    assert "Window 1 of d: OK" in shown["which"]["children"]
    assert "value" not in shown.get("window", {}), "a choice is not written back"

    reader.chosen["heat.clickData"] = {"points": [{"x": newest}]}
    shown = reader.shows("heat", changed="heat.clickData")
    assert "Window 2 of d: DRIFT" in shown["which"]["children"]
    assert shown["window"]["value"] == newest
