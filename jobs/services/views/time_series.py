"""Pictures of rates over time: requests, latency, outliers, bad values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

import plotly.graph_objects as go

from jobs.services.views.theme import LOOKS, Theme, apply_theme, empty_figure, shortened
from jobs.services.views.topic_history import Span
from operators.alerts.rate_rules import quantile
from operators.metrics.tally import count_up

# From when to when, in seconds since 1970.
Period = tuple[float, float]
_HEIGHT = 260
# A legend of many lines takes room from its picture: pixels for each more than two.
# Letters of the name of a line, and of one beside a picture.
_MORE, _LETTERS, _FEW_LETTERS = 20, 28, 20
_NO_RATES = "nothing was told in this period: does the job run?"


def requests(spans: Sequence[Span], period: Period, theme: Theme) -> go.Figure:
    """Draw requests a second, and those without an answer."""
    if not spans:
        return empty_figure(_NO_RATES, theme, _HEIGHT)
    look = LOOKS[theme]
    figure = go.Figure()
    answered = [(one.tally.requests - one.tally.failed) / one.seconds for one in spans]
    failed = [one.tally.failed / one.seconds for one in spans]
    _draw(figure, spans, answered, "answered", {"color": look.accent})
    _draw(figure, spans, failed, "without an answer", {"color": look.warning, "dash": "dash"})
    return _over_time(figure, period, "a second", theme)


def latency(spans: Sequence[Span], period: Period, theme: Theme) -> go.Figure:
    """Draw the time from request to response: half of the requests, and 99 %."""
    asked = [one for one in spans if one.tally.requests]
    if not asked:
        return empty_figure("no request came in this period" if spans else _NO_RATES, theme, _HEIGHT)
    look = LOOKS[theme]
    figure = go.Figure()
    for share, name, line in (
        (0.5, "half within", {"color": look.accent}),
        (0.99, "99 % within", {"color": look.warning, "dash": "dash"}),
    ):
        values = [quantile(share, one.tally.buckets) * 1000 for one in asked]
        _draw(figure, asked, values, name, line)
    return _over_time(figure, period, "milliseconds", theme)


def outliers(spans: Sequence[Span], period: Period, theme: Theme) -> go.Figure:
    """Draw the share of rows that each step flagged."""
    steps = sorted(
        {name for one in spans for name, done in one.tally.steps.items() if done.outliers is not None}
    )
    if not steps:
        return empty_figure("no step flags outliers, or no request came", theme, _HEIGHT)
    figure = go.Figure()
    for step in steps:
        told = [(one, one.tally.steps[step]) for one in spans if step in one.tally.steps]
        told = [(one, done) for one, done in told if done.rows]
        shares = [100 * (done.outliers or 0) / done.rows for _, done in told]
        _draw(figure, [one for one, _ in told], shares, step, {})
    return _over_time(figure, period, "% of rows", theme)


def bad_values(spans: Sequence[Span], theme: Theme) -> go.Figure:
    """Draw how many values of each feature were bad, by what is wrong with them."""
    counts: dict[str, dict[str, int]] = {}
    for one in spans:
        for done in one.tally.steps.values():
            for feature, issues in done.bad_values.items():
                for issue, n in issues.items():
                    count_up(counts, issue, feature, n)
    if not counts:
        return empty_figure("no bad value was found, or no step looks for them", theme, _HEIGHT)
    features = sorted({name for by in counts.values() for name in by})
    figure = go.Figure()
    for (issue, by_feature), pattern in zip(sorted(counts.items()), ("", "/", "x", "."), strict=False):
        values = [by_feature.get(feature, 0) for feature in features]
        figure.add_bar(
            y=features, x=values, name=issue.replace("_", " "), orientation="h", marker_pattern_shape=pattern
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="values")
    figure.update_yaxes(
        tickvals=features, ticktext=[escape(shortened(name, _FEW_LETTERS)) for name in features]
    )
    apply_theme(figure, theme, max(_HEIGHT, 100 + 24 * len(features)))
    figure.update_layout(hovermode="closest")
    return figure


def _draw(
    figure: go.Figure, spans: Sequence[Span], values: Sequence[float], name: str, line: dict[str, str]
) -> None:
    """Draw a line that is broken where nothing was told."""
    times: list[datetime | None] = []
    drawn: list[float | None] = []
    for before, one, value in zip([None, *spans], spans, values, strict=False):
        if before and one.since - before.since > 2.5 * max(before.seconds, one.seconds):
            times.append(_time(before.until))
            drawn.append(None)
        times.append(_time(one.since))
        drawn.append(value)
    name = shortened(name, _LETTERS)
    figure.add_scatter(x=times, y=drawn, name=name, line=line, mode="lines", connectgaps=False)


def _over_time(figure: go.Figure, period: Period, unit: str, theme: Theme) -> go.Figure:
    figure.update_yaxes(rangemode="tozero", title=unit)
    figure.update_xaxes(title="UTC", range=[_time(moment) for moment in period])
    return apply_theme(figure, theme, _HEIGHT + _MORE * max(0, len(figure.data) - 2))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
