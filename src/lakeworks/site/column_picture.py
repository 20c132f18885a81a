"""The picture of a table's columns: where each comes from and where it goes, one step each way.

Pure. Three stacks of tables: those read, the table itself, those that read it. Lines carry the
numbers of the columns they join, so that the page can light up one column's lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.site.graph_view import by_neighbour
from lakeworks.site.markup import Markup, join, tag
from lakeworks.site.pictures import (
    database_class,
    frame,
    outline,
    shortened,
    smooth,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.catalog.lineage.graph import ColumnId
    from lakeworks.site.graph_view import Columns
    from lakeworks.site.links import Links

_WIDE, _TITLE, _LINE, _PAD, _GAP, _BETWEEN, _MARGIN = 240.0, 30.0, 20.0, 6.0, 18.0, 110.0, 12.0
_LONGEST = 30
MOST_COLUMNS = 400


@dataclass(frozen=True, slots=True)
class _Stack:
    """A table in one of the three stacks: its columns' middles, by name."""

    name: str
    columns: Mapping[str, float]
    top: float
    height: float


def column_picture(
    table: str, names: Sequence[str], columns: Columns, links: Links
) -> Markup | None:
    """Return the picture; None where no column comes from or goes to another.

    Args:
        table: The table in the middle.
        names: Its columns, in order.
        columns: What lies next to each.
        links: To the columns on other tables' pages.
    """
    own = [columns.named(table, name) for name in names]
    above = {column: columns.above(column) for column in own}
    below = {column: columns.below(column) for column in own}
    shown = [column for column in own if above[column] or below[column]][:MOST_COLUMNS]
    if not shown:
        return None
    rank = {column: place for place, column in enumerate(shown)}
    left = _ordered([(o, kind, rank[c]) for c in shown for o, kind in above[c]])
    right = _ordered([(o, kind, rank[c]) for c in shown for o, kind in below[c]])
    middle = {table: [column[1] for column in shown]}
    stacks = [_stacked(tables) for tables in (left, middle, right)]
    tallest = max(_height(stack) for stack in stacks)
    placed = [_centred(stack, tallest) for stack in stacks]
    # Nothing on a side: no room is kept for it.
    first = 0 if left else 1
    across = [_x(side - first) for side in range(3)]
    numbers: dict[tuple[int, str, str], int] = {}
    for side, stack in enumerate(placed):
        for one in stack:
            for column in one.columns:
                numbers[side, one.name, column] = len(numbers)
    lines = [
        *_lines(placed, numbers, across, 0, [(o, c) for c in shown for o, _ in above[c]]),
        *_lines(placed, numbers, across, 1, [(c, o) for c in shown for o, _ in below[c]]),
    ]
    boxes = [
        _box(one, side, across[side], numbers, links)
        for side, stack in enumerate(placed) for one in stack
    ]  # fmt: skip
    width = across[2 if right else 1] + _WIDE + _MARGIN
    label = f"Columns of {table}: what each is made from, and what is made from it"
    return frame([*lines, *boxes], width, tallest + 2 * _MARGIN, label)


def _ordered(met: Sequence[tuple[ColumnId, str, int]]) -> dict[str, list[str]]:
    """Return tables and their columns, each by the mean place of the columns they are joined to."""
    ranks: dict[ColumnId, list[int]] = {}
    for column, _, place in met:
        ranks.setdefault(column, []).append(place)
    means = {column: sum(places) / len(places) for column, places in ranks.items()}
    tables = by_neighbour([(column, "") for column in means])
    weight = {
        name: sum(means[name, c] for c, _ in columns) / len(columns)
        for name, columns in tables.items()
    }
    return {
        name: sorted((c for c, _ in tables[name]), key=lambda c, n=name: (means[n, c], c))  # type: ignore[misc]
        for name in sorted(tables, key=lambda one: (weight[one], one))
    }


def _stacked(tables: Mapping[str, Sequence[str]]) -> list[_Stack]:
    found: list[_Stack] = []
    top = 0.0
    for name, columns in tables.items():
        middles = {c: top + _TITLE + _LINE * i + _LINE / 2 for i, c in enumerate(columns)}
        height = _TITLE + _LINE * len(columns) + _PAD
        found.append(_Stack(name, middles, top, height))
        top += height + _GAP
    return found


def _height(stack: Sequence[_Stack]) -> float:
    return stack[-1].top + stack[-1].height if stack else 0.0


def _centred(stack: Sequence[_Stack], tallest: float) -> list[_Stack]:
    down = (tallest - _height(stack)) / 2 + _MARGIN
    return [
        _Stack(one.name, {c: y + down for c, y in one.columns.items()}, one.top + down, one.height)
        for one in stack
    ]  # fmt: skip


def _lines(
    stacks: Sequence[Sequence[_Stack]],
    numbers: Mapping[tuple[int, str, str], int],
    across: Sequence[float],
    side: int,
    pairs: Sequence[tuple[ColumnId, ColumnId]],
) -> list[Markup]:
    left = {one.name: one for one in stacks[side]}
    right = {one.name: one for one in stacks[side + 1]}
    x = across[side] + _WIDE
    return [
        tag(
            "path",
            class_="edge",
            d=smooth([
                (x, left[source[0]].columns[source[1]]),
                (x + _BETWEEN, right[target[0]].columns[target[1]]),
            ]),
            data_a=str(numbers[side, source[0], source[1]]),
            data_b=str(numbers[side + 1, target[0], target[1]]),
        )
        for source, target in pairs
    ]  # fmt: skip


def _x(side: int) -> float:
    return _MARGIN + side * (_WIDE + _BETWEEN)


def _box(
    one: _Stack,
    side: int,
    x: float,
    numbers: Mapping[tuple[int, str, str], int],
    links: Links,
) -> Markup:
    chosen = side == 1
    title = written(shortened(one.name, _LONGEST), x + 14, one.top + 20, "name")
    address = links.table(one.name)
    parts = [
        tag("title", one.name),
        outline(x, one.top, _WIDE, one.height),
        title if chosen or address is None else tag("a", title, href=address),
    ]
    for column, middle in one.columns.items():
        row = Markup(
            f'<rect class="row" x="{x + 5:.1f}" y="{middle - _LINE / 2:.1f}" '
            f'width="{_WIDE - 6:.1f}" height="{_LINE:.1f}"/>'
            f"{written(shortened(column, _LONGEST), x + 14, middle + 4)}"
        )
        number = str(numbers[side, one.name, column])
        to = links.table(one.name, column)
        parts.append(
            tag("a", row, class_="column", href=to, data_n=number)
            if to
            else tag("g", row, class_="column", data_n=number)
        )
    classes = f"node {database_class(one.name)}{' chosen' if chosen else ''}"
    return tag("g", join(parts), class_=classes)
