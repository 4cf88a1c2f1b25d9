"""Records of the control topic, and the transaction that writes them."""

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

# Number of generations of a pipeline that are kept and can be rolled back to.
KEPT_GENERATIONS = 50
_MOST_BYTES = 16 * 1024 * 1024
T = TypeVar("T")


class Record(NamedTuple):
    """One record of the control topic; without a value it is a tombstone that deletes its key.

    The key is text as `operators.kafka.skipped_records.key_text` decodes it.
    """

    key: str
    value: bytes | None


def publish(connection: Connection, decide: Callable[[ControlState], tuple[Sequence[Record], T]]) -> T:
    """Read the control topic and write the records that `decide` returns, as one transaction.

    Returns the second value of `decide`. Its transactional id excludes other writers: DeploymentError when
    another one begins in between.
    """
    topics = connection.topics
    producer = None
    try:
        producer = KafkaProducer(
            **connection.brokers.options(),
            transactional_id=f"{topics.prefix}.{topics.namespace}/apply",
            max_request_size=_MOST_BYTES,
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
            f"nothing was applied: {error}; if another command applied at the same time, apply again"
        ) from error
    finally:
        if producer:
            producer.close(timeout=10)


def require_readable(records: Sequence[Record]) -> None:
    """Raise DeploymentError for a record that readers of the topic would skip."""
    control = ControlState.empty()
    for key, value in records:
        if skipped := control.read(_Written(key_bytes(key), value)):
            raise DeploymentError(
                f"nothing was applied: {skipped.shown_key} cannot be read: {skipped.reason}"
            )


class _Written(NamedTuple):
    """A record that is not written yet, with the fields of a Kafka record that readers use."""

    key: bytes
    value: bytes | None
    topic: str = ""
    partition: int = 0
    offset: int = 0


def records_of(release: Release, control: ControlState) -> list[Record]:
    """Return the records that make a release the live one and delete releases that are too old."""
    old = [
        one
        for one in control.history(release.name)
        if one.generation <= release.generation - KEPT_GENERATIONS
    ]
    return [
        Record(f"release/{release.name}/{release.generation}", msgspec.json.encode(release)),
        Record(f"head/{release.name}", msgspec.json.encode(Head(release.generation))),
        *(Record(f"release/{one.name}/{one.generation}", None) for one in old),
    ]


def model_record(name: str, model: RegisteredModel | None) -> Record:
    """Return the record that registers a model, or a tombstone where `model` is None."""
    return Record(f"model/{name}", msgspec.json.encode(model) if model else None)


def next_generation(name: str, control: ControlState) -> int:
    """Return the next generation of a pipeline, also above those that a newer Weir wrote."""
    readable = [release.generation for release in control.history(name)]
    newer_keys = [skipped.key or "" for skipped in control.skipped.of(name) if skipped.is_newer]
    newer = [int(key.rpartition("/")[2]) for key in newer_keys]
    return max([*readable, *newer, control.heads.get(name, 0)]) + 1
