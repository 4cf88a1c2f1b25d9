"""The result of one check."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["ok", "warning", "error", "skipped"]


class Check(NamedTuple):
    """What a check found: `of` names the object, `remedy` is empty where there is nothing to do.

    `skipped` means that it cannot be known from this machine.
    """

    level: Level
    check: str
    of: str
    message: str
    remedy: str = ""
