"""The rules of a batched step's windows: those of its Monitor, and the job's for what it omits."""

from __future__ import annotations

from typing import TypeVar

from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from operators.models.runtimes.batched import WindowRules
from operators.resources.monitor_schema import Monitor, QualityRules

N = TypeVar("N", int, float)


def effective_rules(monitor: Monitor | None, step: str, rules: WindowRules) -> WindowRules:
    """Return the rules of one batched step; `rules` are the job's defaults."""
    own = monitor.rules_of(step) if monitor else None
    if own is None:
        return rules
    judgement, (confirm, resolve), tolerance = rules
    confirmation = Confirmation(_or(own.confirm, confirm), _or(own.resolve, resolve))
    judgement = judgement._replace(min_n=_or(own.min_n, judgement.min_n))
    if isinstance(own, QualityRules):
        return WindowRules(judgement, confirmation, _or(own.tolerance, tolerance))
    judgement = Judgement(judgement.min_n, _or(own.min_effect, judgement.min_effect))
    return WindowRules(judgement, confirmation, tolerance)


def _or(given: N | None, default: N) -> N:
    return default if given is None else given
