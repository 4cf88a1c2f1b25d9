"""What is done about control records that cannot be used: never anything about others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.releases.publish import Record as Written
from jobs.releases.publish import next_generation, records_of, require_readable
from jobs.releases.repair import plan_repairs
from operators.control.control_state import ControlState
from operators.core.errors import DeploymentError
from operators.kafka.skipped_records import key_bytes
from tests.corpus.records import KEYS, VALUES, Record, bad_values, good_model, good_release


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


GOOD = [
    Record(b"release/p/1", encoded(good_release())),
    Record(b"head/p", b'{"generation": 1}'),
    Record(b"model/m", encoded(good_model())),
    Record(b"tap/p", b'{"until": 5}'),
    Record(b"quarantine/p", b'{"generation": 1, "at": 5, "why": "it ended"}'),
]


def read(*records: Record) -> ControlState:
    control = ControlState.empty()
    for record in records:
        control.read(record)
    return control


def repaired(*records: Record) -> tuple[ControlState, ControlState]:
    """A topic as it is read before it is repaired, and when it was repaired and compacted."""
    before = read(*records)
    written = [
        Record(key_bytes(one.record.key), one.record.value) for one in plan_repairs(before) if one.record
    ]
    latest: dict[bytes | None, Record] = {}
    for record in (*records, *written):
        latest[record.key] = record
    return before, read(*(one for one in latest.values() if one.value is not None))


@pytest.mark.parametrize("key", [one for one in KEYS.values() if one is not None])
def test_a_key_that_cannot_be_used_is_taken_back(key: bytes) -> None:
    before, after = repaired(*GOOD, Record(key, b"junk"))
    assert len(before.skipped) == 1
    assert after.skipped == {}
    assert after == read(*GOOD)


@pytest.mark.parametrize("key", [one.key for one in GOOD])
@pytest.mark.parametrize("value", [b"junk", b"{}", b"[" * 100_000])
def test_the_earlier_value_of_a_key_is_written_again(key: bytes, value: bytes) -> None:
    before, after = repaired(*GOOD, Record(key, value))
    assert len(before.skipped) == 1
    assert after == read(*GOOD)


# Of the second generation that is no fault.
BAD = {name: value for name, value in bad_values("release") if name != "generation 2"}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_a_release_that_cannot_be_used_is_taken_back_unless_a_newer_weir_wrote_it(value: bytes) -> None:
    before, after = repaired(*GOOD, Record(b"release/p/2", value))
    (skipped,) = before.skipped.values()
    assert set(after.skipped) == ({"release/p/2"} if skipped.is_newer else set())
    assert after[:4] == before[:4]


def test_a_record_without_a_key_stays_and_is_listed() -> None:
    (one,) = plan_repairs(read(*GOOD, Record(None, b"junk", "control", 0, 17)))
    assert one.record is None
    assert "without a key" in one.what
    assert str(one.skipped) == "(no key) (control-0@17): the record has no key"


SOME_KEYS = st.sampled_from([*KEYS.values(), *(one.key for one in GOOD)])


@given(st.lists(st.tuples(SOME_KEYS, st.sampled_from(list(VALUES.values())))))
def test_whatever_was_sent_nothing_that_can_be_read_is_touched(
    junk: list[tuple[bytes | None, bytes]],
) -> None:
    before, after = repaired(*GOOD, *(Record(key, value) for key, value in junk))
    assert after[:4] == before[:4] == read(*GOOD)[:4]
    assert set(after.skipped) <= {None}


def test_nothing_is_published_that_whoever_reads_the_topic_would_skip() -> None:
    control = read(*GOOD)
    (release,) = control.live()
    require_readable(records_of(release, control))
    for key in ("release/p/²", "head/P", "other"):
        with pytest.raises(DeploymentError, match="cannot be read"):
            require_readable([Written(key, b"{}")])


def test_a_generation_that_a_newer_weir_wrote_is_not_written_over() -> None:
    newer = Record(b"release/p/7", encoded({"schema": 2}))
    assert next_generation("p", read(*GOOD, newer)) == 8
    assert next_generation("p", read(*GOOD, Record(b"release/p/7", b"junk"))) == 2
    assert next_generation("q", read(*GOOD, newer)) == 1
