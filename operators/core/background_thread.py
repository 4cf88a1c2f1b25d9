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
    """Call `run` repeatedly until `stopped` is set; call `failed` with each error that `run` raises.

    The wait between two calls is `pause` seconds. After consecutive errors it is 1, 2, 4 and then 5 seconds.
    """
    wait = _FIRST_WAIT
    while not stopped.is_set():
        started = monotonic()
        try:
            run()
        except Exception as error:  # if the thread ended, others would read old data without noticing
            failed(error)
            if monotonic() - started > _LONGEST_WAIT:
                wait = _FIRST_WAIT
            stopped.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        else:
            wait = _FIRST_WAIT
            stopped.wait(pause)


def log_failure(log: Logger, what: str) -> Callable[[Exception], None]:
    """Return a function that logs errors of a background thread.

    Outages (errors of Kafka, a deployment or the operating system) are one line; bugs have a traceback.
    """

    def failed(error: Exception) -> None:
        if isinstance(error, (KafkaError, DeploymentError, OSError)):
            log.warning("%s failed; retrying: %s", what, error or type(error).__name__)
        else:
            log.error("%s failed; restarting it", what, exc_info=error)

    return failed
