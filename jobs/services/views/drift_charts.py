"""Figures of drift: a heat map of features × windows, and histograms of a window and the reference."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go
from msgspec import UNSET
from plotly.subplots import make_subplots

from jobs.services.views.theme import LOOKS, Theme, apply_theme, empty_figure, shortened
from operators.models.runtimes.verdict_details import ColumnHistogram
from operators.windows.report import Window

_MOST_COLUMNS, _MOST_TICKS = 60, 10
# The least width of a character in pixels.
_CHARACTER = 4.5
# The most characters of a name and of a bin's name; heights in pixels of a bin, a title, an axis, the legend.
_NAME_LENGTH, _BIN_NAME_LENGTH = 28, 20
_BIN, _TITLE, _AXIS, _LEGEND = 18, 42, 26, 30


def drift_heatmap(windows: Sequence[Window], theme: Theme) -> go.Figure:
    """Draw the effect size of each feature in each window.

    If several columns encode a feature, the largest effect of them is drawn. A triangle marks drift, so that
    it is visible without colours. A question mark without colour marks a feature with too few values to be
    judged.
    """
    shown = [one for one in windows if one.drift][-_MOST_COLUMNS:]
    if not shown:
        return empty_figure("no window closed in this period", theme, 220)
    features = list(dict.fromkeys(entry.feature for one in shown for entry in one.drift))[::-1]
    effects: list[list[float | None]] = [[None] * len(shown) for _ in features]
    marks = [[""] * len(shown) for _ in features]
    # Window numbers restart when a job starts without its state, so windows are identified by closing time.
    closed = [one.closed_at for one in shown]
    unknown: list[tuple[str, str, str]] = []
    for x, window in enumerate(shown):
        for entry in window.drift:
            y = features.index(entry.feature)
            if entry.too_few:
                reason = f"{entry.value_counts}, too few to judge<br>window {window.window}: {window.state}"
                unknown.append((window.closed_at, entry.feature, reason))
                continue
            if entry.effect is not None:
                effects[y][x] = max(effects[y][x] or 0.0, entry.effect)
            marks[y][x] = "▲" if entry.drifted and window.state == "DRIFT" else marks[y][x]
    max_effect = max(0.3, *(value for row in effects for value in row if value is not None), 0.0)
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
            zmax=max_effect,
            colorbar={"title": {"text": "effect", "side": "right"}, "thickness": 12, "outlinewidth": 0},
            xgap=1,
            ygap=1,
        )
    )
    if unknown:
        figure.add_scatter(
            x=[x for x, _, _ in unknown],
            y=[y for _, y, _ in unknown],
            customdata=[reason for _, _, reason in unknown],
            mode="text",
            text=["?"] * len(unknown),
            textfont={"color": look.ink, "size": 14},
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        )
    interval = -(-len(shown) // _MOST_TICKS)
    ticks = {"tickvals": closed[::interval], "ticktext": [str(one.window) for one in shown[::interval]]}
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=closed, title="window", showgrid=False, **ticks
    )
    names = [escape(shortened(name, _NAME_LENGTH)) for name in features]
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
    """Draw the columns that drifted most in a window next to the reference.

    Bins are named by the features' original values if the report contains them. With `prepared`, the detector
    reads a preprocessor's output; columns without original values are then labelled as scaled.
    """
    if not window.histograms:
        return empty_figure("this window has no histograms", theme, 200)
    look = LOOKS[theme]
    bins = [_bars(one) for one in window.histograms]
    heights = [_BIN * len(names) + 8 for names, _ in bins]
    spacing = _TITLE + _AXIS
    total_height = sum(heights) + spacing * (len(bins) - 1)
    figure = make_subplots(
        rows=len(bins),
        cols=1,
        subplot_titles=[_title(one, window, prepared=prepared) for one in window.histograms],
        row_heights=heights,
        vertical_spacing=spacing / total_height if len(bins) > 1 else 0.0,
    )
    for row, (names, shares) in enumerate(bins, 1):
        positions = [str(i) for i in range(len(names))]
        for series, colour, pattern in (("reference", look.faint, "/"), ("window", look.accent, "")):
            figure.add_bar(
                x=shares[series],
                y=positions,
                orientation="h",
                name=series,
                customdata=names,
                hovertemplate="%{customdata}: %{x:.1f} %",
                marker={"color": colour, "pattern": {"shape": pattern}},
                showlegend=row == 1,
                row=row,
                col=1,
            )
        ticks = [escape(shortened(name, _BIN_NAME_LENGTH)) for name in names]
        figure.update_yaxes(tickvals=positions, ticktext=ticks, row=row, col=1)
    apply_theme(figure, theme, total_height + _LEGEND + _TITLE + 2 * _AXIS)
    figure.update_xaxes(rangemode="tozero", automargin=False)
    figure.update_xaxes(title="% of values", row=len(bins), col=1)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    # Titles start above the names of the bins, because they need that width on a narrow page.
    left = _CHARACTER * max(min(len(name), _BIN_NAME_LENGTH) for names, _ in bins for name in names)
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


def _title(histogram: ColumnHistogram, window: Window, *, prepared: bool) -> str:
    is_scaled = prepared and histogram.edges is not UNSET and histogram.raw is UNSET
    scaled = ", scaled" if is_scaled else ""
    name = f"<b>{escape(shortened(histogram.column, _NAME_LENGTH))}</b>{scaled}"
    entry = next((one for one in window.drift if one.column == histogram.column), None)
    if entry is None:
        return name
    if entry.too_few:
        return f"{name}<br>{entry.value_counts}, too few to judge"
    drifted = " ▲ drift" if entry.drifted and window.state == "DRIFT" else ""
    p_val = 1.0 if entry.p_val is None else entry.p_val
    return f"{name}<br>effect {entry.effect or 0.0:.2f}, p {p_val:.2g}{drifted}"


def _bars(histogram: ColumnHistogram) -> tuple[list[str], dict[str, list[float]]]:
    """Return the names and percentages of the bins; an empty `other` bin is left out."""
    names = _bins(histogram)
    shares = {
        "reference": [100 * share for share in histogram.reference],
        "window": [100 * share for share in histogram.window],
    }
    if histogram.edges is UNSET and not any(values[-1] for values in shares.values()):
        return names[:-1], {series: values[:-1] for series, values in shares.items()}
    return names, shares


def _bins(histogram: ColumnHistogram) -> list[str]:
    """Return the names of the bins: upper ends or categories; the last bin contains the rest."""
    if histogram.edges is not UNSET:
        edges = _distinct(histogram.edges if histogram.raw is UNSET else list(map(float, histogram.raw)))
        return [*(f"≤ {edge}" for edge in edges), f"> {edges[-1]}" if edges else "all"]
    categories = histogram.categories if histogram.raw is UNSET else histogram.raw
    return [*map(str, categories or ()), "other"]


def _distinct(edges: Sequence[float]) -> list[str]:
    """Return edges as text, with the fewest digits that distinguish them, at least six."""
    for digits in range(6, 18):
        texts = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(texts)) == len(set(edges)):
            break
    return texts
