"""Pictures of drift: features × windows, and one window's features beside the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from jobs.board.board import Window
from jobs.board.look import LOOKS, Theme, dress, nothing

_MOST_COLUMNS = 60


def heat(windows: Sequence[Window], theme: Theme) -> go.Figure:
    """Draw how far each feature moved in each window; of columns that encode one feature, the furthest.

    A triangle marks what counts as drift, in shape and not in colour only.
    """
    shown = [one for one in windows if one.drifts][-_MOST_COLUMNS:]
    if not shown:
        return nothing("no window closed in this period", theme, 220)
    features = list(dict.fromkeys(told["feature"] for one in shown for told in one.features))[::-1]
    effects: list[list[float | None]] = [[None] * len(shown) for _ in features]
    marks = [[""] * len(shown) for _ in features]
    for x, one in enumerate(shown):
        for told in one.features:
            y = features.index(told["feature"])
            effects[y][x] = max(effects[y][x] or 0.0, told["effect"])
            marks[y][x] = "▲" if told["guilty"] and one.state == "DRIFT" else marks[y][x]
    # Numbers begin again where a job begins without its state: moments tell windows apart.
    closed = [one.closed_at for one in shown]
    most = max(0.3, *(value for row in effects for value in row if value is not None))
    look = LOOKS[theme]
    figure = go.Figure(
        go.Heatmap(
            z=effects,
            x=closed,
            y=features,
            text=marks,
            texttemplate="%{text}",
            textfont={"color": look.mark, "size": 15},
            customdata=[[[one.state, one.window, one.n] for one in shown] for _ in features],
            hovertemplate="%{y}, window %{customdata[1]}<br>effect %{z:.3f}<br>%{customdata[0]}, "
            "%{customdata[2]} rows, closed %{x}<extra></extra>",
            colorscale=look.scale,
            zmin=0,
            zmax=most,
            colorbar={"title": {"text": "effect"}, "thickness": 12, "outlinewidth": 0},
            xgap=1,
            ygap=1,
        )
    )
    every = max(1, len(shown) // 20)
    ticks = {"tickvals": closed[::every], "ticktext": [str(one.window) for one in shown[::every]]}
    figure.update_xaxes(type="category", title="window", showgrid=False, **ticks)
    figure.update_yaxes(showgrid=False)
    dress(figure, theme, 90 + 24 * len(features), legend=False)
    figure.update_layout(hovermode="closest", clickmode="event")
    return figure


def histograms(window: Window, theme: Theme) -> go.Figure:
    """Draw the columns that moved most in a window beside the reference."""
    told = window.histograms
    if not told:
        return nothing("this window has no histograms", theme, 200)
    look = LOOKS[theme]
    figure = make_subplots(
        rows=len(told),
        cols=1,
        subplot_titles=[_title(one, window) for one in told],
        vertical_spacing=0.35 / len(told),
    )
    for row, one in enumerate(told, 1):
        names, shares = _shown(one)
        for series, colour, pattern in (("reference", look.faint, "/"), ("window", look.accent, "")):
            figure.add_bar(
                x=names,
                y=shares[series],
                name=series,
                marker={"color": colour, "pattern": {"shape": pattern}},
                showlegend=row == 1,
                row=row,
                col=1,
            )
    figure.update_layout(barmode="group")
    dress(figure, theme, 60 + 190 * len(told))
    figure.update_yaxes(title="%", rangemode="tozero")
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_annotations(font={"color": look.ink, "size": 13})
    legend = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "yref": "container", "x": 0}
    figure.update_layout(
        margin={"t": 56}, hovermode="closest", legend={**legend, "y": 0.99, "yanchor": "top"}
    )
    return figure


def _title(histogram: dict[str, Any], window: Window) -> str:
    told = next((one for one in window.features if one.get("column") == histogram["column"]), {})
    guilty = " ▲ drift" if told.get("guilty") and window.state == "DRIFT" else ""
    return f"{histogram['column']}: effect {told.get('effect', 0):.2f}, p {told.get('p_val', 1):.2g}{guilty}"


def _shown(histogram: dict[str, Any]) -> tuple[list[str], dict[str, list[float]]]:
    """Return names of bins and percentages, without a last bin of nothing."""
    names = _bins(histogram)
    shares = {series: [100 * share for share in histogram[series]] for series in ("reference", "window")}
    if "categories" in histogram and not any(values[-1] for values in shares.values()):
        return names[:-1], {series: values[:-1] for series, values in shares.items()}
    return names, shares


def _bins(histogram: dict[str, Any]) -> list[str]:
    """Name the bins: by upper ends, or categories; the last holds the rest."""
    if "edges" in histogram:
        edges = [f"{edge:g}" for edge in histogram["edges"]]
        return [*(f"≤ {edge}" for edge in edges), f"> {edges[-1]}" if edges else "all"]
    return [*histogram["categories"], "other"]
