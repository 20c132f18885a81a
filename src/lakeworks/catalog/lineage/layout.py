"""Where the boxes of a lineage picture lie: layers from left to right, few crossings.

Pure and deterministic. The usual four stages: a layer for each node (the longest way from a
source), bends where an edge passes a layer, an order in each layer by the neighbours' middles,
and a place that keeps neighbours level without boxes touching.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SWEEPS = 12
_LEVELLINGS = 24
BEND = "\0"


@dataclass(frozen=True, slots=True)
class Placed:
    """A box, or a bend of an edge (whose height is small), in its layer."""

    name: str
    layer: int
    y: float
    height: float


def layered(
    heights: Mapping[str, float],
    edges: Iterable[tuple[str, str]],
    *,
    gap: float,
    bend_height: float,
) -> tuple[dict[str, Placed], dict[tuple[str, str], list[str]]]:
    """Return each node's place, and for each edge the nodes and bends that it passes.

    Args:
        heights: Of the boxes, by name.
        edges: From left to right, between those names.
        gap: Free space between two boxes of one layer.
        bend_height: Room that an edge takes where it passes a layer.
    """
    wanted = sorted({(s, t) for s, t in edges if s in heights and t in heights and s != t})
    layers = _layers(heights, wanted)
    members: dict[int, list[str]] = defaultdict(list)
    size = dict(heights)
    for name in sorted(heights):
        members[layers[name]].append(name)
    routes: dict[tuple[str, str], list[str]] = {}
    links: list[tuple[str, str]] = []
    for source, target in wanted:
        way = [source]
        for layer in range(layers[source] + 1, layers[target]):
            bend = f"{BEND}{source}{BEND}{target}{BEND}{layer}"
            members[layer].append(bend)
            layers[bend], size[bend] = layer, bend_height
            way.append(bend)
        way.append(target)
        routes[source, target] = way
        links += itertools.pairwise(way)
    order = _ordered([members[layer] for layer in sorted(members)], links)
    y = _levelled(order, links, size, gap)
    return {name: Placed(name, layers[name], y[name], size[name]) for name in y}, routes


def _layers(names: Iterable[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    before: dict[str, set[str]] = {name: set() for name in sorted(names)}
    for source, target in edges:
        before[target].add(source)
    layers: dict[str, int] = {}
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError:
        order = sorted(before)
    for name in order:
        layers[name] = 1 + max((layers.get(b, -1) for b in before[name]), default=-1)
    # A node stands beside what reads it, not at the far left: that is what shortens edges.
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        after[source].append(target)
    for name in reversed(order):
        if after[name] and not before[name]:
            layers[name] = max(min(layers[t] for t in after[name]) - 1, 0)
    return layers


def _ordered(layers: list[list[str]], links: list[tuple[str, str]]) -> list[list[str]]:
    before, after = _neighbours(links)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, after)
    current = [list(layer) for layer in layers]
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        places = range(1, len(current)) if down else range(len(current) - 2, -1, -1)
        for i in places:
            beside = current[i - 1] if down else current[i + 1]
            rank = {name: place for place, name in enumerate(beside)}
            near = before if down else after
            own = {name: place for place, name in enumerate(current[i])}

            def middle(
                name: str,
                rank: dict[str, int] = rank,
                near: dict[str, list[str]] = near,
                own: dict[str, int] = own,
            ) -> tuple[float, int]:
                ranks = [rank[other] for other in near[name] if other in rank]
                return (sum(ranks) / len(ranks) if ranks else float(own[name]), own[name])

            current[i].sort(key=middle)
        crossings = _crossings(current, after)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in current], crossings
    return best


def _crossings(layers: list[list[str]], after: dict[str, list[str]]) -> int:
    total = 0
    for left, right in itertools.pairwise(layers):
        rank = {name: place for place, name in enumerate(right)}
        ends: list[int] = []
        for name in left:
            ends += sorted(rank[other] for other in after[name] if other in rank)
        total += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return total


def _levelled(
    layers: list[list[str]], links: list[tuple[str, str]], size: Mapping[str, float], gap: float
) -> dict[str, float]:
    """Move boxes towards the middle of their neighbours, again and again, keeping the order."""
    before, after = _neighbours(links)
    near = {name: before[name] + after[name] for layer in layers for name in layer}
    y: dict[str, float] = {}
    tallest = max((_height(layer, size, gap) for layer in layers), default=0.0)
    for layer in layers:
        at = (tallest - _height(layer, size, gap)) / 2
        for name in layer:
            y[name] = at
            at += size[name] + gap
    for turn in range(_LEVELLINGS):
        for layer in layers if turn % 2 == 0 else reversed(layers):
            wanted = {name: _wanted(name, near[name], y, size) for name in layer}
            _spread(layer, wanted, y, size, gap)
    lowest = min(y.values(), default=0.0)
    return {name: round(place - lowest, 1) for name, place in y.items()}


def _wanted(
    name: str, near: list[str], y: Mapping[str, float], size: Mapping[str, float]
) -> float:
    if not near:
        return y[name]
    middles = [y[other] + size[other] / 2 for other in near]
    return sum(middles) / len(middles) - size[name] / 2


def _spread(
    layer: list[str],
    wanted: Mapping[str, float],
    y: dict[str, float],
    size: Mapping[str, float],
    gap: float,
) -> None:
    """Place a layer as near to what is wanted as the order allows: push down, then mean up."""
    down: dict[str, float] = {}
    at = float("-inf")
    for name in layer:
        at = max(at, wanted[name])
        down[name] = at
        at += size[name] + gap
    up: dict[str, float] = {}
    at = float("inf")
    for name in reversed(layer):
        at = min(at, wanted[name] + size[name] + gap)
        up[name] = at - size[name] - gap
        at -= size[name] + gap
    for name in layer:
        y[name] = (down[name] + up[name]) / 2


def _height(layer: list[str], size: Mapping[str, float], gap: float) -> float:
    return sum(size[name] + gap for name in layer) - gap if layer else 0.0


def _neighbours(
    links: list[tuple[str, str]],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        before[target].append(source)
        after[source].append(target)
    return before, after
