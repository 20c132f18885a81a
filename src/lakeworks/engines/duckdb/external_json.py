"""Read the JSON files of an external table where they lie: lines, arrays, and documents.

Columns of a catalog are in lower case, and keys of JSON are not: where the files hold keys that
stand for a column in another spelling, a first pass finds these, and their text is replaced before
a document is read. Where they do not, a document is read once.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Array, Field, Map, Struct
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.external_parts import FILE_COLUMN, Scans, looked_at, no_rows
from lakeworks.engines.duckdb.external_values import Values, text_type
from lakeworks.engines.duckdb.heads import json_layout
from lakeworks.engines.duckdb.reading import paths_list
from lakeworks.engines.errors import ExternalDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

    from lakeworks.core.types import Type
    from lakeworks.engines.duckdb.external_parts import Opener
    from lakeworks.storage.external import ExternalFile, ExternalSource

_LARGEST_DOCUMENT_BYTES = 128 * 1024 * 1024
_LAYOUTS = {"lines": "newline_delimited", "array": "array", "documents": "unstructured"}
_UPPER = r'"[^"\\]*\p{Lu}[^"\\]*"\s*:'
_DOTTED = r'"[^"\\]*[\p{Lu}.][^"\\]*"\s*:'


def json_select(con: duckdb.DuckDBPyConnection, source: ExternalSource, opener: Opener) -> str:
    """Return a SELECT of JSON files' rows."""
    values = Values(source.name, source.options.null_for_invalid)
    keys = [_key(source, f.name) for f in source.data_fields]
    columns = [
        values.column(f"__row.{quote_identifier(key)}", f)
        for key, f in zip(keys, source.data_fields, strict=True)
    ]
    scans = Scans(source, values, str, columns)
    parts = []
    for (packing, layout), files in _alike(source, opener).items():
        rows = _Rows(con, source, keys, packing, _LAYOUTS[layout])
        spelt = rows.respelt([file.uri for file in files])
        taken_apart = spelt or values.lenient or source.options.json_path
        scan = rows.respelling(spelt) if taken_apart else rows.plain
        parts.append(replace(scans, scan=scan).select(files))
    return "\nUNION ALL\n".join(parts) or no_rows(source)


def _alike(source: ExternalSource, opener: Opener) -> dict[tuple[str, str], list[ExternalFile]]:
    groups: dict[tuple[str, str], list[ExternalFile]] = {}
    for file, head in looked_at(source, opener):
        groups.setdefault((head.packing, json_layout(head)), []).append(file)
    return groups


def _key(source: ExternalSource, column: str) -> str:
    keys = {name.casefold(): key for name, key in source.options.keys.items()}
    key = keys.get(column.casefold(), column)
    return key if source.options.case_sensitive else _folded(source, key)


def _folded(source: ExternalSource, key: str) -> str:
    lower = key.lower()
    return lower.replace(".", "_") if source.options.dots_in_keys else lower


class _Rows:
    """Makes the scans of files that are packed and laid out alike."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        source: ExternalSource,
        keys: list[str],
        packing: str,
        layout: str,
    ) -> None:
        self.con = con
        self.source = source
        types = [text_type(_as_read(f.type, source)) for f in source.data_fields]
        self.types = dict(zip(keys, types, strict=True))
        named = "uncompressed" if packing == "none" else packing
        self.fixed = (
            f"compression = '{named}', hive_partitioning = false, format = '{layout}', "
            f"maximum_object_size = {_LARGEST_DOCUMENT_BYTES}, "
            f"ignore_errors = {str(source.options.ignore_malformed).lower()}"
        )

    def plain(self, listed: str) -> str:
        """Return a scan that reads each document once, by the names of the columns."""
        columns = ", ".join(
            f"{quote_literal(key)}: {quote_literal(kind)}" for key, kind in self.types.items()
        )
        return (
            f"read_json({listed}, columns = {{{columns}}}, {self.fixed}, "
            f"filename = '{FILE_COLUMN}')"
        )

    def respelt(self, uris: list[str]) -> dict[str, str]:
        """Return the texts in which keys are written otherwise than their columns are named."""
        options = self.source.options
        if options.case_sensitive:
            return {}
        wanted = {name for f in self.source.data_fields for name in _names(f.type)}
        wanted = {_folded(self.source, name) for name in wanted} | set(self.types)
        pattern = quote_literal(_DOTTED if options.dots_in_keys else _UPPER)
        with translated(self.con):
            found = self.con.execute(
                f"SELECT DISTINCT unnest(regexp_extract_all(json::VARCHAR, {pattern})) "
                f"FROM read_json_objects({paths_list(uris)}, {self.fixed})"
            ).fetchall()
        spelt = {}
        for (text,) in found:
            key, end = text[1 : text.rindex('"')], text[text.rindex('"') :]
            folded = _folded(self.source, key)
            if folded in wanted and folded != key:
                spelt[text] = f'"{folded}{end}'
        return spelt

    def respelling(self, spelt: dict[str, str]) -> Callable[[str], str]:
        """Return what makes a scan that gives keys the columns' spelling before it reads them."""
        text = "json::VARCHAR"
        for written, meant in sorted(spelt.items()):
            text = f"replace({text}, {quote_literal(written)}, {quote_literal(meant)})"
        types = {key: "JSON" if kind != "VARCHAR" else kind for key, kind in self.types.items()}
        wanted = quote_literal(json.dumps(types, ensure_ascii=False))
        fields = ", ".join(self._part(key, kind) for key, kind in self.types.items())

        path = self.source.options.json_path

        def scan(listed: str) -> str:
            rows = f"read_json_objects({listed}, {self.fixed}, filename = '{FILE_COLUMN}')"
            if path:
                # A path with a wildcard gives a list; without one, a document or null.
                held = f"json_extract(json, {quote_literal(path)})"
                each = f"unnest({held})" if "*" in path else held
                rows = f"(SELECT {each} AS json, {FILE_COLUMN} FROM {rows})"
            return (
                f"(SELECT {fields}, {FILE_COLUMN} FROM (SELECT json_transform({text}, {wanted}) "
                f"AS __d, {FILE_COLUMN} FROM {rows}))"
            )

        return scan

    def _part(self, key: str, kind: str) -> str:
        """Return a value of a document as a column of a scan; what holds others is checked."""
        name = quote_identifier(key)
        if kind == "VARCHAR":
            return f"__d.{name}"
        value = f"json_transform(__d.{name}, {quote_literal(json.dumps(kind))}) AS {name}"
        if self.source.options.null_for_invalid:
            return value
        held = "ARRAY" if kind.endswith("[]") else "OBJECT"
        begins = quote_literal(
            f"{ExternalDataError.MARK}a value in the column {key} of {self.source.name} is no "
            f"{held.lower()}: "
        )
        return (
            f"CASE WHEN json_type(__d.{name}) IN ('{held}', 'NULL') OR __d.{name} IS NULL "
            f"THEN json_transform(__d.{name}, {quote_literal(json.dumps(kind))}) "
            f"ELSE CAST(error({begins} || left(__d.{name}::VARCHAR, 60)) AS {kind}) END AS {name}"
        )


def _as_read(kind: Type, source: ExternalSource) -> Type:
    """Return a type whose fields are named as their keys are spelt when they are read."""
    match kind:
        case Array(element):
            return Array(_as_read(element, source))
        case Map(key, value):
            return Map(key, _as_read(value, source))
        case Struct(fields):
            folded = not source.options.case_sensitive
            return Struct(
                tuple(
                    Field(
                        _folded(source, f.name) if folded else f.name, _as_read(f.type, source)
                    )
                    for f in fields
                )
            )
        case _:
            return kind


def _names(kind: Type) -> Iterator[str]:
    """Yield the names of the fields of structs in a type."""
    match kind:
        case Array(element):
            yield from _names(element)
        case Map(_, value):
            yield from _names(value)
        case Struct(fields):
            for f in fields:
                yield f.name
                yield from _names(f.type)
        case _:
            pass
