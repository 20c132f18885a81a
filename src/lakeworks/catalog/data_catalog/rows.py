"""The data catalog's databases and tables in SQL. Each function works in a given transaction."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.data_catalog.errors import EntryNotFoundError
from lakeworks.catalog.data_catalog.glue_json import (
    database_from_json,
    database_input,
    stored_table,
    table_input,
)
from lakeworks.catalog.data_catalog.model import DatabaseEntry, TableVersion
from lakeworks.catalog.moments import from_microseconds
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.catalog.database import Session

# In ASCII, as half a surrogate pair, which JSON may hold, is no text to a database.
_JSON = json.JSONEncoder(separators=(",", ":"))
_TABLE = (
    "SELECT table_id, database_name, entry_json, version, updated_by, reason, created_us, "
    "updated_us, table_type FROM dc_tables"
)
_OWN = "FROM dc_tables WHERE database_name = :database AND table_name = :table"
_VERSION = (
    "SELECT version, at_us, changed_by, reason, entry_json FROM dc_table_versions "
    "WHERE table_id = :id"
)


def compact(told: Any) -> str:  # noqa: ANN401 - JSON
    """Return JSON text without spaces."""
    return _JSON.encode(told)


def databases(session: Session) -> list[DatabaseEntry]:
    """Return every database, by name."""
    rows = session.all("SELECT entry_json, created_us FROM dc_databases ORDER BY database_name")
    return [_database(row) for row in rows]


def database(session: Session, name: str) -> DatabaseEntry:
    """Return one database.

    Raises:
        EntryNotFoundError: there is none.
    """
    row = session.first(
        "SELECT entry_json, created_us FROM dc_databases WHERE database_name = :name", name=name
    )
    if row is None:
        known = session.all("SELECT database_name FROM dc_databases")
        raise EntryNotFoundError.database(name, (one[0] for one in known))
    return _database(row)


def has_database(session: Session, name: str) -> bool:
    """Whether there is a database of that name."""
    found = session.first("SELECT 1 FROM dc_databases WHERE database_name = :name", name=name)
    return found is not None


def write_database(session: Session, entry: DatabaseEntry) -> None:
    """Make a database, or put `entry` in its place."""
    session.run(
        "INSERT INTO dc_databases (database_name, entry_json, created_us, updated_us) "
        "VALUES (:name, :entry, :now, :now) ON CONFLICT (database_name) DO UPDATE SET "
        "entry_json = excluded.entry_json, updated_us = excluded.updated_us",
        name=entry.name,
        entry=compact(database_input(entry)),
        now=session.now_us(),
    )


def ensure_database(session: Session, name: str) -> None:
    """Make a database unless it is there."""
    if not has_database(session, name):
        write_database(session, DatabaseEntry(name))


def drop_database(session: Session, name: str) -> None:
    """Delete a database that has no table any more."""
    session.run("DELETE FROM dc_databases WHERE database_name = :name", name=name)


def tables(
    session: Session, database_name: str | None, *, after: str, limit: int | None
) -> list[TableEntry]:
    """Return tables by name, those after a name: of one database, or `database.table` of all."""
    most = 2**31 - 1 if limit is None else limit
    if database_name is None:
        database, _, table = after.partition(".")
        rows = session.all(
            f"{_TABLE} WHERE (database_name, table_name) > (:database, :table) "
            "ORDER BY database_name, table_name LIMIT :most",
            database=database,
            table=table,
            most=most,
        )
    else:
        rows = session.all(
            f"{_TABLE} WHERE database_name = :database AND table_name > :after "
            "ORDER BY table_name LIMIT :most",
            database=database_name,
            after=after,
            most=most,
        )
    return [_table(row) for row in rows]


def tables_numbered(session: Session, numbers: Sequence[int]) -> list[tuple[int, TableEntry]]:
    """Return the tables of these numbers that there are, each with its number."""
    if not numbers:
        return []
    marks = ", ".join(str(int(number)) for number in numbers)
    return [
        (row[0], _table(row)) for row in session.all(f"{_TABLE} WHERE table_id IN ({marks})")
    ]


def tables_of_types(session: Session, types: Sequence[str]) -> list[tuple[int, TableEntry]]:
    """Return the tables of some types by name, each with its number."""
    kinds = {f"k{at}": kind for at, kind in enumerate(types)}
    marks = ", ".join(f":{name}" for name in kinds)
    found = session.all(
        f"{_TABLE} WHERE table_type IN ({marks}) ORDER BY database_name, table_name", **kinds
    )
    return [(row[0], _table(row)) for row in found]


def table_names(session: Session, types: Sequence[str] = ()) -> list[TableName]:
    """Return the names of all tables, or of those of some types, in order."""
    marks = {f"t{at}": kind for at, kind in enumerate(types)}
    where = f" WHERE table_type IN ({', '.join(f':{one}' for one in marks)})" if marks else ""
    rows = session.all(
        f"SELECT database_name, table_name FROM dc_tables{where} "
        "ORDER BY database_name, table_name",
        **marks,
    )
    return [TableName(*row) for row in rows]


def table_numbers(session: Session, names: Sequence[TableName]) -> dict[TableName, int]:
    """Return the numbers of those of these tables that there are."""
    found = {}
    for name in names:
        row = session.first(f"SELECT table_id {_OWN}", database=name.database, table=name.table)
        if row is not None:
            found[name] = int(row[0])
    return found


def find_table(session: Session, name: TableName) -> tuple[int, TableEntry] | None:
    """Return a table with its number, or None."""
    row = session.first(
        f"{_TABLE} WHERE database_name = :database AND table_name = :table",
        database=name.database,
        table=name.table,
    )
    return None if row is None else (row[0], _table(row))


def table(session: Session, name: TableName) -> tuple[int, TableEntry]:
    """Return a table with its number.

    Raises:
        EntryNotFoundError: there is none.
    """
    found = find_table(session, name)
    if found is None:
        raise EntryNotFoundError.table(str(name), map(str, table_names(session)))
    return found


def table_id(session: Session, name: TableName) -> int:
    """Return a table's number.

    Raises:
        EntryNotFoundError: there is none.
    """
    row = session.first(f"SELECT table_id {_OWN}", database=name.database, table=name.table)
    return table(session, name)[0] if row is None else int(row[0])


def add_table(session: Session, entry: TableEntry) -> int:
    """Insert a table and return its number."""
    row = session.first(
        "INSERT INTO dc_tables (database_name, table_name, table_type, classification, owner, "
        "description, location, version, updated_by, reason, created_us, updated_us, "
        "fingerprint, entry_json) VALUES (:database, :table, :kind, :classification, :owner, "
        ":description, :location, :version, :by, :reason, :now, :now, '', :entry) "
        "RETURNING table_id",
        now=session.now_us(),
        database=entry.name.database,
        table=entry.name.table,
        **_fields(entry),
    )
    return int(row[0]) if row else 0


def change_table(session: Session, number: int, entry: TableEntry) -> None:
    """Put `entry` in place of a table's present one."""
    session.run(
        "UPDATE dc_tables SET table_type = :kind, classification = :classification, "
        "owner = :owner, description = :description, location = :location, "
        "version = :version, updated_by = :by, reason = :reason, updated_us = :now, "
        "fingerprint = '', entry_json = :entry WHERE table_id = :id",
        id=number,
        now=session.now_us(),
        **_fields(entry),
    )


def archive(session: Session, number: int) -> None:
    """Keep a table's present entry as one of its versions."""
    session.run(
        "INSERT INTO dc_table_versions (table_id, version, at_us, changed_by, reason, "
        "entry_json) SELECT table_id, version, updated_us, updated_by, reason, entry_json "
        "FROM dc_tables WHERE table_id = :id",
        id=number,
    )


def versions(session: Session, number: int, present: TableEntry) -> list[TableVersion]:
    """Return a table's versions, newest first; the first is the table as it is."""
    rows = session.all(f"{_VERSION} ORDER BY version DESC", id=number)
    return [as_version(present), *(_version(row, present) for row in rows)]


def version(
    session: Session, number: int, present: TableEntry, wanted: int
) -> TableVersion | None:
    """Return one version of a table, or None."""
    if wanted == present.version:
        return as_version(present)
    row = session.first(f"{_VERSION} AND version = :version", id=number, version=wanted)
    return None if row is None else _version(row, present)


def drop_version(session: Session, number: int, wanted: int) -> bool:
    """Delete one archived version; whether there was one."""
    return bool(
        session.run(
            "DELETE FROM dc_table_versions WHERE table_id = :id AND version = :version",
            id=number,
            version=wanted,
        )
    )


def drop_table(session: Session, number: int) -> None:
    """Delete a table with all that belongs to it."""
    for owned in (
        "dc_partitions",
        "dc_partition_shapes",
        "dc_column_statistics",
        "dc_table_versions",
        "dc_words",
        "dc_tables",
    ):
        session.run(f"DELETE FROM {owned} WHERE table_id = :id", id=number)


def as_version(entry: TableEntry) -> TableVersion:
    """Return a table's present entry as a version."""
    at = entry.updated_at or from_microseconds(0)
    return TableVersion(entry.version, at, entry.updated_by, entry.reason, entry)


def _fields(entry: TableEntry) -> dict[str, Any]:
    return {
        "kind": _storable(entry.table_type),
        "classification": _storable(entry.classification),
        "owner": _storable(entry.owner),
        "description": _storable(entry.description),
        "location": _storable(entry.storage.location),
        "version": entry.version,
        "by": _storable(entry.updated_by),
        "reason": _storable(entry.reason),
        "entry": compact(table_input(entry)),
    }


def _storable(text: str) -> str:
    """Return a text as every database takes it; the whole one is in the entry's JSON."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _database(row: tuple[Any, ...]) -> DatabaseEntry:
    return replace(database_from_json(json.loads(row[0])), created_at=from_microseconds(row[1]))


def _table(row: tuple[Any, ...]) -> TableEntry:
    return replace(
        stored_table(json.loads(row[2]), row[1]),
        version=row[3],
        updated_by=row[4],
        reason=row[5],
        created_at=from_microseconds(row[6]),
        updated_at=from_microseconds(row[7]),
        table_type=row[8],
    )


def _version(row: tuple[Any, ...], present: TableEntry) -> TableVersion:
    entry = replace(
        stored_table(json.loads(row[4]), present.name.database),
        version=row[0],
        updated_by=row[2],
        reason=row[3],
        created_at=present.created_at,
        updated_at=from_microseconds(row[1]),
    )
    if present.managed:
        entry = replace(entry, table_type=present.table_type)
    return as_version(entry)
