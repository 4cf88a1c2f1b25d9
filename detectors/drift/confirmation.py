"""One odd window is chance, several in a row are a finding: k windows confirm, k windows resolve."""

from __future__ import annotations

from typing import NamedTuple

from detectors.drift.judgement import State

_FINDINGS = ("DRIFT", "VIOLATION")


class Streak(NamedTuple):
    """Whether a finding is confirmed, since which window, and how many windows in a row said otherwise."""

    confirmed: bool = False
    since: int = 0
    against: int = 0


class Confirmation(NamedTuple):
    """Believe in a finding (drift, or a violation) after `confirm` windows of it, and in its end after
    `resolve` windows without.
    """

    confirm: int = 2
    resolve: int = 2

    def after(self, streak: Streak, state: State, window: int) -> Streak:
        """Return what to believe after one more window. Windows without a verdict change nothing.

        >>> streak, believed = Streak(), []
        >>> for window, state in enumerate(["DRIFT", "DRIFT", "OK", "INSUFFICIENT_DATA", "OK"], start=1):
        ...     streak = Confirmation().after(streak, state, window)
        ...     believed.append(streak.confirmed)
        >>> believed
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
        """Return how many times so many windows confirm a drift that is none, each odd with chance `rate`.

        The windows are taken as independent of each other given the reference, and what was confirmed as
        resolved before the next.

        >>> round(Confirmation(confirm=1).false_alarms(0.01, 1440), 1)
        14.3
        >>> round(Confirmation(confirm=2).false_alarms(0.01, 1440), 2)
        0.14
        """
        return windows * rate**self.confirm * (1 - rate)
