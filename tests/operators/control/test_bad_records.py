"""Bad records on the topics that workers read: each is skipped and reported, and its neighbours count."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.releases.apply import documents, external_pairs
from jobs.releases.validation.external_inputs import cycles, external_places
from operators.control.control_state import ControlState
from operators.control.status import StatusState
from operators.control.window_epochs import batched_steps, next_epochs
from operators.core.errors import MESSAGE_LENGTH, DeploymentError
from operators.core.redaction import Redaction
from operators.inference.deployments import Deployments
from operators.inference.verdict_follower import VerdictFollower
from operators.kafka.brokers import Brokers
from operators.kafka.connection import Connection
from operators.kafka.skipped_records import MOST_SKIPPED, Skipped
from operators.kafka.topics import Topics
from operators.pipeline.load import ModelCache
from operators.storage.trusted_roots import make_policy
from tests.corpus.records import (
    GOOD,
    KEY_OF,
    KEYS,
    VALUES,
    Record,
    bad_values,
    good_event,
    good_model,
    good_release,
    good_report,
    good_worker,
    paths,
    with_value,
)

TOPICS = Topics()
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 2**63, 2**64, 10**400, 1e300, -1e300]),
    st.text(),
    st.sampled_from(["²", "a/b", "99999-01-01T00:00:00Z", "\x00", "x" * 10_000]),
    st.lists(st.text(), max_size=2),
    st.dictionaries(st.text(), st.integers(), max_size=2),
)


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def changed(kind: str) -> st.SearchStrategy[bytes]:
    """Records of a kind with something odd anywhere in them, or any bytes at all."""
    deployments = st.sampled_from(list(paths(GOOD[kind])))
    odd = st.builds(lambda path, value: encoded(with_value(GOOD[kind], path, value)), deployments, ODD)
    cut = st.integers(0, len(encoded(GOOD[kind]))).map(lambda end: encoded(GOOD[kind])[:end])
    return st.one_of(odd, cut, st.binary())


def good_generation(number: int) -> list[Record]:
    value = encoded(good_release("good", number))
    return [
        Record(b"release/good/%d" % number, value),
        Record(b"head/good", encoded({"generation": number})),
    ]


def bad(*kinds: str) -> list[tuple[str, bytes | None, bytes]]:
    """Name, key and value of everything that is bad as a record of these kinds."""
    return [(f"{kind}: {name}", KEY_OF[kind], value) for kind in kinds for name, value in bad_values(kind)]


def control_around(*records: Record) -> tuple[ControlState, list[Skipped]]:
    """A control topic with these records between good ones of another pipeline."""
    control = ControlState.empty()
    skipped = [control.read(record) for record in (*good_generation(1), *records, *good_generation(2))]
    return control, [one for one in skipped if one]


def assert_fine(control: ControlState) -> None:
    """Check that whatever reads a control topic can walk what it contains."""
    (good,) = [one for one in control.live() if one.name == "good"]
    assert good.generation == 2
    assert msgspec.json.encode(control.live())
    assert documents(control)
    external_pairs(control)
    list(cycles(external_places(control.live())))
    repr(control)
    for release in control.releases.values():
        Redaction.of_document(release.monitor)
        try:
            batched_steps(release)
            next_epochs(release, good)
            next_epochs(good, release)
        except DeploymentError:
            continue
    lineup = Deployments(ModelCache(make_policy("/nowhere", "/nowhere/cache")))
    assert lineup.reconcile(control)
    assert "good" in lineup.deployments


def assert_reported(skipped: list[Skipped]) -> None:
    assert len(skipped) == 1
    assert skipped[0].reason
    assert len(str(skipped[0])) <= 2 * MESSAGE_LENGTH
    assert str(skipped[0]).isprintable()
    assert msgspec.json.encode(str(skipped[0]))


CONTROL = [
    *bad("release", "model"),
    *(
        (f"{key!r}: {name}", key, value)
        for key in (b"head/p", b"tap/p", b"quarantine/p")
        for name, value in VALUES.items()
    ),
    *((f"key: {name}", key, encoded(good_release())) for name, key in KEYS.items()),
    *((f"key: {name}, a head", key, b'{"generation": 1}') for name, key in KEYS.items()),
    *((f"key: {name}, a model", key, encoded(good_model())) for name, key in KEYS.items()),
    *((f"key: {name}, a tap", key, b'{"until": 5}') for name, key in KEYS.items()),
    *((f"key: {name}, junk", key, b"junk") for name, key in KEYS.items()),
]


@pytest.mark.parametrize(("key", "value"), [case[1:] for case in CONTROL], ids=[case[0] for case in CONTROL])
def test_a_bad_control_record_is_skipped_and_reported_and_its_neighbours_count(
    key: bytes | None, value: bytes
) -> None:
    control, skipped = control_around(Record(key, value, "control", 0, 17))
    assert_reported(skipped)
    assert skipped[0].place == "control-0@17"
    assert list(control.skipped.values()) == skipped
    assert control.names() == ["good"]
    assert control.models == {}
    assert control.taps == {}
    assert_fine(control)


SOME_KEYS = st.sampled_from([*KEYS.values(), *KEY_OF.values(), b"head/p", b"tap/p", b"quarantine/p"])


@settings(max_examples=50)
@given(SOME_KEYS, changed("release") | changed("model"))
def test_whatever_is_on_the_control_topic_its_neighbours_count(key: bytes | None, value: bytes) -> None:
    control, skipped = control_around(Record(key, value))
    assert len(skipped) <= 1
    assert_fine(control)


@settings(max_examples=50)
@given(st.binary(), st.none() | st.binary())
def test_any_key_and_any_value_leave_the_control_topic_readable(key: bytes, value: bytes | None) -> None:
    assert_fine(control_around(Record(key, value))[0])


@pytest.mark.parametrize("kind", ["release", "model"])
def test_a_good_record_of_the_corpus_is_read(kind: str) -> None:
    control, skipped = control_around(Record(KEY_OF[kind], encoded(GOOD[kind])))
    assert skipped == []
    assert ("p", 1) in control.releases or "m" in control.models
    assert_fine(control)


@pytest.mark.parametrize("key", [b"head/p", b"release/p/1", b"model/m", b"tap/p", b"quarantine/p"])
def test_a_bad_record_leaves_the_good_one_of_its_key_in_force(key: bytes) -> None:
    good = {
        b"head/p": b'{"generation": 1}',
        b"release/p/1": encoded(good_release()),
        b"model/m": encoded(good_model()),
        b"tap/p": b'{"until": 5}',
        b"quarantine/p": b'{"generation": 1, "at": 5, "why": "it ended"}',
    }
    before, _ = control_around(Record(key, good[key]))
    after, skipped = control_around(Record(key, good[key]), Record(key, b"junk"))
    assert_reported(skipped)
    assert before[:4] == after[:4]


def test_a_good_record_or_a_tombstone_ends_the_report_of_a_bad_one() -> None:
    control, _ = control_around(Record(b"head/p", b"junk"), Record(b"junk", b"junk"))
    assert [one.key for one in control.skipped.values()] == ["head/p", "junk"]
    control.read(Record(b"head/p", b'{"generation": 1}'))
    control.read(Record(b"junk", None))
    assert control.skipped == {}
    assert control.heads["p"] == 1


def test_a_bad_record_hurts_the_pipeline_that_its_key_names_and_no_other() -> None:
    value = encoded(good_release("good", 9))
    control, skipped = control_around(Record(b"release/p/9", value), Record("release/p/²".encode(), value))
    assert [one.pipeline for one in skipped] == ["p", "p"]
    assert control.skipped.of("p") == skipped
    assert [one.generation for one in control.history("good")] == [2, 1]


def test_a_release_of_a_newer_weir_is_skipped_with_the_advice_to_upgrade() -> None:
    newer = {"schema": 2, "what": "nobody knows yet"}
    _, (skipped,) = control_around(Record(b"release/p/1", encoded(newer)))
    assert skipped.is_newer
    assert "upgrade" in skipped.reason


def test_of_very_many_bad_records_the_newest_are_remembered() -> None:
    control = ControlState.empty()
    for number in range(MOST_SKIPPED + 10):
        control.read(Record(b"junk %d" % number, b"junk"))
    assert len(control.skipped) == MOST_SKIPPED
    assert list(control.skipped)[-1] == f"junk {MOST_SKIPPED + 9}"


def test_a_copy_does_not_change_when_more_is_skipped() -> None:
    control = ControlState.empty()
    copy = control.copy()
    control.read(Record(b"junk", b"junk"))
    assert copy.skipped == {}


def status_around(*records: Record) -> tuple[StatusState, list[Skipped]]:
    status = StatusState.empty()
    good = Record(b"worker/good/0", encoded({**good_worker(), "job": "good"}))
    event = Record(b"event/good/1/Serving", encoded({**good_event(), "pipeline": "good"}))
    found = [status.read(record) for record in (good, *records, event)]
    assert "worker/good/0" in status.workers
    assert "event/good/1/Serving" in status.events
    status.alive(1e9)
    return status, [one for one in found if one]


STATUS = [
    *bad("worker", "event"),
    *((f"key: {name}", key, encoded(good_worker())) for name, key in KEYS.items()),
    ("another's key", b"worker/other/0", encoded(good_worker())),
    ("another's event", b"event/q/1/Serving", encoded(good_event())),
]


@pytest.mark.parametrize(("key", "value"), [case[1:] for case in STATUS], ids=[case[0] for case in STATUS])
def test_a_bad_status_record_is_skipped_and_reported_and_its_neighbours_count(
    key: bytes | None, value: bytes
) -> None:
    status, skipped = status_around(Record(key, value))
    assert_reported(skipped)
    assert list(status.skipped.values()) == skipped
    assert len(status.workers) == len(status.events) == 1


@given(st.sampled_from([KEY_OF["worker"], KEY_OF["event"]]), changed("worker") | changed("event"))
def test_whatever_is_on_the_status_topic_its_neighbours_count(key: bytes, value: bytes) -> None:
    status_around(Record(key, value))


@pytest.mark.parametrize("kind", ["worker", "event"])
def test_a_good_status_record_of_the_corpus_is_read(kind: str) -> None:
    assert status_around(Record(KEY_OF[kind], encoded(GOOD[kind])))[1] == []


def verdicts_around(*values: bytes | None) -> tuple[VerdictFollower, list[Skipped]]:
    skipped: list[Skipped] = []
    verdicts = VerdictFollower(Connection(Brokers("nowhere:1"), TOPICS), skipped.extend)
    topic = TOPICS.model_outputs("d")
    verdicts.take([Record(b"p/d", encoded(good_report(0, 1)), topic, 0, 0)])
    assert verdicts.of("p")["d"].is_drift == 0
    verdicts.take([Record(b"p/d", value, topic, 0, 1 + i) for i, value in enumerate(values)])
    verdicts.take([Record(b"p/d", encoded(good_report(1, 9)), topic, 0, 99)])
    assert verdicts.of("p")["d"][:3] == (1, "DRIFT", 9)
    return verdicts, skipped


NO_REPORT = dict(bad_values("report"))


@pytest.mark.parametrize("value", NO_REPORT.values(), ids=NO_REPORT.keys())
def test_a_bad_report_is_skipped_and_reported_and_the_next_verdict_counts(value: bytes) -> None:
    _, skipped = verdicts_around(value)
    assert_reported(skipped)


@given(changed("report"))
def test_whatever_is_among_the_reports_the_next_verdict_counts(value: bytes) -> None:
    verdicts, _ = verdicts_around(value)
    for flag in verdicts.of("p").values():
        assert flag.is_drift in (0, 1)


def test_a_response_of_another_pipelines_step_is_no_report_and_no_fault() -> None:
    response = {"model_name": "d", "outputs": good_report()["outputs"], "parameters": {"content_type": "np"}}
    _, skipped = verdicts_around(encoded(response), encoded({**response, "parameters": {}}))
    assert skipped == []


def test_a_report_without_a_value_is_skipped_and_reported() -> None:
    assert_reported(verdicts_around(None)[1])


def test_records_that_are_read_again_are_reported_once() -> None:
    skipped: list[Skipped] = []
    verdicts = VerdictFollower(Connection(Brokers("nowhere:1"), TOPICS), skipped.extend)
    records: list[Any] = [Record(b"p/d", b"junk", "t", 0, offset) for offset in range(3)]
    verdicts.take(records)
    verdicts.take([*records, Record(b"p/d", b"junk", "t", 0, 3)])
    assert [one.offset for one in skipped] == [0, 1, 2, 3]
