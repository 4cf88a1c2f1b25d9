"""Records that could not be used: their position, their pipeline, and why they were skipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from operators.core.errors import MalformedError, NewerError, describe, one_line
from operators.core.foreign_json import shorten

# The most keys of a topic whose skipped records are remembered.
MOST_SKIPPED = 1_000


class Skipped(NamedTuple):
    """A record that could not be used.

    `key` is lossless text (bytes that are not UTF-8 become surrogates), None if the record has no key.
    `pipeline` is the one that the key names, empty if it names none. `is_newer` is true if a newer version of
    Weir wrote the record.
    """

    topic: str
    partition: int
    offset: int
    key: str | None
    reason: str
    pipeline: str = ""
    is_newer: bool = False

    @property
    def place(self) -> str:
        """The position of the record, as TOPIC-PARTITION@OFFSET."""
        return f"{self.topic}-{self.partition}@{self.offset}"

    @property
    def shown_key(self) -> str:
        """The key as printable text, shortened if it is long."""
        return "(no key)" if self.key is None else one_line(shorten(self.key))

    def __str__(self) -> str:
        return f"{self.shown_key} ({self.place}): {self.reason}"


class SkippedRecords(dict[str | None, Skipped]):
    """The newest skipped record of each key, for the `MOST_SKIPPED` keys that were skipped last."""

    def add(self, skipped: Skipped) -> Skipped:
        """Add a record and return it."""
        self.pop(skipped.key, None)
        self[skipped.key] = skipped
        if len(self) > MOST_SKIPPED:
            del self[next(iter(self))]
        return skipped

    def copy(self) -> SkippedRecords:
        """Return a copy that does not change when more records are skipped."""
        return SkippedRecords(self)

    def of(self, pipeline: str) -> list[Skipped]:
        """Return the records whose keys name a pipeline, oldest first."""
        return [one for one in self.values() if one.pipeline == pipeline]


class SkippedReporter:
    """Passes skipped records on, each once even if its topic is read again."""

    def __init__(self, skipped: Callable[[Sequence[Skipped]], None]) -> None:
        self._skipped = skipped
        self._reported: dict[tuple[str, int], int] = {}

    def report(self, skipped: Sequence[Skipped]) -> None:
        """Pass on those behind the last one that was passed on from their partition."""
        new = [one for one in skipped if one.offset > self._reported.get((one.topic, one.partition), -1)]
        self._reported.update({(one.topic, one.partition): one.offset for one in new})
        if new:
            self._skipped(new)


def skipped_record(record: Any, error: Exception, pipeline: str = "") -> Skipped:
    """Return a Kafka record as skipped, with the error as the reason."""
    reason = str(error) if isinstance(error, MalformedError) else describe(error)
    is_newer = isinstance(error, NewerError)
    return Skipped(
        record.topic, record.partition, record.offset, key_text(record.key), reason, pipeline, is_newer
    )


def key_text(key: bytes | None) -> str | None:
    """Return a key as lossless text; `key_bytes` is the inverse."""
    return None if key is None else key.decode("utf-8", "surrogateescape")


def key_bytes(key: str) -> bytes:
    """Return the key whose text `key_text` returned."""
    return key.encode("utf-8", "surrogateescape")
