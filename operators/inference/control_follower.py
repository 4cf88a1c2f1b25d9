"""Follows the control topic in a background thread, so that responses do not wait for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from operators.control.control_state import ControlState
from operators.core.errors import DeploymentError
from operators.inference.deployments import Deployments
from operators.kafka.connection import Connection
from operators.kafka.skipped_records import Skipped, SkippedReporter
from operators.kafka.topic_follower import TopicFollower


class ControlFollower(TopicFollower):
    """Loads the releases of the control topic as deployments.

    `changed` is called at first and whenever the deployments change; if it raises, it is called again.
    `skipped` receives the records that could not be used, each once.
    """

    def __init__(
        self,
        connection: Connection,
        deployments: Deployments,
        changed: Callable[[], None],
        skipped: Callable[[Sequence[Skipped]], None],
    ) -> None:
        super().__init__(connection, "following the control topic")
        self._deployments = deployments
        self._changed = changed
        self._skipped = SkippedReporter(skipped)
        self._control = ControlState.empty()
        self._pending = True

    def topics(self) -> Collection[str]:
        """Return the control topic."""
        return [self.connection.topics.control]

    def reset(self) -> None:
        """Begin with the state of a topic without records."""
        self._control = ControlState.empty()

    def take(self, records: list[Any]) -> None:
        """Apply records, and report those that could not be used."""
        self._skipped.report([skipped for record in records if (skipped := self._control.read(record))])

    def after_poll(self, received: bool) -> None:
        """Load what has changed, and what could not be loaded earlier and is due again."""
        if received or self._deployments.is_due():
            self._reconcile()

    def _reconcile(self) -> None:
        if not self._control.names() and self._deployments.deployments:
            raise DeploymentError(
                f"{self.connection.topics.control} is empty, but releases were loaded from it; they keep "
                "serving. Check whether the topic was deleted"
            )
        self._pending |= self._deployments.reconcile(self._control)
        if self._pending:
            self._changed()
            self._pending = False
