"""Functions that wait until a condition is true."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from jobs.status.condition import FINAL, Condition
from operators.core.errors import DeploymentError

TYPES = ("JobRunning", "PipelineReady", "ModelAvailable")


def await_condition(look: Callable[[], list[Condition]], type_: str, name: str, seconds: float) -> None:
    """Wait until a condition is true for `name`, or for every object where `name` is empty.

    DeploymentError when it cannot become true, or is not true after `seconds`.
    """
    if type_ not in TYPES:
        raise DeploymentError(f"-w must be one of {', '.join(TYPES)}, got {type_!r}")
    deadline = monotonic() + seconds
    while True:
        wanted = [one for one in look() if one.type == type_ and name in ("", one.of)]
        pending = [one for one in wanted if one.status != "True" and one.reason != "Unused"]
        if wanted and not pending:
            return
        final = [one for one in pending if one.reason in FINAL]
        if final:
            raise DeploymentError(_lines(final, f"{type_} cannot become true"))
        if monotonic() > deadline:
            missing = f"there is nothing named {name}" if name else "no pipeline or model was applied"
            lines = _lines(pending, f"{type_} did not become true within {seconds:g} s")
            raise DeploymentError(lines or missing)
        sleep(0.5)


def _lines(pending: list[Condition], prefix: str) -> str:
    return "\n".join(": ".join(filter(None, (prefix, one.of, one.reason, one.message))) for one in pending)
