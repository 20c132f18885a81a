"""A result as plain text: columns of fixed width, numbers to the right, null shown.

Pure. Data may hold anything, terminal control sequences included: each cell is made printable.
"""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

from lakeworks.query.values import as_text, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

NULL = "null"
_GAP = "  "
_LONGEST_CELL = 60
_SHORTEST_CELL = 4


def text_table(
    names: Sequence[str], columns: Sequence[Sequence[Any]], *, width: int | None = None
) -> str:
    """Return the table's lines, each ended.

    Args:
        names: The headers.
        columns: The values of each column, as Python values.
        width: Characters to fit into, by shortening the widest cells; None shortens only cells
            that are very long.
    """
    right = [_is_numeric(values) for values in columns]
    cells = [[_cell(value) for value in values] for values in columns]
    headers = [_printable(name) for name in names]
    widths = [
        min(_LONGEST_CELL, max(map(_width, [header, *values])))
        for header, values in zip(headers, cells, strict=True)
    ]
    if width is not None:
        _shrink(widths, width)
    rows = [headers, ["-" * size for size in widths], *map(list, zip(*cells, strict=True))]
    return "".join(_line(row, widths, right) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (_pad(*cell) for cell in zip(row, widths, right, strict=True))
    return _GAP.join(padded).rstrip() + "\n"


def _pad(cell: str, width: int, right: bool) -> str:  # noqa: FBT001 - one of three alike
    cell = _shortened(cell, width)
    blank = " " * (width - _width(cell))
    return blank + cell if right else cell + blank


def _shortened(cell: str, width: int) -> str:
    if _width(cell) <= width:
        return cell
    while cell and _width(cell) >= width:
        cell = cell[: max(0, len(cell) - max(1, (_width(cell) - width) // 2))]
    return cell + "…"


def _shrink(widths: list[int], width: int) -> None:
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= _SHORTEST_CELL:
            return
        widths[widest] -= 1


def _cell(value: Any) -> str:  # noqa: ANN401 - any value a column can hold
    if value is None:
        return NULL
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list | dict):
        value = json.dumps(plain(value), ensure_ascii=False)
    return _printable(as_text(value))


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _is_numeric(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(
        hasattr(value, "__float__") and not isinstance(value, bool) for value in known
    )


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
