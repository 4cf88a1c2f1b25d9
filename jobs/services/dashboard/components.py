"""HTML elements of the page: alerts, tables, and a banner for problems of the page itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from jobs.services.views.table_rows import Rows
from operators.alerts.alert import Alert
from operators.kafka.skipped_records import Skipped


def alerts(firing: Sequence[Alert], *, is_current: bool) -> Any:
    """Return the firing alerts, critical ones first; `is_current` is false if the data are stale."""
    if not firing:
        text = "No alert is firing." if is_current else "The data are stale: alerts may be firing."
        return html.P(text, className="faint")
    critical_first = sorted(firing, key=lambda one: one.labels.get("severity") != "critical")
    return html.Div([_alert(one) for one in critical_first])


def skipped(count: int, last: Skipped | None) -> Any:
    """Return the number of records that were skipped, and the last of them."""
    if last is None:
        return None
    text = f"{count:,} invalid records are not shown; the last one: {last}"
    return html.P(text, className="faint")


def _alert(alert: Alert) -> Any:
    labels, annotations = alert.labels, alert.annotations
    title = f"{labels.get('severity', '')} {labels.get('alertname', '')}".strip()
    details = annotations.get("features") or annotations.get("errors") or annotations.get("busiest_step", "")
    parts: list[Any] = [
        html.Strong(title),
        f" since {alert.starts_at}: {annotations.get('summary', '')}",
    ]
    if details:
        parts += [html.Br(), html.Span(details)]
    # Whoever writes to the topic must not put a script behind a link.
    if (url := annotations.get("runbook_url", "")).startswith(("https://", "http://")):
        parts += [html.Br(), html.A("runbook", href=url, rel="noopener noreferrer")]
    return html.Div(parts, className="alert", role="alert")


def table(rows: Rows, placeholder: str) -> Any:
    """Return a table of text, or `placeholder` if it has no rows."""
    if not rows:
        return html.P(placeholder, className="faint")
    head = html.Tr([html.Th(name, scope="col") for name in rows[0]])
    body = [html.Tr([html.Td(cell) for cell in row.values()]) for row in rows]
    return html.Div(html.Table([html.Thead(head), html.Tbody(body)]), className="wide", tabIndex="0")


def banner(problem: str) -> Any:
    """Return a banner for the top of the page, or None without a problem."""
    return html.Div(problem, className="banner", role="alert") if problem else None
