"""Lineage pictures for the pages: boxes that are links, coloured by the page's own styles.

Pure and deterministic. Nothing in them but shapes, texts and relative links; no styles of their
own, so that they follow light and dark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.lineage.layout import layered
from lakeworks.site.facts import KIND_WORDS
from lakeworks.site.markup import Markup, join, tag, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.catalog.lineage.graph import LineageGraph
    from lakeworks.catalog.lineage.layout import Placed
    from lakeworks.site.links import Links

_WIDE, _HIGH, _GAP, _BETWEEN, _MARGIN = 208.0, 44.0, 16.0, 64.0, 12.0
_LONGEST = 27
_KNOWN = ("bronze", "silver", "gold", "quarantine", "files")
MOST_NODES = 36


def database_class(name: str, kind: str = "") -> str:
    """Return the class that colours a table by its database."""
    if kind == "files":
        return "db-files"
    database = name.partition(".")[0]
    return f"db-{database if database in _KNOWN else 'other'}"


def around(graph: LineageGraph, name: str) -> tuple[set[str], bool]:
    """Return the nodes around a table, as far as a picture stays readable; and whether all."""
    for depth in (None, 4, 3, 2, 1):
        found = {*graph.around(name, "up", depth), *graph.around(name, "down", depth)}
        if len(found) <= MOST_NODES:
            return found, depth is None
    near = sorted(graph.around(name, "up", 1)) + sorted(graph.around(name, "down", 1))
    return {name, *near[:MOST_NODES]}, False


def table_picture(
    graph: LineageGraph, names: set[str], start: str, links: Links, label: str
) -> Markup:
    """Return the picture of some nodes and the edges among them.

    Args:
        graph: The lake's lineage.
        names: The nodes to draw.
        start: The one that is marked; empty for none.
        links: To the tables' pages.
        label: What the picture shows, for those who do not see it.
    """
    from lakeworks.site.graph_view import edges

    pairs = edges(graph, names)
    places, routes = layered(dict.fromkeys(names, _HIGH), pairs, gap=_GAP, bend_height=4)
    drawn = [
        tag("path", class_="edge", d=_curve([_middle(places[one]) for one in way]))
        for _, way in sorted(routes.items())
    ]
    boxes = [
        _box(graph, name, places[name], links, chosen=name == start) for name in sorted(names)
    ]
    width = max((_left(places[name].layer) for name in names), default=0) + _WIDE + _MARGIN
    height = max((p.y + p.height for p in places.values()), default=0) + 2 * _MARGIN
    return _frame([*drawn, *boxes], width, height, label)


def _left(layer: int) -> float:
    return _MARGIN + layer * (_WIDE + _BETWEEN)


def _middle(place: Placed) -> tuple[float, float]:
    return _left(place.layer), place.y + place.height / 2 + _MARGIN


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Return the path of an edge: level where it leaves, passes a layer, and arrives."""
    stops: list[tuple[float, float]] = []
    for position, (x, y) in enumerate(points):
        if position > 0:
            stops.append((x, y))
        if position < len(points) - 1:
            stops.append((x + _WIDE, y))
    return smooth(stops)


def smooth(stops: Sequence[tuple[float, float]]) -> str:
    """Return a path through points, level at each of them."""
    (x, y), *others = stops
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in others:
        if abs(to_y - y) < 0.5:  # noqa: PLR2004
            path.append(f"H{to_x:.1f}")
        else:
            bend = (to_x - x) / 2
            path.append(
                f"C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
            )
        x, y = to_x, to_y
    return "".join(path)


def _box(
    graph: LineageGraph, name: str, place: Placed, links: Links, *, chosen: bool
) -> Markup:
    node = graph.nodes[name]
    database, _, short = name.partition(".")
    first, second = (short, database) if node.kind != "files" else (name, "files")
    x, y = _left(place.layer), place.y + _MARGIN
    told = [f"{name} ({KIND_WORDS.get(node.kind, node.kind)})"]
    told += [f"owner: {node.owner}"] if node.owner else []
    body = join(
        [
            tag("title", "\n".join(told)),
            outline(x, y, _WIDE, _HIGH),
            written(shortened(first, _LONGEST), x + 14, y + 19, "name"),
            written(second, x + 14, y + 34, "sub"),
        ]
    )
    classes = f"node {database_class(name, node.kind)}{' chosen' if chosen else ''}"
    address = links.table(name)
    if address is None or chosen:
        return tag("g", body, class_=classes)
    return tag("a", body, class_=classes, href=address)


def outline(x: float, y: float, width: float, height: float) -> Markup:
    """Return a box with the mark of its database."""
    return Markup(
        f'<rect class="box" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="8"/><rect class="mark" x="{x:.1f}" y="{y + 8:.1f}" width="4" '
        f'height="{height - 16:.1f}" rx="2"/>'
    )


def written(shown: str, x: float, y: float, kind: str = "") -> Markup:
    """Return a line of text."""
    classes = f' class="{text(kind)}"' if kind else ""
    return Markup(f'<text{classes} x="{x:.1f}" y="{y:.1f}">{text(shown)}</text>')


def shortened(name: str, most: int) -> str:
    """Return a name with its middle left out, if it is too long for its box."""
    if len(name) <= most:
        return name
    return f"{name[: most // 2]}…{name[-(most // 2) + 1 :]}"


def _frame(parts: Sequence[Markup], width: float, height: float, label: str) -> Markup:
    return Markup(
        f'<svg class="picture" xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="group" '
        f'aria-label="{text(str(label))}">{join(parts)}</svg>'
    )


frame = _frame
