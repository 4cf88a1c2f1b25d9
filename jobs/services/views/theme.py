"""Light and dark themes of figures, in colours that colour-blind readers can distinguish."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import plotly.graph_objects as go

Theme = Literal["light", "dark"]
# Okabe & Ito's colours; the first has enough contrast on both backgrounds.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")
# From zero to the maximum, ordered by lightness alone; on a dark background from dark to light.
_SCALES = {
    "light": [[0.0, "#f4f6f8"], [0.25, "#c9ddec"], [0.5, "#7fb2d5"], [0.75, "#2f7cb3"], [1.0, "#0b3c66"]],
    "dark": [[0.0, "#20262c"], [0.25, "#234a66"], [0.5, "#2f7cb3"], [0.75, "#7fb9e0"], [1.0, "#e3f1fb"]],
}


class Palette(NamedTuple):
    """The colours of a theme."""

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
    """Apply a theme to a figure; its background is that of the page."""
    look = LOOKS[theme]
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": look.ink},
        colorway=[look.accent, look.warning, *COLOURS[2:5]],
        showlegend=legend,
        # Above the plot, because the labels and the title of the axis are below it.
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
        hoverlabel={"bgcolor": look.box, "font": {"color": look.ink}},
    )
    # Ticks separate the first label of this axis from the lowest label of the other axis.
    ticks = {"ticks": "outside", "ticklen": 8, "tickcolor": look.line}
    figure.update_xaxes(gridcolor=look.line, zeroline=False, automargin=True, **ticks)
    figure.update_yaxes(gridcolor=look.line, zeroline=False, automargin=True)
    return figure


def shortened(name: str, most: int) -> str:
    """Return a name of at most `most` characters: the start and the end, with an ellipsis between.

    >>> shortened("income-drift-preprocessed", 12)
    'income…essed'
    """
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"


def empty_figure(text: str, theme: Theme, height: int) -> go.Figure:
    """Return a figure that only contains a text, such as the reason why there is no data."""
    figure = go.Figure()
    figure.add_annotation(
        text=text,
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
