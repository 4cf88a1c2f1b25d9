"""Following the control topic beside the serving path."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from operators.control import DEADLINE, Connection
from operators.errors import DeploymentError
from operators.kafka_log import open_consumer, read_to_end
from operators.lineup import Lineup
from operators.releases import Control

_log = logging.getLogger(__name__)


class Following:
    """Reads the control topic to its end, then follows it in a background thread.

    `changed` is called at first and whenever the lineup serves anything else than before, again if it raised.
    """

    def __init__(self, connection: Connection, lineup: Lineup, changed: Callable[[], None]) -> None:
        self._connection = connection
        self._lineup = lineup
        self._changed = changed
        self._pending = True
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="control", daemon=True)

    def start(self) -> None:
        """Take up what is live now, and begin to follow; DeploymentError when the topic cannot be read."""
        consumer, control = self._read()
        self._take_up(control)
        self._opened = (consumer, control)
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()

    def _read(self) -> tuple[KafkaConsumer, Control]:
        consumer, partitions = open_consumer(self._connection.bootstrap, [self._connection.topics.control])
        try:
            control = Control.empty()
            if partitions:
                consumer.seek_to_beginning()
            for record in read_to_end(consumer, partitions, DEADLINE):
                control.read(record.key, record.value)
        except BaseException:
            consumer.close()
            raise
        return consumer, control

    def _follow(self) -> None:
        opened: tuple[KafkaConsumer, Control] | None = self._opened
        while not self._stop.is_set():
            try:
                consumer, control = opened or self._read()
                opened = None
                with consumer:
                    self._take_up(control)
                    self._poll(consumer, control)
            except (KafkaError, DeploymentError) as error:
                _log.warning("the control topic cannot be followed, trying again: %s", error)
            except Exception:
                _log.exception("following the control topic failed, beginning again")
            self._stop.wait(1.0)

    def _poll(self, consumer: KafkaConsumer, control: Control) -> None:
        """Follow until told to stop; returns at once where there is no topic yet."""
        while consumer.assignment() and not self._stop.is_set():
            batches = consumer.poll(timeout_ms=500)
            for records in batches.values():
                for record in records:
                    control.read(record.key, record.value)
            if batches or self._lineup.due():
                self._take_up(control)

    def _take_up(self, control: Control) -> None:
        if not control.names() and self._lineup.places:
            raise DeploymentError("the control topic is empty, which it was not: nothing is changed")
        self._pending |= self._lineup.take_up(control)
        if self._pending:
            self._changed()
            self._pending = False
