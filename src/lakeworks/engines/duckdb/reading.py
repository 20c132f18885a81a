"""The SELECT that reads a table's files, in the order and types of its schema.

Files that this engine wrote hold their partition columns. Other writers leave them out and put
them into the log (and mostly the path): for their files the log's value is taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Field, Scalar, Struct
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.types import from_duckdb, to_duckdb
from lakeworks.engines.errors import UnsupportedTypeError
from lakeworks.engines.partition_folders import tell_all, value_of
from lakeworks.storage.files import FILE_MARK, OWN_FILE, ROW_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from lakeworks.core.types import Schema, Type
    from lakeworks.storage.files import DataFile, TableSource

_OWN_NAME = re.compile(OWN_FILE)
_HIVE_TYPES = frozenset({"string", "tinyint", "smallint", "int", "bigint", "date"})


def source_select(
    con: duckdb.DuckDBPyConnection,
    source: TableSource,
    *,
    files: Sequence[DataFile] | None = None,
    file_column: str | None = None,
) -> str:
    """Return a SELECT of a table's rows.

    Args:
        con: Used to look at the files' columns; their data is not read.
        source: The table. Columns that its files lack read as null.
        files: Only these of its files.
        file_column: Also give each row's file, as `uri` spells it, under this name.
    """
    chosen = source.files if files is None else files
    reader = _Reader(con, source, file_column)
    parts: list[str] = []
    own = [f for f in chosen if not source.partition_columns or _OWN_NAME.fullmatch(f.path)]
    if own:
        parts.append(reader.plain([uri(source.root, f.path) for f in own]))
    foreign = [
        f for f in chosen if source.partition_columns and not _OWN_NAME.fullmatch(f.path)
    ]
    if foreign and reader.paths_tell(foreign):
        parts.append(reader.by_path(foreign))
    elif foreign:
        parts.append(reader.by_log(foreign))
    return "\nUNION ALL\n".join(parts) or reader.empty()


def uri(root: str, path: str) -> str:
    """Return where a data file is, as DuckDB's `filename` tells it."""
    return f"{root}/{path}"


def paths_list(paths: Iterable[str]) -> str:
    """Return file names as a SQL list."""
    return "[" + ", ".join(quote_literal(path) for path in paths) + "]"


class _Reader:
    """Builds the parts of one table's SELECT."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, source: TableSource, file_column: str | None
    ) -> None:
        self.con = con
        self.schema: Schema = source.own_schema
        self.row_ids, self.row_places = source.row_ids, source.row_places
        self.root = source.root
        self.partitions = source.partition_columns
        self.evolved = source.evolved
        self.file_column = file_column

    def plain(self, uris: list[str]) -> str:
        """Files that hold all their columns."""
        scan = self._scan(uris, "hive_partitioning=false")
        return self._select(scan, self._from_file(scan, self.schema))

    def by_path(self, files: Sequence[DataFile]) -> str:
        """Files whose folders say `column=value` just as the log does: DuckDB prunes these."""
        types = ", ".join(
            f"{quote_literal(f.name)}: {to_duckdb(f.type)}" for f in self._partition_fields()
        )
        scan = self._scan(
            [uri(self.root, f.path) for f in files],
            f"hive_partitioning=true, hive_types={{{types}}}",
        )
        return self._select(scan, self._from_file(scan, self.schema))

    def by_log(self, files: Sequence[DataFile]) -> str:
        """Files whose partition values only the log knows."""
        fields = self._partition_fields()
        names = [f"__value{i}" for i in range(len(fields))]
        rows = ", ".join(
            f"({', '.join((quote_literal(uri(self.root, f.path)), *self._values(f, fields)))})"
            for f in files
        )
        scan = self._scan([uri(self.root, f.path) for f in files], "hive_partitioning=false")
        found = self._from_file(scan, self.schema)
        for field, name in zip(fields, names, strict=True):
            found[field.name] = f"CAST({name} AS {to_duckdb(field.type)})"
        scan = self._scan(
            [uri(self.root, f.path) for f in files], "hive_partitioning=false, filename=true"
        )
        joined = (
            f"{scan} AS __file JOIN (VALUES {rows}) AS __log(__uri, {', '.join(names)}) "
            "ON __file.filename = __log.__uri"
        )
        return self._select(joined, found)

    def empty(self) -> str:
        """No rows, with the table's columns."""
        found = {f.name: f"CAST(NULL AS {to_duckdb(f.type)})" for f in self.schema}
        columns = [f"{value} AS {quote_identifier(name)}" for name, value in found.items()]
        if self.file_column:
            columns.append(f"'' AS {quote_identifier(self.file_column)}")
        if self.row_ids:
            columns.append(f"'' AS {quote_identifier(ROW_ID)}")
        return f"SELECT {', '.join(columns)} WHERE false"

    def paths_tell(self, files: Sequence[DataFile]) -> bool:
        """Whether every file's folders name exactly the log's partition values."""
        fields = self._partition_fields()
        if any(
            not isinstance(f.type, Scalar) or f.type.name not in _HIVE_TYPES for f in fields
        ):
            return False
        return tell_all(files, fields)

    def _scan(self, uris: list[str], options: str) -> str:
        union = ", union_by_name=true" if self.evolved else ""
        return f"read_parquet({paths_list(uris)}, {options}{union})"

    def _select(self, relation: str, columns: Mapping[str, str]) -> str:
        told = [f"{value} AS {quote_identifier(name)}" for name, value in columns.items()]
        if self.file_column:
            told.append(f"filename AS {quote_identifier(self.file_column)}")
        if self.row_ids:
            told.append(f"{self._row_id()} AS {quote_identifier(ROW_ID)}")
        return f"SELECT {', '.join(told)} FROM {relation}"

    def _row_id(self) -> str:
        """Return an expression: which row it is, of which file."""
        file = f"md5({quote_literal(self.row_ids)} || substr(filename, {len(self.root) + 2}))"
        row = "CAST(file_row_number AS VARCHAR)"
        # The rest of the file's digest is shown nowhere: a key, and short, since the digest of
        # each row is what finding rows takes longest for.
        told = row if self.row_places else f"md5({file} || {row})"
        return f"left({file}, {FILE_MARK}) || {told}"

    def _from_file(self, scan: str, schema: Schema) -> dict[str, str]:
        with translated(self.con):
            described = self.con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
        present = {row[0].casefold(): (row[0], row[1]) for row in described}
        return {f.name: _cast(f, present.get(f.name.casefold())) for f in schema}

    def _partition_fields(self) -> list[Field]:
        found = (self.schema.get(name) for name in self.partitions)
        return [field for field in found if field is not None]

    def _values(self, file: DataFile, fields: Sequence[Field]) -> list[str]:
        found = []
        for field in fields:
            value = value_of(file.partition, field.name)
            found.append("CAST(NULL AS VARCHAR)" if not value else quote_literal(value))
        return found


def _cast(field: Field, present: tuple[str, str] | None) -> str:
    """Return a column of a file as the table's type; null where the file has none."""
    wanted = to_duckdb(field.type)
    if present is None:
        return f"CAST(NULL AS {wanted})"
    name, text = present
    try:
        held: Type | None = from_duckdb(text, column=name)
    except UnsupportedTypeError:
        held = None
    if isinstance(held, Struct) and isinstance(field.type, Struct):
        mine = {f.name.casefold() for f in held.fields}
        if not any(f.name.casefold() in mine for f in field.type.fields):
            # DuckDB refuses to cast between structs that share no field.
            return f"CAST(NULL AS {wanted})"
    return f"CAST({quote_identifier(name)} AS {wanted})"
