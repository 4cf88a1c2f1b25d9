"""Charts of the training results, as SVG for an HTML page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from jobs.models.calibrate import FalseAlarms

matplotlib.use("svg")

# Colours of Okabe & Ito, which colour-blind readers can distinguish.
_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#999999"
_MAX_BARS = 25
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "weir",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def scores(values: NDArray[np.float64], threshold: float) -> str:
    """Draw a histogram of the outlier scores of test rows, with the threshold."""

    def draw(axes: Any) -> None:
        finite = values[np.isfinite(values)]
        low, high = np.quantile(finite, (0.0, 0.995))
        edges = np.linspace(low, max(high, threshold) * 1.05 - 0.05 * low, 50)
        axes.hist(np.clip(finite, low, edges[-1]), bins=edges, color=_BLUE)
        axes.axvline(threshold, color=_ORANGE, linewidth=2)
        axes.annotate(f" threshold {threshold:.4g}", (threshold, axes.get_ylim()[1]), va="top", color=_ORANGE)
        axes.set_xlabel("outlier score (the last bar includes all higher scores)")
        axes.set_ylabel("test rows")

    return _svg(draw, 3.0)


def confusion(classes: Sequence[str], counts: NDArray[np.int64]) -> str:
    """Draw a confusion matrix: one row per true class, shaded by the share of the row."""

    def draw(axes: Any) -> None:
        shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            text = f"{count:,}\n{shares[row, column]:.0%}"
            axes.annotate(text, (column, row), ha="center", va="center", color=colour)
        axes.set_xticks(range(len(classes)), classes)
        axes.set_yticks(range(len(classes)), classes)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")

    return _svg(draw, 1.6 + 0.7 * len(classes), width=2.6 + 0.9 * len(classes))


def least_effects(columns: Sequence[str], effect: NDArray[np.float64], min_effect: float) -> str:
    """Draw the least effect that counts for each column, the largest first."""
    order = np.argsort(-effect, kind="stable")[:_MAX_BARS]

    def draw(axes: Any) -> None:
        axes.barh([columns[i] for i in order], effect[order], color=_BLUE)
        axes.axvline(min_effect, color=_ORANGE, linewidth=2)
        axes.annotate(f" --min-effect {min_effect:g}", (min_effect, len(order) - 0.5), color=_ORANGE)
        axes.invert_yaxis()
        axes.set_xlabel("effect that windows without drift do not exceed")

    return _svg(draw, 1.0 + 0.26 * len(order))


def alarms(windows: Sequence[str], measured: Sequence[FalseAlarms], stated: float) -> str:
    """Draw the shares of test windows with is_drift and with state DRIFT, and the stated rate."""

    def draw(axes: Any) -> None:
        positions = np.arange(len(windows))
        axes.bar(
            positions - 0.2, [one.is_drift for one in measured], 0.38, color=_GREY, label="is_drift alone"
        )
        axes.bar(positions + 0.2, [one.state for one in measured], 0.38, color=_BLUE, label="state DRIFT")
        axes.axhline(stated, color=_ORANGE, linewidth=2, label=f"stated for DRIFT: {stated:.2%}")
        axes.set_xticks(positions, windows)
        axes.set_ylabel("share of windows without drift")
        axes.legend(frameon=False)

    return _svg(draw, 3.0)


def _svg(draw: Callable[[Any], None], height: float, width: float = 7.0) -> str:
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.subplots())
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
