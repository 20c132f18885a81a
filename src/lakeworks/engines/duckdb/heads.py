"""Look at the beginning of arrived files: how they are packed, encoded and laid out."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from isal import igzip, igzip_lib

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lakeworks.engines.protocol import ArrivedFile

HEAD_BYTES = 64 * 1024
_REQUESTS_AT_ONCE = 8
_FEW_REMOTE = 3
Packing = Literal["none", "gzip", "zstd"]
# What reading a torn or damaged packed file may raise; the last, a header without end.
UNREADABLE = (OSError, EOFError, cast("type[Exception]", igzip_lib.IsalError), OverflowError)
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of a file, unpacked.

    Attributes:
        whole: Whether `data` is all there is.
        problem: Why the file cannot be unpacked even so far, or empty.
    """

    packing: Packing
    data: bytes
    whole: bool
    problem: str = ""

    @property
    def encoding(self) -> str:
        """`utf-8`, or the encoding that a byte order mark tells."""
        if self.data.startswith(_UTF8_MARK):
            return "utf-8-sig"
        if self.data.startswith(_UTF16_MARKS):
            return "utf-16"
        return "utf-8"

    @property
    def fault(self) -> str:
        """Why line-wise reading would go wrong, or empty."""
        if self.problem or self.encoding == "utf-8":
            return self.problem
        return f"it begins with the byte order mark of {self.encoding}"

    @property
    def empty(self) -> bool:
        """Whether there is nothing but white space."""
        return self.whole and not self.data.strip()

    def lines(self) -> list[bytes]:
        """Return the lines that are surely complete."""
        lines = self.data.split(b"\n")
        if not self.whole:
            lines.pop()
        return [line.strip() for line in lines if line.strip()]


def heads_of(files: Sequence[ArrivedFile]) -> Iterator[tuple[ArrivedFile, Head]]:
    """Yield each file with its head; many at once are asked for where that takes requests."""
    remote = sum(file.opener is not None for file in files)
    if remote < _FEW_REMOTE:
        yield from ((file, head_of(file)) for file in files)
        return
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE, thread_name_prefix="heads") as pool:
        yield from zip(files, pool.map(head_of, files), strict=True)


def head_of(arrived: ArrivedFile, *, size_bytes: int = HEAD_BYTES) -> Head:
    """Read the beginning of a file."""
    with arrived.open() as file:
        start = file.read(8)
        file.seek(0)
        packing = packing_of(start)
        try:
            with unpacked(file, packing) as stream:
                data = read_up_to(stream, size_bytes + 1)
        except UNREADABLE as error:
            return Head(packing, b"", whole=True, problem=str(error))
    return Head(packing, data[:size_bytes], whole=len(data) <= size_bytes)


def packing_of(start: bytes) -> Packing:
    """Return how a file is packed by its first bytes."""
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    return "none"


def scan_packing(uri: str, packing: Packing) -> str:
    """Return how a scan is told a file's packing: `auto_detect` where its name tells it.

    Files whose names tell it can share one scan, in which those that many threads can divide
    fill the time that packed ones, each read by one thread, leave.
    """
    # The engine takes names in lower case only.
    told = "gzip" if uri.endswith(".gz") else "zstd" if uri.endswith(".zst") else "none"
    return "auto_detect" if told == packing else packing


def unpacked(file: BinaryIO, packing: Packing) -> BinaryIO:
    """Return a stream of the unpacked bytes."""
    if packing == "gzip":
        return cast("BinaryIO", igzip.IGzipFile(fileobj=file))  # type: ignore[no-untyped-call]
    if packing == "zstd":
        import pyarrow as pa

        return cast("BinaryIO", pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"))
    return file


def read_up_to(stream: BinaryIO, size_bytes: int) -> bytes:
    """Read until so many bytes are there or the stream ends or breaks off."""
    data = io.BytesIO()
    while data.tell() < size_bytes:
        try:
            piece = stream.read(size_bytes - data.tell())
        except UNREADABLE:
            if data.tell():
                break
            raise
        if not piece:
            break
        data.write(piece)
    return data.getvalue()


def json_layout(head: Head) -> Literal["lines", "array", "documents"]:
    """Tell JSON lines from an array, and from documents that span lines."""
    text = head.data.lstrip(_UTF8_MARK).lstrip()
    if text.startswith(b"["):
        return "lines" if _is_json(text.split(b"\n", 1)[0]) and _many(text) else "array"
    if not text.startswith(b"{"):
        return "lines"
    lines = head.lines()
    if not lines or _is_json(lines[0]):
        return "lines"
    first = text.split(b"\n", 1)[0].decode("utf-8", "replace")
    try:
        _, end = json.JSONDecoder().raw_decode(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return "lines"
    return "documents" if end > len(first) else "lines"


def _many(text: bytes) -> bool:
    """Whether more than the first line holds something."""
    return bool(text.partition(b"\n")[2].strip())


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
