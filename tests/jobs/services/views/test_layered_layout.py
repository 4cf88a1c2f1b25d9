"""Boxes that keep apart, and edges that keep off them, of any graph."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.services.views.layered_layout import Box, Drawing, Point, Size, draw

Graph = tuple[dict[str, list[str]], dict[str, Size]]


@st.composite
def graphs(draw_: st.DrawFn) -> Graph:
    """Up to 14 nodes of any size, each reading any of those before it."""
    n = draw_(st.integers(1, 14))
    names = [f"n{i}" for i in range(n)]
    reads = {
        name: draw_(st.lists(st.sampled_from(names[:i]), unique=True, max_size=4)) if i else []
        for i, name in enumerate(names)
    }
    sizes = {name: (draw_(st.floats(20, 300)), draw_(st.floats(15, 120))) for name in names}
    return reads, sizes


def crosses(one: Point, other: Point, box: Box) -> bool:
    """Whether a line between two points enters a box, by clipping it at the box's sides (Liang & Barsky)."""
    first, last = 0.0, 1.0
    for at, to, centre, size in (
        (one[0], other[0], box.x, box.width),
        (one[1], other[1], box.y, box.height),
    ):
        low, high, move = centre - size / 2 + 1e-6, centre + size / 2 - 1e-6, to - at
        if abs(move) < 1e-12:
            if not low < at < high:
                return False
            continue
        enters, leaves = sorted(((low - at) / move, (high - at) / move))
        first, last = max(first, enters), min(last, leaves)
    return first < last


def assert_clear(drawing: Drawing) -> None:
    for (one, a), (other, b) in combinations(drawing.boxes.items(), 2):
        apart = abs(a.x - b.x) >= (a.width + b.width) / 2 or abs(a.y - b.y) >= (a.height + b.height) / 2
        assert apart, f"{one} lies on {other}"
    for route in drawing.routes:
        for one, other in zip(route.points, route.points[1:], strict=False):
            for name, box in drawing.boxes.items():
                assert not crosses(one, other, box), f"{route.source} to {route.target} goes through {name}"


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_no_box_lies_on_another_and_no_edge_goes_through_one(graph: Graph) -> None:
    reads, sizes = graph
    drawing = draw(reads, sizes)
    assert drawing.boxes.keys() == reads.keys()
    assert_clear(drawing)
    for box in drawing.boxes.values():
        assert 0 <= box.x - box.width / 2 <= box.x + box.width / 2 <= drawing.width
        assert 0 <= box.y - box.height / 2 <= box.y + box.height / 2 <= drawing.height
    for route in drawing.routes:
        assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in route.points)


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_every_edge_goes_from_the_bottom_of_what_is_read_down_to_the_reader(graph: Graph) -> None:
    reads, sizes = graph
    drawing = draw(reads, sizes)
    ends = [(route.target, route.source) for route in drawing.routes]
    assert sorted(ends) == sorted((target, source) for target, sources in reads.items() for source in sources)
    for route in drawing.routes:
        source, target = drawing.boxes[route.source], drawing.boxes[route.target]
        assert route.points[0] == pytest.approx((source.x, source.y + source.height / 2))
        assert route.points[-1] == pytest.approx((target.x, target.y - target.height / 2))
        heights = [y for _, y in route.points]
        assert heights == sorted(heights)


def test_a_skip_goes_round_the_step_that_it_skips() -> None:
    reads = {"a": [], "b": ["a"], "c": ["a", "b"]}
    drawing = draw(reads, dict.fromkeys(reads, (100.0, 40.0)))
    (skip,) = [route for route in drawing.routes if (route.source, route.target) == ("a", "c")]
    assert len(skip.points) == 4
    b = drawing.boxes["b"]
    assert all(abs(x - b.x) > b.width / 2 for x, _ in skip.points[1:3])


def test_edges_that_need_not_cross_do_not() -> None:
    reads = {"a": [], "b": [], "c": ["b"], "d": ["a"], "e": ["c"], "f": ["d"]}
    drawing = draw(reads, dict.fromkeys(reads, (60.0, 40.0)))
    x = {name: box.x for name, box in drawing.boxes.items()}
    assert (x["a"] < x["b"]) == (x["d"] < x["c"]) == (x["f"] < x["e"])


def test_the_last_node_is_alone_at_the_bottom() -> None:
    reads = {"a": [], "b": ["a"], "c": ["b"], "answer": ["a"]}
    boxes = draw(reads, dict.fromkeys(reads, (60.0, 40.0)), last="answer").boxes
    assert boxes["answer"].y > boxes["c"].y
