"""`weir apply`: manifests → releases on the control topic."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from jobs.checking import check
from jobs.externals import cycles, sources_missing
from jobs.kafka_admin import create_topics
from operators.artifacts.trust import Site
from operators.control import Connection, read_control
from operators.errors import DeploymentError
from operators.releases import Control, Head, Release


class Applied(NamedTuple):
    """What became of one pipeline: `created`, `updated` or `unchanged`."""

    name: str
    generation: int
    verb: str


class Applying(NamedTuple):
    """What became of all pipelines, and what their authors should know."""

    applied: list[Applied]
    notices: list[str]


def apply(paths: list[Path], connection: Connection, site: Site, message: str, partitions: int) -> Applying:
    """Publish each pipeline whose content changed as its next generation, and let it serve.

    Raises DeploymentError with every error found; then nothing was published.
    """
    topics = connection.topics
    releases, notices, _ = check(paths, topics, site).require()
    create_topics(connection.bootstrap, [topics.control], 1, compacted=True)
    live = read_control(connection).live()
    errors = [*sources_missing(releases, live, connection.bootstrap), *cycles(releases, live)]
    if errors:
        raise DeploymentError("\n".join(errors))
    wanted = {topics.errors, *(topic for one in releases for topic in one.topics)}
    wanted |= {one.external_topic for one in releases if one.external_topic}
    create_topics(connection.bootstrap, sorted(wanted), partitions)
    return Applying(_publish(releases, connection, message), notices)


def external_pairs(control: Control) -> str:
    """Return what the job's setting `external_inputs` is for the live pipelines."""
    return ",".join(f"{one.external_topic}={one.name}" for one in control.live() if one.external_topic)


def _publish(releases: list[Release], connection: Connection, message: str) -> list[Applied]:
    """Write releases, then heads, in one transaction; of two that do so at once, one is refused."""
    topics = connection.topics
    producer = KafkaProducer(
        bootstrap_servers=connection.bootstrap,
        transactional_id=f"{topics.prefix}.{topics.namespace}/apply",
        max_request_size=16 * 1024 * 1024,
    )
    try:
        producer.init_transactions()
        control = read_control(connection)
        applied = []
        producer.begin_transaction()
        for release in releases:
            applied.append(_next(release, control.heads.get(release.name), control.releases))
            if applied[-1].verb != "unchanged":
                _send(producer, topics.control, release, applied[-1].generation, message)
        producer.commit_transaction()
        return applied
    except KafkaError as error:
        raise DeploymentError(
            f"nothing was applied: {error}; if someone else applied at the same moment, apply again"
        ) from error
    finally:
        producer.close(timeout=10)


def _next(release: Release, live: int | None, known: dict[tuple[str, int], Release]) -> Applied:
    if live is None:
        last = max((generation for name, generation in known if name == release.name), default=0)
        return Applied(release.name, last + 1, "created")
    current = known.get((release.name, live))
    if current is not None and current.content() == release.content():
        return Applied(release.name, live, "unchanged")
    last = max(generation for name, generation in [*known, (release.name, live)] if name == release.name)
    return Applied(release.name, last + 1, "updated")


def _send(producer: Any, topic: str, release: Release, generation: int, message: str) -> None:
    numbered = msgspec.structs.replace(
        release, generation=generation, message=message, created_by=getpass.getuser()
    )
    records = (
        (f"release/{release.name}/{generation}", msgspec.json.encode(numbered)),
        (f"head/{release.name}", msgspec.json.encode(Head(generation))),
    )
    for key, value in records:
        producer.send(topic, key=key.encode(), value=value, partition=0)
