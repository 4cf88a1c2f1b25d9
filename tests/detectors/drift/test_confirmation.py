from __future__ import annotations

import numpy as np
import pytest

from detectors.drift.confirmation import Confirmation, Streak
from detectors.drift.judgement import State


def believed(states: list[State], confirmation: Confirmation) -> list[bool]:
    streak, confirmed = Streak(), []
    for window, state in enumerate(states, start=1):
        streak = confirmation.after(streak, state, window)
        confirmed.append(streak.confirmed)
    return confirmed


def test_a_single_odd_window_confirms_nothing() -> None:
    assert not any(believed(["OK", "DRIFT", "OK", "DRIFT", "OK"], Confirmation(2, 2)))


def test_a_confirmed_drift_needs_as_many_windows_to_resolve() -> None:
    states: list[State] = ["DRIFT", "DRIFT", "OK", "DRIFT", "OK", "OK"]
    assert believed(states, Confirmation(2, 2)) == [False, True, True, True, True, False]


def test_windows_without_a_verdict_neither_confirm_nor_resolve() -> None:
    states: list[State] = ["DRIFT", "INSUFFICIENT_DATA", "SUPERSEDED", "DRIFT"]
    assert believed(states, Confirmation(2, 2)) == [False, False, False, True]


def test_a_violation_is_a_finding_as_drift_is() -> None:
    states: list[State] = ["VIOLATION", "VIOLATION", "OK", "INSUFFICIENT_DATA", "OK"]
    assert believed(states, Confirmation(2, 2)) == [False, True, True, True, False]


def test_a_streak_contains_the_window_since_which_it_is_confirmed() -> None:
    assert Confirmation(1, 1).after(Streak(), "DRIFT", 7) == Streak(True, 7)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_false_alarms_come_as_often_as_estimated(k: int) -> None:
    rng, rate, windows = np.random.default_rng(k), 0.15, 40_000
    confirmation, streak, alarms = Confirmation(k, 1), Streak(), 0
    for window in range(windows):
        before = streak.confirmed
        streak = confirmation.after(streak, "DRIFT" if rng.random() < rate else "OK", window)
        alarms += streak.confirmed and not before
    assert alarms == pytest.approx(confirmation.false_alarms(rate, windows), rel=0.2)
