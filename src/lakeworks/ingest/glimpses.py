"""Look into files here and there, within bounds: what a sample of a source is made of.

An engine looks at the first `HEAD_BYTES` of whatever it is given. So further parts of a file of
JSON lines are given to it as files of their own, and a Parquet file in a bucket as its end.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from lakeworks.ingest.json_elements import layout
from lakeworks.ingest.unpacking import MAGIC_BYTES, UnpackingError, packing_of, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from lakeworks.engines.protocol import ArrivedFile

HEAD_BYTES = 64 * 1024
WHOLE_BYTES = 256 * 1024
_UNPACKED_BYTES = 2 * 1024 * 1024
_COPIED_BYTES = 8 * 1024 * 1024
_FOOTER_TAIL_BYTES = 8
_DOCUMENTS_SEEN = 1_000
_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What there is to see of a file besides its beginning.

    Attributes:
        parts: Whole lines from further on, as files.
        whole: Whether these and the beginning are all of the file.
    """

    parts: tuple[ArrivedFile, ...] = ()
    whole: bool = True


def glimpse(arrived: ArrivedFile) -> Glimpse:
    """Look at a JSON file: all of a small one, of others also the middle and the end.

    A packed file is unpacked from its beginning, and only so far; its end may not be seen.
    """
    with arrived.open() as file:
        start = file.read(MAGIC_BYTES)
        file.seek(0)
        packed = packing_of(start) != "none"
        size_bytes = 0 if packed else arrived.size_bytes
        if not packed and size_bytes > WHOLE_BYTES:
            head = file.read(HEAD_BYTES)
            windows = [_window(file, at) for at in (size_bytes // 2, size_bytes - HEAD_BYTES)]
            data, ended = head, False
        else:
            data, ended = _unpacked(file)
            head = data[:HEAD_BYTES]
            windows = []
    if data.startswith(_MARKS):
        return Glimpse(whole=False)
    if layout(head) != "lines":
        return Glimpse(whole=ended and _all_documents_seen(data))
    if ended and len(data) <= WHOLE_BYTES:
        lines, whole = _in_pieces(data[_end_of_head(data) :])
        return Glimpse(_as_files(arrived, lines), whole)
    if not windows:
        file = io.BytesIO(data)
        windows = [_window(file, at) for at in (len(data) // 2, len(data) - HEAD_BYTES)]
    return Glimpse(_as_files(arrived, windows), whole=False)


def near(arrived: ArrivedFile, folder: Path, *, parquet: bool) -> ArrivedFile | None:
    """Return a file on this machine that shows the columns of one in a bucket, or None.

    A small file is copied; of a large Parquet file only the end, which describes it, in its place.
    """
    place = folder / f"{sum(1 for _ in folder.iterdir())}.part"
    with arrived.open() as file, place.open("wb") as target:
        if arrived.size_bytes <= _COPIED_BYTES:
            while data := file.read(_COPIED_BYTES):
                target.write(data)
        elif parquet:
            begin = _begin_of_footer(file, arrived.size_bytes)
            if begin is None:
                return None
            file.seek(0)
            target.write(file.read(MAGIC_BYTES))
            file.seek(begin)
            target.seek(begin)
            target.write(file.read(arrived.size_bytes - begin))
        else:
            return None
    return replace(arrived, uri=str(place), opener=None)


def _begin_of_footer(file: BinaryIO, size_bytes: int) -> int | None:
    file.seek(size_bytes - _FOOTER_TAIL_BYTES)
    tail = file.read(_FOOTER_TAIL_BYTES)
    begin = size_bytes - _FOOTER_TAIL_BYTES - int.from_bytes(tail[:4], "little")
    sound = tail[4:] == b"PAR1" and begin > 0 and size_bytes - begin <= _COPIED_BYTES
    return begin if sound else None


def _unpacked(file: BinaryIO) -> tuple[bytes, bool]:
    """Return a file's content up to a bound, and whether that is all of it."""
    start = file.read(MAGIC_BYTES)
    file.seek(0)
    found = io.BytesIO()
    try:
        for piece in pieces(file, packing_of(start)):
            found.write(piece)
            if found.tell() >= _UNPACKED_BYTES:
                return found.getvalue()[:_UNPACKED_BYTES], False
    except UnpackingError:
        return found.getvalue(), False
    return found.getvalue(), True


def _end_of_head(data: bytes) -> int:
    """Return where the first line begins that an engine does not see whole."""
    return len(data) if len(data) <= HEAD_BYTES else data.rfind(b"\n", 0, HEAD_BYTES) + 1


def _window(file: BinaryIO, at: int) -> bytes:
    """Return the lines that are whole within a window."""
    file.seek(max(at, 0))
    data = file.read(HEAD_BYTES)
    return data[data.find(b"\n") + 1 : data.rfind(b"\n") + 1]


def _in_pieces(data: bytes) -> tuple[list[bytes], bool]:
    """Divide lines into pieces that an engine sees whole; tell whether that worked."""
    found: list[bytes] = []
    while len(data) > HEAD_BYTES:
        end = data.rfind(b"\n", 0, HEAD_BYTES) + 1
        if not end:
            return found, False
        found.append(data[:end])
        data = data[end:]
    return [*found, data], True


def _all_documents_seen(data: bytes) -> bool:
    return data.count(b"{") <= _DOCUMENTS_SEEN


def _as_files(arrived: ArrivedFile, parts: list[bytes]) -> tuple[ArrivedFile, ...]:
    def made() -> Iterator[ArrivedFile]:
        for number, part in enumerate(parts):
            if part.strip():
                yield replace(
                    arrived,
                    uri=f"{arrived.uri}#{number}",
                    size_bytes=len(part),
                    opener=partial(io.BytesIO, part),
                )

    return tuple(made())
