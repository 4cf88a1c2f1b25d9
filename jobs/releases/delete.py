"""`weir delete`: deletes resources from the control topic and, on request, their topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from jobs.kafka.admin import delete_topics
from jobs.releases.apply import as_next_generation
from jobs.releases.publish import Record, model_record, publish, records_of
from jobs.releases.repair import tombstone
from jobs.releases.topic_writers import wait_until_unused
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.core.errors import DeploymentError, does_not_exist
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics

KINDS = ("pipeline", "model", "monitor")


class Resource(NamedTuple):
    """Kind (`pipeline`, `model`, `monitor`) and name of a resource to delete."""

    kind: str
    name: str


def parse_resource(text: str) -> Resource:
    """Parse `NAME`, which is a pipeline, or `KIND/NAME`; DeploymentError for an unknown kind."""
    kind, slash, name = text.rpartition("/")
    if slash and kind.lower() not in KINDS:
        raise DeploymentError(f"{text!r} is not NAME, pipeline/NAME, model/NAME or monitor/NAME")
    return Resource(kind.lower() or "pipeline", name)


def delete(resources: Sequence[Resource], connection: Connection, *, topics: bool = False) -> list[str]:
    """Delete resources, all of them or none, and return the names of the deleted topics.

    A deleted pipeline's windows close and its requests become dead letters. Its releases are kept, so that
    `weir rollback` can restore it. Records of it that cannot be used are deleted with it. With `topics`, the
    topics that only deleted pipelines use are deleted too. DeploymentError for a resource that does not exist
    and for a model that is in use.
    """

    def decide(control: ControlState) -> tuple[list[Record], list[str]]:
        deleted = {resource.name for resource in resources if resource.kind == "pipeline"}
        errors = [line for resource in resources for line in _errors(resource, control, deleted)]
        if errors:
            raise DeploymentError("\n".join(errors))
        records = [record for resource in resources for record in _records(resource, control, deleted)]
        return records, _orphaned_topics(control, deleted, connection.topics)

    orphaned = publish(connection, decide)
    if not topics:
        return []
    pipelines = [resource.name for resource in resources if resource.kind == "pipeline"]
    wait_until_unused(connection, pipelines, orphaned)
    return delete_topics(connection.brokers, orphaned)


def _errors(resource: Resource, control: ControlState, deleted: set[str]) -> list[str]:
    kind, name = resource
    if kind == "pipeline" and name not in control.heads and not control.skipped.of(name):
        return [does_not_exist(f"pipeline {name}", control.heads)]
    if kind == "monitor" and not _monitored_by(name, control):
        monitors = {one.monitor["metadata"]["name"] for one in control.live() if one.monitor}
        return [does_not_exist(f"monitor {name}", monitors)]
    if kind == "model":
        live = [release for release in control.live() if release.name not in deleted]
        using = [release.name for release in live if name in release.artifacts]
        if using:
            return [f"model {name} is in use by pipeline {', '.join(using)}; delete that first"]
        if name not in control.models:
            return [does_not_exist(f"model {name}", control.models)]
    return []


def _records(resource: Resource, control: ControlState, deleted: set[str]) -> list[Record]:
    kind, name = resource
    if kind == "model":
        return [model_record(name, None)]
    if kind == "pipeline":
        tombstones = map(tombstone, control.skipped.of(name))
        return [Record(f"head/{name}", None), *(record for record in tombstones if record)]
    records = []
    for release in _monitored_by(name, control):
        if release.name not in deleted:
            unmonitored = msgspec.structs.replace(release, monitor=None)
            next_release = as_next_generation(unmonitored, control, f"without monitor {name}")
            records += records_of(next_release, control)
    return records


def _monitored_by(monitor: str, control: ControlState) -> list[Release]:
    monitored = [release for release in control.live() if release.monitor]
    return [one for one in monitored if one.monitor and one.monitor["metadata"]["name"] == monitor]


def _orphaned_topics(control: ControlState, deleted: set[str], topics: Topics) -> list[str]:
    """Return the names of Weir's own topics that only deleted pipelines use."""
    live = [release for release in control.live() if release.name not in deleted]
    used = {topic for release in live for topic in (*release.topics, release.external_topic)}
    last = [release for name in deleted for release in control.candidates(name)[:1]]
    unused = {topic for release in last for topic in release.topics} - used
    return sorted(filter(topics.is_ours, unused))
