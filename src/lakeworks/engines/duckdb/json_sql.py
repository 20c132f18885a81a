"""SQL that takes typed columns out of JSON text and tells in the same scan which rows fit.

Pure: schema in, SQL expressions out, over a column `json` and, once taken apart, `raw`. A row
for which the test is true loses nothing; one for which it is false is looked at again, so the
test may be too strict, never too lax.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Array, Scalar, Schema, Struct
from lakeworks.engines.duckdb import text_fit
from lakeworks.engines.duckdb.types import to_duckdb

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Any

    from lakeworks.core.types import Type

KeyLists = tuple[tuple[str, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class JsonShape:
    """The SQL for one schema.

    Attributes:
        structure: What `json_transform` is told.
        columns: Column name to an expression over `raw`.
        keys: An expression over `json`, to be named `keys`.
        fits: A condition over `json`, `raw` and `keys`, never null.
    """

    structure: str
    keys: str
    columns: tuple[tuple[str, str], ...]
    fits: str


def json_shape(schema: Schema, common: Sequence[KeyLists] = ()) -> JsonShape:
    """Return the SQL for documents of `schema`.

    Args:
        schema: The data columns; not empty.
        common: Lists of keys, as `keys_of` gives them, that many documents have: a hit
            spares the slower test by sets.
    """
    columns = tuple((f.name, _typed(f"raw.{quote_identifier(f.name)}", f.type)) for f in schema)
    tests = [test for f in schema for test in _tests(f"raw.{quote_identifier(f.name)}", f.type)]
    fits = " AND ".join([_keys_test(schema, common), *tests])
    return JsonShape(json.dumps(_structure(schema)), _keys(schema), columns, fits)


def struct_paths(schema: Schema) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return (path, field names) of the document and of each struct in it, lists left out."""
    return list(_paths((), schema))


def keys_of(
    document: dict[str, Any], paths: Sequence[tuple[tuple[str, ...], Collection[str]]]
) -> KeyLists | None:
    """Return the document's keys at each of `struct_paths`, or None when it does not fit.

    Args:
        document: Parsed.
        paths: As `struct_paths` gives them; sets of names are faster.
    """
    found: list[tuple[str, ...] | None] = []
    for path, names in paths:
        value: Any = document
        for part in path:
            value = value.get(part, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is _ABSENT:
            found.append(None)
        elif isinstance(value, dict) and value and all(key in names for key in value):
            found.append(tuple(value))
        else:
            return None
    return tuple(found)


_ABSENT = object()


def _paths(
    above: tuple[str, ...], schema: Schema
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    yield above, schema.names
    for f in schema:
        if isinstance(f.type, Struct):
            yield from _paths((*above, f.name), Schema(f.type.fields))


def _path_text(path: tuple[str, ...]) -> str:
    return quote_literal("$" + "".join(f'."{part}"' for part in path))


def _structure(schema: Schema) -> dict[str, Any]:
    return {f.name: _raw_structure(f.type) for f in schema}


def _raw_structure(kind: Type) -> Any:  # noqa: ANN401 - JSON
    match kind:
        case Struct(fields):
            return _structure(Schema(fields))
        case Scalar("bigint" | "double" | "boolean") | Array():
            return "JSON"
        case _:
            return "VARCHAR"


def plain_structure(kind: Type) -> Any:  # noqa: ANN401 - JSON
    """Return what `json_transform` is told for values known to fit `kind`."""
    match kind:
        case Struct(fields):
            return {f.name: plain_structure(f.type) for f in fields}
        case Array(element):
            return [plain_structure(element)]
        case _:
            return to_duckdb(kind)


def _typed(raw: str, kind: Type) -> str:
    match kind:
        case Scalar("string"):
            return raw
        case Scalar("boolean"):
            return f"({raw}::VARCHAR = 'true')"
        case Scalar("bigint" | "double"):
            return f"TRY_CAST({raw}::VARCHAR AS {to_duckdb(kind)})"
        case Struct(fields):
            if _is_plain(kind):
                return raw
            inner = ", ".join(
                f"{quote_identifier(f.name)} := "
                f"{_typed(f'{raw}.{quote_identifier(f.name)}', f.type)}"
                for f in fields
            )
            return f"CASE WHEN {raw} IS NULL THEN NULL ELSE struct_pack({inner}) END"
        case Array():
            return f"json_transform({raw}, {quote_literal(json.dumps(plain_structure(kind)))})"
        case _:
            return text_fit.typed(raw, kind)


def _is_plain(kind: Type) -> bool:
    return kind == Scalar("string") or (
        isinstance(kind, Struct) and all(_is_plain(f.type) for f in kind.fields)
    )


def _tests(raw: str, kind: Type) -> Iterator[str]:
    """Yield conditions, never null, that hold where `_typed` loses nothing."""
    text = f"{raw}::VARCHAR"
    match kind:
        case Scalar("string"):
            return
        case Scalar("boolean"):
            yield f"({raw} IS NULL OR {text} IN ('true', 'false'))"
        case Scalar("bigint"):
            yield f"({raw} IS NULL OR coalesce({_typed(raw, kind)}::VARCHAR = {text}, false))"
        case Scalar("double"):
            value = _typed(raw, kind)
            exact = (  # not <=, for 2**53 + 1 is read as 2**53
                f"{value} IS NOT NULL AND (abs({value}) < 9007199254740992 "
                f"OR NOT regexp_full_match({text}, '-?\\d+'))"
            )
            yield f"({raw} IS NULL OR ({exact}))"
        case Struct(fields):
            for f in fields:
                yield from _tests(f"{raw}.{quote_identifier(f.name)}", f.type)
        case Array():
            yield _array_test(raw, kind)
        case _:
            yield f"NOT {text_fit.misfit(raw, kind)}"


def _array_test(raw: str, kind: Array) -> str:
    """Compare a list with what its typed form writes, fields that are null left out."""
    back = f"to_json({_typed(raw, kind)})::VARCHAR"
    text = f"{raw}::VARCHAR"

    def bare(side: str) -> str:
        nulls = quote_literal(r'"[^"\\]*":null,?')
        return f"replace(regexp_replace({side}, {nulls}, '', 'g'), ',}}', '}}')"

    slower = f"coalesce({bare(back)} = {bare(text)}, false)"
    return f"CASE WHEN {raw} IS NULL THEN true WHEN {back} = {text} THEN true ELSE {slower} END"


def _keys(schema: Schema) -> str:
    paths = struct_paths(schema)
    if len(paths) == 1:
        return "json_keys(json)"
    return f"json_keys(json, [{', '.join(_path_text(path) for path, _ in paths)}])"


def _keys_test(schema: Schema, common: Sequence[KeyLists]) -> str:
    paths = struct_paths(schema)
    nested = len(paths) > 1
    hits = [
        f"[{', '.join(_sql_list(names) for names in keylists)}]"
        if nested
        else _sql_list(keylists[0])
        for keylists in common
    ]
    slow = " AND ".join(
        _one_path_test(f"keys[{number}]" if nested else "keys", path, names)
        for number, (path, names) in enumerate(paths, start=1)
    )
    whens = " ".join(f"WHEN keys = {hit} THEN true" for hit in hits)
    return f"CASE {whens} WHEN {slow} THEN true ELSE false END"


def _one_path_test(keys: str, path: tuple[str, ...], names: tuple[str, ...]) -> str:
    kind = f"json_type(json, {_path_text(path)})" if path else "json_type(json)"
    nothing = "'OBJECT', 'NULL'" if path else "'OBJECT'"
    return (
        f"({keys} IS NULL OR (list_has_all({_sql_list(names)}, {keys}) "
        f"AND len(list_distinct({keys})) = len({keys}) "
        f"AND (len({keys}) > 0 OR {kind} IN ({nothing}))))"
    )


def _sql_list(names: Sequence[str] | None) -> str:
    if names is None:
        return "NULL::VARCHAR[]"
    return "[" + ", ".join(quote_literal(name) for name in names) + "]::VARCHAR[]"
