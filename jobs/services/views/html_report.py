"""A report of a period of one pipeline, as a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import plotly.io

from jobs.services.views import drift_charts, pipeline_graph, time_series
from jobs.services.views.monitored_inputs import prepared_steps
from jobs.services.views.table_rows import alert_rows, dead_letter_rows, outlier_rows, release_rows
from jobs.services.views.topic_history import Span, TopicHistory
from operators.control.release import Release
from operators.core.timestamps import parse_time
from operators.metrics.tally import Tally
from operators.windows.report import Window

_MAX_POINTS, _MAX_ROWS = 240, 50
_STYLE = """
:root { color-scheme: light; font-family: system-ui, sans-serif; line-height: 1.45; }
body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #1c2228; background: #fff; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-top: 1px solid #d5dade; padding-top: 1rem; }
.wide { overflow-x: auto; } .broad { min-width: 40rem; } table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .25rem 1.2rem .25rem 0; vertical-align: top; }
th { font-weight: 600; border-bottom: 1px solid #5b6670; }
td { overflow-wrap: break-word; min-width: 5rem; max-width: 26rem; }
.faint { color: #5b6670; }
"""


def step_of(seconds: float) -> float:
    """Return the length in seconds of the spans to draw for a period of `seconds`.

    >>> step_of(900), step_of(86_400)
    (10.0, 360.0)
    """
    return max(10.0, round(seconds / _MAX_POINTS / 10) * 10.0)


def write(release: Release, history: Sequence[Release], board: TopicHistory, since: float, now: float) -> str:
    """Return the page; `since` and `now` are in seconds since 1970."""
    name = release.name
    parts = "".join(_parts(release, history, board, since, now))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(name)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<body>{parts}</body></html>\n"
    )


def _parts(
    release: Release, history: Sequence[Release], board: TopicHistory, since: float, now: float
) -> Iterator[str]:
    name = release.name
    spans = board.spans(name, since, step_of(now - since))
    total = _total(spans, since, now)
    yield f"<h1>{escape(name)}</h1>"
    yield f"<p>{_format_time(since)} to {_format_time(now)}, generation {release.generation}. "
    yield f"{total.tally.requests:,} requests, {total.tally.failed:,} failed.</p>"
    alerts = [one for one in board.alerts(name) if parse_time(one.starts_at, "startsAt").timestamp() >= since]
    yield _table("Alerts", alert_rows(alerts[::-1]), "No alerts started in this period.")
    yield _figure("Pipeline", pipeline_graph.picture(release, total, "light"), first=True)
    period = (since, now)
    yield _figure("Requests", time_series.requests(spans, period, "light"))
    yield _figure("From request to response", time_series.latency(spans, period, "light"))
    yield _figure("Outliers", time_series.outliers(spans, period, "light"))
    yield _figure("Bad values", time_series.bad_values(spans, "light"))
    prepared = prepared_steps(release)
    for step, windows in sorted(board.windows(name, since).items()):
        drifting = [one for one in windows if one.drift]
        if drifting:
            yield _figure(f"Drift: {step}", drift_charts.drift_heatmap(drifting, "light"), css_class="broad")
            worst = _worst(drifting)
            title = f"{step}, window {worst.window}: {worst.state}"
            histograms = drift_charts.histograms(worst, "light", prepared=step in prepared)
            yield _figure(title, histograms, level=3)
    yield _table("Versions", release_rows(history), "")
    flagged = outlier_rows(board.outliers(name)[:_MAX_ROWS], prepared)
    yield _table("Latest outliers", flagged, "No rows were flagged.")
    yield _table(
        "Latest dead letters",
        dead_letter_rows(board.dead_letters(name)[:_MAX_ROWS]),
        "No dead letters.",
    )


def _worst(windows: Sequence[Window]) -> Window:
    """Return the latest window that drifted, or the latest one if none did."""
    drifted = [one for one in windows if one.state == "DRIFT"]
    return (drifted or list(windows))[-1]


def _total(spans: Sequence[Span], since: float, now: float) -> Span:
    seconds = sum(one.seconds for one in spans) or now - since
    return Span(since, seconds, Tally.total(one.tally for one in spans))


def _figure(title: str, figure: Any, level: int = 2, css_class: str = "", *, first: bool = False) -> str:
    """Return a figure with its title; a figure wider than the page can be scrolled.

    The `first` figure of a page includes plotly.js.
    """
    drawn = plotly.io.to_html(
        figure,
        include_plotlyjs=first,
        full_html=False,
        config={"displaylogo": False, "responsive": True, "displayModeBar": False},
    )
    return (
        f'<h{level}>{escape(title)}</h{level}><div class="wide"><div class="{css_class}">{drawn}</div></div>'
    )


def _table(title: str, rows: Sequence[dict[str, str]], placeholder: str) -> str:
    if not rows:
        return f'<h2>{escape(title)}</h2><p class="faint">{escape(placeholder)}</p>'
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row.values()) + "</tr>" for row in rows
    )
    return f'<h2>{escape(title)}</h2><div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
