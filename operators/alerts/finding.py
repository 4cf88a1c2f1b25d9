"""Findings: what is wrong at this moment, before it is told to anybody."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Literal, NamedTuple

Severity = Literal["warning", "critical"]


class AlertKey(NamedTuple):
    """Which rule, for which step; for the pipeline as a whole `step` is empty."""

    alert: str
    step: str = ""


class Finding(NamedTuple):
    """Something is wrong; `annotations` tell people what."""

    severity: Severity
    annotations: Mapping[str, str]


class Unknown(Enum):
    """There is too little to tell."""

    UNKNOWN = "too little to tell"


UNKNOWN = Unknown.UNKNOWN
# What was found by each rule: something wrong, nothing (None), or too little to tell.
Findings = Mapping[AlertKey, Finding | Unknown | None]
