"""`weir apply`: manifests → releases on the control topic."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlparse

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from jobs.kafka_admin import create_topics
from operators.artifacts.digests import digest
from operators.control import Connection, read_control
from operators.errors import DeploymentError
from operators.releases import Artifact, Head, Release, serve
from operators.resources.manifests import Manifests, read_manifests
from operators.resources.schema import Model, Pipeline
from operators.topics import Topics


class Applied(NamedTuple):
    """What became of one pipeline: `created`, `updated` or `unchanged`."""

    name: str
    generation: int
    verb: str


def check(paths: list[Path], topics: Topics) -> tuple[list[Release], list[str]]:
    """Validate manifests as far as no broker is needed, models loaded and plans compiled.

    Returns a release of generation 0 for each pipeline, and notices. Raises DeploymentError with every
    error found.
    """
    manifests = read_manifests(paths)
    releases, errors = [], []
    for pipeline in manifests.pipelines.values():
        try:
            release = _release(pipeline, manifests, topics)
            serve(release)
            releases.append(release)
        except DeploymentError as error:
            errors.append(f"{manifests.origin[f'Pipeline/{pipeline.metadata.name}']}: {error}")
    if errors:
        raise DeploymentError("\n".join(errors))
    return releases, manifests.notices


def apply(paths: list[Path], connection: Connection, message: str, partitions: int) -> list[Applied]:
    """Publish each pipeline whose content changed as its next generation, and let it serve.

    Raises DeploymentError with every error found; then nothing was published.
    """
    releases, _ = check(paths, connection.topics)
    create_topics(connection.bootstrap, [connection.topics.control], 1, compacted=True)
    topics = sorted({connection.topics.errors, *(topic for one in releases for topic in one.topics)})
    create_topics(connection.bootstrap, topics, partitions)
    return _publish(releases, connection, message)


def folder_of(model: Model, manifest: Path) -> Path:
    """Return a model's folder; a relative storageUri starts at the manifest's own folder."""
    uri = model.spec.storage_uri
    path = Path(unquote(urlparse(uri).path)) if uri.startswith("file://") else Path(uri)
    return (manifest.parent / path).resolve()


def _release(pipeline: Pipeline, manifests: Manifests, topics: Topics) -> Release:
    models = [manifests.models[step.name] for step in pipeline.spec.steps]
    folders = {
        model.metadata.name: folder_of(model, manifests.origin[f"Model/{model.metadata.name}"])
        for model in models
    }
    name = pipeline.metadata.name
    batched = [topics.model_outputs(step.name) for step in pipeline.spec.steps if step.batch.size]
    return Release(
        name=name,
        generation=0,
        pipeline=msgspec.to_builtins(pipeline),
        models=[msgspec.to_builtins(model) for model in models],
        artifacts={model: Artifact(str(folder), digest(folder)) for model, folder in folders.items()},
        topics=[topics.inputs(name), topics.outputs(name), *batched],
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


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
