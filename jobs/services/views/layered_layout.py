"""A layered drawing of a directed graph: where its boxes are, and ways between them around the others.

After Sugiyama, Tagawa & Toda 1981 (Methods for visual understanding of hierarchical system structures, IEEE
Transactions on Systems, Man, and Cybernetics 11:2): every node is a layer below all that it reads, an edge
over several layers has a place of its own in each between, and layers are ordered so that few edges cross.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from sklearn.isotonic import isotonic_regression

# Pixels between neighbours, between layers, around the whole.
_BESIDE, _BELOW, _AROUND = 22.0, 38.0, 6.0
_SWEEPS = 8
# Long edges are kept straight rather than short ones.
_STRAIGHT = 4.0

Size = tuple[float, float]
Point = tuple[float, float]


class _Passage(NamedTuple):
    """The place of an edge in a layer that it passes."""

    source: str
    target: str
    layer: int


# A layer holds nodes by their names, and passages.
_Item = str | _Passage


class Box(NamedTuple):
    """A node's place in pixels: its centre, counted from the left and from the top, and its size."""

    x: float
    y: float
    width: float
    height: float


class Route(NamedTuple):
    """The way of an edge from a box's bottom to another's top.

    It goes straight down at each pair of points that share their x, and between pairs within the empty space
    between two layers.
    """

    source: str
    target: str
    points: list[Point]


class Drawing(NamedTuple):
    """Boxes by name, routes, and the size of the whole in pixels."""

    boxes: dict[str, Box]
    routes: list[Route]
    width: float
    height: float


def draw(reads: Mapping[str, Sequence[str]], sizes: Mapping[str, Size], last: str = "") -> Drawing:
    """Draw a graph without cycles; `reads` gives what each node reads, `sizes` their width and height.

    `last`, where it is there, is alone in the lowest layer.
    """
    depth = _depths(reads, last)
    layers = _ordered(_layers(reads, depth), _neighbours(reads, depth))
    x = _aligned(layers, _neighbours(reads, depth), sizes)
    heights = [max((sizes[one][1] for one in layer if isinstance(one, str)), default=0.0) for layer in layers]
    tops = [_AROUND + sum(heights[:i]) + i * _BELOW for i in range(len(layers))]
    boxes = {
        one: Box(x[one], tops[depth[one]] + heights[depth[one]] / 2, sizes[one][0], heights[depth[one]])
        for one in depth
    }
    routes = []
    for target, sources in reads.items():
        for source in sources:
            points = [(x[source], tops[depth[source]] + heights[depth[source]])]
            for one in _passages(source, target, depth):
                points += [(x[one], tops[one.layer]), (x[one], tops[one.layer] + heights[one.layer])]
            routes.append(Route(source, target, [*points, (x[target], tops[depth[target]])]))
    width = max(box.x + box.width / 2 for box in boxes.values())
    passes = max((x[one] for layer in layers for one in layer), default=0.0)
    return Drawing(boxes, routes, max(width, passes) + _AROUND, tops[-1] + heights[-1] + _AROUND)


def _depths(reads: Mapping[str, Sequence[str]], last: str) -> dict[str, int]:
    depth: dict[str, int] = {}
    for node in TopologicalSorter(reads).static_order():
        depth[node] = 1 + max((depth[one] for one in reads.get(node, ())), default=-1)
    if last in depth:
        depth[last] = 1 + max((layer for node, layer in depth.items() if node != last), default=-1)
    return depth


def _passages(source: str, target: str, depth: Mapping[str, int]) -> list[_Passage]:
    """Return where an edge goes through the layers between its ends."""
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
    """What each item is joined to in the layer above it and in the one below."""

    above: dict[_Item, list[_Item]]
    below: dict[_Item, list[_Item]]


def _neighbours(reads: Mapping[str, Sequence[str]], depth: Mapping[str, int]) -> _Neighbours:
    found = _Neighbours({}, {})
    for target, sources in reads.items():
        for source in sources:
            chain: list[_Item] = [source, *_passages(source, target, depth), target]
            for upper, lower in pairwise(chain):
                found.below.setdefault(upper, []).append(lower)
                found.above.setdefault(lower, []).append(upper)
    return found


def _ordered(layers: list[list[_Item]], neighbours: _Neighbours) -> list[list[_Item]]:
    """Order each layer by the mean position of what its items are joined to, down and up in turn."""
    best, fewest = layers, _crossings(layers, neighbours)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        joined = neighbours.above if down else neighbours.below
        sorted_ = list(layers)
        numbers = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for i in numbers:
            beside = sorted_[i - 1 if down else i + 1]
            at = {one: position for position, one in enumerate(beside)}
            own = {one: position for position, one in enumerate(sorted_[i])}
            means = {
                one: float(np.mean([at[other] for other in joined[one]])) if one in joined else own[one]
                for one in sorted_[i]
            }
            sorted_[i] = sorted(sorted_[i], key=means.__getitem__)
        layers = sorted_
        if (crossings := _crossings(layers, neighbours)) < fewest:
            best, fewest = layers, crossings
    return best


def _crossings(layers: list[list[_Item]], neighbours: _Neighbours) -> int:
    crossings = 0
    for upper, lower in pairwise(layers):
        at = {one: position for position, one in enumerate(lower)}
        ends = [at[end] for one in upper for end in sorted(neighbours.below.get(one, ()), key=at.__getitem__)]
        crossings += sum(end > later for i, end in enumerate(ends) for later in ends[i + 1 :])
    return crossings


def _aligned(
    layers: list[list[_Item]], neighbours: _Neighbours, sizes: Mapping[str, Size]
) -> dict[_Item, float]:
    """Put each item as near to the middle of what it is joined to as its neighbours in the layer let it.

    That is isotonic regression of the wanted places, less the room that those to the left take at least.
    """
    x: dict[_Item, float] = {}
    rooms = [_room(layer, sizes) for layer in layers]
    for layer, room in zip(layers, rooms, strict=True):
        x |= dict(zip(layer, (room - room.mean()).tolist(), strict=True))
    for sweep in range(_SWEEPS):
        joined = neighbours.above if sweep % 2 == 0 else neighbours.below
        for layer, room in zip(layers, rooms, strict=True):
            wanted = np.array([np.mean([x[other] for other in joined.get(one, [one])]) for one in layer])
            weights = np.array([1.0 if isinstance(one, str) else _STRAIGHT for one in layer])
            placed = isotonic_regression(wanted - room, sample_weight=weights) + room
            x |= dict(zip(layer, placed.tolist(), strict=True))
    left = min(x[one] - (sizes[one][0] / 2 if isinstance(one, str) else 0) for one in x)
    return {one: at - left + _AROUND for one, at in x.items()}


def _room(layer: Sequence[_Item], sizes: Mapping[str, Size]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return how far each item's centre is from the first one's at least."""
    halves = np.array([sizes[one][0] / 2 if isinstance(one, str) else 0.0 for one in layer])
    return np.concatenate(([0.0], np.cumsum(halves[:-1] + halves[1:] + _BESIDE)))
