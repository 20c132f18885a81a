"""Turn values into what a person reads: tables, counts, sizes, times. Pure.

Data may hold anything, terminal control sequences included: every cell is made printable here.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from lakeworks.core.figures import count, duration, plural, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

# Figures are words of this module, too.
__all__ = [
    "age", "answer", "count", "duration", "moment", "plural", "size", "table", "text",
]  # fmt: skip

_GAP = "  "
_LEAST_WIDTH = 6
_LONGEST_CELL = 60
_PLAN = ("explain_key", "explain_value")
_AGES = ((86_400 * 365, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    width: int | None = None,
    null: str = "",
    separators: bool = True,
) -> str:
    """Return aligned columns under their headers: numbers to the right, all else to the left.

    Args:
        width: Columns of the terminal to fit into, by shortening the widest cells; None
            shortens only cells that are very long.
        null: What stands for None.
        separators: Whether whole numbers are written 1,234; not where they may be identifiers.
    """
    values = [list(row) for row in rows]
    cells = [[_cell(value, null, separators=separators) for value in row] for row in values]
    right = [_is_numeric(row[i] for row in values) for i in range(len(headers))]
    widths = [
        min(_LONGEST_CELL, max([_width(header), *(_width(row[i]) for row in cells)]))
        for i, header in enumerate(headers)
    ]
    if width is not None:
        _shrink(widths, width)
    lines = [
        _GAP.join(
            _padded(cell, widths[i], right=right[i]) for i, cell in enumerate(line)
        ).rstrip()
        for line in [list(headers), ["-" * most for most in widths], *cells]
    ]
    return "\n".join(lines)


def answer(
    headers: Sequence[str], rows: Sequence[Sequence[object]], *, width: int | None = None
) -> str:
    """Return what a query gave: numbers plain, as they may be identifiers; null as null.

    A plan, and texts that stand alone (SHOW CREATE), are read whole or not at all: never cut.
    """
    if tuple(headers) == _PLAN:
        return "\n".join(text(line) for row in rows for line in str(row[1]).splitlines())
    if len(headers) == 1 and not _is_numeric(row[0] for row in rows):
        cells = [_cell(row[0], "null", separators=False) for row in rows]
        widest = max(_width(cell) for cell in (text(headers[0]), *cells))
        dashes = "-" * min(widest, width or _LONGEST_CELL)
        return "\n".join([text(headers[0]), dashes, *cells])
    return table(headers, rows, width=width, null="null", separators=False)


def text(value: object) -> str:
    """Return one cell's text: numbers with separators, nothing that could steer a terminal."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return count(value)
    shown = str(value)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def _cell(value: object, null: str, *, separators: bool) -> str:
    if value is None:
        return null
    if isinstance(value, int) and not isinstance(value, bool) and not separators:
        return str(value)
    return text(value)


def moment(at: datetime) -> str:
    """Return an instant to the second, in UTC: `2026-11-22 04:42:30Z`."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def age(at: datetime, now: datetime) -> str:
    """Return how long ago `at` was: `3 minutes ago`."""
    passed = (now - at).total_seconds()
    for unit_s, unit in _AGES:
        if passed >= unit_s:
            return plural(int(passed // unit_s), unit) + " ago"
    return "just now"


def _is_numeric(values: Iterable[object]) -> bool:
    from decimal import Decimal

    some = [value for value in values if value is not None]
    return bool(some) and all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        for value in some
    )


def _width(cell: str) -> int:
    if cell.isascii():
        return len(cell)
    return sum(_character_width(c) for c in cell)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _shrink(widths: list[int], total: int) -> None:
    room = total - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _LEAST_WIDTH:
        widths[widths.index(max(widths))] -= 1


def _padded(cell: str, width: int, *, right: bool) -> str:
    shown = cell if _width(cell) <= width else _cut(cell, width - 1) + "…"
    fill = " " * (width - _width(shown))
    return fill + shown if right else shown + fill


def _cut(cell: str, width: int) -> str:
    kept: list[str] = []
    used = 0
    for character in cell:
        used += _character_width(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept)
