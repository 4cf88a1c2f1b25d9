"""Table rows of alerts, versions, outliers and dead letters: one dictionary of texts per row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from jobs.services.views.topic_history import DeadLetter
from operators.alerts.alert import Alert
from operators.control.release import Release
from operators.core.timestamps import nearest_time, parse_time
from operators.inference.outlier_log import FeatureContribution, FlaggedRowRecord

Rows = list[dict[str, str]]


def alert_rows(alerts: Sequence[Alert]) -> Rows:
    """Return the rows of alerts: what fires, since when, in which feature."""
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
    """Return the rows of releases, in the same order: who applied each, when, why."""
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
    """Return the rows of outliers, with the features that contributed to each score.

    `prepared` are the steps that read a preprocessor's output. There, a value without a known original value
    is labelled as scaled.
    """
    return [
        {
            "at": _time(one.timestamp),
            "step": one.step,
            "score": f"{'infinite' if one.score is None else f'{one.score:.4g}'} (above {one.threshold:.4g})",
            "because of": ", ".join(
                _reason(feature, is_scaled=one.step in prepared)
                for feature in one.features
                if feature.contribution is None or feature.contribution > 0
            ),
            "request": f"{one.topic}-{one.partition}@{one.offset}, row {one.row}",
        }
        for one in outliers
    ]


def _reason(feature: FeatureContribution, *, is_scaled: bool) -> str:
    if isinstance(feature.raw, str):
        return feature.column if feature.value else f"not {feature.column}"
    if feature.raw is not None:
        return f"{feature.column} {feature.raw:.4g}"
    if feature.value is None:
        return feature.column
    return f"{feature.column} {feature.value:.4g}" + (" (scaled)" if is_scaled else "")


def dead_letter_rows(letters: Sequence[DeadLetter]) -> Rows:
    """Return the rows of dead letters, with the error of each."""
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
    return _text(nearest_time(milliseconds))


def _moment(iso: str) -> str:
    return _text(parse_time(iso, "a time").astimezone(UTC))


def _text(time: datetime) -> str:
    return time.strftime("%m-%d %H:%M:%S UTC")
