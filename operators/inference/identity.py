"""Who a worker is, for the status topic and the monitor."""

from __future__ import annotations

from typing import NamedTuple

from operators.rows.chunks import SubtaskId


class Identity(NamedTuple):
    """The identity of a worker: its job, its subtask, and the number of earlier starts."""

    job: str
    sender: SubtaskId
    attempt: int = 0
