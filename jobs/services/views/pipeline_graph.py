"""The figure of a pipeline: its steps from top to bottom, labelled with their rates and latencies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import plotly.graph_objects as go

from jobs.services.views.layered_layout import Drawing, Point, Size, draw
from jobs.services.views.theme import LOOKS, Theme, apply_theme, empty_figure
from jobs.services.views.topic_history import Span
from operators.alerts.rate_rules import quantile
from operators.control.documents import pipeline_of
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.core.foreign_json import shorten
from operators.resources.references import parse_reference
from operators.resources.seldon_schema import Pipeline, StepSpec

# A step's name cannot start with a space.
REQUESTS, RESPONSES = " requests", " responses"
# The most characters of a line; the font's size; and, in pixels at that size, the most that a character and a
# bold one are wide in browsers' fonts, and the height of a line.
_LINE_LENGTH, _FONT, _CHARACTER, _BOLD, _LINE = 24, 12, 7.7, 8.8, 15.6
_PADDING = 8.0
_ARROW_LENGTH = 7.0


def layout(pipeline: Pipeline, labels: Mapping[str, Sequence[str]]) -> Drawing:
    """Return the layout of a pipeline in pixels.

    `labels` are the lines below the name of each node; the name itself is bold.
    """
    name = pipeline.metadata.name
    reads = {step.name: _nodes(_texts(step, name), name) for step in pipeline.spec.steps}
    if output := pipeline.spec.output:
        reads[RESPONSES] = _nodes(output.steps, name)
    sizes = {node: _size(node, labels.get(node, ())) for node in (REQUESTS, *reads)}
    return draw(reads, sizes, last=RESPONSES)


def picture(release: Release, span: Span | None, theme: Theme) -> go.Figure:
    """Draw a release's pipeline, with the rates and latencies of `span`; coordinates are pixels."""
    try:
        pipeline = pipeline_of(release)
    except DeploymentError as error:  # a release of another version; the rest of the page is still shown
        return empty_figure(f"generation {release.generation} cannot be drawn: {shorten(error)}", theme, 120)
    look, labels = LOOKS[theme], _labels(pipeline, span)
    drawing = layout(pipeline, labels)
    figure = go.Figure()
    ink = {"color": look.faint, "width": 1.2}
    for route in drawing.routes:
        end = (route.points[-1][0], route.points[-1][1] - _ARROW_LENGTH)
        figure.add_shape(type="path", path=_curve([*route.points[:-1], end]), line=ink, layer="below")
        figure.add_shape(type="path", path=_arrow(*route.points[-1]), line=ink, fillcolor=look.faint)
    for node, box in drawing.boxes.items():
        edge = look.faint if node in (REQUESTS, RESPONSES) else look.accent
        figure.add_shape(
            type="rect",
            name=node.strip(),
            x0=box.x - box.width / 2,
            x1=box.x + box.width / 2,
            y0=box.y - box.height / 2,
            y1=box.y + box.height / 2,
            fillcolor=look.box,
            line={"color": edge, "width": 1.5},
        )
        lines = [*(f"<b>{part}</b>" for part in _wrapped(node.strip())), *labels.get(node, ())]
        figure.add_annotation(
            x=box.x,
            y=box.y,
            name=node.strip(),
            text="<br>".join(lines),
            showarrow=False,
            font={"size": _FONT, "color": look.ink},
        )
    figure.add_scatter(x=[0], y=[0], mode="markers", marker={"opacity": 0}, hoverinfo="skip")
    apply_theme(figure, theme, round(drawing.height), legend=False)
    figure.update_layout(
        width=round(drawing.width), autosize=False, margin={"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0}
    )
    for axis, range_ in (
        (figure.update_xaxes, [0, round(drawing.width)]),
        (figure.update_yaxes, [round(drawing.height), 0]),
    ):
        axis(visible=False, range=range_, fixedrange=True, automargin=False)
    return figure


def _texts(step: StepSpec, name: str) -> list[str]:
    """Return the references of a step; a step without inputs reads the request."""
    return [*(step.inputs or [name]), *step.triggers]


def _nodes(texts: Sequence[str], name: str) -> list[str]:
    nodes = (parse_reference(text, name).node for text in texts)
    return list(dict.fromkeys(REQUESTS if node == name else node for node in nodes))


def _size(node: str, labels: Sequence[str]) -> Size:
    names = _wrapped(node.strip())
    width = max(*(_BOLD * len(part) for part in names), *(_CHARACTER * len(line) for line in labels), 0.0)
    return width + 2 * _PADDING, _LINE * (len(names) + len(labels)) + 2 * _PADDING


def _wrapped(name: str) -> list[str]:
    """Break a long name after its hyphens; a part that is too long is broken anywhere.

    >>> _wrapped("fraud-features-of-merchants-of-the-last-90-days")
    ['fraud-features-of-', 'merchants-of-the-last-', '90-days']
    """
    lines = [""]
    for part in re.findall(rf"[^-]{{1,{_LINE_LENGTH - 1}}}-?|-", name):
        if len(lines[-1]) + len(part) > _LINE_LENGTH:
            lines.append("")
        lines[-1] += part
    return lines


def _curve(points: Sequence[Point]) -> str:
    """Return an SVG path through the points; each piece starts and ends vertically."""
    return " ".join([f"M{points[0][0]:.1f},{points[0][1]:.1f}", *_pieces(points)])


def _pieces(points: Sequence[Point]) -> Iterator[str]:
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        yield f"C{x0:.1f},{middle:.1f} {x1:.1f},{middle:.1f} {x1:.1f},{y1:.1f}"


def _arrow(x: float, y: float) -> str:
    return f"M{x - 4:.1f},{y - _ARROW_LENGTH:.1f} L{x + 4:.1f},{y - _ARROW_LENGTH:.1f} L{x:.1f},{y:.1f} Z"


def _labels(pipeline: Pipeline, span: Span | None) -> Mapping[str, list[str]]:
    """Return the rates and latencies of each node, as lines of text."""
    if span is None:
        return {}
    tally = span.tally
    labels = {
        REQUESTS: [f"{tally.requests / span.seconds:.1f}/s"],
        RESPONSES: [f"{(tally.requests - tally.failed) / span.seconds:.1f}/s"],
    }
    if tally.failed:
        labels[RESPONSES].append(f"{tally.failed / span.seconds:.1f}/s failed")
    if tally.requests:
        labels[RESPONSES].append(f"99 % in {quantile(0.99, tally.buckets) * 1000:,.0f} ms")
    for step in pipeline.spec.steps:
        step_tally = tally.steps.get(step.name)
        if step_tally is None or not step_tally.rows:
            labels[step.name] = ["no rows"]
            continue
        labels[step.name] = [
            f"{step_tally.rows / span.seconds:.1f} rows/s",
            f"99 % in {quantile(0.99, step_tally.buckets) * 1000:,.1f} ms",
        ]
        if step_tally.outliers is not None:
            labels[step.name].append(f"{step_tally.outliers / step_tally.rows:.1%} outliers")
    return labels
