"""Copy a CSV file without its lines of too many fields, which are rejected here and now.

For files with so many of them that the engine could not hold its errors. What is rejected, with
which words, is what the engine would have: so only lines go that surely stand alone, outside of
quotes; wherever a quote is used as it should not be, the rest is left to the engine.
"""

from __future__ import annotations

import codecs
import re
from array import array
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, Literal

from lakeworks.engines.duckdb.csv_width import surplus_bytes
from lakeworks.engines.duckdb.files_sink import Reject
from lakeworks.engines.duckdb.heads import unpacked
from lakeworks.engines.protocol import ArrivedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from lakeworks.engines.duckdb.csv_dialect import Dialect
    from lakeworks.engines.duckdb.files_sink import RejectFile
    from lakeworks.engines.duckdb.heads import Packing

_PIECE_BYTES = 1024 * 1024
_LONGEST_LINE_BYTES = 2_000_000  # the engine's own bound
# Of more fields too many only the last is told.
_MOST_TOLD = 100
_OTHER_ENDS = re.compile(rb"[\r\n\0]")
State = Literal["closed", "open", "lost"]


@dataclass(frozen=True, slots=True)
class Division:
    """A file divided.

    Attributes:
        rest: The lines that are left; the engine can read them.
        removed: For each line taken out its number from 1, less the lines taken out before it.
            Numbers are the engine's, to which a row that goes on over lines is one line.
        error_bytes: About what the engine would hold of errors for the rest.
    """

    rest: ArrivedFile
    dialect: Dialect
    removed: Sequence[int]
    error_bytes: int


def divided(
    arrived: ArrivedFile,
    packing: Packing,
    dialect: Dialect,
    *,
    nulls: Iterable[str],
    place: Path,
    rejects: RejectFile,
) -> Division:
    """Write the lines of a file to `place`, but for those that are too wide.

    Raises:
        OSError: the file cannot be unpacked.
        UnicodeDecodeError: it is not in the encoding that its dialect names.
    """
    removed = array("Q")
    sieve = _Sieve(dialect, [null.encode() for null in nulls])
    error_bytes = 0
    with arrived.open() as file, unpacked(file, packing) as stream, place.open("wb") as target:
        end = b""
        number = 0
        for line in _lines(_as_utf8(stream, dialect), dialect):
            end = end or _end_of(line)
            number += sieve.state != "open"
            fields = sieve.surely_too_wide(line, end, number)
            if fields:
                text = line.removesuffix(end).decode()
                error = _wide(len(dialect.columns), fields)
                rejects.add(Reject(text, "parse", error, arrived.source_file, number))
                removed.append(number - len(removed))
                continue
            if len(line) >= len(dialect.columns):
                error_bytes += surplus_bytes(line, dialect)
            target.write(line)
    rest = ArrivedFile(str(place), arrived.source_file, place.stat().st_size)
    return Division(rest, replace(dialect, encoding="utf-8"), removed, error_bytes)


def told(messages: Iterable[str], expected: int, fields: int) -> str:
    """Return what is said of a line of that many fields, and of what else is wrong with it.

    Args:
        messages: The engine's other ones.
        expected: How many fields there are to be.
        fields: How many there are; 0 when they are not too many.
    """
    first = fields if fields - expected > _MOST_TOLD else expected + 1
    wide = (
        f"Expected Number of Columns: {expected} Found: {found}"
        for found in range(first, fields + 1)
    )
    text = "; ".join(sorted({*messages, *wide}))
    return text.replace("Expected Number of Columns: ", "expected columns: ").replace(
        " Found: ", ", found: "
    )


@lru_cache(maxsize=256)
def _wide(expected: int, fields: int) -> str:
    return told((), expected, fields)


class _Sieve:
    """Tells line by line which are too wide, knowing what is open."""

    def __init__(self, dialect: Dialect, nulls: list[bytes]) -> None:
        self.state: State = "closed"
        self._closed_here = False
        self._columns = len(dialect.columns)
        self._skip = dialect.skip
        self._mark = dialect.delimiter.encode()
        self._quote = dialect.quote.encode()
        self._escape = dialect.escape.encode()
        self._nulls = frozenset(nulls)
        field, inner = _patterns(dialect)
        mark, quote = re.escape(self._mark), re.escape(self._quote)
        rest = rb"(?:%s(?:%s))*+" % (mark, field)
        self._field = re.compile(rb"(?:\A|%s)(%s)(?=%s|\Z)" % (mark, field, mark))
        self._whole = re.compile(rb"(?:%s)%s" % (field, rest))
        self._opens = re.compile(rb"(?:(?:%s)%s)*+%s%s" % (field, mark, quote, inner))
        self._closes = re.compile(rb"%s%s%s" % (inner, quote, rest))
        self._reopens = re.compile(
            rb"%s%s%s(?:(?:%s)%s)*+%s%s" % (inner, quote, mark, field, mark, quote, inner)
        )

    def surely_too_wide(self, line: bytes, end: bytes, number: int) -> int:
        """Return how many fields the engine counts in a line that is too wide and alone, or 0."""
        if self.state == "lost" or number < self._skip:
            return 0
        body = line.removesuffix(end)
        quoted = bool(self._quote) and self._quote in body
        if self.state == "closed" and not quoted and body.count(self._mark) < self._columns:
            if _OTHER_ENDS.search(body):
                self.state = "lost"
            return 0
        self._step(body, quoted=quoted)
        if self.state != "closed" or self._closed_here or number <= self._skip:
            return 0
        return self._fields(body)

    def _step(self, body: bytes, *, quoted: bool) -> None:
        """Take a line into account; it may lie within a value that began above it."""
        was_open = self.state == "open"
        self._closed_here = was_open
        if _OTHER_ENDS.search(body) or len(body) > _LONGEST_LINE_BYTES:
            self.state = "lost"
        elif was_open:
            self._go_on(body, quoted=quoted)
        elif not self._is_whole(body, quoted=quoted):
            self.state = "open" if quoted and self._opens.fullmatch(body) else "lost"

    def _is_whole(self, body: bytes, *, quoted: bool) -> bool:
        if not quoted:
            return self._escape in {b"", self._quote} or self._escape not in body
        return self._whole.fullmatch(body) is not None

    def _go_on(self, body: bytes, *, quoted: bool) -> None:
        if self._escape not in {b"", self._quote} and self._escape in body:
            self.state = "lost"
        elif quoted and self._closes.fullmatch(body):
            self.state = "closed"
        elif quoted and not self._reopens.fullmatch(body):
            self.state = "lost"

    def _fields(self, body: bytes) -> int:
        """Return how many fields the engine counts: it lets nulls pass that come first."""
        fields = self._split(body)
        at = self._columns
        while at < len(fields) and self._is_null(fields[at]):
            at += 1
        surplus = len(fields) - at
        if surplus <= 0 or not _is_text(body):
            return 0
        return self._columns + surplus

    def _split(self, body: bytes) -> list[bytes]:
        if not self._quote or self._quote not in body:
            return body.split(self._mark)
        return self._field.findall(body)

    def _is_null(self, field: bytes) -> bool:
        quoted = self._quote and field.startswith(self._quote)
        bare = field[len(self._quote) : -len(self._quote)] if quoted else field
        return not bare or bare in self._nulls


def _patterns(dialect: Dialect) -> tuple[bytes, bytes]:
    """Return what a field looks like, and what stands between its quotes."""
    mark, quote = re.escape(dialect.delimiter.encode()), re.escape(dialect.quote.encode())
    escape = re.escape(dialect.escape.encode())
    if not quote:
        return rb"(?:(?!%s).)*+" % mark, b""
    if escape in {b"", quote}:
        inner = rb"(?:[^%s]|%s%s)*+" % (quote, quote, quote)
        bare = rb"(?:(?!%s)[^%s])*+" % (mark, quote)
    else:
        inner = rb"(?:[^%s%s]|%s[%s%s])*+" % (quote, escape, escape, quote, escape)
        bare = rb"(?:(?!%s)[^%s%s])*+" % (mark, quote, escape)
    return rb"%s%s%s|%s" % (quote, inner, quote, bare), inner


def _lines(pieces: Iterator[bytes], dialect: Dialect) -> Iterator[bytes]:
    """Yield lines with what ends them."""
    end = dialect.new_line.encode()[-1:]
    begun: list[bytes] = []
    for piece in pieces:
        end = end or (b"\r" if b"\r" in piece and b"\n" not in piece else b"\n")
        *whole, last = piece.split(end)
        if whole:
            yield b"".join((*begun, whole[0], end))
            for line in whole[1:]:
                yield line + end
            begun = []
        begun.append(last)
    if any(begun):
        yield b"".join(begun)


def _end_of(line: bytes) -> bytes:
    return b"\r\n" if line.endswith(b"\r\n") else line[-1:]


def _as_utf8(stream: BinaryIO, dialect: Dialect) -> Iterator[bytes]:
    name = dialect.encoding.lower()
    decoder = None
    if name not in {"utf-8", "utf8", "utf-8-sig"}:
        decoder = codecs.getincrementaldecoder(name)()
    while piece := stream.read(_PIECE_BYTES):
        yield decoder.decode(piece).encode() if decoder else piece
    if decoder:
        yield decoder.decode(b"", final=True).encode()


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
