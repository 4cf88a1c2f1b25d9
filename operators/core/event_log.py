"""The log of a worker: one line for each event of a pipeline, none for a record."""

from __future__ import annotations

import logging

_log = logging.getLogger("weir")


def quiet_libraries() -> None:
    """Let verbose libraries log only warnings and errors."""
    logging.getLogger("kafka").setLevel(logging.WARNING)


def log_event(event: str, level: int = logging.INFO, **about: object) -> None:
    """Log an event as `EVENT name=value …`, without empty values; texts with blanks are quoted."""
    fields = [f"{name}={_quote(value)}" for name, value in about.items() if value not in ("", None)]
    _log.log(level, " ".join([event, *fields]))


def _quote(value: object) -> str:
    text = " ".join(str(value).split())
    return '"' + text.replace('"', "'") + '"' if " " in text else text
