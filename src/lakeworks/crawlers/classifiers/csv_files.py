"""Delimited text: which character divides it, whether it has a header, the types of its columns.

The rules are Glue's: at least two columns, and rows that agree; a header is a first row of texts
above columns of which one at least holds something else.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lakeworks.core.types import parse_type
from lakeworks.crawlers.classifiers.found import MAX_RECORDS, Found, NeedMoreError
from lakeworks.crawlers.kinds import BIGINT, BOOLEAN, DOUBLE, STRING, VOID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.core.types import Type
    from lakeworks.crawlers.classifiers.found import Text

DELIMITERS = (",", "|", "\t", ";", "\x01")
MAX_HEADER_CHARACTERS = 150
_AGREEING_SHARE = 0.9
_MAX_COLUMNS = 20_000
_MAX_FIELD_CHARACTERS = 8 * 1024 * 1024
_MAX_DIGITS = 19
# No leading zeros: 007 is no number, and a postal code must keep its zero.
_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,18})").fullmatch
_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?").fullmatch
_BOOLEAN = re.compile(r"true|false", re.IGNORECASE).fullmatch
_BIGINT_END = 2**63

Header = Literal["present", "absent", "unknown"]


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How a custom classifier says that its files are written.

    Attributes:
        datatypes: Hive types of the columns; empty where they are to be found out.
        trim: Whether spaces around a value are left out before its type is told.
    """

    delimiter: str = ""
    quote: str = '"'
    header: Header = "unknown"
    names: tuple[str, ...] = ()
    datatypes: tuple[str, ...] = ()
    trim: bool = False
    single_column: bool = False
    serde: str = ""


_PLAIN = CsvForm()


def classify(text: Text, form: CsvForm = _PLAIN) -> Found | None:
    """Return the columns of delimited text, or None when it is none."""
    try:
        lines = text.lines()
    except NeedMoreError:
        if text.last:
            return None
        raise
    read = text.taken_by(lines)
    lines = [line for line in lines if line.strip(" ")]
    if not lines:
        return None
    delimiter, rows = _divided(lines, form)
    if not rows:
        return None
    width = max(len(row) for row in rows)
    data, names, first_row = _headed(rows, width, form)
    if names is None:
        return None
    kinds = _types(data, len(names), form)
    quoted = any(form.quote and form.quote in line for line in lines)
    details = (
        ("delimiter", delimiter),
        ("header", "1" if len(data) < len(rows) else "0"),
        ("quote", form.quote),
        *((("serde", form.serde),) if form.serde else ()),
    )
    columns = tuple(zip(names, kinds, strict=True))
    # Apart from the rest: whether there are quotes may differ between files of a table.
    found = (*details, ("quoted", "1")) if quoted else details
    return Found(
        "csv", columns, "csv", found, text.estimated(len(data), read), "none", first_row
    )


def _divided(lines: list[str], form: CsvForm) -> tuple[str, list[list[str]]]:
    """Return the delimiter under which the rows agree best, and the rows."""
    best: tuple[float, int, str, list[list[str]]] = (0.0, 0, "", [])
    for delimiter in (form.delimiter,) if form.delimiter else DELIMITERS:
        if not form.single_column and not any(delimiter in line for line in lines[:2]):
            continue
        rows = _rows(lines, delimiter, form.quote)
        share, width = _agreement(rows)
        least = 1 if form.single_column else 2
        if width < least or share < _AGREEING_SHARE or width > _MAX_COLUMNS:
            continue
        if (share, width) > best[:2]:
            best = (share, width, delimiter, [row for row in rows if len(row) == width])
    _, _, delimiter, rows = best
    # One row agrees with itself, whatever it is: two are needed where nobody vouches for it.
    if len(rows) < 2 and not (form.delimiter or form.names or form.single_column):  # noqa: PLR2004
        return "", []
    return delimiter, rows[: MAX_RECORDS + 1]


def _rows(lines: list[str], delimiter: str, quote: str) -> list[list[str]]:
    csv.field_size_limit(_MAX_FIELD_CHARACTERS)
    reader = csv.reader(
        (line + "\n" for line in lines),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    try:
        return [row for row in reader if row]
    except csv.Error:
        return []


def _agreement(rows: list[list[str]]) -> tuple[float, int]:
    """Return the commonest number of fields, and the share of rows that have it."""
    if not rows:
        return 0.0, 0
    width, count = Counter(map(len, rows)).most_common(1)[0]
    return count / len(rows), width


def _headed(
    rows: list[list[str]], width: int, form: CsvForm
) -> tuple[list[list[str]], tuple[str, ...] | None, tuple[str, ...]]:
    """Return the rows below the header, the names, and the first row where it is in doubt."""
    if form.names:
        if len(form.names) != width:
            return rows, None, ()
        below = form.header == "present" or (
            form.header == "unknown" and _same(rows[0], form.names)
        )
        return rows[1:] if below else rows, form.names, ()
    present, sure = True, True
    if form.header == "unknown":
        present, sure = _has_header(rows, form)
    elif form.header == "absent":
        present = False
    if present:
        return rows[1:], names_of(rows[0]), ()
    doubtful = () if sure else tuple(rows[0])
    return rows, tuple(f"col{number}" for number in range(width)), doubtful


def _same(row: Sequence[str], names: Sequence[str]) -> bool:
    return [text.strip().lower() for text in row] == [name.strip().lower() for name in names]


def names_of(row: Sequence[str]) -> tuple[str, ...]:
    """Return a header's texts as names: unique, and none of them empty."""
    found: dict[str, str] = {}
    for number, text in enumerate(row):
        name = text.strip().strip("\ufeff") or f"col{number}"
        again = 1
        wanted = name
        while name.lower() in found:
            name = f"{wanted}_{again}"
            again += 1
        found[name.lower()] = name
    return tuple(found.values())


def _has_header(rows: list[list[str]], form: CsvForm) -> tuple[bool, bool]:
    """Return whether the first row is a header, and whether that is sure."""
    first, data = rows[0], rows[1:]
    if not all(
        _type_of([text], form) == STRING and text.isprintable() for text in first[:-1]
    ) or _type_of([first[-1]], form) not in {STRING, VOID}:
        return False, True
    if not all(0 < len(text) < MAX_HEADER_CHARACTERS for text in first[:-1]):
        return False, True
    if len({text.strip().lower() for text in first}) < len(first):
        return False, True
    kinds = _types(data, len(first), form)
    differs = any(kind not in {STRING, VOID} for kind in kinds)
    return differs, differs


def _types(rows: list[list[str]], width: int, form: CsvForm) -> list[Type]:
    if form.datatypes:
        given = [parse_type(text) for text in form.datatypes[:width]]
        return given + [STRING] * (width - len(given))
    if not rows:
        return [VOID] * width
    return [_type_of(column, form) for column in zip(*rows, strict=True)]


def _type_of(texts: Sequence[str], form: CsvForm) -> Type:
    values = set(texts)
    if form.trim:
        values = {text.strip() for text in values}
    values.discard("")
    if not values:
        return VOID
    if all(map(_INTEGER, values)):
        fits = all(
            len(text) < _MAX_DIGITS or -_BIGINT_END <= int(text) < _BIGINT_END
            for text in values
        )
        return BIGINT if fits else STRING
    if all(map(_NUMBER, values)):
        return DOUBLE
    return BOOLEAN if all(map(_BOOLEAN, values)) else STRING
