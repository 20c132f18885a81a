"""Read log lines by patterns that only Python can hold them to: grok, look-around, references."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.core.grok import compile_grok
from lakeworks.core.log_patterns import PATTERNS
from lakeworks.engines.duckdb.heads import UNREADABLE, packing_of, unpacked
from lakeworks.engines.errors import ExternalDataError, LogPatternError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    import pyarrow as pa

    from lakeworks.engines.duckdb.external_parts import Opener
    from lakeworks.storage.external import ExternalFile, ExternalSource

LONGEST_LINE_BYTES = 64 * 1024 * 1024
_BATCH_LINES = 8192
_JAVA_NAME = re.compile(r"\(\?<([A-Za-z_]\w*)>")
Texts = list[str | None]


def line_reader(
    source: ExternalSource, opener: Opener, columns: list[tuple[str, pa.DataType]]
) -> Callable[[ExternalFile], Iterator[pa.RecordBatch]]:
    """Return what gives the batches of a file; a line without a match is all null.

    Raises:
        LogPatternError: Python does not know the pattern either.
    """
    matched = _matcher(source)
    names = [name for name, _ in columns]

    def read(file: ExternalFile) -> Iterator[pa.RecordBatch]:
        rows: list[Texts] = []
        for line in _lines(source, file, opener):
            rows.append(matched(line))
            if len(rows) == _BATCH_LINES:
                yield _batch(rows, names)
                rows = []
        if rows:
            yield _batch(rows, names)

    return read


def _batch(rows: list[Texts], names: list[str]) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [pa.array([row[n] for row in rows], pa.string()) for n in range(len(names))]
    return pa.RecordBatch.from_arrays(arrays, names)


def _matcher(source: ExternalSource) -> Callable[[str], Texts]:
    """Return what makes the texts of the table's columns of a line."""
    wanted = [f.name.casefold() for f in source.data_fields]
    null_text = source.options.null_text
    if source.options.grok:
        grok = compile_grok(source.options.grok, source.options.grok_patterns)
        places = {name.casefold(): n for n, (name, _) in enumerate(grok.columns)}
        match: Callable[[str], list[str | None] | None] = grok.match
    else:
        regex = _compiled(source.options.pattern)
        named = {number: name for name, number in regex.groupindex.items()}
        places = {
            named.get(n + 1, wanted[n] if n < len(wanted) else "").casefold(): n
            for n in range(regex.groups)
        }

        def match(line: str) -> list[str | None] | None:
            found = regex.fullmatch(line)
            return None if found is None else list(found.groups())

    order = [places.get(name) for name in wanted]
    nothing: Texts = [None] * len(wanted)

    def texts(line: str) -> Texts:
        found = match(line)
        if found is None:
            return nothing
        told = [None if n is None else found[n] for n in order]
        return told if null_text is None else [None if t == null_text else t for t in told]

    return texts


def _compiled(declared: str) -> re.Pattern[str]:
    text = _JAVA_NAME.sub(r"(?P<\1>", PATTERNS.get(declared, declared))
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise LogPatternError.wrong(declared, str(error)) from error


def _lines(source: ExternalSource, file: ExternalFile, opener: Opener) -> Iterator[str]:
    options = source.options
    with opener.arrived(file).open() as raw:
        start = raw.read(8)
        raw.seek(0)
        with unpacked(raw, packing_of(start)) as stream:
            for number, line in enumerate(_split(source, file, stream)):
                if number < options.skip_lines or not line.strip():
                    continue
                try:
                    yield line.decode(options.encoding)
                except (UnicodeDecodeError, LookupError) as error:
                    problem = f"holds a line that is no {options.encoding}: {error}"
                    raise ExternalDataError.met(source.name, file.uri, problem) from error


def _split(source: ExternalSource, file: ExternalFile, stream: BinaryIO) -> Iterator[bytes]:
    kept = b""
    try:
        while piece := stream.read(1024 * 1024):
            *lines, kept = (kept + piece).split(b"\n")
            yield from (line.removesuffix(b"\r") for line in lines)
            if len(kept) > LONGEST_LINE_BYTES:
                problem = f"holds a line longer than {LONGEST_LINE_BYTES // 2**20} MiB"
                raise ExternalDataError.met(source.name, file.uri, problem)
    except UNREADABLE as error:
        raise ExternalDataError.met(source.name, file.uri, f"is torn: {error}") from error
    if kept:
        yield kept
