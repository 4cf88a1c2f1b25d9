"""A layered layout of a directed graph: positions of the boxes, and edges that avoid the other boxes.

After Sugiyama, Tagawa & Toda 1981 (Methods for visual understanding of hierarchical system structures, IEEE
Transactions on Systems, Man, and Cybernetics 11:2). Every node is in a layer below all nodes that it reads.
An edge that spans several layers has a reserved position in each layer between. Layers are ordered so that
few edges cross.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from sklearn.isotonic import isotonic_regression

# Gaps in pixels: between neighbours, between layers, around the drawing.
_NODE_GAP, _LAYER_GAP, _MARGIN = 22.0, 38.0, 6.0
_SWEEPS = 8
# The weight of a long edge's positions: long edges are kept straight in preference to short ones.
_STRAIGHT = 4.0

Size = tuple[float, float]
Point = tuple[float, float]


class _Passage(NamedTuple):
    """The position of an edge in a layer that it passes through."""

    source: str
    target: str
    layer: int


# A layer contains nodes, by name, and passages.
_Item = str | _Passage


class Box(NamedTuple):
    """A node's position and size in pixels: `x` and `y` are its centre, from the left and from the top."""

    x: float
    y: float
    width: float
    height: float


class Route(NamedTuple):
    """The line of an edge, from the bottom of a box to the top of another.

    Two successive points with the same x are joined by a vertical line through a layer. Other successive
    points are joined within the empty space between two layers.
    """

    source: str
    target: str
    points: list[Point]


class Drawing(NamedTuple):
    """Boxes by name, routes, and the size of the drawing in pixels."""

    boxes: dict[str, Box]
    routes: list[Route]
    width: float
    height: float


def draw(reads: Mapping[str, Sequence[str]], sizes: Mapping[str, Size], last: str = "") -> Drawing:
    """Return the layout of an acyclic graph.

    `reads` lists the nodes that each node reads; `sizes` are the width and height of each in pixels. The node
    `last`, if it exists, is alone in the lowest layer.
    """
    depth = _depths(reads, last)
    layers = _ordered(_layers(reads, depth), _neighbours(reads, depth))
    x = _aligned(layers, _neighbours(reads, depth), sizes)
    heights = [max((sizes[one][1] for one in layer if isinstance(one, str)), default=0.0) for layer in layers]
    tops = [_MARGIN + sum(heights[:i]) + i * _LAYER_GAP for i in range(len(layers))]
    boxes = {
        one: Box(x[one], tops[depth[one]] + heights[depth[one]] / 2, sizes[one][0], heights[depth[one]])
        for one in depth
    }
    routes = []
    for target, sources in reads.items():
        for source in sources:
            points = [(x[source], tops[depth[source]] + heights[depth[source]])]
            for passage in _passages(source, target, depth):
                top = tops[passage.layer]
                points += [(x[passage], top), (x[passage], top + heights[passage.layer])]
            routes.append(Route(source, target, [*points, (x[target], tops[depth[target]])]))
    width = max(box.x + box.width / 2 for box in boxes.values())
    rightmost = max((x[one] for layer in layers for one in layer), default=0.0)
    return Drawing(boxes, routes, max(width, rightmost) + _MARGIN, tops[-1] + heights[-1] + _MARGIN)


def _depths(reads: Mapping[str, Sequence[str]], last: str) -> dict[str, int]:
    depth: dict[str, int] = {}
    for node in TopologicalSorter(reads).static_order():
        depth[node] = 1 + max((depth[one] for one in reads.get(node, ())), default=-1)
    if last in depth:
        depth[last] = 1 + max((layer for node, layer in depth.items() if node != last), default=-1)
    return depth


def _passages(source: str, target: str, depth: Mapping[str, int]) -> list[_Passage]:
    """Return the passages of an edge through the layers between its ends."""
    return [_Passage(source, target, layer) for layer in range(depth[source] + 1, depth[target])]


def _layers(reads: Mapping[str, Sequence[str]], depth: Mapping[str, int]) -> list[list[_Item]]:
    layers: list[list[_Item]] = [[] for _ in range(max(depth.values()) + 1)]
    for node, layer in depth.items():
        layers[layer].append(node)
    for target, sources in reads.items():
        for source in sources:
            for passage in _passages(source, target, depth):
                layers[passage.layer].append(passage)
    return layers


class _Neighbours(NamedTuple):
    """The items to which each item is connected, in the layer above and in the layer below."""

    above: dict[_Item, list[_Item]]
    below: dict[_Item, list[_Item]]


def _neighbours(reads: Mapping[str, Sequence[str]], depth: Mapping[str, int]) -> _Neighbours:
    neighbours = _Neighbours({}, {})
    for target, sources in reads.items():
        for source in sources:
            chain: list[_Item] = [source, *_passages(source, target, depth), target]
            for upper, lower in pairwise(chain):
                neighbours.below.setdefault(upper, []).append(lower)
                neighbours.above.setdefault(lower, []).append(upper)
    return neighbours


def _ordered(layers: list[list[_Item]], neighbours: _Neighbours) -> list[list[_Item]]:
    """Order each layer by the mean position of its items' neighbours, alternately downwards and upwards.

    Returns the order with the fewest crossings.
    """
    best, fewest = layers, _crossings(layers, neighbours)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        connected = neighbours.above if down else neighbours.below
        ordered = list(layers)
        numbers = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for i in numbers:
            adjacent = ordered[i - 1 if down else i + 1]
            positions = {one: position for position, one in enumerate(adjacent)}
            own = {one: position for position, one in enumerate(ordered[i])}
            means = {
                item: float(np.mean([positions[other] for other in connected[item]]))
                if item in connected
                else own[item]
                for item in ordered[i]
            }
            ordered[i] = sorted(ordered[i], key=means.__getitem__)
        layers = ordered
        if (crossings := _crossings(layers, neighbours)) < fewest:
            best, fewest = layers, crossings
    return best


def _crossings(layers: list[list[_Item]], neighbours: _Neighbours) -> int:
    crossings = 0
    for upper, lower in pairwise(layers):
        positions = {one: position for position, one in enumerate(lower)}
        ends = [
            positions[end]
            for item in upper
            for end in sorted(neighbours.below.get(item, ()), key=positions.__getitem__)
        ]
        crossings += sum(end > later for i, end in enumerate(ends) for later in ends[i + 1 :])
    return crossings


def _aligned(
    layers: list[list[_Item]], neighbours: _Neighbours, sizes: Mapping[str, Size]
) -> dict[_Item, float]:
    """Return the x of each item: as near to the mean of its connected items as the layer's order permits.

    This is an isotonic regression of the desired positions, after subtracting the least distance of each item
    from the first one.
    """
    x: dict[_Item, float] = {}
    distances = [_least_distances(layer, sizes) for layer in layers]
    for layer, least in zip(layers, distances, strict=True):
        x |= dict(zip(layer, (least - least.mean()).tolist(), strict=True))
    for sweep in range(_SWEEPS):
        connected = neighbours.above if sweep % 2 == 0 else neighbours.below
        for layer, least in zip(layers, distances, strict=True):
            desired = np.array([np.mean([x[other] for other in connected.get(one, [one])]) for one in layer])
            weights = np.array([1.0 if isinstance(one, str) else _STRAIGHT for one in layer])
            positions = isotonic_regression(desired - least, sample_weight=weights) + least
            x |= dict(zip(layer, positions.tolist(), strict=True))
    left = min(x[one] - (sizes[one][0] / 2 if isinstance(one, str) else 0) for one in x)
    return {item: position - left + _MARGIN for item, position in x.items()}


def _least_distances(
    layer: Sequence[_Item], sizes: Mapping[str, Size]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the least distance in pixels of each item's centre from the centre of the first item."""
    halves = np.array([sizes[one][0] / 2 if isinstance(one, str) else 0.0 for one in layer])
    return np.concatenate(([0.0], np.cumsum(halves[:-1] + halves[1:] + _NODE_GAP)))
