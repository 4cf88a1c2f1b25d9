"""Pure functions that compare what the job emitted with the truth about its input."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from jobs.kafka.pipeline_client import Answer
from jobs.models.training.options import Options
from jobs.traffic.scenarios import Traffic
from operators.models.runtimes.verdict_details import DriftFeature
from operators.windows.report import Member, read_report

RECALL = 0.8
FALSE_FLAGS = 2 * Options().outlier_percent / 100
FALSE_WINDOWS = 1 / 20


class Phase(NamedTuple):
    """A part of the traffic: the requests' ids, and their range of offsets in each partition.

    `spans` maps a partition to its first offset and the offset after its last one.
    """

    scenario: str
    traffic: Traffic
    ids: list[str]
    spans: dict[int, tuple[int, int]]


class Outliers(NamedTuple):
    """Counts of one phase: its rows, its true outliers, its flagged rows, and its flagged outliers."""

    rows: int
    true: int
    flagged: int
    found: int

    @property
    def false_flags(self) -> int:
        """Number of flagged rows that are not outliers."""
        return self.flagged - self.found


class Window(NamedTuple):
    """A drift report, and the scenario of all its rows, `mixed` if they are of several phases."""

    number: int
    scenario: str
    is_drift: int
    state: str
    rows: int
    ranked: list[str]
    features: list[DriftFeature]


class Check(NamedTuple):
    """The result of one check."""

    passed: bool
    text: str


def read_window(body: bytes, phases: list[Phase]) -> Window:
    """Decode a report and find the phase that contains its window."""
    report = read_report(body)
    assert report is not None
    window, flag = report.window, report.flag()
    containing = [
        phase.scenario for phase in phases if all(_is_within(member, phase) for member in window.members)
    ]
    return Window(
        window.window,
        containing[0] if containing else "mixed",
        flag.is_drift if flag else 0,
        window.state,
        window.n,
        window.ranked,
        window.drift,
    )


def judge_outliers(phase: Phase, answers: dict[str, list[Answer]]) -> Outliers:
    """Count the rows of a phase by their flag and by the truth."""
    flags = [_flag(answers[id_][0]) if answers.get(id_) else 0 for id_ in phase.ids]
    true = phase.traffic.outlier.tolist()
    found = sum(1 for flag, outlier in zip(flags, true, strict=True) if flag and outlier)
    return Outliers(len(flags), sum(true), sum(flags), found)


def check(
    phases: list[Phase],
    bad_ids: list[str],
    answers: dict[str, list[Answer]],
    dead: Counter[str],
    windows: list[Window],
) -> list[Check]:
    """Compare answers, dead letters and windows with the truth."""
    outliers = [judge_outliers(phase, answers) for phase in phases]
    true, found = sum(phase.true for phase in outliers), sum(phase.found for phase in outliers)
    false = sum(phase.false_flags for phase in outliers)
    inliers = sum(phase.rows - phase.true for phase in outliers)
    expected = [id_ for phase in phases for id_ in phase.ids]
    answered = sum(1 for id_ in expected if len(answers.get(id_, [])) == 1 and not answers[id_][0].failed)
    rejected = sum(1 for id_ in bad_ids if dead[id_] == 1 and len(answers.get(id_, [])) == 1)
    drifted = [window for window in windows if window.scenario == "drift"]
    normal = [window for window in windows if window.scenario == "normal"]
    moved = set(next(phase.traffic.moved for phase in phases if phase.scenario == "drift"))
    detected = [
        window for window in drifted if window.state == "DRIFT" and set(window.ranked[: len(moved)]) == moved
    ]
    false_alarms = [window for window in normal if window.state == "DRIFT"]
    return [
        Check(answered == len(expected), f"{answered:,} of {len(expected):,} requests answered exactly once"),
        Check(
            rejected == len(bad_ids),
            f"{rejected} of {len(bad_ids)} malformed requests dead-lettered, with an error response",
        ),
        Check(found >= RECALL * true, f"{found} of {true} outliers flagged (at least {RECALL:.0%})"),
        Check(
            false <= FALSE_FLAGS * inliers,
            f"{false / inliers:.1%} of {inliers:,} other rows flagged (at most {FALSE_FLAGS:.0%})",
        ),
        Check(
            bool(drifted) and detected == drifted,
            f"{len(detected)} of {len(drifted)} windows inside the drift phase report DRIFT and rank "
            f"{' and '.join(sorted(moved))} first",
        ),
        Check(
            bool(normal) and len(false_alarms) <= FALSE_WINDOWS * len(normal),
            f"{len(false_alarms)} of {len(normal)} normal windows report DRIFT (at most 1 in 20)",
        ),
    ]


def _is_within(member: Member, phase: Phase) -> bool:
    start, stop = phase.spans.get(member.partition, (0, 0))
    return start <= member.first_offset and member.last_offset < stop


def _flag(answer: Answer) -> int:
    return 0 if answer.failed else int(answer.outputs()["is_outlier"]["data"][0])
