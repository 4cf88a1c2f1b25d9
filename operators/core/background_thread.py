"""Background threads that survive any error."""

from __future__ import annotations

from collections.abc import Callable
from logging import Logger
from threading import Event
from time import monotonic

from kafka.errors import KafkaError

from operators.core.errors import DeploymentError

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 5.0


def repeat(
    run: Callable[[], None], stopped: Event, failed: Callable[[Exception], None], pause: float = 1.0
) -> None:
    """Call `run` again and again until stopped; `failed` is called with each error that ends it.

    It waits `pause` seconds between two calls, after errors in a row 1, 2, 4 and then 5.
    """
    wait = _FIRST_WAIT
    while not stopped.is_set():
        began = monotonic()
        try:
            run()
        except Exception as error:  # a thread that ended would freeze what others read of it, unseen
            failed(error)
            if monotonic() - began > _LONGEST_WAIT:
                wait = _FIRST_WAIT
            stopped.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        else:
            wait = _FIRST_WAIT
            stopped.wait(pause)


def log_failure(log: Logger, what: str) -> Callable[[Exception], None]:
    """Return what logs an error of a background thread: an outage as a line, a bug with its traceback."""

    def failed(error: Exception) -> None:
        if isinstance(error, (KafkaError, DeploymentError, OSError)):
            log.warning("%s failed, trying again: %s", what, error or type(error).__name__)
        else:
            log.error("%s failed, beginning again", what, exc_info=error)

    return failed
