"""`weir apply`: turns manifests into releases and publishes them on the control topic."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from jobs.kafka.admin import create_control, create_topics, existing_topics
from jobs.releases.diff import describe_changes, model_changed
from jobs.releases.publish import Record, model_record, next_generation, publish, records_of
from jobs.releases.resume import end_of_quarantine
from jobs.releases.validation.external_inputs import cycles, external_places, missing_sources
from jobs.releases.validation.live_documents import LiveDocuments
from jobs.releases.validation.load_models import OnProgress
from jobs.releases.validation.manifests import Checked, check
from operators.control.control_state import ControlState
from operators.control.control_topic import read_control
from operators.control.release import RegisteredModel, Release
from operators.control.window_epochs import next_epochs
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.storage.trusted_roots import ArtifactPolicy

Verb = Literal["created", "updated", "resumed", "unchanged"]


class Applied(NamedTuple):
    """The result for one resource, and its differences from before; only pipelines have a generation."""

    kind: str
    name: str
    verb: Verb
    generation: int = 0
    differences: tuple[str, ...] = ()


class ApplyResult(NamedTuple):
    """The results for all resources, and the notices about their manifests."""

    applied: list[Applied]
    notices: list[str]


def apply(
    paths: list[Path],
    connection: Connection,
    site: ArtifactPolicy,
    message: str = "",
    partitions: int = 2,
    *,
    dry_run: bool = False,
    on_progress: OnProgress = lambda what: None,
) -> ApplyResult:
    """Publish each pipeline whose content changed as its next generation, which then serves.

    A Model or Monitor that is applied without its pipelines changes the live pipelines that use it. Raises
    DeploymentError with all errors; nothing is published then. A dry run publishes nothing either.
    `on_progress` receives a line before a model is fetched from a store.
    """
    if not dry_run:
        create_control(connection)
    control = read_control(connection)
    checked = check(paths, connection.topics, site, LiveDocuments(control), on_progress).require()
    errors = [
        *missing_sources(checked.releases, control.live(), connection.brokers),
        *cycles(external_places([*control.live(), *checked.releases])),
    ]
    if errors:
        raise DeploymentError("\n".join(errors))
    if dry_run:
        return ApplyResult(_decide(control, checked, message)[1], checked.notices)
    _prepare(checked, connection, partitions)

    def decide(now: ControlState) -> tuple[list[Record], list[Applied]]:
        if (now.heads, now.models) != (control.heads, control.models):
            raise DeploymentError(
                "nothing was applied, because the control topic changed at the same time; apply again"
            )
        return _decide(now, checked, message)

    return ApplyResult(publish(connection, decide), checked.notices)


def documents(control: ControlState) -> dict[str, dict[str, Any]]:
    """Return the documents of live pipelines and of registered models, by `KIND/NAME`."""
    by_name = {f"Model/{name}": registered.model for name, registered in control.models.items()}
    for release in control.live():
        by_name[f"Pipeline/{release.name}"] = release.pipeline
        if release.monitor:
            by_name[f"Monitor/{release.monitor['metadata']['name']}"] = release.monitor
        for model in release.models:
            by_name.setdefault(f"Model/{model['metadata']['name']}", model)
    return by_name


def external_pairs(control: ControlState) -> str:
    """Return the value of the job's setting `external_inputs` for the live pipelines."""
    return ",".join(f"{one.external_topic}={one.name}" for one in control.live() if one.external_topic)


def as_next_generation(release: Release, control: ControlState, message: str) -> Release:
    """Return a release as the next generation of its pipeline, with `message` for the history."""
    numbered = msgspec.structs.replace(
        release,
        generation=next_generation(release.name, control),
        message=message,
        created_by=getpass.getuser(),
    )
    return msgspec.structs.replace(numbered, epochs=next_epochs(numbered, control.head(release.name)))


def _prepare(checked: Checked, connection: Connection, partitions: int) -> None:
    """Create the topics that the releases need, before they are published.

    DeploymentError where a topic of requests is missing that Weir does not own.
    """
    topics = {connection.topics.errors}
    for release in checked.releases:
        topics.update(release.topics)
        topics.update({release.external_topic} - {""})
    is_ours = connection.topics.is_ours
    foreign = {topic for release in checked.releases for topic in release.topics if not is_ours(topic)}
    missing = sorted(foreign - set(existing_topics(connection.brokers))) if foreign else []
    if missing:
        raise DeploymentError(
            f"there is no topic {missing[0]}; create it, because Weir creates no topics of requests while "
            "WEIR_REQUESTS_PREFIX is set"
        )
    create_topics(connection.brokers, sorted(topics - foreign), partitions)


def _decide(control: ControlState, checked: Checked, message: str) -> tuple[list[Record], list[Applied]]:
    records: list[Record] = []
    applied: list[Applied] = []
    for name, model in checked.models.items():
        applied.append(_apply_model(name, model, control.models))
        if applied[-1].verb != "unchanged":
            records.append(model_record(name, model))
    for release in checked.releases:
        after = as_next_generation(release, control, message)
        applied += _apply_pipeline(after, control.head(release.name))
        if applied[-1].verb != "unchanged":
            records += records_of(after, control)
        elif control.quarantine(release.name):
            records.append(end_of_quarantine(release.name))
            applied[-1] = applied[-1]._replace(verb="resumed")
    return records, applied


def _apply_model(name: str, model: RegisteredModel, registered: Mapping[str, RegisteredModel]) -> Applied:
    before = registered.get(name)
    if before and before.content() == model.content():
        return Applied("model", name, "unchanged")
    differences = tuple(model_changed(before, model))
    return Applied("model", name, "updated" if before else "created", differences=differences)


def _apply_pipeline(after: Release, before: Release | None) -> Iterator[Applied]:
    """Yield the result for a pipeline's Monitor, if it has one, then that for the pipeline."""
    is_same = before is not None and before.content() == after.content()
    if after.monitor:
        name, old = after.monitor["metadata"]["name"], before.monitor if before else None
        verb: Verb = "unchanged" if old == after.monitor else "updated" if old else "created"
        yield Applied("monitor", name, verb)
    if is_same and before:
        yield Applied("pipeline", after.name, "unchanged", before.generation)
    else:
        verb = "updated" if before else "created"
        yield Applied("pipeline", after.name, verb, after.generation, tuple(describe_changes(before, after)))
