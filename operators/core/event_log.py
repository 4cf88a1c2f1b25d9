"""What a worker logs: a line for each event in a pipeline's life, none for a record."""

from __future__ import annotations

import logging

_log = logging.getLogger("weir")


def quiet_libraries() -> None:
    """Let libraries that tell everything tell only what is wrong."""
    logging.getLogger("kafka").setLevel(logging.WARNING)


def log_event(event: str, level: int = logging.INFO, **about: object) -> None:
    """Log an event as `EVENT name=value …`, what is empty left out; a text with blanks comes in quotes."""
    words = [f"{name}={_quoted(value)}" for name, value in about.items() if value not in ("", None)]
    _log.log(level, " ".join([event, *words]))


def _quoted(value: object) -> str:
    text = " ".join(str(value).split())
    return '"' + text.replace('"', "'") + '"' if " " in text else text
