"""`weir delete`: resources are taken back; their topics stay unless told otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from jobs.kafka.admin import delete_topics
from jobs.releases.apply import numbered
from jobs.releases.publish import Record, model_record, publish, records_of
from jobs.releases.repair import take_back
from jobs.releases.topic_writers import wait_until_unused
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics

KINDS = ("pipeline", "model", "monitor")


class Resource(NamedTuple):
    """Kind (`pipeline`, `model`, `monitor`) and name of what is deleted."""

    kind: str
    name: str


def parse_resource(text: str) -> Resource:
    """Read `NAME`, a pipeline, or `KIND/NAME`."""
    kind, slash, name = text.rpartition("/")
    if slash and kind.lower() not in KINDS:
        raise DeploymentError(f"{text!r} is not NAME, pipeline/NAME, model/NAME or monitor/NAME")
    return Resource(kind.lower() or "pipeline", name)


def delete(resources: Sequence[Resource], connection: Connection, *, topics: bool = False) -> list[str]:
    """Take resources back, all of them or none; returns the topics that were deleted too.

    A deleted pipeline's windows close and its requests become dead letters. Its releases are kept, so that it
    can be gone back to; records that name it and cannot be used are taken back with it. Raises
    DeploymentError for what is not there, and for a model that is in use.
    """

    def decide(control: ControlState) -> tuple[list[Record], list[str]]:
        gone = {resource.name for resource in resources if resource.kind == "pipeline"}
        errors = [line for resource in resources for line in _objections(resource, control, gone)]
        if errors:
            raise DeploymentError("\n".join(errors))
        records = [record for resource in resources for record in _records(resource, control, gone)]
        return records, _topics(control, gone, connection.topics)

    orphaned = publish(connection, decide)
    if not topics:
        return []
    wait_until_unused(connection, [one.name for one in resources if one.kind == "pipeline"], orphaned)
    return delete_topics(connection.bootstrap, orphaned)


def _objections(resource: Resource, control: ControlState, gone: set[str]) -> list[str]:
    kind, name = resource
    if kind == "pipeline" and name not in control.heads and not control.skipped.of(name):
        return [f"there is no pipeline {name}; there are {', '.join(sorted(control.heads)) or 'none'}"]
    if kind == "monitor" and not _watched(name, control):
        return [f"there is no monitor {name}"]
    if kind == "model":
        using = [one.name for one in control.live() if name in one.artifacts and one.name not in gone]
        if using:
            return [f"model {name} is in use by pipeline {', '.join(using)}: delete that first"]
        if name not in control.models:
            return [f"there is no model {name}; there are {', '.join(sorted(control.models)) or 'none'}"]
    return []


def _records(resource: Resource, control: ControlState, gone: set[str]) -> list[Record]:
    kind, name = resource
    if kind == "model":
        return [model_record(name, None)]
    if kind == "pipeline":
        unusable = map(take_back, control.skipped.of(name))
        return [Record(f"head/{name}", None), *(one for one in unusable if one)]
    records = []
    for release in _watched(name, control):
        if release.name not in gone:
            bare = msgspec.structs.replace(release, monitor=None)
            records += records_of(numbered(bare, control, f"without monitor {name}"), control)
    return records


def _watched(monitor: str, control: ControlState) -> list[Release]:
    return [one for one in control.live() if one.monitor and one.monitor["metadata"]["name"] == monitor]


def _topics(control: ControlState, gone: set[str], topics: Topics) -> list[str]:
    """Name our topics that only deleted pipelines use."""
    live = [one for one in control.live() if one.name not in gone]
    used = {topic for one in live for topic in (*one.topics, one.external_topic)}
    dead = {topic for name in gone for one in control.candidates(name)[:1] for topic in one.topics}
    return sorted(filter(topics.is_ours, dead - used))
