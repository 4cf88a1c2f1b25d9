"""What every reader must hold for every input: documented errors only, within a bounded time and memory."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

from tests.fuzz.inputs import Inputs

SECONDS, STUCK_SECONDS = 5.0, 30
MEGABYTES, LONGEST_MESSAGE = 256, 20_000
PROCESS_BYTES = 6 * 2**30


class Target(NamedTuple):
    """A reader, its inputs, and the errors that it documents."""

    inputs: Inputs
    read: Callable[[Any], object]
    errors: tuple[type[Exception], ...] = ()


class BoundError(AssertionError):
    """A reader did what it must not."""


def check_bounds(target: Target, value: Any, stuck_seconds: int = STUCK_SECONDS) -> None:
    """Read one input; raise BoundError for any other error, more than 5 s, or 256 MB more than before."""
    seconds, megabytes = process_time(), _reset_peak()
    try:
        with _stuck_after(stuck_seconds):
            target.read(value)
    except target.errors as error:
        length = len(str(error))
        if length > LONGEST_MESSAGE:
            raise BoundError(f"the message of {type(error).__name__} has {length} characters") from error
    except BoundError:
        raise
    except Exception as error:
        raise BoundError(f"{type(error).__name__}: {str(error)[:500]}") from error
    if process_time() - seconds > SECONDS:
        raise BoundError(f"it took {process_time() - seconds:.1f} s")
    if _peak() - megabytes > MEGABYTES:
        raise BoundError(f"it took {_peak() - megabytes:.0f} MB")


def limit_memory() -> None:
    """Limit the memory of this process, so that an input without bounds ends this process only."""
    resource.setrlimit(resource.RLIMIT_AS, (PROCESS_BYTES, PROCESS_BYTES))


def _reset_peak() -> float:
    """Let the peak of this process's memory be what it has now; return that, in megabytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> float:
    """Return the most memory that this process has had since the last reset, in megabytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def _stuck_after(seconds: int) -> Iterator[None]:
    def interrupt(*_: object) -> None:
        raise BoundError(f"it did not end within {seconds} s")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
