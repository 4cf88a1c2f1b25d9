"""Waiting for a condition."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from jobs.status.conditions import FINAL, Condition
from operators.core.errors import DeploymentError

TYPES = ("JobRunning", "PipelineReady", "ModelAvailable")


def await_condition(look: Callable[[], list[Condition]], type_: str, name: str, seconds: float) -> None:
    """Wait until the condition holds of what is named, or of everything; DeploymentError when it will not."""
    if type_ not in TYPES:
        raise DeploymentError(f"-w must be one of {', '.join(TYPES)}, got {type_!r}")
    deadline = monotonic() + seconds
    while True:
        wanted = [one for one in look() if one.type == type_ and name in ("", one.of)]
        open_ = [one for one in wanted if one.status != "True" and one.reason != "Unused"]
        if wanted and not open_:
            return
        final = [one for one in open_ if one.reason in FINAL]
        if final:
            raise DeploymentError(_told(final, f"{type_} will not become true"))
        if monotonic() > deadline:
            nothing = f"there is nothing named {name}" if name else "there is nothing applied"
            raise DeploymentError(_told(open_, f"{type_} did not become true in {seconds:g} s") or nothing)
        sleep(0.5)


def _told(open_: list[Condition], what: str) -> str:
    return "\n".join(": ".join(filter(None, (what, one.of, one.reason, one.message))) for one in open_)
