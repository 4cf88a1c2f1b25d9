"""The picture of a pipeline: its steps from top to bottom, with what they do on them."""

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

# As no step can be named.
REQUESTS, RESPONSES = " requests", " responses"
# Letters of a line, and what one takes at most in the fonts that browsers have: pixels at this size.
_LINE_LENGTH, _FONT, _LETTER, _BOLD, _LINE = 24, 12, 7.7, 8.8, 15.6
_PADDING = 8.0
_HEAD = 7.0


def layout(pipeline: Pipeline, labels: Mapping[str, Sequence[str]]) -> Drawing:
    """Lay out a pipeline in pixels, for labels of so many lines; the first lines are the name, in bold."""
    name = pipeline.metadata.name
    reads = {step.name: _nodes(_texts(step, name), name) for step in pipeline.spec.steps}
    if output := pipeline.spec.output:
        reads[RESPONSES] = _nodes(output.steps, name)
    sizes = {node: _size(node, labels.get(node, ())) for node in (REQUESTS, *reads)}
    return draw(reads, sizes, last=RESPONSES)


def picture(release: Release, span: Span | None, theme: Theme) -> go.Figure:
    """Draw a release's pipeline with the rates and times of its latest slice, pixel by pixel."""
    try:
        pipeline = pipeline_of(release)
    except DeploymentError as error:  # a release of another version: the rest of the page is shown
        return empty_figure(f"generation {release.generation} cannot be drawn: {shorten(error)}", theme, 120)
    look, told = LOOKS[theme], _told(pipeline, span)
    drawing = layout(pipeline, told)
    figure = go.Figure()
    ink = {"color": look.faint, "width": 1.2}
    for route in drawing.routes:
        end = (route.points[-1][0], route.points[-1][1] - _HEAD)
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
        lines = [*(f"<b>{part}</b>" for part in _wrapped(node.strip())), *told.get(node, ())]
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
    """Return the references of a step; one without inputs reads the request."""
    return [*(step.inputs or [name]), *step.triggers]


def _nodes(texts: Sequence[str], name: str) -> list[str]:
    nodes = (parse_reference(text, name).node for text in texts)
    return list(dict.fromkeys(REQUESTS if node == name else node for node in nodes))


def _size(node: str, more: Sequence[str]) -> Size:
    names = _wrapped(node.strip())
    width = max(*(_BOLD * len(part) for part in names), *(_LETTER * len(line) for line in more), 0.0)
    return width + 2 * _PADDING, _LINE * (len(names) + len(more)) + 2 * _PADDING


def _wrapped(name: str) -> list[str]:
    """Break a long name behind its hyphens, and where there are none, anywhere.

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
    """Draw from point to point; each piece leaves and arrives upright, and keeps between its ends."""
    return " ".join([f"M{points[0][0]:.1f},{points[0][1]:.1f}", *_pieces(points)])


def _pieces(points: Sequence[Point]) -> Iterator[str]:
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        yield f"C{x0:.1f},{middle:.1f} {x1:.1f},{middle:.1f} {x1:.1f},{y1:.1f}"


def _arrow(x: float, y: float) -> str:
    return f"M{x - 4:.1f},{y - _HEAD:.1f} L{x + 4:.1f},{y - _HEAD:.1f} L{x:.1f},{y:.1f} Z"


def _told(pipeline: Pipeline, span: Span | None) -> Mapping[str, list[str]]:
    """Tell what goes through each node, in lines."""
    if span is None:
        return {}
    tally = span.tally
    told = {
        REQUESTS: [f"{tally.requests / span.seconds:.1f}/s"],
        RESPONSES: [f"{(tally.requests - tally.failed) / span.seconds:.1f}/s"],
    }
    if tally.failed:
        told[RESPONSES].append(f"{tally.failed / span.seconds:.1f}/s failed")
    if tally.requests:
        told[RESPONSES].append(f"99 % in {quantile(0.99, tally.buckets) * 1000:,.0f} ms")
    for step in pipeline.spec.steps:
        done = tally.steps.get(step.name)
        if done is None or not done.rows:
            told[step.name] = ["no rows"]
            continue
        told[step.name] = [
            f"{done.rows / span.seconds:.1f} rows/s",
            f"99 % in {quantile(0.99, done.buckets) * 1000:,.1f} ms",
        ]
        if done.outliers is not None:
            told[step.name].append(f"{done.outliers / done.rows:.1%} outliers")
    return told
