"""`weir rollback`: an earlier release's content as a new generation."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from jobs.kafka.admin import create_topics
from jobs.releases.apply import numbered
from jobs.releases.publish import Record, model_record, publish, records_of
from jobs.releases.validation.external_inputs import cycles, external_places, sources_missing
from jobs.releases.validation.live_documents import registered
from operators.control.control_state import ControlState
from operators.control.control_topic import read_control
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.pipeline.load import ModelCache, load_pipeline
from operators.storage.trusted_roots import ArtifactPolicy


def roll_back(
    name: str, to: int | None, connection: Connection, site: ArtifactPolicy, message: str, partitions: int
) -> Release:
    """Let the content of generation `to`, or of the one before the live one, serve again.

    Its models are registered again as they were then; other pipelines that use them keep what they have.
    Raises DeploymentError when there is none, or when a model of it cannot be loaded any more.
    """
    control = read_control(connection)
    old = _release(name, to, control)
    try:
        load_pipeline(old, ModelCache(site))
    except DeploymentError as error:
        raise DeploymentError(f"generation {old.generation} of {name} cannot serve again: {error}") from error
    errors = [
        *sources_missing([old], control.live(), connection.bootstrap),
        *cycles(external_places([*control.live(), old])),
    ]
    if errors:
        raise DeploymentError("\n".join(errors))
    create_topics(connection.bootstrap, old.topics, partitions)

    def decide(now: ControlState) -> tuple[list[Record], Release]:
        told = message or f"back to generation {old.generation}"
        again = msgspec.structs.replace(old, created_at=datetime.now(UTC).isoformat(timespec="seconds"))
        new = numbered(again, now, told)
        models = [model_record(one.model["metadata"]["name"], one) for one in registered(new)]
        return [*models, *records_of(new, now)], new

    return publish(connection, decide)


def _release(name: str, to: int | None, control: ControlState) -> Release:
    head, history = control.head(name), control.history(name)
    if not history:
        there = ", ".join(control.names()) or "none"
        raise DeploymentError(f"there is no pipeline {name}; there are {there}")
    live = head.generation if head else 0
    before = [one for one in history if head is None or one.content() != head.content()]
    chosen = [one for one in before if one.generation == to] if to is not None else before[:1]
    if chosen:
        return chosen[0]
    kept = ", ".join(str(one.generation) for one in reversed(history))
    if to is None:
        raise DeploymentError(f"pipeline {name} was never anything else than generation {live}")
    if any(one.generation == to for one in history):
        raise DeploymentError(f"generation {to} of {name} is what serves now (generation {live})")
    raise DeploymentError(f"pipeline {name} has no generation {to}; there are {kept}")
