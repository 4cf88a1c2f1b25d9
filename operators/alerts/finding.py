"""Findings: the results of rules at one moment, from which alerts are made."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Literal, NamedTuple

Severity = Literal["warning", "critical"]


class AlertKey(NamedTuple):
    """The rule and the step that a finding is about. `step` is empty for the whole pipeline."""

    alert: str
    step: str = ""


class Finding(NamedTuple):
    """A problem that a rule found; `annotations` describe it for people."""

    severity: Severity
    annotations: Mapping[str, str]


class Unknown(Enum):
    """The result of a rule without enough data to decide. It leaves an alert unchanged."""

    UNKNOWN = "not enough data"


UNKNOWN = Unknown.UNKNOWN
# The result of each rule: a problem, None (no problem), or UNKNOWN (not enough data).
Findings = Mapping[AlertKey, Finding | Unknown | None]
