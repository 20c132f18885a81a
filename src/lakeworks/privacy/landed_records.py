"""Copies of landed files without a person's records: lines, arrays, CSV, logs, Parquet, Avro.

Pure of stores: a stream in, a stream out. What stays is written byte for byte as it came, and
packed as it was. A record that cannot be read is the person's if it names the person.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from lakeworks.core.log_patterns import PATTERNS
from lakeworks.ingest.json_elements import elements, layout
from lakeworks.ingest.unpacking import MAGIC_BYTES, packing_of, pieces
from lakeworks.privacy.landed_csv import csv_kept
from lakeworks.privacy.landed_lines import lines_of
from lakeworks.privacy.records import rewritten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.ingest.unpacking import Packing
    from lakeworks.privacy.records import Verdict
    from lakeworks.privacy.text_search import Keys, Words
    from lakeworks.project.declaration import CsvOptions, FileFormat

_HEAD_BYTES = 64 * 1024
_PIECE_BYTES = 1024 * 1024
_GZIP_LEVEL = 2
OWNED: Final = "owned"
# A letter or digit that JSON writes by its number.
_ESCAPED = b"\\u00"
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


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

    def judge(
        self, text: str, done: Divided, *, verdict: Verdict = "", left: str | None = None
    ) -> bool:
        """Whether a record is to stay, or what is left of it; count what is the person's.

        Args:
            text: The record.
            done: Counts it.
            verdict: How much of it is the person's.
            left: What of it is not.
        """
        owned = verdict == OWNED
        if not owned and self.words.within(text if left is None else left):
            done.mentions += 1
            owned = self.mentions_too
        if verdict or owned:
            whole = owned or not done.keep_text
            done.take(text if whole else rewritten(text, self.keys.records.only))
        return not owned


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
        yield from csv_kept(whole, head, reading, done)
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
    judged = _log_judge(reading) if reading.kind == "log" else reading.keys.judged_text
    for line, doubtful in lines_of(content, reading.needles):
        text = line.decode("utf-8", "replace").strip("\ufeff\r\n \t") if doubtful else ""
        if not text:
            yield line
            continue
        verdict, left = judged(text)
        if reading.judge(text, done, verdict=verdict, left=left):
            end = line[len(line.rstrip(b"\r\n")) :]
            yield line if left == text else left.encode() + end


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
        judged = reading.keys.judged_words if fault else reading.keys.judged_text
        verdict, left = judged(text)
        if reading.judge(text, done, verdict=verdict, left=left):
            between = b"" if first else b",\n" if is_array else b"\n"
            yield between + left.encode()
            first = False
    yield b"]\n" if is_array else b"\n"


def _log_judge(reading: Reading) -> Any:  # noqa: ANN401 - a function of text
    try:
        pattern = re.compile(PATTERNS.get(reading.log_pattern, reading.log_pattern))
    except re.error:
        return reading.keys.judged_words

    def judged(text: str) -> tuple[Verdict, str]:
        found = pattern.search(text)
        if found is None:
            return reading.keys.judged_words(text)
        return (OWNED if reading.keys.owns(found.groupdict()) else ""), text

    return judged


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
