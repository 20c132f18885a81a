"""Lineage as a picture: boxes from left to right, a line a column, as plain SVG.

Pure and deterministic: the same lake gives the same bytes. No script and nothing from outside,
so the file may be mailed, and stands in any page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from lakeworks.catalog.lineage.layout import Placed, layered

if TYPE_CHECKING:
    from lakeworks.catalog.lineage.graph import ColumnId
    from lakeworks.catalog.lineage.view import View

_TITLE, _LINE, _PAD, _GAP, _MARGIN = 30, 18, 6, 22, 24
_CHARACTER, _NARROWEST, _WIDEST, _BETWEEN = 7.3, 120, 340, 90
_FILL = {"files": "#f4f4f5", "source": "#fef3c7", "model": "#ccfbf1"}
_STROKE = {"files": "#71717a", "source": "#b45309", "model": "#0f766e"}
_STYLE = (
    "text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12px;"
    "fill:#18181b}.t{font-weight:600}.k{font-size:10px;fill:#52525b}"
    ".e{fill:none;stroke:#94a3b8;stroke-width:1.4}.x{stroke-dasharray:4 3}"
)


def svg(view: View) -> str:
    """Return a view as an SVG document."""
    return _Drawing(view).text()


class _Drawing:
    def __init__(self, view: View) -> None:
        self.view = view
        self.lines = {name: _texts(view.columns.get(name, [])) for name in view.nodes}
        heights = {
            name: _TITLE + _LINE * len(lines) + (_PAD if lines else 0)
            for name, lines in self.lines.items()
        }
        edges = [(edge.source[0], edge.target[0]) for edge in view.edges]
        self.places, self.routes = layered(heights, edges, gap=_GAP, bend_height=2)
        self.left, self.widths, self.width = self._across()

    def text(self) -> str:
        height = max((p.y + p.height for p in self.places.values()), default=0) + 2 * _MARGIN
        size = f"{self.width:.0f}", f"{height:.0f}"
        named = ".".join(part for part in self.view.start if part)
        return "\n".join([
            (f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
            f'viewBox="0 0 {size[0]} {size[1]}" role="img" '
            f"aria-label={quoteattr('Lineage of ' + named)}>"),
            f"<style>{_STYLE}</style>",
            ('<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#94a3b8"/></marker></defs>'),
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            *self._edges(),
            *(self._box(name) for name in sorted(self.view.nodes)),
            "</svg>",
            "",
        ])  # fmt: skip

    def _across(self) -> tuple[dict[int, float], dict[int, float], float]:
        widths: dict[int, float] = {}
        for name, lines in self.lines.items():
            longest = max(len(line) for line in (_short(name), *lines)) + 2
            wide = min(max(longest * _CHARACTER + 12, _NARROWEST), _WIDEST)
            layer = self.places[name].layer
            widths[layer] = max(widths.get(layer, 0), wide)
        left: dict[int, float] = {}
        at: float = _MARGIN
        for layer in sorted(widths):
            left[layer] = at
            at += widths[layer] + _BETWEEN
        return left, widths, at - _BETWEEN + _MARGIN

    def _edges(self) -> list[str]:
        drawn: dict[str, None] = {}
        for edge in self.view.edges:
            way = self.routes.get((edge.source[0], edge.target[0]))
            if way is None:
                continue
            points = [self._port(edge.source, right=True)]
            for name in way[1:-1]:
                place = self.places[name]
                x, y = self.left[place.layer], place.y + place.height / 2 + _MARGIN
                points += [(x, y), (x + self.widths[place.layer], y)]
            points.append(self._port(edge.target, right=False))
            drawn.setdefault(f'<path class="e" d="{_curve(points)}" marker-end="url(#a)"/>')
        return list(drawn)

    def _port(self, column: ColumnId, *, right: bool) -> tuple[float, float]:
        place = self.places[column[0]]
        x = self.left[place.layer] + (self.widths[place.layer] if right else 0)
        columns = self.view.columns.get(column[0], [])
        if column[1] in columns:
            line = min(columns.index(column[1]), len(self.lines[column[0]]) - 1)
            return x, place.y + _MARGIN + _TITLE + _LINE * line + _LINE / 2
        return x, place.y + _MARGIN + _TITLE / 2

    def _box(self, name: str) -> str:
        place: Placed = self.places[name]
        node = self.view.nodes[name]
        x, y, wide = self.left[place.layer], place.y + _MARGIN, self.widths[place.layer]
        fill = _FILL.get(node.kind, "#e0e7ff")
        stroke = _STROKE.get(node.kind, "#4338ca")
        chosen = ' stroke-width="2.5"' if name == self.view.start[0] else ""
        dashes = ' class="x"' if node.unresolved else ""
        told = [f"{name} ({node.kind})"]
        told += [f"owner: {node.owner}"] if node.owner else []
        told += [f"unresolved: {why}" for why in node.unresolved]
        parts = [
            (
                f"<g><title>{escape(chr(10).join(told))}</title>"
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{place.height:.1f}" '
                f'rx="5" fill="{fill}" stroke="{stroke}"{chosen}{dashes}/>'
            ),
            f'<text class="t" x="{x + 9:.1f}" y="{y + 19:.1f}">{escape(_short(name))}</text>',
        ]
        parts += [
            f'<text x="{x + 9:.1f}" y="{y + _TITLE + _LINE * i + 12:.1f}">{escape(line)}</text>'
            for i, line in enumerate(self.lines[name])
        ]
        return "".join(parts) + "</g>"


def _texts(columns: list[str]) -> list[str]:
    return [_short(column) for column in columns]


def _short(text: str) -> str:
    most = int((_WIDEST - 12) / _CHARACTER) - 2
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2) + 1 :]}"


def _curve(points: list[tuple[float, float]]) -> str:
    """Return a smooth path: level where it leaves and where it arrives."""
    (x, y), *others = points
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in others:
        if abs(to_y - y) < 1:
            path.append(f"L{to_x:.1f} {to_y:.1f}")
        else:
            bend = (to_x - x) / 2
            path.append(
                f"C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
            )
        x, y = to_x, to_y
    return "".join(path)
