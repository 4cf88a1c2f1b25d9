"""A worker against a broker without a cluster: what it serves before its first row, and after each change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer

from jobs.kafka.admin import create_control
from jobs.releases.publish import Record, publish
from operators.control.release import Release
from operators.control.status import StatusState
from operators.control.status_topic import read_status
from operators.inference.identity import Identity
from operators.inference.worker import Callbacks, Worker
from operators.kafka.connection import Connection
from operators.metrics.tally import Tally
from operators.rows.chunks import SubtaskId
from operators.storage.trusted_roots import make_policy
from tests.builders.pipelines import pipeline, released
from tests.builders.requests import GOOD, TOPICS, records, request
from tests.end_to_end.deployment import await_true
from tests.support.broker import Broker

PLAIN = pipeline("p", [{"name": "income"}], output={"steps": ["income"]})


class Scene:
    """A worker, and the control topic that it reads."""

    def __init__(self, broker: Broker, models: Path, release: Release, namespace: str) -> None:
        self.connection = Connection(broker.brokers, TOPICS._replace(namespace=namespace))
        self.release = release
        create_control(self.connection)
        self.tallies: list[Mapping[str, Tally]] = []
        site = make_policy(str(models), str(models.with_name("cache")))
        identity = Identity("job", SubtaskId(0, 1))
        self.worker = Worker(self.connection, site, 1_000_000, (), identity, Callbacks(self.tallies.append))

    def apply(self, generation: int, *, spoiled: bool = False) -> None:
        release = msgspec.structs.replace(self.release, generation=generation)
        if spoiled:
            artifacts = {
                name: msgspec.structs.replace(one, digest="sha256:" + "0" * 64)
                for name, one in release.artifacts.items()
            }
            release = msgspec.structs.replace(release, artifacts=artifacts)
        head = msgspec.json.encode({"generation": generation})
        written = [
            Record(f"release/{release.name}/{generation}", msgspec.json.encode(release)),
            Record(f"head/{release.name}", head),
        ]
        publish(self.connection, lambda control: (written, None))

    def version(self) -> str | None:
        """The generation that answers a request."""
        batch = records(request(GOOD), pipeline="p")
        topic = self.connection.topics.inputs("p")
        return self.worker.answer(batch._replace(topics=[topic])).versions[0]

    def status(self) -> StatusState:
        return read_status(self.connection)


@pytest.fixture
def scene(broker: Broker, models: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    (release,) = released(tmp_path, models, PLAIN)
    scene = Scene(broker, models, release, request.node.name.replace("_", "-"))
    yield scene
    scene.worker.close()


def test_what_is_applied_before_the_start_serves_the_first_row(scene: Scene) -> None:
    scene.apply(1)
    scene.worker.start()
    assert scene.version() == "1"
    assert scene.worker.serving("p")[:2] == (1, 1)
    assert [tally["p"].requests for tally in scene.tallies] == [1]


def test_a_new_generation_serves_without_a_restart(scene: Scene) -> None:
    scene.worker.start()
    assert scene.version() is None, "no pipeline is applied yet"
    for generation in (1, 2):
        scene.apply(generation)
        await_true(lambda of=str(generation): scene.version() == of, f"generation {generation}")  # type: ignore[misc]
    await_true(lambda: len(scene.status().events) == 2, "the events")
    events = sorted((one.generation, one.what) for one in scene.status().events.values())
    assert events == [(1, "Serving"), (2, "Serving")]
    assert [one.generation for one in scene.worker.drain_events()] == [1, 2]


def test_a_generation_that_cannot_be_loaded_is_reported_and_the_one_before_serves(scene: Scene) -> None:
    scene.apply(1)
    scene.worker.start()
    scene.apply(2, spoiled=True)
    await_true(lambda: scene.worker.serving("p")[1] == 2, "the second generation is known")
    assert scene.version() == "1"
    await_true(lambda: any(one.what == "LoadFailed" for one in scene.status().events.values()), "the event")
    (failed,) = [one for one in scene.status().events.values() if one.what == "LoadFailed"]
    assert (failed.pipeline, failed.generation) == ("p", 2)
    assert "has changed since it was applied" in failed.why


def test_a_worker_that_ends_leaves_no_status(scene: Scene) -> None:
    scene.apply(1)
    scene.worker.start()
    await_true(lambda: len(scene.status().workers) == 1, "its status")
    (worker,) = scene.status().workers.values()
    assert worker.pipelines["p"].generation == 1
    scene.worker.close()
    await_true(lambda: scene.status().workers == {}, "its end")


def test_junk_on_the_control_topic_is_counted_and_what_is_loaded_serves(scene: Scene) -> None:
    scene.apply(1)
    scene.worker.start()
    publish_junk(scene)
    counted: list[tuple[str, int]] = []

    def has_counted() -> bool:
        counted.extend(scene.worker.skipped())
        return bool(counted)

    await_true(has_counted, "the skipped record")
    assert counted == [(scene.connection.topics.control, 1)]
    assert scene.version() == "1"


def publish_junk(scene: Scene) -> None:
    with KafkaProducer(**scene.connection.brokers.options()) as producer:
        producer.send(scene.connection.topics.control, key=b"head/p", value=b"junk", partition=0)
