"""Guess the format of files by their names, then by how they begin."""

from __future__ import annotations

import codecs
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lakeworks.ingest.errors import UnknownFormatError
from lakeworks.ingest.unpacking import MAGIC_BYTES, UnpackingError, packing_of, pieces

if TYPE_CHECKING:
    from lakeworks.engines.protocol import ArrivedFile
    from lakeworks.project.declaration import FileFormat

_BY_SUFFIX: dict[str, FileFormat] = {
    ".json": "json", ".jsonl": "json", ".ndjson": "json", ".csv": "csv", ".tsv": "csv",
    ".parquet": "parquet", ".pq": "parquet", ".avro": "avro", ".log": "log",
}  # fmt: skip
_PACKED = {".gz", ".zst", ".zstd", ".gzip"}
_LOG_LINE = re.compile(rb'\S+ \S+ \S+ \[[^\]]+\] "')
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD_BYTES = 4096


def format_of(file: ArrivedFile, declared: FileFormat | None, table: str) -> FileFormat:
    """Return a file's format: as declared, by its name, or by its first bytes.

    Raises:
        UnknownFormatError: neither tells.
    """
    if declared is not None:
        return declared
    name = file.source_file.rpartition("!")[2].lower()
    suffixes = PurePosixPath(name).suffixes
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    by_name = _BY_SUFFIX.get(suffixes[-1]) if suffixes else None
    if by_name is not None:
        return by_name
    found = _by_content(_head(file))
    if found is None:
        raise UnknownFormatError.of(table, file.source_file)
    return found


def _head(file: ArrivedFile) -> bytes:
    head = b""
    with file.open() as stream:
        start = stream.read(MAGIC_BYTES)
        stream.seek(0)
        try:
            for piece in pieces(stream, packing_of(start)):
                head += piece
                if len(head) >= _HEAD_BYTES:
                    break
        except UnpackingError:
            pass
    return head


def _by_content(head: bytes) -> FileFormat | None:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"Obj\x01"):
        return "avro"
    if head.startswith(_UTF_16):
        head = head.decode("utf-16", "replace").encode()
    if b"\0" in head:  # pictures, documents, programs: commas in them part no fields
        return None
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"{", b"[")):
        return "json"
    if _LOG_LINE.match(text):
        return "log"
    line = text.split(b"\n", 1)[0]
    if any(mark in line for mark in (b",", b";", b"\t", b"|")):
        return "csv"
    return "json" if not text else None


def suffix_of(source_file: str) -> str:
    """Return the suffix that a plain copy of the file is given."""
    suffix = Path(source_file).suffix.lower()
    return suffix if suffix in _BY_SUFFIX else ".txt"
