"""A thread that reads a namespace's topics into a TopicHistory and reconnects after outages of Kafka."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from time import time
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from jobs.services.views.topic_history import TopicHistory
from jobs.status.follower import StatusFollower
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.window_epochs import batched_steps
from operators.core.errors import DeploymentError
from operators.core.redaction import Redaction
from operators.kafka.connection import Connection
from operators.kafka.topic_follower import TopicFollower

# Tables show only the newest records, and these topics may contain very many.
_MOST_LISTED = 2_000
_log = logging.getLogger(__name__)


class KafkaFeed(TopicFollower):
    """Reads the records of the last `past` seconds, then follows the topics.

    `failure` describes why the data are not up to date; it is empty if they are.
    """

    resumes = True
    # Reading a long period of a busy namespace takes minutes.
    read_seconds = 600.0

    def __init__(self, connection: Connection, past: float) -> None:
        super().__init__(connection, "reading a namespace's topics")
        self.board = TopicHistory(connection.topics, past, self._redaction_of)
        self._since = time() - past
        self._status = StatusFollower(connection)
        self._seen: ControlState | None = None
        self._reports: frozenset[str] = frozenset()
        self.failure = "Reading past records …"

    def start(self) -> None:
        """Read and follow in the background; DeploymentError if Kafka does not answer."""
        self._status.start()
        self.start_in_background()

    def read_past(self) -> None:
        """Read the existing records, without following."""
        self._status.start()
        self.read_once(self.topics())
        self._status.close()

    def close(self) -> None:
        """Stop following."""
        self._status.close()
        super().close()

    def releases(self) -> dict[str, Release]:
        """Return the live release of each pipeline."""
        return {release.name: release for release in self._control().live()}

    def history(self, pipeline: str) -> list[Release]:
        """Return the releases of a pipeline, newest first."""
        return self._control().history(pipeline)

    def _redaction_of(self, pipeline: str) -> Redaction:
        release = self._control().head(pipeline)
        return Redaction.of_document(release.monitor if release else None)

    def _control(self) -> ControlState:
        return self._status.observed().control or ControlState.empty()

    def topics(self) -> Collection[str]:
        """Return the topics of the namespace, and those of the reports of live pipelines."""
        topics, control = self.connection.topics, self._control()
        if control is not self._seen:
            steps = {step for release in control.live() for step in _batched(release)}
            self._seen, self._reports = control, frozenset(map(topics.model_outputs, steps))
        return {topics.rates, topics.alerts, topics.outliers, topics.errors, *self._reports}

    def start_offsets(
        self, consumer: KafkaConsumer, partitions: list[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Return the offsets at the begin of the period; of records for tables, those of the last ones."""
        listed = (self.connection.topics.outliers, self.connection.topics.errors)
        found = consumer.offsets_for_times(dict.fromkeys(partitions, int(self._since * 1000)))
        ends = consumer.end_offsets(partitions)
        offsets = {one: found[one].offset if found.get(one) else ends[one] for one in partitions}
        return {
            one: max(offset, ends[one] - _MOST_LISTED) if one.topic in listed else offset
            for one, offset in offsets.items()
        }

    def take(self, records: list[Any]) -> None:
        """Add records to the history; those that cannot be used are skipped."""
        added = (self.board.add(record.topic, record) for record in records)
        skipped = [skipped_record for skipped_record in added if skipped_record]
        if skipped:
            _log.warning("skipped %d invalid records, the last one: %s", len(skipped), skipped[-1])

    def after_poll(self, received: bool) -> None:
        """Note that the data are up to date."""
        self.failure = ""

    def failed(self, error: Exception) -> None:
        """Let the page show the error, so that readers see why it is not updated."""
        self.failure = self.connection.failure(error)


def _batched(release: Release) -> list[str]:
    """Return the steps whose reports are read; none if the release cannot be parsed.

    A release of another version of Weir may not be readable.
    """
    try:
        return batched_steps(release)
    except DeploymentError:
        return []
