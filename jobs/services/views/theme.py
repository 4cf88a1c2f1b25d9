"""How pictures look, on light and dark ground: colours that the colour-blind tell apart."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import plotly.graph_objects as go

Theme = Literal["light", "dark"]
# Okabe & Ito's colours; the first that is told apart from both grounds comes first.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")
# From nothing to much, read by lightness alone; on dark ground from dark to light.
_SCALES = {
    "light": [[0.0, "#f4f6f8"], [0.25, "#c9ddec"], [0.5, "#7fb2d5"], [0.75, "#2f7cb3"], [1.0, "#0b3c66"]],
    "dark": [[0.0, "#20262c"], [0.25, "#234a66"], [0.5, "#2f7cb3"], [0.75, "#7fb9e0"], [1.0, "#e3f1fb"]],
}


class Palette(NamedTuple):
    """Colours of a theme."""

    ink: str
    faint: str
    line: str
    box: str
    accent: str
    warning: str
    mark: str
    scale: list[list[Any]]


LOOKS: dict[Theme, Palette] = {
    "light": Palette(
        "#1c2228", "#5b6670", "#d5dade", "#f4f6f8", COLOURS[0], COLOURS[1], "#ffb000", _SCALES["light"]
    ),
    "dark": Palette(
        "#e8ecef", "#9aa5af", "#3a434b", "#20262c", COLOURS[5], COLOURS[4], "#b33c00", _SCALES["dark"]
    ),
}


def apply_theme(figure: go.Figure, theme: Theme, height: int, *, legend: bool = True) -> go.Figure:
    """Give a figure the look of a theme, on the ground of the page."""
    look = LOOKS[theme]
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": look.ink},
        colorway=[look.accent, look.warning, *COLOURS[2:5]],
        showlegend=legend,
        # Above the picture: below it are the labels and the title of its axis.
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
        hoverlabel={"bgcolor": look.box, "font": {"color": look.ink}},
    )
    # Ticks keep the first label of this axis off the lowest label of the other.
    ticks = {"ticks": "outside", "ticklen": 8, "tickcolor": look.line}
    figure.update_xaxes(gridcolor=look.line, zeroline=False, automargin=True, **ticks)
    figure.update_yaxes(gridcolor=look.line, zeroline=False, automargin=True)
    return figure


def shortened(name: str, most: int) -> str:
    """Return a name in so many letters at most, its beginning and its end.

    >>> shortened("income-drift-preprocessed", 12)
    'income…essed'
    """
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"


def empty_figure(words: str, theme: Theme, height: int) -> go.Figure:
    """Return an empty figure that says why it is."""
    figure = go.Figure()
    figure.add_annotation(
        text=words,
        showarrow=False,
        xref="paper",
        yref="paper",
        x=0.5,
        y=0.5,
        font={"color": LOOKS[theme].faint},
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return apply_theme(figure, theme, height, legend=False)
