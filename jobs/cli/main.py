"""The entry point of the `weir` command."""

from __future__ import annotations

import logging
import sys

from operators.core.errors import DeploymentError
from operators.core.printable import printable

_MOST_CAUSES = 5


class _Failures(logging.Handler):
    """Collects why Kafka's client could not connect, because its errors do not contain the causes."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.causes: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        # The arguments are the broker, the error, and the seconds until the next attempt.
        if not record.msg.startswith("Bootstrap connection") or len(self.causes) == _MOST_CAUSES:
            return
        if isinstance(record.args, tuple):
            self.causes[str(record.args[1])] = None


def main() -> None:
    """Run the command line.

    A DeploymentError, or an error of Kafka's client, is printed without a traceback, with exit code 1.
    """
    from kafka.errors import KafkaError

    from jobs.cli.app import app

    failures, log = _Failures(), logging.getLogger("kafka.net.manager")
    log.setLevel(logging.WARNING)
    log.addHandler(failures)
    log.propagate = False
    try:
        app()
    except (DeploymentError, KafkaError) as error:
        is_kafka = isinstance(error, KafkaError) or isinstance(error.__cause__, KafkaError)
        print(printable(f"error: {error}"), file=sys.stderr)
        for cause in failures.causes if is_kafka else ():
            print(printable(f"cause: {cause}"), file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
