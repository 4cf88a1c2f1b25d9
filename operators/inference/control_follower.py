"""Follows the control topic in a background thread, so that responses do not wait for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from threading import Event, Thread
from typing import Any

from kafka import KafkaConsumer

from operators.control.control_state import ControlState
from operators.core.background_thread import log_failure, repeat
from operators.core.errors import DeploymentError
from operators.inference.deployments import Deployments
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import open_consumer, read_to_end
from operators.kafka.skipped_records import Skipped

_log = logging.getLogger(__name__)


class ControlFollower:
    """Reads the control topic to its end, then follows it in a background thread.

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
        self._connection = connection
        self._deployments = deployments
        self._changed = changed
        self._skipped = skipped
        self._reported: dict[int, int] = {}
        self._opened: tuple[KafkaConsumer, ControlState] | None = None
        self._pending = True
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="control", daemon=True)

    def start(self) -> None:
        """Load the live releases, and start to follow; DeploymentError if the topic cannot be read."""
        consumer, control = self._read()
        self._reconcile(control)
        self._opened = (consumer, control)
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()

    def _read(self) -> tuple[KafkaConsumer, ControlState]:
        consumer, partitions = open_consumer(self._connection.bootstrap, [self._connection.topics.control])
        try:
            control = ControlState.empty()
            if partitions:
                consumer.seek_to_beginning()
            self._apply(read_to_end(consumer, partitions, DEADLINE), control)
        except BaseException:
            consumer.close()
            raise
        return consumer, control

    def _follow(self) -> None:
        repeat(self._follow_once, self._stop, log_failure(_log, "following the control topic"))

    def _follow_once(self) -> None:
        (consumer, control), self._opened = self._opened or self._read(), None
        with consumer:
            self._reconcile(control)
            self._poll(consumer, control)

    def _poll(self, consumer: KafkaConsumer, control: ControlState) -> None:
        """Follow the topic until `close`. Returns at once if the topic does not exist yet."""
        while consumer.assignment() and not self._stop.is_set():
            batches = consumer.poll(timeout_ms=500)
            for records in batches.values():
                self._apply(records, control)
            if batches or self._deployments.is_due():
                self._reconcile(control)

    def _apply(self, records: Iterable[Any], control: ControlState) -> None:
        """Apply records, and report those that could not be used, once even if they are read again."""
        skipped = [unusable for record in records if (unusable := control.read(record))]
        unreported = [one for one in skipped if one.offset > self._reported.get(one.partition, -1)]
        self._reported.update({one.partition: one.offset for one in unreported})
        if unreported:
            self._skipped(unreported)

    def _reconcile(self, control: ControlState) -> None:
        if not control.names() and self._deployments.deployments:
            raise DeploymentError(
                f"{self._connection.topics.control} is empty, but releases were loaded from it; they keep "
                "serving. Check whether the topic was deleted"
            )
        self._pending |= self._deployments.reconcile(control)
        if self._pending:
            self._changed()
            self._pending = False
