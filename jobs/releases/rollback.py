"""`weir rollback`: publishes the content of an earlier release as a new generation."""

from __future__ import annotations

from time import time

import msgspec

from jobs.kafka.admin import create_topics
from jobs.releases.apply import as_next_generation
from jobs.releases.publish import Record, model_record, publish, records_of
from jobs.releases.validation.external_inputs import cycles, external_places, missing_sources
from jobs.releases.validation.live_documents import registered
from operators.control.control_state import ControlState
from operators.control.control_topic import read_control
from operators.control.release import Release
from operators.core.errors import DeploymentError, does_not_exist
from operators.core.timestamps import iso_seconds
from operators.kafka.connection import Connection
from operators.pipeline.load import ModelCache, load_pipeline
from operators.storage.trusted_roots import ArtifactPolicy


def roll_back(
    name: str, to: int | None, connection: Connection, site: ArtifactPolicy, message: str, partitions: int
) -> Release:
    """Publish the content of generation `to`, or of the one before the live one, as a new generation.

    Its models are registered again as they were then; other pipelines that use them do not change.
    DeploymentError when there is no such generation, or when one of its models cannot be loaded any more.
    """
    control = read_control(connection)
    old = _find_release(name, to, control)
    try:
        load_pipeline(old, ModelCache(site))
    except DeploymentError as error:
        raise DeploymentError(f"generation {old.generation} of {name} cannot serve again: {error}") from error
    errors = [
        *missing_sources([old], control.live(), connection.brokers),
        *cycles(external_places([*control.live(), old])),
    ]
    if errors:
        raise DeploymentError("\n".join(errors))
    create_topics(connection.brokers, old.topics, partitions)

    def decide(now: ControlState) -> tuple[list[Record], Release]:
        note = message or f"back to generation {old.generation}"
        copy = msgspec.structs.replace(old, created_at=iso_seconds(time()))
        new = as_next_generation(copy, now, note)
        models = [model_record(model.model["metadata"]["name"], model) for model in registered(new)]
        return [*models, *records_of(new, now)], new

    return publish(connection, decide)


def _find_release(name: str, to: int | None, control: ControlState) -> Release:
    head, history = control.head(name), control.history(name)
    if not history:
        raise DeploymentError(does_not_exist(f"pipeline {name}", control.names()))
    live = head.generation if head else 0
    others = [release for release in history if head is None or release.content() != head.content()]
    chosen = [release for release in others if release.generation == to] if to is not None else others[:1]
    if chosen:
        return chosen[0]
    kept = ", ".join(str(release.generation) for release in reversed(history))
    if to is None:
        raise DeploymentError(
            f"pipeline {name} has no earlier generation to roll back to; generation {live} serves"
        )
    if any(release.generation == to for release in history):
        raise DeploymentError(
            f"generation {to} of {name} has the content that serves now (generation {live})"
        )
    raise DeploymentError(f"pipeline {name} has no generation {to}; there are {kept}")
