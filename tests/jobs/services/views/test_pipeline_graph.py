"""The picture of a pipeline: where its figure places nodes and edges."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from jobs.services.views import pipeline_graph
from jobs.services.views.layered_layout import Box
from jobs.services.views.topic_history import Span
from operators.metrics.tally import BOUNDS, StepTally, Tally
from tests.jobs.services.views.pipelines import OUTPUTS, PIPELINES, SIX, release_of

REQUESTS, RESPONSES = "requests", "responses"


def span(*steps: str) -> Span:
    buckets = [0] * len(BOUNDS) + [0]
    buckets[6] = 100
    done = {name: StepTally(100, 1, 1_000, list(buckets), 5, {}) for name in steps}
    return Span(1_700_000_000, 10, Tally(100, 10, 5_000, buckets, {}, done))


def figure_of(name: str, measured: Span | None = None) -> Any:
    return pipeline_graph.picture(release_of(PIPELINES[name], OUTPUTS[name]), measured, "light")


def boxes_of(figure: Any) -> dict[str, Box]:
    rectangles = [one for one in figure.layout.shapes if one.type == "rect"]
    return {
        one.name: Box((one.x0 + one.x1) / 2, (one.y0 + one.y1) / 2, one.x1 - one.x0, one.y1 - one.y0)
        for one in rectangles
    }


def curves_of(figure: Any) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """Return points along each edge, shape (points, 2), of its cubic Bézier curves."""
    edges = []
    for one in figure.layout.shapes:
        if one.type == "path" and "C" in one.path:
            points = np.array([float(number) for number in re.findall(r"-?\d+\.\d+", one.path)]).reshape(
                -1, 2
            )
            t = np.linspace(0, 1, 200)[:, None]
            pieces = [points[i : i + 4] for i in range(0, len(points) - 1, 3)]
            edges.append(
                np.vstack(
                    [
                        (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
                        for a, b, c, d in pieces
                    ]
                )
            )
    return edges


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize(
    "measured", [None, span(*[step["name"] for step in SIX], "outlier")], ids=["bare", "with rates"]
)
def test_no_edge_goes_through_a_node(name: str, measured: Span | None) -> None:
    figure = figure_of(name, measured)
    boxes, edges = boxes_of(figure), curves_of(figure)
    assert len(edges) >= len(PIPELINES[name])
    for points in edges:
        for box in boxes.values():
            inside = np.abs(points - [box.x, box.y]) < np.array([box.width, box.height]) / 2 - 0.2
            assert not inside.all(axis=1).any()
        assert points.min() >= 0
        assert (points <= [figure.layout.width, figure.layout.height]).all()


@pytest.mark.parametrize("name", PIPELINES)
def test_every_edge_begins_and_ends_at_a_node(name: str) -> None:
    figure = figure_of(name)
    boxes = list(boxes_of(figure).values())
    bottoms = np.array([[box.x, box.y + box.height / 2] for box in boxes])
    tops = np.array([[box.x, box.y - box.height / 2] for box in boxes])
    for points in curves_of(figure):
        assert np.abs(bottoms - points[0]).max(axis=1).min() < 0.2
        assert np.abs(tops - points[-1] - [0, 7]).max(axis=1).min() < 0.2, "the arrow's head is 7 px"


def test_the_graph_has_every_step_below_what_it_reads() -> None:
    figure = figure_of("six", span("income-outlier"))
    at = {name: box.y for name, box in boxes_of(figure).items()}
    assert at[REQUESTS] < at["income-preprocess"] == at["income-quality"] < at["income-outlier"]
    assert at["income-outlier"] == at["income-classifier"] < at["income-prediction-drift"] < at[RESPONSES]
    texts = {one.name: one.text for one in figure.layout.annotations}
    assert "10.0/s" in texts[REQUESTS]
    assert "1.0/s failed" in texts[RESPONSES]
    assert "5.0% outliers" in texts["income-outlier"]
    assert "no rows" in texts["income-quality"]
    assert len(curves_of(figure)) == 9, "one from each input and for each output"


def test_a_step_that_joins_the_request_has_an_edge_from_it() -> None:
    steps = [{"name": "a"}, {"name": "b", "inputs": ["a", "p.inputs.x"]}]
    figure = pipeline_graph.picture(release_of(steps, ["b"]), None, "light")
    assert len(curves_of(figure)) == 4, "to a, to b, from a to b, from b"


@pytest.mark.parametrize("name", PIPELINES)
def test_whole_names_are_shown_in_lines_that_fit_their_boxes(name: str) -> None:
    figure = figure_of(name)
    shown = {one.name: re.sub(r"</?b>|<br>", "", one.text) for one in figure.layout.annotations}
    assert shown == {text: text for text in shown}
    assert shown.keys() == {REQUESTS, RESPONSES} | {step["name"] for step in PIPELINES[name]}
