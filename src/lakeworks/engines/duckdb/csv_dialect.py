"""Tell from the beginning of a CSV file how it is written.

Pure. What the source declares holds; the rest is found out.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Scalar

if TYPE_CHECKING:
    import _csv
    from collections.abc import Mapping, Sequence

    from lakeworks.core.types import Schema, Type
    from lakeworks.engines.duckdb.heads import Head

MOST_COLUMNS = 4_000
_DELIMITERS = (",", ";", "\t", "|")
_JUDGED_LINES = 200
_FEW_LINES = 3
_FEW_SHARE = 0.1
_LINE_END = re.compile(r"\r\n|\n|\r")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        columns: The names in the header, or made up.
        skip: Lines before the first row, header included.
        encoding: As DuckDB names it.
        new_line: What ends a line, where the engine would guess wrong; else empty.
    """

    delimiter: str
    quote: str
    escape: str
    columns: tuple[str, ...]
    skip: int
    encoding: str
    new_line: str = ""


def dialect_of(head: Head, options: Mapping[str, Any], known: Schema | None) -> Dialect | None:
    """Return how a file is written, or None when there is nothing after its skipped lines."""
    encoding = str(options.get("encoding") or _encoding(head))
    text = head.data.decode(_python_encoding(encoding), "replace").lstrip("\ufeff")
    lines = _LINE_END.split(text)
    if not head.whole and len(lines) > 1:
        lines.pop()
    before = int(options.get("skip_rows") or 0)
    lines = lines[before : before + _JUDGED_LINES]
    if not any(line.strip() for line in lines):
        return None
    while not lines[0].strip():  # the engine skips blank lines before the header too
        lines.pop(0)
        before += 1
    quote = options.get("quote")
    quote = _quote(lines) if quote is None else str(quote)
    escape = options.get("escape")
    escape = _escape(lines, quote) if escape is None else str(escape)
    delimiter = str(options.get("delimiter") or _delimiter(lines, quote))
    rows = rows_of_lines(lines, delimiter, quote, escape)
    header = options.get("header")
    if header is None:
        header = _is_header(rows, known)
    columns = column_names(rows[0]) if header else _made_up(len(rows[0]), known)
    dialect = Dialect(delimiter, quote, escape, columns, before + bool(header), encoding)
    return replace(dialect, new_line=_new_line(text, dialect)) if header else dialect


def _new_line(text: str, dialect: Dialect) -> str:
    """Return what ends the header where a quoted name in it holds another line end.

    The engine takes the first that it meets for the file's: Excel writes such headers.
    """
    lines = _LINE_END.split(text)[dialect.skip - 1 :]
    if not dialect.quote or lines[0].count(dialect.quote) % 2 == 0:
        return ""
    reader = _reader(lines, dialect, strict=False)
    try:
        next(reader)
    except (csv.Error, StopIteration):
        return ""
    ends = _LINE_END.findall(text)[: dialect.skip - 1 + reader.line_num]
    return ends[-1] if ends and ends[-1] != ends[0] else ""


def _reader(lines: Sequence[str], dialect: Dialect, *, strict: bool) -> _csv.Reader:
    return csv.reader(
        iter(lines),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        doublequote=dialect.escape == dialect.quote,
        escapechar=dialect.escape if dialect.escape not in {"", dialect.quote} else None,
        strict=strict,
    )


def fault_of(head: Head, dialect: Dialect) -> str:
    """Return why a file cannot be read by what its beginning shows, or an empty string."""
    line_ends = head.data.count(b"\n") + head.data.count(b"\r")
    if not head.whole and line_ends < max(dialect.skip, 1):
        return f"its header is longer than {len(head.data):,} bytes"
    if len(dialect.columns) > MOST_COLUMNS:
        return f"it has {len(dialect.columns):,} columns; the most is {MOST_COLUMNS:,}"
    if _open_quote_before_rows(head, dialect):
        return "a quote in its header, or above it, does not end: what are rows cannot be told"
    return ""


def _open_quote_before_rows(head: Head, dialect: Dialect) -> bool:
    """Whether a quote opens in the lines before the first row and does not end there.

    The engine would skip on to wherever it does end, be it the end of the file.
    """
    quote = dialect.quote
    if not quote or not dialect.skip:
        return False
    text = head.data.decode(_python_encoding(dialect.encoding), "replace").lstrip("\ufeff")
    lines = _LINE_END.split(text)[: dialect.skip + _JUDGED_LINES]
    if not any(quote in line for line in lines[: dialect.skip]):
        return False
    reader = _reader(lines, dialect, strict=True)
    try:
        for number in range(1, dialect.skip + 1):
            next(reader)
            if number < dialect.skip and reader.line_num > number:
                return True  # only a header may go on over lines
    except (csv.Error, StopIteration):
        return True
    return False


def rows_of_lines(
    lines: Sequence[str], delimiter: str, quote: str, escape: str
) -> list[list[str]]:
    """Split lines into fields, as well as Python can."""
    try:
        reader = csv.reader(
            lines,
            delimiter=delimiter,
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            doublequote=escape == quote,
            escapechar=escape if escape and escape != quote else None,
        )
        rows = [row for row in reader if row]
    except (csv.Error, TypeError):
        rows = [line.split(delimiter) for line in lines if line]
    return rows or [[""]]


def column_names(header: Sequence[str]) -> tuple[str, ...]:
    """Return the header's names, each once without regard to case, none empty."""
    names: list[str] = []
    taken: set[str] = set()
    for number, given in enumerate(header, start=1):
        wish = given.strip() or f"column{number}"
        name = wish
        again = 2
        while name.casefold() in taken:
            name = f"{wish}_{again}"
            again += 1
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)


def inferred(values: Sequence[str]) -> Type:
    """Return the type that every value shows; text when a leading zero would be lost."""
    filled = [value for value in values if value]
    for pattern, name in (
        (_INTEGER, "bigint"),
        (_DECIMAL, "double"),
        (_DATE, "date"),
        (_TIMESTAMP, "timestamp_ntz"),
    ):
        if filled and all(pattern.fullmatch(value) for value in filled):
            return Scalar(name)
    if filled and {value.lower() for value in filled} <= {"true", "false"}:
        return Scalar("boolean")
    return Scalar("string")


def _encoding(head: Head) -> str:
    """Return UTF-8 unless a mark, or lines of text in Latin-1 only, say otherwise."""
    if head.encoding == "utf-16":
        return "utf-16"
    odd = [line for line in head.lines() if not line.isascii()]
    wrong = [line for line in odd if not _is_utf8(line)]
    if len(wrong) < len(odd) or not wrong:
        return "utf-8"
    many = len(wrong) >= _FEW_LINES or len(wrong) >= _FEW_SHARE * len(head.lines())
    text = not any(0x7F <= byte <= 0x9F for line in wrong for byte in line)  # noqa: PLR2004
    return "latin-1" if many and text else "utf-8"


def _python_encoding(name: str) -> str:
    return "utf-8" if name.lower() in {"utf-8", "utf8", "utf-8-sig"} else name


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _quote(lines: Sequence[str]) -> str:
    text = "\n".join(lines)
    single = len(re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=$|[,;\t|])", text, re.MULTILINE))
    return "'" if single and '"' not in text else '"'


def _escape(lines: Sequence[str], quote: str) -> str:
    text = "\n".join(lines)
    backslash = f"\\{quote}" in text and f"{quote}{quote}" not in text
    return "\\" if quote and backslash else quote


def _delimiter(lines: Sequence[str], quote: str) -> str:
    """Return the mark that divides the most lines into the same number of fields."""

    def score(delimiter: str) -> tuple[float, int]:
        counts = Counter(len(row) for row in rows_of_lines(lines, delimiter, quote, quote))
        fields, hits = counts.most_common(1)[0]
        return (hits / counts.total() if fields > 1 else 0.0), fields

    return max(_DELIMITERS, key=score)


def _is_header(rows: Sequence[Sequence[str]], known: Schema | None) -> bool:
    first = [field.strip() for field in rows[0]]
    if known is not None and len(known) and any(name in known for name in first if name):
        return True
    if any(_NUMBER.fullmatch(f) or _TIMESTAMP.match(f) or _DATE.match(f) for f in first):
        return False
    named = [name for name in first if name]
    return bool(named) and len({name.casefold() for name in named}) == len(named)


def _made_up(count: int, known: Schema | None) -> tuple[str, ...]:
    names = list(known.names[:count]) if known is not None else []
    return column_names([*names, *(f"column{n}" for n in range(len(names) + 1, count + 1))])
