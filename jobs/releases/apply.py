"""`weir apply`: manifests → releases."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from jobs.kafka.admin import create_control, create_topics, existing_topics
from jobs.releases.diff import changed, model_changed
from jobs.releases.publish import Record, model_record, next_generation, publish, records_of
from jobs.releases.validation.external_inputs import cycles, external_places, sources_missing
from jobs.releases.validation.live_documents import LiveDocuments
from jobs.releases.validation.load_models import Say
from jobs.releases.validation.manifests import Checked, check
from operators.control.control_state import ControlState
from operators.control.control_topic import read_control
from operators.control.release import RegisteredModel, Release
from operators.control.window_epochs import next_epochs
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.storage.trusted_roots import ArtifactPolicy

Verb = Literal["created", "updated", "unchanged"]


class Applied(NamedTuple):
    """What became of one resource, and what differs from before; only pipelines have a generation."""

    kind: str
    name: str
    verb: Verb
    generation: int = 0
    differences: tuple[str, ...] = ()


class Applying(NamedTuple):
    """What became of every resource, and what their authors should know."""

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
    say: Say = lambda what: None,
) -> Applying:
    """Publish each pipeline whose content changed as its next generation, and let it serve.

    Models and Monitors that are applied without their pipelines change those that are live. Raises
    DeploymentError with every error found; then nothing was published. A dry run publishes nothing either.
    `say` receives each store before it is asked.
    """
    if not dry_run:
        create_control(connection)
    control = read_control(connection)
    checked = check(paths, connection.topics, site, LiveDocuments(control), say).require()
    errors = [
        *sources_missing(checked.releases, control.live(), connection.bootstrap),
        *cycles(external_places([*control.live(), *checked.releases])),
    ]
    if errors:
        raise DeploymentError("\n".join(errors))
    if dry_run:
        return Applying(_decide(control, checked, message)[1], checked.notices)
    _prepare(checked, connection, partitions)

    def decide(now: ControlState) -> tuple[list[Record], list[Applied]]:
        if (now.heads, now.models) != (control.heads, control.models):
            raise DeploymentError("nothing was applied: someone else applied just now; apply again")
        return _decide(now, checked, message)

    return Applying(publish(connection, decide), checked.notices)


def documents(control: ControlState) -> dict[str, dict[str, Any]]:
    """Return the documents that are live or registered, by kind and name."""
    found = {f"Model/{name}": one.model for name, one in control.models.items()}
    for release in control.live():
        found[f"Pipeline/{release.name}"] = release.pipeline
        if release.monitor:
            found[f"Monitor/{release.monitor['metadata']['name']}"] = release.monitor
        for model in release.models:
            found.setdefault(f"Model/{model['metadata']['name']}", model)
    return found


def external_pairs(control: ControlState) -> str:
    """Return what the job's setting `external_inputs` is for the live pipelines."""
    return ",".join(f"{one.external_topic}={one.name}" for one in control.live() if one.external_topic)


def numbered(release: Release, control: ControlState, message: str) -> Release:
    """Make a release its pipeline's next generation."""
    given = msgspec.structs.replace(
        release,
        generation=next_generation(release.name, control),
        message=message,
        created_by=getpass.getuser(),
    )
    return msgspec.structs.replace(given, epochs=next_epochs(given, control.head(release.name)))


def _prepare(checked: Checked, connection: Connection, partitions: int) -> None:
    """Make everything that a release needs to be there when it goes live."""
    topics = {connection.topics.errors}
    for release in checked.releases:
        topics.update(release.topics)
        topics.update({release.external_topic} - {""})
    ours = connection.topics.is_ours
    theirs = {topic for release in checked.releases for topic in release.topics if not ours(topic)}
    missing = sorted(theirs - set(existing_topics(connection.bootstrap))) if theirs else []
    if missing:
        raise DeploymentError(
            f"there is no topic {missing[0]}: WEIR_REQUESTS_PREFIX says that others create those of requests"
        )
    create_topics(connection.bootstrap, sorted(topics - theirs), partitions)


def _decide(control: ControlState, checked: Checked, message: str) -> tuple[list[Record], list[Applied]]:
    records: list[Record] = []
    applied: list[Applied] = []
    for name, model in checked.models.items():
        applied.append(_model(name, model, control.models))
        if applied[-1].verb != "unchanged":
            records.append(model_record(name, model))
    for release in checked.releases:
        after = numbered(release, control, message)
        applied += _pipeline(after, control.head(release.name))
        if applied[-1].verb != "unchanged":
            records += records_of(after, control)
    return records, applied


def _model(name: str, model: RegisteredModel, known: Mapping[str, RegisteredModel]) -> Applied:
    before = known.get(name)
    if before and before.content() == model.content():
        return Applied("model", name, "unchanged")
    differences = tuple(model_changed(before, model))
    return Applied("model", name, "updated" if before else "created", differences=differences)


def _pipeline(after: Release, before: Release | None) -> Iterator[Applied]:
    """Tell what becomes of a pipeline, behind its Monitor."""
    same = before is not None and before.content() == after.content()
    if after.monitor:
        name, old = after.monitor["metadata"]["name"], before.monitor if before else None
        verb: Verb = "unchanged" if old == after.monitor else "updated" if old else "created"
        yield Applied("monitor", name, verb)
    if same and before:
        yield Applied("pipeline", after.name, "unchanged", before.generation)
    else:
        verb = "updated" if before else "created"
        yield Applied("pipeline", after.name, verb, after.generation, tuple(changed(before, after)))
