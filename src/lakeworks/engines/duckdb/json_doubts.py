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
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any

    import duckdb

    from lakeworks.engines.duckdb.files_sink import RejectFile, Sink

_BATCH_ROWS = 2_000
_MOST_LOOKED_AT = 200_000
_MOST_KEPT_CHARACTERS = 32 * 1024 * 1024
_DOCUMENT_BYTES = 256 * 1024 * 1024


@dataclass(slots=True)
class Doubts:
    """What doubtful documents show.

    Attributes:
        schema: The columns with which they were looked at.
        seen: All their fields.
        misfits: By column, the values that it could not hold.
        settled: What `settle` makes of each with that schema; None if that would be too much
            to hold.
    """

    schema: Schema
    seen: Evidence = field(default_factory=Evidence)
    misfits: dict[str, Evidence] = field(default_factory=dict)
    settled: list[str | Reject] | None = field(default_factory=list)


def look_at(
    con: duckdb.DuckDBPyConnection, uris: str, schema: Schema, *, strict: bool
) -> Doubts:
    """Look at doubtful documents, at most 200,000, for fields and types not known yet."""
    doubts = Doubts(schema)
    kept_characters = 0
    for number, (text, source_file) in enumerate(_documents(con, uris)):
        if number == _MOST_LOOKED_AT:
            doubts.settled = None
            break
        document = _parsed(text)
        fitted = fit(document, schema) if isinstance(document, dict) else None
        if fitted is not None:
            _note(doubts, document, fitted)
        kept_characters += len(text)
        if doubts.settled is None or kept_characters > _MOST_KEPT_CHARACTERS:
            doubts.settled = None
        else:
            doubts.settled.append(_outcome(text, source_file, document, fitted, strict=strict))
    return doubts


def _note(doubts: Doubts, document: dict[str, Any], fitted: Fitted) -> None:
    doubts.seen.add(document)
    for path in fitted.misfits:
        name = path if path in document else path.split(".", 1)[0]
        if name in document:
            doubts.misfits.setdefault(name, Evidence()).add(document[name])


def settle(outcomes: Iterable[str | Reject], settled: Path, rejects: RejectFile) -> None:
    """Write the rows that documents became, and the rejects."""
    with settled.open("w", encoding="utf-8", errors="surrogatepass") as file:
        for outcome in outcomes:
            if isinstance(outcome, str):
                file.write(outcome)
            else:
                rejects.add(outcome)


def outcomes(
    con: duckdb.DuckDBPyConnection, uris: str, schema: Schema, *, strict: bool
) -> Iterator[str | Reject]:
    """Make of each document a row that fits, with the rest rescued, or a reject."""
    for text, source_file in _documents(con, uris):
        document = _parsed(text)
        fitted = fit(document, schema) if isinstance(document, dict) else None
        yield _outcome(text, source_file, document, fitted, strict=strict)


def _outcome(
    text: str,
    source_file: str,
    document: Any,  # noqa: ANN401 - any JSON value
    fitted: Fitted | None,
    *,
    strict: bool,
) -> str | Reject:
    """Return a document's line for `settled_select`, or its reject."""
    if fitted is None and (document is not None or text.strip() == "null"):
        return Reject(text, "parse", "not a JSON object", source_file)
    if fitted is None:  # nested too deeply to be taken apart
        if strict or not text.lstrip().startswith("{"):
            return Reject(text, "schema", "nested too deeply", source_file)
        return dump([{}, text, source_file]) + "\n"
    if strict and (fitted.unknown or fitted.misfits):
        return _refused(text, source_file, fitted)
    rescued = dump(fitted.rescued) if fitted.rescued else None
    return dump([fitted.values, rescued, source_file]) + "\n"


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


def _documents(con: duckdb.DuckDBPyConnection, uris: str) -> Iterator[tuple[str, str]]:
    cursor = con.cursor()
    try:
        cursor.execute(
            f"SELECT _rescued, _source_file FROM read_parquet({uris}, "
            "hive_partitioning = false)"
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


def _refused(text: str, source_file: str, fitted: Fitted) -> Reject:
    if fitted.unknown:
        named = ", ".join(fitted.unknown[:5])
        return Reject(text, "schema", f"fields the table does not have: {named}", source_file)
    named = ", ".join(fitted.misfits[:5])
    return Reject(text, "type", f"values that do not fit: {named}", source_file)
