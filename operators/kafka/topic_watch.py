"""Watches whether topics exist. Flink's sink waits for a topic that does not, and all pipelines with it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from threading import Event, Thread

from kafka import KafkaAdminClient
from kafka.errors import UnknownTopicOrPartitionError

from operators.core.background_thread import log_failure, repeat
from operators.core.event_log import log_event
from operators.kafka.brokers import Brokers

_CHECK_SECONDS = 5.0
_log = logging.getLogger(__name__)


class TopicWatch:
    """Knows which of the wanted topics do not exist, as of a few seconds ago.

    A topic is `missing` if two checks in a row did not find it, because a broker knows a new topic late.
    """

    def __init__(self, brokers: Brokers) -> None:
        self.missing: frozenset[str] = frozenset()
        self._brokers = brokers
        self._wanted: frozenset[str] = frozenset()
        self._absent: frozenset[str] = frozenset()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="watching topics", daemon=True)

    def want(self, topics: Iterable[str]) -> bool:
        """Watch these topics too; return whether one of them is new."""
        new = frozenset(topics) - self._wanted
        self._wanted |= new
        return bool(new)

    def start(self) -> None:
        """Check the wanted topics, then every few seconds in the background; KafkaError if that fails."""
        self.check()
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def check(self) -> None:
        """Check the wanted topics twice; KafkaError if no broker answers."""
        client = KafkaAdminClient(**self._brokers.options())
        try:
            self._check(client)
            self._check(client)
        finally:
            client.close()

    def _run(self) -> None:
        repeat(self._follow, self._stop, log_failure(_log, "watching topics"), pause=0.0)

    def _follow(self) -> None:
        client = KafkaAdminClient(**self._brokers.options())
        try:
            while not self._stop.wait(_CHECK_SECONDS):
                self._check(client)
        finally:
            client.close()

    def _check(self, client: KafkaAdminClient) -> None:
        wanted = sorted(self._wanted)
        described = client.describe_topics(wanted) if wanted else []
        unknown = UnknownTopicOrPartitionError.errno
        absent = frozenset(str(topic["name"]) for topic in described if topic["error_code"] == unknown)
        before, self.missing, self._absent = self.missing, absent & self._absent, absent
        for topic in sorted(self.missing - before):
            log_event("TopicMissing", logging.ERROR, topic=topic)
        for topic in sorted(before - self.missing):
            log_event("TopicFound", logging.INFO, topic=topic)
