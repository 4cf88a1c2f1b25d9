"""The state of the control and status topics, kept up to date by a thread."""

from __future__ import annotations

import logging
from collections.abc import Collection
from time import time
from typing import Any

from jobs.status.snapshot import Snapshot
from operators.control.control_state import ControlState
from operators.control.status import StatusState
from operators.kafka.connection import Connection
from operators.kafka.topic_follower import TopicFollower

_log = logging.getLogger(__name__)


class StatusFollower(TopicFollower):
    """Follows both topics in a thread; `observed` may be called from any thread."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, "reading control and status")
        self.reset()
        self._publish("")

    def observed(self) -> Snapshot:
        """Return the latest state of both topics; the snapshot contains nothing of Flink."""
        control, status, kafka_error = self._latest
        return Snapshot(time(), control, status, kafka_error, "", None, {})

    def topics(self) -> Collection[str]:
        """Return both topics."""
        return [self.connection.topics.control, self.connection.topics.status]

    def reset(self) -> None:
        """Begin with the state of topics without records."""
        self._control, self._status = ControlState.empty(), StatusState.empty()

    def take(self, records: list[Any]) -> None:
        """Apply records of either topic."""
        control_topic = self.connection.topics.control
        skipped = []
        for record in records:
            read = self._control.read if record.topic == control_topic else self._status.read
            if skipped_record := read(record):
                skipped.append(skipped_record)
        if skipped:
            _log.warning(
                "%d records cannot be used and are skipped; the last is %s", len(skipped), skipped[-1]
            )

    def after_poll(self, received: bool) -> None:
        """Publish what was received."""
        if received:
            self._publish("")

    def failed(self, error: Exception) -> None:
        """Log the error, and publish it beside the last state."""
        super().failed(error)
        self._publish(self.connection.failure(error))

    def _publish(self, kafka_error: str) -> None:
        """Publish the state to other threads as copies, because this thread keeps changing its own."""
        self._latest = (self._control.copy(), self._status.copy(), kafka_error)
