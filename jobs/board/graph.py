"""The picture of a pipeline: its steps from top to bottom, with what they do on them."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import NamedTuple

import plotly.graph_objects as go

from jobs.board.board import Span
from jobs.board.look import LOOKS, Theme, dress
from operators.alerting.rate_rules import quantile
from operators.documents import pipeline_of
from operators.releases import Release
from operators.resources.checks import dependencies
from operators.resources.schema import Pipeline
from operators.sources import inputs_of

# As no step can be named.
REQUESTS, RESPONSES = " requests", " responses"
_LAYER = 92


class Layout(NamedTuple):
    """Places of nodes, a layer below the other, and edges between them."""

    places: dict[str, tuple[float, float]]
    edges: list[tuple[str, str]]


def layout(pipeline: Pipeline) -> Layout:
    """Lay out a pipeline: x from -1 to 1, y the layer from 0 downwards."""
    name = pipeline.metadata.name
    reads = {step: list(nodes) or [name] for step, nodes in dependencies(pipeline).items()}
    if output := pipeline.spec.output:
        sources = inputs_of(output.steps, output.steps_join, output.tensor_map, name).sources
        reads[RESPONSES] = list(dict.fromkeys(source.place[0] for source in sources))
    reads = {step: [REQUESTS if node == name else node for node in nodes] for step, nodes in reads.items()}
    depth: dict[str, int] = {}
    for node in TopologicalSorter(reads).static_order():
        depth[node] = 1 + max((depth[one] for one in reads.get(node, ())), default=-1)
    last = max(depth.values())
    if RESPONSES in depth:
        depth[RESPONSES] = last + (1 if any(one != RESPONSES and depth[one] == last for one in depth) else 0)
    layers: dict[int, list[str]] = {}
    for node, layer in depth.items():
        layers.setdefault(layer, []).append(node)
    places = {
        node: (0.0 if len(nodes) == 1 else -1 + (2 * i + 1) / len(nodes), float(-layer))
        for layer, nodes in layers.items()
        for i, node in enumerate(nodes)
    }
    return Layout(places, [(source, step) for step, nodes in reads.items() for source in nodes])


def picture(release: Release, span: Span | None, theme: Theme) -> go.Figure:
    """Draw a release's pipeline with the rates and times of its latest slice."""
    pipeline = pipeline_of(release)
    look, laid = LOOKS[theme], layout(pipeline)
    figure = go.Figure()
    for source, target in laid.edges:
        (x0, y0), (x1, y1) = laid.places[source], laid.places[target]
        figure.add_annotation(
            x=x1,
            y=y1 + 0.3,
            ax=x0,
            ay=y0 - 0.3,
            xref="x",
            yref="y",
            axref="x",
            ayref="y",
            arrowhead=2,
            arrowsize=1.2,
            arrowwidth=1.2,
            arrowcolor=look.faint,
            text="",
            standoff=1,
        )
    told = _told(pipeline, span)
    for node, (x, y) in laid.places.items():
        figure.add_annotation(
            x=x,
            y=y,
            text=f"<b>{node.strip()}</b><br>{told.get(node, '')}",
            showarrow=False,
            bgcolor=look.box,
            bordercolor=look.accent if node not in (REQUESTS, RESPONSES) else look.faint,
            borderwidth=1.5,
            borderpad=5,
            font={"size": 12, "color": look.ink},
        )
    layers = -min(y for _, y in laid.places.values()) + 1
    figure.add_scatter(x=[0], y=[0], mode="markers", marker={"opacity": 0}, hoverinfo="skip")
    dress(figure, theme, int(_LAYER * layers), legend=False)
    figure.update_xaxes(visible=False, range=[-1.1, 1.1], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-layers + 0.45, 0.55], fixedrange=True)
    return figure


def _told(pipeline: Pipeline, span: Span | None) -> Mapping[str, str]:
    """Tell what goes through each node."""
    if span is None:
        return {}
    tally = span.tally
    failed = f", {tally.failed / span.seconds:.1f}/s failed" if tally.failed else ""
    told = {
        REQUESTS: f"{tally.requests / span.seconds:.1f}/s",
        RESPONSES: f"{(tally.requests - tally.failed) / span.seconds:.1f}/s{failed}"
        + (f"<br>99 % in {quantile(0.99, tally.buckets) * 1000:,.0f} ms" if tally.requests else ""),
    }
    for step in pipeline.spec.steps:
        done = tally.steps.get(step.name)
        if done is None or not done.rows:
            told[step.name] = "no rows"
            continue
        line = (
            f"{done.rows / span.seconds:.1f} rows/s<br>99 % in {quantile(0.99, done.buckets) * 1000:,.1f} ms"
        )
        told[step.name] = line + (
            f"<br>{done.outliers / done.rows:.1%} outliers" if done.outliers is not None else ""
        )
    return told
