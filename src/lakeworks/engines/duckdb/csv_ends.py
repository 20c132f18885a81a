"""Tell CSV files that may end within a quoted field from those that surely do not.

A scan of more than two files a thread drops, without a word, all that follows a quote which is
still open at a file's end. Files that may end so are read a few at a time, where it is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.heads import UNREADABLE, unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.engines.duckdb.csv_dialect import Dialect
    from lakeworks.engines.duckdb.heads import Packing
    from lakeworks.engines.protocol import ArrivedFile

_FILES_PER_THREAD = 2
_PIECE_BYTES = 1024 * 1024
_CONTEXT_BYTES = 1024
# To unpack or fetch a large file once more would cost as much as to read it.
_MOST_COSTLY_BYTES = 32 * 1024 * 1024


def scans(
    files: Sequence[ArrivedFile], dialect: Dialect, packing: Packing, *, threads: int
) -> list[tuple[ArrivedFile, ...]]:
    """Divide files of one dialect into scans, each of which tells of every row."""
    most = threads * _FILES_PER_THREAD
    if len(files) <= most or not dialect.quote:
        return [tuple(files)]
    doubtful = [file for file in files if may_end_in_quotes(file, packing, dialect)]
    apart = {file.source_file for file in doubtful}
    sure = tuple(file for file in files if file.source_file not in apart)
    few = [tuple(doubtful[at : at + most]) for at in range(0, len(doubtful), most)]
    return [sure, *few] if sure else few


def may_end_in_quotes(arrived: ArrivedFile, packing: Packing, dialect: Dialect) -> bool:
    """Whether a file's last quote may be one that opens: False only if it surely closes."""
    costly = packing != "none" or arrived.opener is not None
    if dialect.encoding.lower() not in {"utf-8", "latin-1"}:
        return True
    if costly and arrived.size_bytes > _MOST_COSTLY_BYTES:
        return True
    context = _up_to_last_quote(arrived, packing, dialect.quote.encode())
    if not context:
        return context is None
    before = context.rstrip(dialect.quote.encode())
    run = len(context) - len(before)
    opening = {dialect.delimiter.encode()[-1:], b"\n", b"\r", b""}
    if dialect.escape != dialect.quote:
        opening.add(dialect.escape.encode()[-1:])
    return before[-1:] in opening or run % 2 == 0


def _up_to_last_quote(arrived: ArrivedFile, packing: Packing, quote: bytes) -> bytes | None:
    """Return the last bytes up to the last quote; none without one, None if it is torn."""
    context = carried = b""
    with arrived.open() as file:
        try:
            with unpacked(file, packing) as stream:
                while piece := stream.read(_PIECE_BYTES):
                    at = piece.rfind(quote)
                    if at >= 0:
                        context = (carried + piece[: at + 1])[-_CONTEXT_BYTES:]
                    carried = (carried + piece)[-_CONTEXT_BYTES:]
        except UNREADABLE:
            return None
    return context
