"""Alerts, versions, outliers and dead letters as rows of text, a dictionary each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC

from jobs.services.views.topic_history import DeadLetter
from operators.alerts.alert import Alert
from operators.control.release import Release
from operators.core.foreign_json import nearest_time, parse_time
from operators.inference.outlier_log import FeatureContribution, FlaggedRowRecord

Rows = list[dict[str, str]]


def alert_rows(alerts: Sequence[Alert]) -> Rows:
    """Tell alerts: what, since when, in which feature."""
    return [
        {
            "status": one.status,
            "severity": one.labels.get("severity", ""),
            "alert": one.labels.get("alertname", ""),
            "step": one.labels.get("step", ""),
            "since": _moment(one.starts_at),
            "what": one.annotations.get("summary", ""),
            "where": one.annotations.get("features") or one.annotations.get("errors", ""),
        }
        for one in alerts
    ]


def release_rows(releases: Sequence[Release]) -> Rows:
    """Tell versions, as given: who, when, why."""
    return [
        {
            "generation": str(one.generation),
            "created": _moment(one.created_at),
            "by": one.created_by,
            "message": one.message,
        }
        for one in releases
    ]


def outlier_rows(outliers: Sequence[FlaggedRowRecord], prepared: Collection[str] = ()) -> Rows:
    """Tell flagged rows, and why each was.

    `prepared` are the steps behind a preprocessor: values whose feature's own are not known are scaled there.
    """
    return [
        {
            "at": _time(one.timestamp),
            "step": one.step,
            "score": f"{'infinite' if one.score is None else f'{one.score:.4g}'} (above {one.threshold:.4g})",
            "because of": ", ".join(
                _reason(told, scaled=one.step in prepared)
                for told in one.features
                if told.contribution is None or told.contribution > 0
            ),
            "request": f"{one.topic}-{one.partition}@{one.offset}, row {one.row}",
        }
        for one in outliers
    ]


def _reason(told: FeatureContribution, *, scaled: bool) -> str:
    if isinstance(told.raw, str):
        return told.column if told.value else f"not {told.column}"
    if told.raw is not None:
        return f"{told.column} {told.raw:.4g}"
    if told.value is None:
        return told.column
    return f"{told.column} {told.value:.4g}" + (" (scaled)" if scaled else "")


def dead_letter_rows(letters: Sequence[DeadLetter]) -> Rows:
    """Tell dead letters, and what was wrong with each."""
    return [
        {
            "at": _time(one.at),
            "reason": one.reason,
            "step": one.step,
            "what": one.message,
            "request": one.place,
            "key": one.key,
        }
        for one in letters
    ]


def _time(milliseconds: int) -> str:
    return nearest_time(milliseconds).strftime("%m-%d %H:%M:%S UTC")


def _moment(iso: str) -> str:
    return parse_time(iso, "a time").astimezone(UTC).strftime("%m-%d %H:%M:%S UTC")
