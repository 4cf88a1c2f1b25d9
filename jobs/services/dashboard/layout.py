"""The layout of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

PERIODS = {"15 minutes": 900, "1 hour": 3_600, "6 hours": 21_600, "24 hours": 86_400}
EVERY_MS = 5_000
_CONFIG: Any = {"displaylogo": False, "displayModeBar": False, "responsive": True}


def layout(name: str, pipelines: Sequence[str]) -> Any:
    """Return the page of a namespace."""
    return html.Div(
        [
            html.Header(
                [
                    html.H1(f"Weir {name}"),
                    _choice("pipeline", pipelines, chosen=""),
                    _choice("period", list(PERIODS)),
                    html.Span("", id="state", className="state", role="status"),
                ]
            ),
            html.Main(
                [
                    html.Div(id="banner"),
                    html.Div(id="offline", role="alert"),
                    html.H2("Alerts"),
                    html.Div(id="alerts"),
                    html.H2("Pipeline"),
                    html.Div(html.Div(_picture("graph"), className="graph"), className="wide", tabIndex="0"),
                    html.Div(
                        [
                            html.Section(_titled("Requests", "requests")),
                            html.Section(_titled("From request to response", "latency")),
                            html.Section(_titled("Outliers", "outliers")),
                            html.Section(_titled("Bad values", "bad")),
                        ],
                        className="pair",
                    ),
                    html.H2("Drift"),
                    html.Div([_choice("step", []), _choice("window", [])], className="choices"),
                    html.Div(html.Div(_picture("heat"), className="broad"), className="wide", tabIndex="0"),
                    html.H3("", id="which"),
                    _picture("histograms"),
                    html.H2("Latest outliers"),
                    html.Div(id="flagged"),
                    html.H2("Latest dead letters"),
                    html.Div(id="letters"),
                    html.H2("Versions"),
                    html.Div(id="versions"),
                ]
            ),
            dcc.Interval(id="tick", interval=EVERY_MS),
            dcc.Store(id="theme", data="light"),
            dcc.Store(id="updated", data=0),
            dcc.Store(id="received"),
            dcc.Store(id="newest"),
        ]
    )


def _choice(name: str, options: Sequence[str], chosen: str | None = None) -> Any:
    if chosen is None and options:
        chosen = options[0]
    field = dcc.Dropdown(list(options), chosen or None, id=name, clearable=False, searchable=False)
    return html.Label([name, html.Div(field, style={"minWidth": "12rem"})])


def _titled(title: str, name: str) -> list[Any]:
    return [html.H2(title), _picture(name)]


def _picture(name: str) -> Any:
    return dcc.Graph(id=name, config=_CONFIG)
