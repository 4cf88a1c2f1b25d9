"""The headers of dead letters: why a request could not be answered, and where it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# Kafka Connect's names.
TOPIC = "__connect.errors.topic"
PARTITION = "__connect.errors.partition"
OFFSET = "__connect.errors.offset"
REASON = "__connect.errors.exception.class.name"
MESSAGE = "__connect.errors.exception.message"
STEP = "weir-error-step"
PIPELINE = "weir-error-pipeline"
ORIGINAL_TIMESTAMP = "weir-original-timestamp"
# Of a request above the size limit, which is cut.
ORIGINAL_LENGTH = "weir-original-length"
ORIGINAL_SHA256 = "weir-original-sha256"
_REQUIRED = (TOPIC, PARTITION, OFFSET, REASON, MESSAGE)


class DeadLetterHeaders(NamedTuple):
    """Reason, failed step and message of an error, and the topic, partition and offset of the request.

    A missing header is empty.
    """

    reason: str
    step: str
    message: str
    topic: str
    partition: str
    offset: str
    pipeline: str

    @property
    def owner(self) -> str:
        """The pipeline that could not answer the request.

        If no pipeline read the request, it is the pipeline of the topic that the request was on.
        """
        return self.pipeline or self.topic.removesuffix(".inputs").rpartition(".")[2]


def read_headers(headers: Mapping[str, str]) -> DeadLetterHeaders:
    """Return the headers of a dead letter."""
    names = (REASON, STEP, MESSAGE, TOPIC, PARTITION, OFFSET, PIPELINE)
    return DeadLetterHeaders(*(headers.get(name, "") for name in names))


def is_dead_letter(headers: Mapping[str, str]) -> bool:
    """Return whether the headers name a topic from which a request was read."""
    return TOPIC in headers


def missing_header(headers: Mapping[str, str]) -> str | None:
    """Return the name of a header that every dead letter has and this record does not, None if it has all."""
    return next((name for name in _REQUIRED if name not in headers), None)
