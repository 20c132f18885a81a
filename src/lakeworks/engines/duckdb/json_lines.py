"""Find the lines that are no JSON in files known to hold some, with their numbers.

The engine says how many there are in each file and no more. Lines that look odd are tried
first; only if that does not account for all of them is every line tried.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.files_sink import Reject
from lakeworks.engines.duckdb.heads import lines_with_numbers, packing_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from lakeworks.engines.duckdb.files_sink import RejectFile
    from lakeworks.engines.protocol import ArrivedFile

_CHUNK_BYTES = 4 * 1024 * 1024
_ASKED_LINES = 5_000
_BLANK = b" \t\r\n\v\f"


def reject_malformed(
    con: duckdb.DuckDBPyConnection,
    uris: str,
    files: Sequence[ArrivedFile],
    rejects: RejectFile,
) -> None:
    """Write a reject for each line that the engine could not parse; exactly as many."""
    counts = con.execute(
        f"SELECT _source_file, count(*) FROM read_parquet({uris}, hive_partitioning = false) "
        "GROUP BY 1 ORDER BY 1"
    ).fetchall()
    places = {file.source_file: file for file in files}
    for source_file, count in counts:
        found = 0
        for number, line in _malformed(con, places[source_file], count):
            rejects.add(Reject(shown(line), "parse", reason(line), source_file, number))
            found += 1
        for _ in range(count - found):
            rejects.add(
                Reject(None, "parse", "not JSON; the file in landing has the line", source_file)
            )


def shown(line: bytes) -> str:
    """Return a line's bytes as text, whatever they are."""
    return line.decode("utf-8", "backslashreplace")


def reason(line: bytes) -> str:
    """Say what is wrong with a line, as Python's JSON reader sees it."""
    try:
        json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte 0x{line[error.start]:02x} at position {error.start + 1}"
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg.lower()} at character {error.pos + 1}"
    except RecursionError:
        return "not JSON: nested too deeply"
    except ValueError as error:
        return f"not JSON: {error}"
    return "not JSON that the engine accepts"


def _malformed(
    con: duckdb.DuckDBPyConnection, file: ArrivedFile, count: int
) -> list[tuple[int, bytes]]:
    if file.uri.startswith("s3://"):
        return []
    found = list(_refused(con, _odd_lines(file.uri)))
    if len(found) < count:
        found = list(_refused(con, _suspect_lines(file.uri)))
    return found[:count]


def _refused(
    con: duckdb.DuckDBPyConnection, lines: Iterator[tuple[int, bytes]]
) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that the engine does not take for JSON, asking it about many at once."""
    asked: list[tuple[int, bytes]] = []
    size_bytes = 0
    for number, line in lines:
        asked.append((number, line))
        size_bytes += len(line)
        if len(asked) >= _ASKED_LINES or size_bytes > _CHUNK_BYTES:
            yield from _asked(con, asked)
            asked, size_bytes = [], 0
    yield from _asked(con, asked)


def _asked(
    con: duckdb.DuckDBPyConnection, lines: list[tuple[int, bytes]]
) -> Iterator[tuple[int, bytes]]:
    cursor = con.cursor()
    try:
        answers = cursor.execute(
            "SELECT coalesce(json_valid(unnest(?::VARCHAR[])), false)",
            [[_as_text(line) for _, line in lines]],
        ).fetchall()
    finally:
        cursor.close()
    for (valid,), one in zip(answers, lines, strict=True):
        if not valid:
            yield one


def _as_text(line: bytes) -> str | None:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _odd_lines(uri: str) -> Iterator[tuple[int, bytes]]:
    """Yield lines that do not begin and end as an object, with their numbers from 1."""
    for before, piece in _pieces(uri):
        # Counting is many times faster than splitting, and most pieces hold no odd line.
        plain = piece.count(b"}\n{") + 1 == piece.count(b"\n")
        if plain and piece.startswith(b"{") and piece.endswith(b"}\n"):
            continue
        for offset, line in enumerate(piece.split(b"\n"), start=before + 1):
            text = line.strip(_BLANK)
            if text and not (text.startswith(b"{") and text.endswith(b"}")):
                yield offset, text


def _suspect_lines(uri: str) -> Iterator[tuple[int, bytes]]:
    """Yield lines that Python's reader refuses or might take in another sense."""
    for before, piece in _pieces(uri):
        for offset, line in enumerate(piece.split(b"\n"), start=before + 1):
            text = line.strip(_BLANK)
            if text and _suspect(text):
                yield offset, text


def _suspect(text: bytes) -> bool:
    """Whether Python's reader, which takes more than the engine's in few ways, refuses."""
    if b"NaN" in text or b"Infinity" in text or b"\\ud" in text.lower():
        return True
    try:
        json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return True
    return False


def _pieces(uri: str) -> Iterator[tuple[int, bytes]]:
    path = Path(uri)
    with path.open("rb") as file:
        start = file.read(8)
        file.seek(0)
        try:
            with unpacked(file, packing_of(start)) as stream:
                yield from lines_with_numbers(stream, _CHUNK_BYTES)
        except (OSError, EOFError, zlib.error):
            return
