"""Confirmation of findings: k windows in a row confirm one, k windows in a row resolve it."""

from __future__ import annotations

from typing import NamedTuple

from detectors.drift.judgement import State

_FINDINGS = ("DRIFT", "VIOLATION")


class Streak(NamedTuple):
    """The state of a finding after some windows.

    `confirmed` is whether the finding is confirmed, and `since` the window that last changed this.
    `against` is the number of windows in a row with the opposite verdict.
    """

    confirmed: bool = False
    since: int = 0
    against: int = 0


class Confirmation(NamedTuple):
    """A finding (drift or a violation) is confirmed after `confirm` windows, and resolved after `resolve`.

    Both are windows in a row: with the finding to confirm it, without it to resolve it.
    """

    confirm: int = 2
    resolve: int = 2

    def after(self, streak: Streak, state: State, window: int) -> Streak:
        """Return the streak after one more window; a window without a verdict does not change it.

        >>> streak, confirmed = Streak(), []
        >>> for window, state in enumerate(["DRIFT", "DRIFT", "OK", "INSUFFICIENT_DATA", "OK"], start=1):
        ...     streak = Confirmation().after(streak, state, window)
        ...     confirmed.append(streak.confirmed)
        >>> confirmed
        [False, True, True, True, False]
        """
        if state not in ("OK", *_FINDINGS):
            return streak
        if (state in _FINDINGS) == streak.confirmed:
            return streak._replace(against=0)
        against = streak.against + 1
        if against < (self.resolve if streak.confirmed else self.confirm):
            return streak._replace(against=against)
        return Streak(not streak.confirmed, window)

    def false_alarms(self, rate: float, windows: float) -> float:
        """Return the expected number of confirmed false alarms in `windows` windows without drift.

        Each window is called drift with probability `rate`. The windows are assumed to be independent of each
        other given the reference, and each false alarm to be resolved before the next.

        >>> round(Confirmation(confirm=1).false_alarms(0.01, 1440), 1)
        14.3
        >>> round(Confirmation(confirm=2).false_alarms(0.01, 1440), 2)
        0.14
        """
        return windows * rate**self.confirm * (1 - rate)
