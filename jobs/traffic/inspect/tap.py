"""Asking a pipeline's workers to publish, for a while, everything that its steps are sent and answer."""

from __future__ import annotations

from time import time

import msgspec

from jobs.kafka.admin import create_topics
from jobs.releases.publish import Record, publish
from operators.control.control_state import ControlState
from operators.control.release import Tap
from operators.core.errors import DeploymentError
from operators.core.redaction import Redaction
from operators.kafka.connection import Connection

MOST_SECONDS = 3600.0


def tap(pipeline: str, connection: Connection, seconds: float, partitions: int = 2) -> None:
    """Have it published for so many seconds; DeploymentError for a pipeline that is not live."""
    if not 0 < seconds <= MOST_SECONDS:
        raise DeploymentError(f"--tap must be above 0 and at most 1h, got {seconds:g} s")

    def decide(control: ControlState) -> tuple[list[Record], None]:
        release = control.head(pipeline)
        if release is None:
            there = ", ".join(sorted(control.heads)) or "none"
            raise DeploymentError(f"there is no pipeline {pipeline}; there are {there}")
        if Redaction.of_document(release.monitor):
            raise DeploymentError(
                f"pipeline {pipeline} hides fields (spec.redact of its Monitor), so its steps are not tapped"
            )
        topics = connection.topics
        sides = (topics.model_inputs, topics.model_outputs)
        names = [name(step) for step in release.artifacts for name in sides]
        create_topics(connection.bootstrap, names, partitions)
        return [Record(f"tap/{pipeline}", msgspec.json.encode(Tap(time() + seconds)))], None

    publish(connection, decide)
