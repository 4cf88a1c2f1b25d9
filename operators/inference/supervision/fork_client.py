"""A supervisor's side of its fork server: starts worker processes, and learns how they ended."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from socket import send_fds, socketpair
from threading import Event, Thread
from typing import IO

from operators.inference.supervision.channel import Channel
from operators.inference.supervision.ended import Ending
from operators.inference.supervision.fork_protocol import END_OF_OUTPUT, NUMBER, OUT_OF_MEMORY

_MODULE = "operators.inference.supervision.fork_server"
# The last lines that a worker process wrote to stderr: a Python traceback, or that of a fatal signal.
_LINES = 60
_LINE = 500
_SECONDS = 5.0
_log = logging.getLogger("weir.models")


class ForkServer:
    """Starts one worker process at a time. EOFError if the fork server itself has ended."""

    def __init__(self) -> None:
        self._requests, theirs = socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        assert self._server.stdout
        self._output = _Output(self._server.stdout)
        self._pid = 0

    def start_worker(self) -> Channel:
        """Start a worker process and return the channel to it."""
        ours, theirs = socketpair()
        with theirs:
            self._output.clear()
            send_fds(self._requests, [b"s"], [theirs.fileno()])
        self._pid = self._receive()
        return Channel(ours)

    def end_worker(self, *, hangs: bool) -> Ending:
        """Wait until the worker process has ended; if it `hangs`, or does not end soon, kill it.

        SIGABRT comes before SIGKILL, so that the process writes where it was.
        """
        for kill in (signal.SIGABRT, signal.SIGKILL) if hangs else (None, signal.SIGABRT, signal.SIGKILL):
            if kill is not None:
                with suppress(ProcessLookupError):
                    os.kill(self._pid, kill)
            self._requests.settimeout(_SECONDS)
            try:
                status = self._receive()
            except TimeoutError:
                continue
            finally:
                self._requests.settimeout(None)
            return Ending(_described(status), self._output.at_end())
        raise RuntimeError(f"the worker process {self._pid} cannot be killed")

    def close(self) -> None:
        """End the fork server, and with it the worker process."""
        self._requests.close()
        try:
            self._server.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _receive(self) -> int:
        data = b""
        while len(data) < NUMBER.size:
            received = self._requests.recv(NUMBER.size - len(data))
            if not received:
                raise EOFError(f"the fork server has ended: {self._output.text()}")
            data += received
        (number,) = NUMBER.unpack(data)
        return int(number)


class _Output:
    """Copies what the worker processes write to this process's log, and keeps the last lines."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._is_complete = Event()
        Thread(target=self._copy, name="output of the worker process", daemon=True).start()

    def clear(self) -> None:
        """Forget the lines of the process before."""
        self._lines.clear()
        self._is_complete.clear()

    def at_end(self) -> str:
        """Return the last lines of a process that has ended."""
        self._is_complete.wait(_SECONDS)
        return self.text()

    def text(self) -> str:
        """Return the last lines."""
        return "\n".join(self._lines)

    def _copy(self) -> None:
        with self._stream:
            for line in self._stream:
                text = line.decode(errors="replace").rstrip("\n")
                if text.startswith(END_OF_OUTPUT):
                    self._is_complete.set()
                else:
                    self._lines.append(text[:_LINE])
                    _log.info("%s", text)


def _described(status: int) -> str:
    """Describe an exit status as `os.waitpid` returns it."""
    code = os.waitstatus_to_exitcode(status)
    if code == OUT_OF_MEMORY:
        return "its memory is exhausted"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
