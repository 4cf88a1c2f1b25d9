"""Alerts, versions, outliers and dead letters as rows of text, a dictionary each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from jobs.board.board import DeadLetter
from operators.alerting.alerts import Alert
from operators.outliers import Outlier
from operators.releases import Release

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


def outlier_rows(outliers: Sequence[Outlier]) -> Rows:
    """Tell flagged rows, and why each was."""
    return [
        {
            "at": _time(one.timestamp),
            "step": one.step,
            "score": f"{'infinite' if one.score is None else f'{one.score:.4g}'} (above {one.threshold:.4g})",
            "because of": ", ".join(
                told.column if told.value is None else f"{told.column} {told.value:.4g}"
                for told in one.features
                if told.contribution is None or told.contribution > 0
            ),
            "request": f"{one.topic}-{one.partition}@{one.offset}, row {one.row}",
        }
        for one in outliers
    ]


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
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%m-%d %H:%M:%S UTC")


def _moment(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(UTC).strftime("%m-%d %H:%M:%S UTC")
