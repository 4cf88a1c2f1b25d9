"""A supervisor against a broker without a cluster: what models do to the worker process, and what is left."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest

from jobs.kafka.admin import create_control
from jobs.releases.publish import Record, publish
from operators.control.control_topic import read_control
from operators.control.status import StatusState
from operators.control.status_topic import read_status
from operators.core.micro_batch import RequestBatch, ResponseBatch
from operators.inference.identity import Identity
from operators.inference.supervision.messages import Answered, Start
from operators.inference.supervision.supervisor import Supervisor
from operators.kafka.connection import Connection
from operators.rows.chunks import SubtaskId
from operators.storage.trusted_roots import make_policy
from tests.builders.harmful_models import EAT, EXIT, HOLD, LEAK, NEED, QUIT, SEGFAULT, SLEEP, write_models
from tests.builders.pipelines import pipeline, released
from tests.builders.requests import TOPICS, records, request
from tests.end_to_end.deployment import await_true
from tests.support.broker import Broker


class Scene:
    """A supervisor of two pipelines, `good` and `bad`, on a namespace of its own."""

    def __init__(self, broker: Broker, folder: Path, namespace: str) -> None:
        write_models(folder / "models", "model-of-good", "model-of-bad")
        self.folder = folder
        self.connection = Connection(broker.brokers, TOPICS._replace(namespace=namespace))
        create_control(self.connection)
        site = make_policy(str(folder / "models"), str(folder / "cache"))
        identity = Identity("job", SubtaskId(0, 1))
        self.begin = Start(self.connection, site, 1_000_000, (), identity, {}, 700 * 2**20)
        self.answered: list[Answered] = []
        self.supervisor = Supervisor(self.begin, 1.0, self.answered.append)

    def apply(self, generation: int = 1, **models: str) -> None:
        written = []
        for name, model in models.items():
            spec = pipeline(name, [{"name": model}], output={"steps": [model]})
            (release,) = released(self.folder / f"{name}-{generation}", self.folder / "models", spec)
            release = msgspec.structs.replace(release, generation=generation)
            written += [
                Record(f"release/{name}/{generation}", msgspec.json.encode(release)),
                Record(f"head/{name}", msgspec.json.encode({"generation": generation})),
            ]
        publish(self.connection, lambda control: (written, None))

    def records(self, **values: list[float]) -> RequestBatch:
        """One request per value, those of the pipelines in turn."""
        batches = [
            records(*(request([value]) for value in some))._replace(
                topics=[self.connection.topics.inputs(name)] * len(some)
            )
            for name, some in values.items()
        ]
        order = np.argsort(np.concatenate([np.arange(len(one.values)) for one in batches]), kind="stable")
        columns = [list(chain.from_iterable(columns)) for columns in zip(*batches, strict=True)]
        mixed = [[column[i] for i in order.tolist()] for column in columns]
        return RequestBatch(*(np.array(c) if isinstance(c[0], np.integer) else c for c in mixed))

    def kill_worker(self) -> None:
        """Kill the worker process, the only child of the fork server."""
        (server,) = fork_servers()
        (worker,) = server.children()
        worker.kill()

    def status(self) -> StatusState:
        return read_status(self.connection)

    def events(self, what: str) -> list[str]:
        return [event.why for event in self.status().events.values() if event.what == what]


@pytest.fixture
def scene(broker: Broker, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    scene = Scene(broker, tmp_path, name)
    yield scene
    scene.supervisor.close()
    assert fork_servers() == []


def fork_servers() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "fork_server" in str(one.cmdline())]


def requested(batch: RequestBatch) -> list[float]:
    return [msgspec.json.decode(body)["inputs"][0]["data"][0] for body in batch.values if body]


def require_answers(batch: RequestBatch, answers: ResponseBatch, bad: dict[float, tuple[str, str]]) -> None:
    """Every good request has its own answer, every bad one the reason and a part of the message."""
    for i, value in enumerate(requested(batch)):
        if value in bad:
            reason, message = bad[value]
            assert (answers.statuses[i], answers.reasons[i]) == ("failed", reason), (value, answers.errors[i])
            assert message in (answers.errors[i] or "")
            assert answers.targets[i] is not None
        else:
            assert answers.statuses[i] == "answered", answers.errors[i]
            assert msgspec.json.decode(answers.bodies[i] or b"")["outputs"][0]["data"] == [2 * value]


@pytest.mark.parametrize(
    ("value", "reason", "message"),
    [
        (EXIT, "MODEL_CRASHED", "in step model-of-bad: exit code 3"),
        (SEGFAULT, "MODEL_CRASHED", "in step model-of-bad: signal SIGSEGV"),
        (SLEEP, "MODEL_TIMEOUT", "no answer in step model-of-bad within 1 s"),
        (HOLD, "MODEL_TIMEOUT", "no answer in step model-of-bad within 1 s"),
        (LEAK, "MODEL_CRASHED", "in step model-of-bad: its memory is exhausted"),
        (QUIT, "MODEL_CRASHED", "in step model-of-bad: exit code 1"),
        (NEED, "STEP_FAILED", "MemoryError"),
        (EAT, "STEP_FAILED", "MemoryError"),
    ],
)
def test_a_request_that_ends_or_blocks_the_process_fails_alone(
    scene: Scene, value: float, reason: str, message: str
) -> None:
    scene.apply(good="model-of-good", bad="model-of-bad")
    scene.supervisor.start()
    values = [100.0 + i for i in range(200)]
    batch = scene.records(good=values, bad=[*values[:70], value, *values[70:]])
    require_answers(batch, scene.supervisor.answer(batch), {value: (reason, message)})
    alone = scene.records(bad=[value])
    require_answers(alone, scene.supervisor.answer(alone), {value: (reason, message)})
    after = scene.records(good=values[:3], bad=values[:3])
    require_answers(after, scene.supervisor.answer(after), {})


def test_every_guilty_request_of_a_batch_is_found_and_reported(scene: Scene) -> None:
    scene.apply(good="model-of-good", bad="model-of-bad")
    scene.supervisor.start()
    values = [100.0 + i for i in range(500)]
    for position, value in ((3, EXIT), (100, SEGFAULT), (101, QUIT), (333, SLEEP), (499, EXIT)):
        values[position] = value
    crashed = ("MODEL_CRASHED", "")
    bad = {EXIT: crashed, SEGFAULT: crashed, QUIT: crashed, SLEEP: ("MODEL_TIMEOUT", "")}
    batch = scene.records(bad=values, good=[100.0 + i for i in range(500)])
    require_answers(batch, scene.supervisor.answer(batch), bad)
    tallies = [tally for answered in scene.answered for tally in answered.tallies]
    assert sum(one["good"].requests for one in tallies if "good" in one) == 500
    assert sum(one["bad"].failed for one in tallies if "bad" in one) == 5
    await_true(lambda: scene.events("ModelCrashed") and scene.events("ModelTimedOut"), "the events")  # type: ignore[arg-type, return-value]
    (why,) = scene.events("ModelTimedOut")
    assert why.endswith(f"(request {scene.connection.topics.inputs('bad')}/1/433)")


def test_a_process_that_is_killed_from_outside_costs_no_request(scene: Scene) -> None:
    scene.apply(good="model-of-good", bad="model-of-bad")
    scene.supervisor.start()
    batch = scene.records(good=[100.0], bad=[100.0])
    for _ in range(3):
        scene.kill_worker()
        require_answers(batch, scene.supervisor.answer(batch), {})


def test_a_release_that_ends_the_process_is_refused_and_the_others_serve(scene: Scene) -> None:
    scene.apply(good="model-of-good", bad="loads")
    scene.supervisor.start()
    batch = scene.records(good=[100.0], bad=[100.0])
    failed = ("PIPELINE_FAILED", "while it was loaded, the process ended: exit code 4")
    answers = scene.supervisor.answer(batch)
    assert (answers.statuses, answers.reasons) == (["answered", "failed"], [None, failed[0]])
    assert failed[1] in (answers.errors[1] or "")
    scene.apply(2, bad="model-of-bad")
    await_true(lambda: scene.supervisor.answer(batch).statuses == ["answered"] * 2, "the mended release")


def test_the_release_before_one_that_ends_the_process_keeps_serving(scene: Scene) -> None:
    scene.apply(good="model-of-good", bad="model-of-bad")
    scene.supervisor.start()
    batch = scene.records(good=[100.0], bad=[100.0])
    scene.apply(2, bad="loads")
    await_true(lambda: scene.supervisor.answer(batch) and scene.events("LoadFailed"), "the refusal")  # type: ignore[arg-type, return-value]
    answers = scene.supervisor.answer(batch)
    require_answers(batch, answers, {})
    assert answers.versions == ["1", "1"]


def test_a_pipeline_that_holds_up_others_is_quarantined_until_it_is_released(scene: Scene) -> None:
    scene.apply(good="model-of-good", bad="model-of-bad")
    scene.supervisor.close()
    scene.supervisor = Supervisor(scene.begin, 1.0, scene.answered.append, most_cost=0.5)
    scene.supervisor.start()
    batch = scene.records(bad=[EXIT] * 20 + [100.0] * 20, good=[100.0] * 40)
    answers = scene.supervisor.answer(batch)
    good = [i for i, topic in enumerate(batch.topics) if topic == scene.connection.topics.inputs("good")]
    assert {answers.statuses[i] for i in good} == {"answered"}
    assert {answers.reasons[i] for i in range(80)} >= {"MODEL_CRASHED", "PIPELINE_FAILED"}
    one = scene.records(bad=[100.0])
    await_true(lambda: scene.supervisor.answer(one).reasons == ["PIPELINE_FAILED"], "the quarantine")
    (error,) = scene.supervisor.answer(one).errors
    assert error is not None
    assert "generation 1 is quarantined since" in error
    assert "weir resume bad" in error
    await_true(lambda: bool(scene.events("Quarantined")), "its event")
    assert read_control(scene.connection).quarantine("bad") is not None
    publish(scene.connection, lambda control: ([Record("quarantine/bad", None)], None))
    await_true(lambda: scene.supervisor.answer(one).statuses == ["answered"], "its end")
    assert read_control(scene.connection).quarantine("bad") is None
