"""Pictures of drift: features × windows, and one window's features beside the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from jobs.services.views.theme import LOOKS, Theme, apply_theme, empty_figure, shortened
from operators.windows.report import Window

_MOST_COLUMNS, _MOST_TICKS = 60, 10
# Pixels that a letter takes at least.
_LETTER = 4.5
# Letters of a name, and of a bin; pixels of a bin, of a title, of an axis, of what is above all.
_LETTERS, _BIN_LETTERS = 28, 20
_BIN, _TITLE, _AXIS, _LEGEND = 18, 42, 26, 30


def drift_heatmap(windows: Sequence[Window], theme: Theme) -> go.Figure:
    """Draw how far each feature moved in each window; of columns that encode one feature, the furthest.

    A triangle marks what counts as drift, in shape and not in colour only; a question mark is where a feature
    had too few values to be judged, and no colour.
    """
    shown = [one for one in windows if one.drifts][-_MOST_COLUMNS:]
    if not shown:
        return empty_figure("no window closed in this period", theme, 220)
    features = list(dict.fromkeys(told["feature"] for one in shown for told in one.features))[::-1]
    effects: list[list[float | None]] = [[None] * len(shown) for _ in features]
    marks = [[""] * len(shown) for _ in features]
    # Numbers begin again where a job begins without its state: moments tell windows apart.
    closed = [one.closed_at for one in shown]
    unknown: list[tuple[str, str, str]] = []
    for x, one in enumerate(shown):
        for told in one.features:
            y = features.index(told["feature"])
            if _too_few(told):
                why = f"{_values(told)}, too few to judge<br>window {one.window}: {one.state}"
                unknown.append((one.closed_at, told["feature"], why))
                continue
            if told["effect"] is not None:
                effects[y][x] = max(effects[y][x] or 0.0, told["effect"])
            marks[y][x] = "▲" if told["guilty"] and one.state == "DRIFT" else marks[y][x]
    most = max(0.3, *(value for row in effects for value in row if value is not None), 0.0)
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
            colorbar={"title": {"text": "effect", "side": "right"}, "thickness": 12, "outlinewidth": 0},
            xgap=1,
            ygap=1,
        )
    )
    if unknown:
        figure.add_scatter(
            x=[x for x, _, _ in unknown],
            y=[y for _, y, _ in unknown],
            customdata=[why for _, _, why in unknown],
            mode="text",
            text=["?"] * len(unknown),
            textfont={"color": look.ink, "size": 14},
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        )
    every = -(-len(shown) // _MOST_TICKS)
    ticks = {"tickvals": closed[::every], "ticktext": [str(one.window) for one in shown[::every]]}
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=closed, title="window", showgrid=False, **ticks
    )
    names = [escape(shortened(name, _LETTERS)) for name in features]
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=features,
        tickvals=features,
        ticktext=names,
        showgrid=False,
    )
    apply_theme(figure, theme, 90 + 24 * len(features), legend=False)
    figure.update_layout(hovermode="closest", clickmode="event")
    return figure


def histograms(window: Window, theme: Theme, *, prepared: bool = False) -> go.Figure:
    """Draw the columns that moved most in a window beside the reference.

    Bins are told in the features' own values where the report knows them. With `prepared`, the values of a
    detector that watches what a preprocessor made, others are called scaled.
    """
    told = window.histograms
    if not told:
        return empty_figure("this window has no histograms", theme, 200)
    look = LOOKS[theme]
    bins = [_shown(one) for one in told]
    heights = [_BIN * len(names) + 8 for names, _ in bins]
    between = _TITLE + _AXIS
    whole = sum(heights) + between * (len(told) - 1)
    figure = make_subplots(
        rows=len(told),
        cols=1,
        subplot_titles=[_title(one, window, prepared=prepared) for one in told],
        row_heights=heights,
        vertical_spacing=between / whole if len(told) > 1 else 0.0,
    )
    for row, (names, shares) in enumerate(bins, 1):
        places = [str(i) for i in range(len(names))]
        for series, colour, pattern in (("reference", look.faint, "/"), ("window", look.accent, "")):
            figure.add_bar(
                x=shares[series],
                y=places,
                orientation="h",
                name=series,
                customdata=names,
                hovertemplate="%{customdata}: %{x:.1f} %",
                marker={"color": colour, "pattern": {"shape": pattern}},
                showlegend=row == 1,
                row=row,
                col=1,
            )
        ticks = [escape(shortened(name, _BIN_LETTERS)) for name in names]
        figure.update_yaxes(tickvals=places, ticktext=ticks, row=row, col=1)
    apply_theme(figure, theme, whole + _LEGEND + _TITLE + 2 * _AXIS)
    figure.update_xaxes(rangemode="tozero", automargin=False)
    figure.update_xaxes(title="% of values", row=len(told), col=1)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    # Titles begin above the names of the bins: where it is narrow they need that room.
    left = _LETTER * max(min(len(name), _BIN_LETTERS) for names, _ in bins for name in names)
    figure.update_annotations(
        font={"color": look.ink, "size": 13}, x=0, xanchor="left", xshift=-left, align="left"
    )
    figure.update_layout(
        barmode="group",
        margin={"t": _LEGEND + _TITLE, "b": 2 * _AXIS},
        hovermode="closest",
        legend={"yref": "container", "y": 1.0, "yanchor": "top"},
    )
    return figure


def _title(histogram: Mapping[str, Any], window: Window, *, prepared: bool) -> str:
    told = next((one for one in window.features if one.get("column") == histogram["column"]), {})
    scaled = ", scaled" if prepared and "edges" in histogram and "raw" not in histogram else ""
    name = f"<b>{escape(shortened(histogram['column'], _LETTERS))}</b>{scaled}"
    if _too_few(told):
        return f"{name}<br>{_values(told)}, too few to judge"
    guilty = " ▲ drift" if told.get("guilty") and window.state == "DRIFT" else ""
    effect, p_val = told.get("effect") or 0.0, told.get("p_val")
    return f"{name}<br>effect {effect:.2f}, p {1.0 if p_val is None else p_val:.2g}{guilty}"


def _too_few(told: Mapping[str, Any]) -> bool:
    """Tell whether a feature had too few values; reports of earlier versions only say that it had none."""
    return bool(told.get("insufficient") or told.get("n") == 0)


def _values(told: Mapping[str, Any]) -> str:
    return f"{told['n']:,} of {told['n'] + told.get('missing', 0):,} values"


def _shown(histogram: Mapping[str, Any]) -> tuple[list[str], dict[str, list[float]]]:
    """Return names of bins and percentages, without a last bin of nothing."""
    names = _bins(histogram)
    shares = {series: [100 * share for share in histogram[series]] for series in ("reference", "window")}
    if "categories" in histogram and not any(values[-1] for values in shares.values()):
        return names[:-1], {series: values[:-1] for series, values in shares.items()}
    return names, shares


def _bins(histogram: Mapping[str, Any]) -> list[str]:
    """Name the bins: by upper ends, or categories; the last holds the rest."""
    raw = histogram.get("raw")
    if "edges" in histogram:
        edges = _distinct(histogram["edges"] if raw is None else raw)
        return [*(f"≤ {edge}" for edge in edges), f"> {edges[-1]}" if edges else "all"]
    return [*(histogram["categories"] if raw is None else raw), "other"]


def _distinct(edges: Sequence[float]) -> list[str]:
    """Write edges with as few digits as tell them apart, six at least."""
    for digits in range(6, 18):
        texts = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(texts)) == len(set(edges)):
            break
    return texts
