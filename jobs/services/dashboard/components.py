"""Parts of the page as elements: alerts, tables, what is wrong with the page itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from jobs.services.views.table_rows import Rows
from operators.alerts.alert import Alert
from operators.kafka.skipped_records import Skipped


def alerts(firing: Sequence[Alert], *, known: bool) -> Any:
    """Show what fires, the worst first; `known` says that it is seen as it is now."""
    if not firing:
        words = "Nothing is wrong: no alert fires." if known else "Whether an alert fires is not known."
        return html.P(words, className="faint")
    worst = sorted(firing, key=lambda one: one.labels.get("severity") != "critical")
    return html.Div([_alert(one) for one in worst])


def skipped(count: int, last: Skipped | None) -> Any:
    """Show that records could not be used."""
    if last is None:
        return None
    words = f"{count:,} records cannot be used and are not shown, last {last}"
    return html.P(words, className="faint")


def _alert(one: Alert) -> Any:
    labels, told = one.labels, one.annotations
    what = f"{labels.get('severity', '')} {labels.get('alertname', '')}".strip()
    more = told.get("features") or told.get("errors") or told.get("busiest_step", "")
    parts: list[Any] = [html.Strong(what), f" since {one.starts_at}: {told.get('summary', '')}"]
    if more:
        parts += [html.Br(), html.Span(more)]
    if url := told.get("runbook_url"):
        parts += [html.Br(), html.A("what to do", href=url)]
    return html.Div(parts, className="alert", role="alert")


def table(rows: Rows, otherwise: str) -> Any:
    """Show rows of text."""
    if not rows:
        return html.P(otherwise, className="faint")
    head = html.Tr([html.Th(name, scope="col") for name in rows[0]])
    body = [html.Tr([html.Td(cell) for cell in row.values()]) for row in rows]
    return html.Div(html.Table([html.Thead(head), html.Tbody(body)]), className="wide", tabIndex="0")


def banner(words: str) -> Any:
    """Say in front of everything that something cannot be seen."""
    return html.Div(words, className="banner", role="alert") if words else None
