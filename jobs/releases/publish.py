"""Writing the control topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from operators.control.control_state import ControlState
from operators.control.control_topic import read_control
from operators.control.release import Head, RegisteredModel, Release
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.kafka.skipped_records import key_bytes

# Generations of a pipeline that are kept: so far back can one go.
KEPT = 50
_LONGEST = 16 * 1024 * 1024
T = TypeVar("T")


class Record(NamedTuple):
    """One record of the control topic; no value takes back what its key said.

    The key is text as `operators.skipped.key_text` reads it.
    """

    key: str
    value: bytes | None


def publish(connection: Connection, decide: Callable[[ControlState], tuple[Sequence[Record], T]]) -> T:
    """Read the control topic, let `decide` say what to write, and write it, as one transaction.

    Nobody else writes in between. Raises DeploymentError when somebody else began to.
    """
    topics = connection.topics
    producer = None
    try:
        producer = KafkaProducer(
            bootstrap_servers=connection.bootstrap,
            transactional_id=f"{topics.prefix}.{topics.namespace}/apply",
            max_request_size=_LONGEST,
        )
        producer.init_transactions()
        records, result = decide(read_control(connection))
        require_readable(records)
        if records:
            producer.begin_transaction()
            for key, value in records:
                producer.send(topics.control, key=key_bytes(key), value=value, partition=0)
            producer.commit_transaction()
        return result
    except KafkaError as error:
        raise DeploymentError(
            f"nothing was applied: {error}; if someone else applied at the same moment, apply again"
        ) from error
    finally:
        if producer:
            producer.close(timeout=10)


def require_readable(records: Sequence[Record]) -> None:
    """Raise DeploymentError for a record that whoever reads the topic would skip."""
    control = ControlState.empty()
    for key, value in records:
        if skipped := control.read(_Written(key_bytes(key), value)):
            raise DeploymentError(
                f"nothing was applied: {skipped.shown_key} cannot be read: {skipped.reason}"
            )


class _Written(NamedTuple):
    """A record on its way, as it will be read."""

    key: bytes
    value: bytes | None
    topic: str = ""
    partition: int = 0
    offset: int = 0


def records_of(release: Release, control: ControlState) -> list[Record]:
    """Return what makes a release the live one; releases that are too old are taken back."""
    old = [one for one in control.history(release.name) if one.generation <= release.generation - KEPT]
    return [
        Record(f"release/{release.name}/{release.generation}", msgspec.json.encode(release)),
        Record(f"head/{release.name}", msgspec.json.encode(Head(release.generation))),
        *(Record(f"release/{one.name}/{one.generation}", None) for one in old),
    ]


def model_record(name: str, model: RegisteredModel | None) -> Record:
    """Return what registers a model, or takes it back."""
    return Record(f"model/{name}", msgspec.json.encode(model) if model else None)


def next_generation(name: str, control: ControlState) -> int:
    """Return the number of a pipeline's next release, above those that a newer Weir wrote."""
    known = [one.generation for one in control.history(name)]
    newer = [one.key or "" for one in control.skipped.of(name) if one.is_newer]
    numbers = [int(key.rpartition("/")[2]) for key in newer]
    return max([*known, *numbers, control.heads.get(name, 0)]) + 1
