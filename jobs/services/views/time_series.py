"""Figures of rates over time: requests, latency, outliers, bad values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

import plotly.graph_objects as go

from jobs.services.views.theme import LOOKS, Theme, apply_theme, empty_figure, shortened
from jobs.services.views.topic_history import Span
from operators.alerts.rate_rules import quantile
from operators.metrics.tally import count_up

# Start and end, in seconds since 1970.
Period = tuple[float, float]
_HEIGHT = 260
# Pixels to add to the height for each entry of the legend after the second.
_LEGEND_ENTRY = 20
# The most characters of a name in a legend, and on an axis.
_LEGEND_NAME_LENGTH, _AXIS_NAME_LENGTH = 28, 20
_NO_RATES = "no data in this period; check that the job is running"


def requests(spans: Sequence[Span], period: Period, theme: Theme) -> go.Figure:
    """Draw answered and failed requests per second."""
    if not spans:
        return empty_figure(_NO_RATES, theme, _HEIGHT)
    look = LOOKS[theme]
    figure = go.Figure()
    answered = [(one.tally.requests - one.tally.failed) / one.seconds for one in spans]
    failed = [one.tally.failed / one.seconds for one in spans]
    _draw(figure, spans, answered, "answered", {"color": look.accent})
    _draw(figure, spans, failed, "failed", {"color": look.warning, "dash": "dash"})
    return _over_time(figure, period, "per second", theme)


def latency(spans: Sequence[Span], period: Period, theme: Theme) -> go.Figure:
    """Draw the latency from request to response: the median and the 99th percentile."""
    busy = [one for one in spans if one.tally.requests]
    if not busy:
        return empty_figure("no requests in this period" if spans else _NO_RATES, theme, _HEIGHT)
    look = LOOKS[theme]
    figure = go.Figure()
    for share, name, line in (
        (0.5, "median", {"color": look.accent}),
        (0.99, "99th percentile", {"color": look.warning, "dash": "dash"}),
    ):
        values = [quantile(share, one.tally.buckets) * 1000 for one in busy]
        _draw(figure, busy, values, name, line)
    return _over_time(figure, period, "milliseconds", theme)


def outliers(spans: Sequence[Span], period: Period, theme: Theme) -> go.Figure:
    """Draw the share of rows that each step flagged."""
    steps = sorted(
        {name for one in spans for name, tally in one.tally.steps.items() if tally.outliers is not None}
    )
    if not steps:
        return empty_figure("no step detects outliers, or there were no requests", theme, _HEIGHT)
    figure = go.Figure()
    for step in steps:
        tallies = [(span, span.tally.steps[step]) for span in spans if step in span.tally.steps]
        tallies = [(span, tally) for span, tally in tallies if tally.rows]
        shares = [100 * (tally.outliers or 0) / tally.rows for _, tally in tallies]
        _draw(figure, [span for span, _ in tallies], shares, step, {})
    return _over_time(figure, period, "% of rows", theme)


def bad_values(spans: Sequence[Span], theme: Theme) -> go.Figure:
    """Draw the number of bad values of each feature, by issue."""
    counts: dict[str, dict[str, int]] = {}
    for span in spans:
        for tally in span.tally.steps.values():
            for feature, issues in tally.bad_values.items():
                for issue, n in issues.items():
                    count_up(counts, issue, feature, n)
    if not counts:
        return empty_figure("no bad values, or no step checks for them", theme, _HEIGHT)
    features = sorted({name for by_feature in counts.values() for name in by_feature})
    figure = go.Figure()
    for (issue, by_feature), pattern in zip(sorted(counts.items()), ("", "/", "x", "."), strict=False):
        values = [by_feature.get(feature, 0) for feature in features]
        figure.add_bar(
            y=features, x=values, name=issue.replace("_", " "), orientation="h", marker_pattern_shape=pattern
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="values")
    figure.update_yaxes(
        tickvals=features, ticktext=[escape(shortened(name, _AXIS_NAME_LENGTH)) for name in features]
    )
    apply_theme(figure, theme, max(_HEIGHT, 100 + 24 * len(features)))
    figure.update_layout(hovermode="closest")
    return figure


def _draw(
    figure: go.Figure, spans: Sequence[Span], values: Sequence[float], name: str, line: dict[str, str]
) -> None:
    """Draw a line with gaps for periods without data."""
    times: list[datetime | None] = []
    points: list[float | None] = []
    for before, span, value in zip([None, *spans], spans, values, strict=False):
        if before and span.since - before.since > 2.5 * max(before.seconds, span.seconds):
            times.append(_time(before.until))
            points.append(None)
        times.append(_time(span.since))
        points.append(value)
    name = shortened(name, _LEGEND_NAME_LENGTH)
    figure.add_scatter(x=times, y=points, name=name, line=line, mode="lines", connectgaps=False)


def _over_time(figure: go.Figure, period: Period, unit: str, theme: Theme) -> go.Figure:
    figure.update_yaxes(rangemode="tozero", title=unit)
    figure.update_xaxes(title="UTC", range=[_time(moment) for moment in period])
    return apply_theme(figure, theme, _HEIGHT + _LEGEND_ENTRY * max(0, len(figure.data) - 2))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
