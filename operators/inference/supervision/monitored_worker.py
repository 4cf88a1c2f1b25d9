"""A running worker process: sends it records, and ends it when it takes too long."""

from __future__ import annotations

import logging
from contextlib import suppress
from time import monotonic
from typing import NoReturn

from operators.core.errors import DeploymentError
from operators.inference.supervision.channel import Channel
from operators.inference.supervision.deadlines import Deadlines
from operators.inference.supervision.ended import WorkerEndedError
from operators.inference.supervision.fork_client import ForkServer
from operators.inference.supervision.messages import (
    Answered,
    Calling,
    Failed,
    Loading,
    Logged,
    Publish,
    Start,
    Started,
    StopServing,
    Work,
)

# Seconds that loading a release may take, with the download of its models.
LOAD_SECONDS = 600.0
# Seconds that decoding and encoding a micro-batch may take.
_OTHER_SECONDS = 60.0


class MonitoredWorker:
    """A worker process that has loaded the live releases.

    WorkerEndedError if the process ends, or is killed because it exceeds a time limit.
    """

    def __init__(self, forks: ForkServer, start: Start, deadlines: Deadlines) -> None:
        self._forks = forks
        self._deadlines = deadlines
        self._channel: Channel = forks.start_worker()
        self._call: Calling | None = None
        self._called_at = monotonic()
        self._loading: tuple[Loading, float] | None = None
        try:
            self._channel.send(start)
            while not isinstance(self._receive(LOAD_SECONDS), Started):
                continue
        except (EOFError, TimeoutError) as error:
            self._end(error, LOAD_SECONDS)

    def answer(self, work: Work, *, is_search: bool = False) -> Answered:
        """Return the answers to records. With `is_search`, groups of requests have less time."""
        limit, until = _OTHER_SECONDS, monotonic() + _OTHER_SECONDS
        self._call = None
        try:
            self._channel.send(work, _OTHER_SECONDS)
            while True:
                message = self._receive(until - monotonic())
                if isinstance(message, Answered):
                    return message
                if isinstance(message, Calling):
                    limit = self._deadlines.of(message, is_search=is_search)
                    until = monotonic() + limit
        except (EOFError, TimeoutError) as error:
            self._end(error, limit)

    def require_loading_in_time(self) -> None:
        """End the process if the release that it loads beside its work has taken too long."""
        if self._loading and monotonic() - self._loading[1] > LOAD_SECONDS:
            self._end(TimeoutError(), LOAD_SECONDS)

    def publish(self, message: Publish | StopServing) -> None:
        """Let the worker publish something."""
        try:
            self._channel.send(message, _OTHER_SECONDS)
        except (EOFError, TimeoutError) as error:
            self._end(error, _OTHER_SECONDS)

    def close(self) -> None:
        """Close the channel, at which the worker closes its connections and exits."""
        self._channel.close()
        with suppress(EOFError):  # the fork server has ended, and the worker with it
            self._forks.end_worker(hangs=False)

    def _receive(self, seconds: float) -> Answered | Calling | Started | Loading | Logged:
        """Return the next message, and note what the worker does."""
        message: Answered | Calling | Started | Loading | Logged | Failed
        message = self._channel.receive(max(seconds, 0.001))
        match message:
            case Failed(text):
                self.close()
                raise DeploymentError(text)
            case Logged(logger, level, text):
                logging.getLogger(logger).log(level, "%s", text)
            case Loading(pipeline):
                self._loading = (message, monotonic()) if pipeline else None
            case Calling() | Answered():
                if self._call:
                    self._deadlines.learn(self._call, monotonic() - self._called_at)
                self._call = message if isinstance(message, Calling) else None
                self._called_at = monotonic()
        return message

    def _end(self, error: Exception, limit: float) -> NoReturn:
        hangs = isinstance(error, TimeoutError)
        ending = self._forks.end_worker(hangs=hangs)
        self._channel.close()
        loading = self._loading[0] if self._loading else None
        raise WorkerEndedError(ending, self._call, loading, limit if hangs else 0.0) from None
