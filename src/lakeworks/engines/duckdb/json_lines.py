"""Find the lines that are no JSON in files known to hold some, with their numbers.

The engine says how many there are in each file and no more. Lines that look odd are tried
first; only while that does not account for all of them are more lines tried, at last every one.
"""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.files_sink import Reject
from lakeworks.engines.duckdb.heads import UNREADABLE, packing_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    import duckdb

    from lakeworks.engines.duckdb.files_sink import RejectFile
    from lakeworks.engines.protocol import ArrivedFile

    Line = tuple[int, bytes]

# Pieces and their lines stay in the processor's cache.
_PIECE_BYTES = 128 * 1024
_ASKED_BYTES = 1024 * 1024
_ASKED_LINES = 5_000
_THREADS = 2
_BLANK = b" \t\r\n\v\f"
_OPEN, _CLOSE = b"{}"


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
    broken = [(places[source_file], count) for source_file, count in counts]
    for file, count, found in _side_by_side(con, broken):
        for number, line in found:
            rejects.add(Reject(shown(line), "parse", reason(line), file.source_file, number))
        for _ in range(count - len(found)):
            told = "not JSON; the file in landing has the line"
            rejects.add(Reject(None, "parse", told, file.source_file))


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
        problem = error.msg.lower().removesuffix(" starting at")
        return f"not JSON: {problem} at character {error.pos + 1}"
    except RecursionError:
        return "not JSON: nested too deeply"
    except ValueError as error:
        return f"not JSON: {error}"
    return "not JSON that the engine accepts"


def _side_by_side(
    con: duckdb.DuckDBPyConnection, broken: list[tuple[ArrivedFile, int]]
) -> Iterator[tuple[ArrivedFile, int, list[Line]]]:
    """Look through files in the order given, while one is looked through reading the next."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="json-lines") as pool:
        ahead: deque[tuple[ArrivedFile, int, Future[list[Line]]]] = deque()
        for file, count in broken:
            ahead.append((file, count, pool.submit(_malformed, con, file, count)))
            if len(ahead) > _THREADS:
                first, counted, lines = ahead.popleft()
                yield first, counted, lines.result()
        for file, count, lines in ahead:
            yield file, count, lines.result()


def _malformed(con: duckdb.DuckDBPyConnection, file: ArrivedFile, count: int) -> list[Line]:
    found: dict[int, bytes] = {}
    for sieve in (_unlike_objects, _unbalanced, _suspect):
        found |= _refused(con, _sifted(file, sieve))
        if len(found) >= count:
            break
    return sorted(found.items())[:count]


def _refused(con: duckdb.DuckDBPyConnection, lines: Iterator[Line]) -> Iterator[Line]:
    """Yield the lines that the engine does not take for JSON, asking it about many at once."""
    asked: list[Line] = []
    size_bytes = 0
    for number, line in lines:
        asked.append((number, line))
        size_bytes += len(line)
        if len(asked) >= _ASKED_LINES or size_bytes > _ASKED_BYTES:
            yield from _asked(con, asked)
            asked, size_bytes = [], 0
    if asked:
        yield from _asked(con, asked)


def _asked(con: duckdb.DuckDBPyConnection, lines: list[Line]) -> Iterator[Line]:
    # Not as a parameter: to bind its first one, the engine imports pandas if it is there.
    texts = "\n".join(_as_text(line) for _, line in lines)
    cursor = con.cursor()
    try:
        answers = cursor.execute(
            f"SELECT json_valid(unnest(string_split('{texts}', chr(10))))"
        ).fetchall()
    finally:
        cursor.close()
    for (valid,), one in zip(answers, lines, strict=True):
        if not valid:
            yield one


def _as_text(line: bytes) -> str:
    """Return a line as text for a literal; of what is no text or holds NUL, nothing.

    An apostrophe is worth as much to JSON as `~`, and the engine's parser takes quadratic time
    over doubled ones.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in text else text.replace("'", "~")


def _sifted(file: ArrivedFile, sieve: Callable[[list[bytes]], list[int]]) -> Iterator[Line]:
    """Yield the lines that a sieve holds back, stripped, with their numbers from 1."""
    for before, lines in _pieces(file):
        for place in sieve(lines):
            text = lines[place].strip(_BLANK)
            if text:
                yield before + place + 1, text


def _unlike_objects(lines: list[bytes]) -> list[int]:
    """Return the places of lines that do not begin and end as an object."""
    odd = [
        place
        for place, line in enumerate(lines)
        if not line or line[0] != _OPEN or line[-1] != _CLOSE
    ]
    return [place for place in odd if not _like_object(lines[place].strip(_BLANK))]


def _like_object(text: bytes) -> bool:
    return text.startswith(b"{") and text.endswith(b"}")


def _unbalanced(lines: list[bytes]) -> list[int]:
    """Return the places of lines that end where something in them has not."""
    return [
        place
        for place, line in enumerate(lines)
        if line.count(b"{") != line.count(b"}") or line.count(b"[") != line.count(b"]")
    ]


def _suspect(lines: list[bytes]) -> list[int]:
    """Return the places of lines that Python's reader refuses or might take otherwise."""
    return [place for place, line in enumerate(lines) if _is_suspect(line)]


def _is_suspect(text: bytes) -> bool:
    """Whether Python's reader, which takes more than the engine's in few ways, refuses."""
    if b"NaN" in text or b"Infinity" in text or b"\\ud" in text.lower():
        return True
    try:
        json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return True
    return False


def _pieces(arrived: ArrivedFile) -> Iterator[tuple[int, list[bytes]]]:
    """Yield (lines before them, whole lines) as far as the file can be read."""
    with arrived.open() as file:
        start = file.read(8)
        file.seek(0)
        with unpacked(file, packing_of(start)) as stream:
            before = 0
            begun: list[bytes] = []
            while True:
                try:
                    piece = stream.read(_PIECE_BYTES)
                except UNREADABLE:
                    return
                if not piece:
                    break
                lines = piece.split(b"\n")
                begun.append(lines[0])
                if len(lines) == 1:
                    continue
                lines[0] = b"".join(begun)
                begun = [lines.pop()]
                yield before, lines
                before += len(lines)
            yield before, [b"".join(begun)]
