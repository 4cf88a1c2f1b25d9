"""A record to produce."""

from __future__ import annotations

from typing import NamedTuple


class OutputRecord(NamedTuple):
    """The topic, key, headers and value of a record to produce."""

    topic: str
    key: str
    headers: dict[str, str]
    value: bytes
