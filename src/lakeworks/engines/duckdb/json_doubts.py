"""Look again, one by one, at the documents of which the fast path could not say that they fit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Schema
from lakeworks.engines.duckdb.files_sink import (
    GOOD,
    SYSTEM_FIELDS,
    Reject,
    path_list,
    with_fate,
)
from lakeworks.engines.duckdb.json_rows import Evidence, Fitted, dump, fit, parse
from lakeworks.engines.duckdb.json_sql import plain_structure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any, TextIO

    import duckdb

    from lakeworks.engines.duckdb.files_sink import RejectFile, Sink

_BATCH_ROWS = 2_000
_MOST_LOOKED_AT = 200_000
_DOCUMENT_BYTES = 256 * 1024 * 1024


@dataclass(slots=True)
class Doubts:
    """What doubtful documents show.

    Attributes:
        seen: All their fields.
        misfits: By column, the values that it could not hold.
    """

    seen: Evidence = field(default_factory=Evidence)
    misfits: dict[str, Evidence] = field(default_factory=dict)


def evidence_of(con: duckdb.DuckDBPyConnection, uris: str, schema: Schema) -> Doubts:
    """Look at doubtful documents, at most 200,000, for fields and types not known yet."""
    doubts = Doubts()
    for text, _ in _documents(con, uris, limit=_MOST_LOOKED_AT):
        document = _parsed(text)
        if isinstance(document, dict):
            doubts.seen.add(document)
            for path in fit(document, schema).misfits:
                name = path if path in document else path.split(".", 1)[0]
                if name in document:
                    doubts.misfits.setdefault(name, Evidence()).add(document[name])
    return doubts


def settle(
    con: duckdb.DuckDBPyConnection,
    uris: str,
    schema: Schema,
    settled: Path,
    rejects: RejectFile,
    *,
    strict: bool,
) -> None:
    """Write each document as a row that fits, with the rest rescued, or as a reject."""
    with settled.open("w", encoding="utf-8", errors="surrogatepass") as file:
        for text, source_file in _documents(con, uris):
            document = _parsed(text)
            if document is not None and not isinstance(document, dict):
                rejects.add(Reject(text, "parse", "not a JSON object", source_file))
                continue
            if document is None and _is_null(text):
                rejects.add(Reject(text, "parse", "not a JSON object", source_file))
                continue
            if document is None:
                _settle_deep(text, source_file, file, rejects, strict=strict)
                continue
            fitted = fit(document, schema)
            if strict and (fitted.unknown or fitted.misfits):
                rejects.add(_refused(text, source_file, fitted))
                continue
            rescued = dump(fitted.rescued) if fitted.rescued else None
            file.write(dump([fitted.values, rescued, source_file]) + "\n")


def settled_select(settled: Path, schema: Schema, sink: Sink) -> str:
    """Return the SELECT that reads what `settle` wrote."""
    structure = json.dumps({f.name: plain_structure(f.type) for f in schema})
    columns = "".join(
        f"row.{quote_identifier(f.name)} AS {quote_identifier(f.name)}, " for f in schema
    )
    row = f"json_transform(json->0, {quote_literal(structure)})" if len(schema) else "NULL"
    fate = with_fate(f"{GOOD}", Schema((*schema, *SYSTEM_FIELDS)))
    return (
        f"SELECT {columns}{sink.stamps('json->>2')}, json->>1 AS _rescued, {fate} FROM "
        f"(SELECT json, {row} AS row FROM read_json_objects({path_list([str(settled)])}, "
        f"format = 'newline_delimited', hive_partitioning = false, "
        f"maximum_object_size = {_DOCUMENT_BYTES}))"
    )


def _documents(
    con: duckdb.DuckDBPyConnection, uris: str, *, limit: int | None = None
) -> Iterator[tuple[str, str]]:
    cursor = con.cursor()
    try:
        tail = f" LIMIT {limit}" if limit is not None else ""
        cursor.execute(
            f"SELECT _rescued, _source_file FROM read_parquet({uris}, "
            f"hive_partitioning = false){tail}"
        )
        while rows := cursor.fetchmany(_BATCH_ROWS):
            yield from rows
    finally:
        cursor.close()


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the document, or None for one too deep for Python."""
    try:
        return parse(text)
    except (ValueError, RecursionError):
        return None


def _is_null(text: str) -> bool:
    return text.strip() == "null"


def _settle_deep(
    text: str, source_file: str, file: TextIO, rejects: RejectFile, *, strict: bool
) -> None:
    """Rescue a document whole that is nested too deeply to be taken apart."""
    if strict or not text.lstrip().startswith("{"):
        rejects.add(Reject(text, "schema", "nested too deeply", source_file))
        return
    file.write(dump([{}, text, source_file]) + "\n")


def _refused(text: str, source_file: str, fitted: Fitted) -> Reject:
    if fitted.unknown:
        named = ", ".join(fitted.unknown[:5])
        return Reject(text, "schema", f"fields the table does not have: {named}", source_file)
    named = ", ".join(fitted.misfits[:5])
    return Reject(text, "type", f"values that do not fit: {named}", source_file)
