"""Makes workers publish all inputs and outputs of a pipeline's steps for a limited time."""

from __future__ import annotations

from time import time

import msgspec

from jobs.kafka.admin import create_topics
from jobs.releases.publish import Record, publish
from operators.control.control_state import ControlState
from operators.control.release import Tap
from operators.core.errors import DeploymentError, does_not_exist
from operators.core.redaction import Redaction
from operators.kafka.connection import Connection

MOST_SECONDS = 3600.0


def tap(pipeline: str, connection: Connection, seconds: float, partitions: int = 2) -> None:
    """Tap a pipeline for `seconds`, and create the topics of its steps.

    DeploymentError for more than an hour, a pipeline that is not live, and one whose Monitor redacts fields.
    """
    if not 0 < seconds <= MOST_SECONDS:
        raise DeploymentError(f"--tap is {seconds:g} s; it must be above 0 and at most 1h")

    def decide(control: ControlState) -> tuple[list[Record], None]:
        release = control.head(pipeline)
        if release is None:
            raise DeploymentError(does_not_exist(f"pipeline {pipeline}", control.heads))
        if Redaction.of_document(release.monitor):
            raise DeploymentError(
                f"pipeline {pipeline} cannot be tapped, because spec.redact of its Monitor redacts fields"
            )
        topics = connection.topics
        sides = (topics.model_inputs, topics.model_outputs)
        topic_names = [topic_of(step) for step in release.artifacts for topic_of in sides]
        create_topics(connection.brokers, topic_names, partitions)
        return [Record(f"tap/{pipeline}", msgspec.json.encode(Tap(time() + seconds)))], None

    publish(connection, decide)
