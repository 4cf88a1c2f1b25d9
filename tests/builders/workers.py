"""Workers as the status topic has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from operators.control.status import Serving, WorkerStatus


def worker_status(
    job: str,
    at: float,
    started_at: float,
    subtask: int = 0,
    subtasks: int = 1,
    pipelines: Mapping[str, Serving] = MappingProxyType({}),
) -> WorkerStatus:
    """The status at a time, in seconds since 1970, at which the worker also processed records."""
    return WorkerStatus(
        job=job,
        subtask=subtask,
        subtasks=subtasks,
        attempt=0,
        host="h",
        pid=1,
        started_at=started_at,
        at=at,
        processed_at=at,
        pipelines=dict(pipelines),
    )
