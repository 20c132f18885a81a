"""Copies of landed files without a person's records: lines, arrays, CSV, logs, Parquet, Avro.

Pure of stores: a stream in, a stream out. What stays is written byte for byte as it came, and
packed as it was. A record that cannot be read is the person's if it names the person.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from lakeworks.core.log_patterns import PATTERNS
from lakeworks.ingest.json_elements import elements, layout
from lakeworks.ingest.unpacking import MAGIC_BYTES, packing_of, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.ingest.unpacking import Packing
    from lakeworks.privacy.text_search import Keys, Words
    from lakeworks.project.declaration import CsvOptions, FileFormat

_DELIMITERS = (",", ";", "\t", "|")
_HEAD_BYTES = 64 * 1024
_PIECE_BYTES = 1024 * 1024
_GZIP_LEVEL = 2
# A letter or digit that JSON writes by its number.
_ESCAPED = b"\\u00"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass
class Divided:
    """What became of a file's records.

    Attributes:
        owned: The person's records as text, where they were asked for.
        mentions: Records of others that name the person.
    """

    rows: int = 0
    mentions: int = 0
    owned: list[str] = field(default_factory=list)
    keep_text: bool = False

    def take(self, text: str) -> None:
        """Count one of the person's records."""
        self.rows += 1
        if self.keep_text:
            self.owned.append(text)


@dataclass(frozen=True)
class Reading:
    """How a landed file is read, and what tells that a record is the person's.

    Attributes:
        mentions_too: Records of others that name the person count as the person's.
    """

    kind: FileFormat
    keys: Keys
    words: Words
    csv: CsvOptions
    log_pattern: str = "combined"
    mentions_too: bool = False

    @cached_property
    def needles(self) -> tuple[bytes, ...]:
        """Bytes without one of which a line is nobody's of interest: escaped ones in doubt."""
        texts = {*self.keys.needles, *self.words.needles}
        return (b"",) if "" in texts else (*(text.encode() for text in sorted(texts)), _ESCAPED)

    def judge(self, text: str, done: Divided, *, owned: bool) -> bool:
        """Whether a record is to stay; count it."""
        if not owned and self.words.within(text):
            done.mentions += 1
            owned = self.mentions_too
        if owned:
            done.take(text)
            return False
        return True


def may_hold(file: BinaryIO, needles: tuple[str, ...]) -> bool:
    """Whether one of some plain parts stands anywhere in a file, unpacked."""
    if not needles:
        return False
    if "" in needles:
        return True
    wanted = [n.encode(form) for n in needles for form in ("utf-8", "utf-16-le", "utf-16-be")]
    longest = max(map(len, wanted))
    start = file.read(MAGIC_BYTES)
    file.seek(0)
    tail = b""
    for piece in unpacked(file, packing_of(start)):
        block = tail + piece
        if any(needle in block for needle in wanted) or _ESCAPED in block:
            return True
        tail = block[-longest:]
    return False


def unpacked(file: BinaryIO, packing: Packing) -> Iterator[bytes]:
    """Yield a file's content, quickly where it is sound.

    Raises:
        UnpackingError: after everything before the fault has been yielded.
    """
    if packing != "gzip":
        yield from pieces(file, packing)
        return
    from isal import igzip

    taken = 0
    try:
        opened: Any = igzip.GzipFile
        with opened(fileobj=file, mode="rb") as stream:
            while piece := stream.read(_PIECE_BYTES):
                taken += len(piece)
                yield piece
    except (OSError, EOFError, zlib.error):
        # ISA-L objects to what zlib can read, and tells less: zlib has the last word.
        file.seek(0)
        for piece in pieces(file, packing):
            if taken < len(piece):
                yield piece[taken:]
            taken = max(0, taken - len(piece))


def copy_without(file: BinaryIO, target: BinaryIO, reading: Reading, done: Divided) -> None:
    """Write a file's records to `target`, without the person's; count them in `done`.

    Raises:
        UnpackingError: the file breaks off or is damaged.
        ValueError: it is not what its format says.
    """
    if reading.kind == "parquet":
        raise AssertionError  # whole files: `parquet_without`
    start = file.read(MAGIC_BYTES)
    file.seek(0)
    packing = packing_of(start)
    with _packed(target, packing) as out:
        for piece in _kept(unpacked(file, packing), reading, done):
            out.write(piece)


def _kept(content: Iterator[bytes], reading: Reading, done: Divided) -> Iterator[bytes]:
    head = b""
    for piece in content:
        head += piece
        if len(head) >= _HEAD_BYTES:
            break
    whole = chain((head,), content)
    wide = _WIDE.get(head[:2])
    if reading.kind == "csv":
        yield from _csv_kept(whole, head, reading, done)
    elif wide:
        # What is not written in UTF-8 is read as if it were, and written back.
        yield head[:2]
        texts = codecs.iterdecode(chain((head[2:],), content), wide)
        narrow = (text.encode() for text in texts)
        start = head[2:].decode(wide, "ignore").encode()
        for piece in _json_kept(narrow, start, reading, done):
            yield piece.decode().encode(wide)
    else:
        yield from _json_kept(whole, head, reading, done)


def _json_kept(
    content: Iterator[bytes], head: bytes, reading: Reading, done: Divided
) -> Iterator[bytes]:
    if reading.kind == "json" and layout(head) != "lines":
        yield from _array_kept(content, head, reading, done)
        return
    owns = _log_judge(reading) if reading.kind == "log" else reading.keys.owns_text
    for line, doubtful in _lines(content, reading.needles):
        text = line.decode("utf-8", "replace").strip("\ufeff\r\n \t") if doubtful else ""
        if not text or reading.judge(text, done, owned=owns(text)):
            yield line


def _lines(
    blocks: Iterator[bytes], needles: tuple[bytes, ...] = (b"",)
) -> Iterator[tuple[bytes, bool]]:
    """Yield lines that may hold a needle, and whole runs of lines that hold none."""
    rest = b""
    for block in blocks:
        data = rest + block
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        yield from _sorted_out(data[:end], needles)
    yield from _sorted_out(rest, needles)


def _sorted_out(data: bytes, needles: tuple[bytes, ...]) -> Iterator[tuple[bytes, bool]]:
    start = 0
    while start < len(data):
        places = [at for needle in needles if (at := data.find(needle, start)) >= 0]
        if not places:
            yield data[start:], False
            return
        begin = data.rfind(b"\n", start, min(places)) + 1 or start
        if begin > start:
            yield data[start:begin], False
        end = data.find(b"\n", begin) + 1 or len(data)
        yield data[begin:end], True
        start = end


def _array_kept(
    blocks: Iterator[bytes], head: bytes, reading: Reading, done: Divided
) -> Iterator[bytes]:
    is_array = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    yield (b"\xef\xbb\xbf" if head.startswith(b"\xef\xbb\xbf") else b"") + (
        b"[" if is_array else b""
    )
    first = True
    for _, text, fault in elements(iter(blocks)):
        if fault and not text:
            raise ValueError(fault)
        owned = reading.keys.words.within(text) if fault else reading.keys.owns_text(text)
        if reading.judge(text, done, owned=owned):
            between = b"" if first else b",\n" if is_array else b"\n"
            yield between + text.encode()
            first = False
    yield b"]\n" if is_array else b"\n"


def _log_judge(reading: Reading) -> Any:  # noqa: ANN401 - a function of text
    try:
        pattern = re.compile(PATTERNS.get(reading.log_pattern, reading.log_pattern))
    except re.error:
        return reading.keys.words.within

    def owns(text: str) -> bool:
        found = pattern.search(text)
        if found is None:
            return reading.keys.words.within(text)
        return reading.keys.owns(found.groupdict())

    return owns


def _csv_kept(
    blocks: Iterator[bytes], head: bytes, reading: Reading, done: Divided
) -> Iterator[bytes]:
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
    texts = (line.decode("latin-1") for line, _ in _lines(blocks))
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
        if not fields or reading.judge(text, done, owned=_owns(fields, by_place, reading)):
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
    wanted = reading.keys.by_name
    return {
        at: wanted[name.strip().lower()]
        for at, name in enumerate(names)
        if name.strip().lower() in wanted
    }


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


def _packed(target: BinaryIO, packing: Packing) -> Any:  # noqa: ANN401 - a stream
    if packing == "gzip":
        from isal import igzip

        made: Any = igzip.GzipFile
        return made(fileobj=target, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0, filename="")
    if packing == "zstd":
        import pyarrow as pa

        return pa.CompressedOutputStream(pa.PythonFile(_Unclosed(target), mode="w"), "zstd")
    return _Unclosed(target)


class _Unclosed:
    """A stream that stays open when its writer is closed."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.closed = False

    def write(self, data: Any) -> int:  # noqa: ANN401 - bytes or a buffer
        return self._target.write(bytes(data))

    def flush(self) -> None:
        """Hand on what was written."""
        self._target.flush()

    def writable(self) -> bool:
        """Whether it can be written: it can."""
        return True

    def close(self) -> None:
        """Leave the stream open."""

    def __enter__(self) -> _Unclosed:
        return self

    def __exit__(self, *_: object) -> None:
        return


def json_of(text: str) -> Any:  # noqa: ANN401 - JSON
    """Return a record as JSON where it is some, else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
