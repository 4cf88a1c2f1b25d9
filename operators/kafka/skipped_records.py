"""Records that could not be used: where each is, what it names, and why it was skipped."""

from __future__ import annotations

from typing import Any, NamedTuple

from operators.core.errors import MalformedError, NewerError, describe, tidy
from operators.core.foreign_json import shorten

# A topic's newest so many are remembered, by key.
MOST_SKIPPED = 1_000


class Skipped(NamedTuple):
    """A record that could not be used.

    `key` is lossless text (bytes that are not UTF-8 as surrogates), None where the record has none.
    `pipeline` is the one that the key names, empty where it names none. `is_newer` says that a newer Weir
    wrote it.
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
        """Where it is, as TOPIC-PARTITION@OFFSET."""
        return f"{self.topic}-{self.partition}@{self.offset}"

    @property
    def shown_key(self) -> str:
        """The key as a terminal can show it, cut where it is long."""
        return "(no key)" if self.key is None else tidy(shorten(self.key))

    def __str__(self) -> str:
        return f"{self.shown_key} ({self.place}): {self.reason}"


class SkippedRecords(dict[str | None, Skipped]):
    """The newest skipped record of each key; of more than `MOST_SKIPPED` keys, those skipped last."""

    def add(self, one: Skipped) -> Skipped:
        """Remember a record; returns it."""
        self.pop(one.key, None)
        self[one.key] = one
        if len(self) > MOST_SKIPPED:
            del self[next(iter(self))]
        return one

    def copy(self) -> SkippedRecords:
        """Return one that does not change when more is skipped."""
        return SkippedRecords(self)

    def of(self, pipeline: str) -> list[Skipped]:
        """Return those whose keys name a pipeline, oldest first."""
        return [one for one in self.values() if one.pipeline == pipeline]


def skipped_record(record: Any, error: Exception, pipeline: str = "") -> Skipped:
    """Say of a Kafka record why it is skipped."""
    reason = str(error) if isinstance(error, MalformedError) else describe(error)
    newer = isinstance(error, NewerError)
    return Skipped(
        record.topic, record.partition, record.offset, key_text(record.key), reason, pipeline, newer
    )


def key_text(key: bytes | None) -> str | None:
    """Return a key as lossless text; `key_bytes` goes back."""
    return None if key is None else key.decode("utf-8", "surrogateescape")


def key_bytes(key: str) -> bytes:
    """Return the key that `key_text` read."""
    return key.encode("utf-8", "surrogateescape")
