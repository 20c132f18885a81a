"""Read Parquet and Avro files into bronze: typed already, columns matched by their names.

Files of one schema are read in one scan. A column's value that the table cannot hold without
loss is rescued as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Array, Field, Map, Scalar, Schema, Struct, evolve, widest
from lakeworks.engines.duckdb.files_sink import (
    DOUBTFUL,
    GOOD,
    SYSTEM_FIELDS,
    Gathered,
    Sink,
    path_list,
    rows_of,
    source_file_of,
    with_fate,
)
from lakeworks.engines.duckdb.json_rows import SYSTEM_COLUMNS, usable_name
from lakeworks.engines.duckdb.text_fit import any_of, as_json_object, names_where
from lakeworks.engines.duckdb.types import from_duckdb, to_duckdb

if TYPE_CHECKING:
    import duckdb

    from lakeworks.core.types import Type
    from lakeworks.engines.protocol import ArrivedFile, FileReading
    from lakeworks.storage.files import DataFile

_STRING = Scalar("string")


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one schema; files that cannot be opened have none."""

    schema: Schema
    files: tuple[ArrivedFile, ...]


class TableFileReader:
    """Reads the Parquet or Avro files of one `FileReading`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, reading: FileReading) -> None:
        self.con = con
        self.reading = reading
        self.sink = Sink(con, reading)
        self.unreadable: dict[str, str] = {}
        self.schema = reading.known or Schema()
        if reading.format == "avro":
            from lakeworks.engines.duckdb.extensions import load_extension

            load_extension(con, "avro", purpose="reading Avro files")

    def plan(self) -> list[Group]:
        """Read every file's schema; learn the table's; group files alike."""
        groups: dict[Schema, list[ArrivedFile]] = {}
        for file in self.reading.files:
            if file.size_bytes:
                groups.setdefault(self._schema_of(file), []).append(file)
        grows = self.reading.known is None or self.reading.mode == "evolve"
        if grows:
            for schema in groups:
                self._learn(schema)
        return [Group(schema, tuple(files)) for schema, files in groups.items()]

    def _schema_of(self, file: ArrivedFile) -> Schema:
        """Return a file's columns; none when it cannot be opened, which `read` then tells."""
        import duckdb

        try:
            rows = self.con.execute(f"DESCRIBE SELECT * FROM {self._scan((file,))}").fetchall()
        except duckdb.Error:
            return Schema()
        fields = [Field(r[0], from_duckdb(r[1], column=r[0])) for r in rows]
        return Schema(tuple(f for f in fields if f.name != "filename"))

    def _learn(self, offered: Schema) -> None:
        usable = Schema(tuple(f for f in offered if _may_be_column(f.name)))
        first = self.reading.known is None
        fields = []
        for have in self.schema:
            new = usable.get(have.name)
            wide = widest(have.type, new.type) if new else None
            fields.append(Field(have.name, wide if wide and first else have.type))
        grown = evolve(Schema(tuple(fields)), usable)
        self.schema = Schema((*fields, *grown.added))

    def read(self, group: Group) -> Gathered:
        """Read one group; writes nothing of it when the engine fails."""
        files = self.sink.copy(self._select(group), self.schema)
        gathered = Gathered(added=files[GOOD], written=rows_of(files[GOOD]), schema=self.schema)
        if files[DOUBTFUL]:
            gathered.rejected += self._refuse(files[DOUBTFUL])
            gathered.quarantined += rows_of(files[DOUBTFUL])
            self.sink.discard(files[DOUBTFUL])
        return gathered

    def _select(self, group: Group) -> str:
        source_file, join = source_file_of(group.files)
        items: list[str] = []
        left: list[tuple[str, str, str]] = []
        taken: set[str] = set()
        for f in self.schema:
            have = group.schema.get(f.name)
            value, wrong = "NULL", ""
            if have is not None:
                taken.add(have.name)
                value, wrong = _converted(f"r.{quote_identifier(have.name)}", have.type, f.type)
                if wrong:
                    left.append((f.name, f"r.{quote_identifier(have.name)}", wrong))
            items.append(f"CAST({value} AS {to_duckdb(f.type)}) AS {quote_identifier(f.name)}")
        unknown = [
            (
                f.name,
                f"r.{quote_identifier(f.name)}",
                f"r.{quote_identifier(f.name)} IS NOT NULL",
            )
            for f in group.schema
            if f.name not in taken
        ]
        fate, rescued = GOOD, as_json_object([*left, *unknown])
        if self.reading.mode == "strict" and (left or unknown):
            fate, rescued = _strict(group.schema, left, unknown)
        whole = Schema((*self.schema, *SYSTEM_FIELDS))
        items += [
            self.sink.stamps(source_file),
            f"{rescued} AS _rescued",
            with_fate(fate, whole),
        ]
        return f"SELECT {', '.join(items)} FROM {self._scan(group.files)} AS r {join}"

    def _scan(self, files: tuple[ArrivedFile, ...]) -> str:
        paths = path_list(f.uri for f in files)
        if self.reading.format == "avro":
            return f"read_avro({paths}, filename = true)"
        return f"read_parquet({paths}, filename = true, hive_partitioning = false)"

    def _refuse(self, files: list[DataFile]) -> list[DataFile]:
        return self.sink.reject_select(
            "SELECT _rescued->>'row' AS row, _rescued->>'rule' AS rule, "
            "CASE _rescued->>'rule' WHEN 'schema' THEN 'fields the table does not have: ' "
            "ELSE 'values that do not fit: ' END || (_rescued->>'error') AS error, "
            "_source_file AS source_file, NULL::BIGINT AS source_row "
            f"FROM read_parquet({self.sink.uris(files)}, hive_partitioning = false)"
        )


def _strict(
    schema: Schema, left: list[tuple[str, str, str]], unknown: list[tuple[str, str, str]]
) -> tuple[str, str]:
    wrong = any_of(when for _, _, when in [*left, *unknown])
    new = any_of(when for _, _, when in unknown)
    every = [(f.name, f"r.{quote_identifier(f.name)}", "true") for f in schema]
    names = names_where((name, when) for name, _, when in [*left, *unknown])
    told = (
        f"json_object('row', {as_json_object(every)}, "
        f"'rule', CASE WHEN {new} THEN 'schema' ELSE 'type' END, 'error', {names})::VARCHAR"
    )
    fate = f"CASE WHEN {wrong} THEN {DOUBTFUL} ELSE {GOOD} END"
    return fate, f"CASE WHEN {wrong} THEN {told} END"


def _converted(value: str, have: Type, want: Type) -> tuple[str, str]:
    """Return the value as type `want`, and the condition under which it would lose something."""
    if have == want or widest(want, have) == want:
        return value, ""
    if isinstance(have, Array | Map | Struct) and want == _STRING:
        return f"to_json({value})", ""
    if want == _STRING:
        return f"CAST({value} AS VARCHAR)", ""
    cast = f"TRY_CAST({value} AS {to_duckdb(want)})"
    back = f"TRY_CAST({cast} AS {to_duckdb(have)})"
    wrong = f"({value} IS NOT NULL AND {back} IS DISTINCT FROM {value})"
    return f"CASE WHEN {wrong} THEN NULL ELSE {cast} END", wrong


def _may_be_column(name: str) -> bool:
    return usable_name(name) and name.casefold() not in SYSTEM_COLUMNS
