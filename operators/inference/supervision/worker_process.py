"""The worker process: a worker behind a channel. It alone runs what users bring, so it alone ends by it."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from socket import socket
from typing import NoReturn

from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.core.event_log import quiet_libraries
from operators.core.memory import collect_garbage_rarely
from operators.inference.supervision.channel import Channel
from operators.inference.supervision.fork_protocol import OUT_OF_MEMORY
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
from operators.inference.worker import Callbacks, Worker
from operators.metrics.tally import Tally

_PR_SET_PDEATHSIG = 1


def run_worker(connected: socket) -> NoReturn:
    """Serve a supervisor until it closes its end of the channel; never returns to the fork server."""
    _end_with_parent()
    faulthandler.enable()
    channel = Channel(connected)
    code = 1
    try:
        _serve(channel)
        code = 0
    except EOFError:
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    except DeploymentError as error:
        channel.send(Failed(str(error)))
    except BaseException:  # the supervisor finds out whether a request is the cause
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        sys.stdout.flush()
        os._exit(code)


def _serve(channel: Channel) -> None:
    start: Start = channel.receive()
    _limit_memory(start.memory)
    logging.getLogger().handlers = [_ForwardLog(channel)]
    logging.getLogger().setLevel(logging.INFO)
    quiet_libraries()
    tallies: list[Mapping[str, Tally]] = []

    def on_call(release: Release, step: str, requests: int) -> None:
        channel.send(Calling(release.name, release.generation, step, requests))

    def on_load(pipeline: str, generation: int) -> None:
        if reason := start.refused.get((pipeline, generation)):
            raise DeploymentError(reason)
        channel.send(Loading(pipeline, generation))

    callbacks = Callbacks(tallies.append, on_call, on_load, lambda: channel.send(Loading()))
    worker = Worker(start.connection, start.site, start.limit, start.only, start.identity, callbacks)
    worker.start()
    try:
        collect_garbage_rarely()
        channel.send(Started())
        while True:
            match channel.receive():
                case Work(records, condemned):
                    tallies.clear()
                    answers = worker.answer(records, condemned)
                    events = list(worker.drain_events())
                    serving = {event.pipeline: worker.serving(event.pipeline) for event in events}
                    skipped = list(worker.skipped())
                    channel.send(Answered(answers, tallies, events, serving, skipped))
                case Publish(event):
                    worker.publish(event)
                case StopServing(pipeline, generation, why):
                    worker.stop_serving(pipeline, generation, why)
    except EOFError:
        worker.close()


class _ForwardLog(logging.Handler):
    """Sends log lines to the supervisor's process, whose log is Flink's."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Send a line; without a supervisor there is no log."""
        try:
            self._channel.send(Logged(record.name, record.levelno, self.format(record)))
        except (EOFError, OSError):
            return


def _end_with_parent() -> None:
    """Let the kernel kill this process when the fork server ends, even if a model holds the interpreter.

    Also make it the first process that the kernel kills when memory runs out.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as adjustment:
        adjustment.write("1000")


def _limit_memory(limit: int) -> None:
    """Limit the writable private memory of this process, in bytes."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit if most < 0 else min(limit, most), most))
