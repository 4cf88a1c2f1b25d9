"""What came out, held against what went in. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import msgspec

from jobs.kafka.pipeline_client import Answer
from jobs.models.training.options import Options
from jobs.traffic.scenarios import Traffic

RECALL = 0.8
FALSE_FLAGS = 2 * Options().outlier_percent / 100
FALSE_WINDOWS = 1 / 20


class Phase(NamedTuple):
    """A stretch of traffic: the requests' ids, and the offsets they took in each partition."""

    scenario: str
    traffic: Traffic
    ids: list[str]
    spans: dict[int, tuple[int, int]]


class Outliers(NamedTuple):
    """Flags of one phase, row by row: how many, and how many of each kind were right."""

    rows: int
    true: int
    flagged: int
    found: int

    @property
    def false_flags(self) -> int:
        """Rows flagged that are no outliers."""
        return self.flagged - self.found


class Window(NamedTuple):
    """A drift report, and the scenario whose traffic fills it wholly (`mixed` if none does)."""

    number: int
    scenario: str
    is_drift: int
    state: str
    rows: int
    ranked: list[str]
    report: dict[str, Any]


class Check(NamedTuple):
    """One line of the verdict."""

    passed: bool
    text: str


def read_window(body: bytes, phases: list[Phase]) -> Window:
    """Read a report and find the phase that it lies in."""
    report = msgspec.json.decode(body)
    told = report["parameters"]
    inside = [phase.scenario for phase in phases if all(_within(member, phase) for member in told["members"])]
    flag = next(output for output in report["outputs"] if output["name"] == "is_drift")["data"][0]
    scenario = inside[0] if inside else "mixed"
    return Window(told["window"], scenario, flag, told["state"], told["n"], told["ranked"], report)


def judge_outliers(phase: Phase, answers: dict[str, list[Answer]]) -> Outliers:
    """Compare each row's flag with the truth."""
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
    """Hold everything against the truth."""
    outliers = [judge_outliers(phase, answers) for phase in phases]
    true, found = sum(o.true for o in outliers), sum(o.found for o in outliers)
    false, innocent = sum(o.false_flags for o in outliers), sum(o.rows - o.true for o in outliers)
    expected = [id_ for phase in phases for id_ in phase.ids]
    once = sum(1 for id_ in expected if len(answers.get(id_, [])) == 1 and not answers[id_][0].failed)
    refused = sum(1 for id_ in bad_ids if dead[id_] == 1 and len(answers.get(id_, [])) == 1)
    drifted = [w for w in windows if w.scenario == "drift"]
    normal = [w for w in windows if w.scenario == "normal"]
    moved = set(next(phase.traffic.moved for phase in phases if phase.scenario == "drift"))
    right = [w for w in drifted if w.state == "DRIFT" and set(w.ranked[: len(moved)]) == moved]
    alarms = [w for w in normal if w.state == "DRIFT"]
    return [
        Check(once == len(expected), f"{once:,} of {len(expected):,} requests answered exactly once"),
        Check(
            refused == len(bad_ids), f"{refused} of {len(bad_ids)} broken requests dead-lettered, and told so"
        ),
        Check(found >= RECALL * true, f"{found} of {true} outliers flagged (at least {RECALL:.0%})"),
        Check(
            false <= FALSE_FLAGS * innocent,
            f"{false / innocent:.1%} of {innocent:,} other rows flagged (at most {FALSE_FLAGS:.0%})",
        ),
        Check(
            bool(drifted) and right == drifted,
            f"{len(right)} of {len(drifted)} windows inside the drift phase say DRIFT and rank "
            f"{' and '.join(sorted(moved))} first",
        ),
        Check(
            bool(normal) and len(alarms) <= FALSE_WINDOWS * len(normal),
            f"{len(alarms)} of {len(normal)} normal windows say DRIFT (at most 1 in 20)",
        ),
    ]


def _within(member: dict[str, int], phase: Phase) -> bool:
    start, stop = phase.spans.get(member["partition"], (0, 0))
    return start <= member["first_offset"] and member["last_offset"] < stop


def _flag(answer: Answer) -> int:
    return 0 if answer.failed else int(answer.outputs()["is_outlier"]["data"][0])
