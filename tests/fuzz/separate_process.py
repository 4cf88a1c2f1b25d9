"""Reads inputs in a process of its own, because a library in C may end the process that uses it."""

from __future__ import annotations

import os
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from tests.fuzz.bounds import STUCK_SECONDS, BoundError, check_bounds, limit_memory


class SeparateProcess:
    """Checks the bounds of the targets `BOOSTERS`; starts a process at first use, and after one has ended."""

    def __init__(self) -> None:
        self._process: Any = None
        self._connection: Any = None

    def check(self, name: str, value: Any) -> None:
        """Read one input; raise BoundError as `check_bounds`, and if the process ends or does not answer."""
        if self._process is None:
            context = get_context("spawn")
            self._connection, other = context.Pipe()
            self._process = context.Process(target=_serve, args=(other,), daemon=True)
            self._process.start()
            other.close()
        try:
            self._connection.send((name, value))
            if self._connection.poll(2 * STUCK_SECONDS):
                problem = self._connection.recv()
            else:  # it is in a loop of a library, which no signal interrupts
                self._process.kill()
                self.close()
                problem = "its process does not answer"
        except (EOFError, OSError):
            self._process.join(STUCK_SECONDS)
            problem = f"its process has ended with exit code {self._process.exitcode}"
            self.close()
        if problem:
            raise BoundError(problem)

    def close(self) -> None:
        """End the process, which removes its folders unless it is stuck."""
        if self._process is not None:
            self._connection.close()
            self._process.join(5)
            self._process.kill()
            self._process.join()
            self._process = None


def _serve(connection: Connection) -> None:
    limit_memory()
    from tests.fuzz.artifacts import BOOSTERS

    # treelite prints what it does not know.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)

    while True:
        try:
            name, value = connection.recv()
        except EOFError:
            return
        try:
            check_bounds(BOOSTERS[name], value)
        except BoundError as error:
            connection.send(f"{error} (from {error.__cause__!r:.300})")
        else:
            connection.send("")
