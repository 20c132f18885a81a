"""A landed CSV file without a person's records: by the header's names, else by words.

Pure. Records stay in their own bytes, line ends and quotes; a record may span lines.
"""

from __future__ import annotations

import csv
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from lakeworks.privacy.landed_lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.privacy.landed_records import Divided, Reading
    from lakeworks.project.declaration import CsvOptions

_DELIMITERS = (",", ";", "\t", "|")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def csv_kept(
    blocks: Iterator[bytes], head: bytes, reading: Reading, done: Divided
) -> Iterator[bytes]:
    """Yield a file's bytes without the person's records; count them in `done`."""
    encoding = _encoding(head, reading.csv)
    if encoding in {"utf-16", "utf-16-le", "utf-16-be"}:
        data = b"".join(blocks)
        lines = _LINE.findall(data.decode(encoding))
        back = "utf-16-le" if encoding == "utf-16" and data[:2] == b"\xff\xfe" else encoding
        back = "utf-16-be" if encoding == "utf-16" and data[:2] == b"\xfe\xff" else back
        yield data[:2] if encoding == "utf-16" else b""
        for record in _csv_records(iter(lines), reading, done):
            yield record.encode(back)
        return
    texts = (line.decode("latin-1") for line, _ in lines_of(blocks))
    shown = "utf-8" if encoding.startswith("utf-8") else encoding
    for record in _csv_records(texts, reading, done, shown=shown):
        yield record.encode("latin-1")


def _csv_records(
    lines: Iterator[str], reading: Reading, done: Divided, *, shown: str = ""
) -> Iterator[str]:
    """Yield the raw text of the records that stay; `shown`: how their bytes are to be read."""
    feed = _Noted(lines, shown)
    for _ in range(reading.csv.skip_rows):
        next(feed, None)
    yield feed.taken()
    header = next(feed, None)
    if header is None:
        return
    options = _csv_options(header, reading)
    by_place = _places(next(csv.reader([header], **options), []), reading)
    rows: Iterator[str] = chain((header,), feed)
    if reading.csv.header is not False:
        rows = feed
        yield feed.taken()
    for fields in csv.reader(rows, **options):
        raw = feed.taken()
        text = feed.read(raw)
        owned = bool(fields) and _owns(fields, by_place, reading)
        if not fields or reading.judge(text, done, verdict="owned" if owned else ""):
            yield raw
    yield feed.taken()


class _Noted:
    """Lines as a reader of CSV takes them, with what it took for the last record."""

    def __init__(self, lines: Iterator[str], shown: str) -> None:
        self._lines = lines
        self._shown = shown
        self._taken: list[str] = []

    def __iter__(self) -> _Noted:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        return self.read(line).lstrip("\ufeff")

    def read(self, text: str) -> str:
        """Return a line in its own encoding."""
        return text.encode("latin-1").decode(self._shown, "replace") if self._shown else text

    def taken(self) -> str:
        """Return what was taken since the last call, as it came."""
        found, self._taken = "".join(self._taken), []
        return found


def _owns(fields: list[str], by_place: dict[int, frozenset[str]], reading: Reading) -> bool:
    if not by_place:
        return any(reading.words.within(text) for text in fields)
    for at, values in by_place.items():
        if at < len(fields) and (fields[at] in values or fields[at].strip() in values):
            return True
    # A record of another shape is read by nobody's columns: it is quarantined by its text.
    return len(fields) <= max(by_place) and any(reading.words.within(one) for one in fields)


def _places(names: list[str], reading: Reading) -> dict[int, frozenset[str]]:
    told = {at: reading.keys.at((name.strip().lower(),)) for at, name in enumerate(names)}
    return {at: values for at, values in told.items() if values}


def _csv_options(header: str, reading: Reading) -> dict[str, Any]:
    told = reading.csv
    delimiter = told.delimiter
    if not delimiter:
        delimiter = max(_DELIMITERS, key=header.count)
    found: dict[str, Any] = {"delimiter": delimiter[:1], "quotechar": (told.quote or '"')[:1]}
    if told.escape and told.escape != found["quotechar"]:
        found |= {"escapechar": told.escape[:1], "doublequote": False}
    csv.field_size_limit(1 << 30)
    return found


def _encoding(head: bytes, told: CsvOptions) -> str:
    for mark, name in _BOMS.items():
        if head.startswith(mark):
            return name
    if told.encoding:
        return told.encoding.lower()
    if head[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\0" else "utf-8"
