"""The messages between a supervisor and its worker process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from operators.control.status import Event
from operators.core.errors import RecordError
from operators.core.micro_batch import RequestBatch, ResponseBatch
from operators.inference.identity import Identity
from operators.kafka.connection import Connection
from operators.metrics.tally import Tally
from operators.storage.trusted_roots import ArtifactPolicy

# Why releases must not be loaded, by pipeline and generation.
Refused = Mapping[tuple[str, int], str]


class Start(NamedTuple):
    """The first message to a worker process: what it serves, and the limit of its memory in bytes."""

    connection: Connection
    site: ArtifactPolicy
    limit: int
    only: tuple[str, ...]
    identity: Identity
    refused: Refused
    memory: int


class Work(NamedTuple):
    """Records to answer. Those in `condemned` are answered with an error, without being computed."""

    records: RequestBatch
    condemned: Mapping[int, RecordError]


class Publish(NamedTuple):
    """An event to log and publish."""

    event: Event


class StopServing(NamedTuple):
    """A generation of a pipeline that no worker must serve any more."""

    pipeline: str
    generation: int
    why: str


class Started(NamedTuple):
    """The worker process has loaded the live releases."""


class Loading(NamedTuple):
    """A release is about to be loaded; an empty name: no release is being loaded any more."""

    pipeline: str = ""
    generation: int = 0


class Calling(NamedTuple):
    """A step is about to be called with a number of requests."""

    pipeline: str
    generation: int
    step: str
    requests: int


class Answered(NamedTuple):
    """The responses to `Work`, and what metrics count: tallies, events with what serves, skipped records.

    `serving` has an entry for each pipeline of `events`, as `Worker.serving` returns it.
    """

    answers: ResponseBatch
    tallies: list[Mapping[str, Tally]]
    events: list[Event]
    serving: dict[str, tuple[int, int, dict[str, str]]]
    skipped: list[tuple[str, int]]


class Logged(NamedTuple):
    """A line for the log of the supervisor's process."""

    logger: str
    level: int
    text: str


class Failed(NamedTuple):
    """The worker process ends because of a DeploymentError with this text."""

    text: str
