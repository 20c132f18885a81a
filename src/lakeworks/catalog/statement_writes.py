"""What statements wrote into which table: its lineage, and the tags that it brought along.

What a run made can be traced to a file; a statement leaves nothing but this. Entries stay when a
table is dropped, since its earlier versions may still be read. Files change, too: the lineage of
each query that a model had is kept here as well, for the versions that it made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.core.names import TableName
from lakeworks.core.redaction import scrubbed_value
from lakeworks.project.lineage_facts import NOTHING, QueryLineage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lakeworks.catalog.database import Database

WriteKind = Literal["create", "insert", "delete", "drop"]
_QUERY = "query"  # of a model: no statement's
# Of a column, its tags and their values.
ColumnTags = dict[str, tuple[str, ...]]

FINGERPRINT = "statement:"
_COLUMNS = (
    "run_id, table_name, kind, making, principal, sql_text, written_us, lineage_json, tags_json"
)


@dataclass(frozen=True, slots=True)
class ModelQuery:
    """What a model's columns derived from, from one publication on.

    Attributes:
        fingerprint: The model's, as its versions say it.
        tags: Of each column in lower case, the tags that the model's file gave it.
        kept: Whether a snapshot that is kept may show a version that it made.
    """

    table: TableName
    fingerprint: str
    since: datetime
    lineage: QueryLineage
    tags: Mapping[str, ColumnTags] = field(default_factory=dict)
    kept: bool = True


@dataclass(frozen=True, slots=True)
class StatementWrite:
    """One statement that wrote.

    Attributes:
        making: The run that made the table: one that is dropped and made again is another table.
        principal: Who asked; empty for the lake's owner.
        lineage: What the table's columns derive from by this statement.
        tags: Of each column in lower case, the tags that its origins had then.
    """

    run_id: str
    table: TableName
    kind: WriteKind
    making: str
    principal: str
    sql: str
    written_at: datetime
    lineage: QueryLineage = field(default_factory=lambda: QueryLineage((), NOTHING))
    tags: Mapping[str, ColumnTags] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """What the table's version says of who made it."""
        return f"{FINGERPRINT}{self.making}:{self.run_id}"


def making_of(fingerprint: str) -> str:
    """Return the run that made a table by a statement; empty for a table made otherwise."""
    if not fingerprint.startswith(FINGERPRINT):
        return ""
    return fingerprint.removeprefix(FINGERPRINT).partition(":")[0]


def identity_of(fingerprint: str) -> str:
    """Return which of several tables of one name a version is of: `statement:…`, `view:…`.

    Empty for tables that files declare, which stay one table whatever becomes of them.
    """
    return ":".join(fingerprint.split(":")[:2]) if ":" in fingerprint else ""


class StatementWrites:
    """The writes of statements. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, write: StatementWrite) -> None:
        """Take note of a statement, before anything of it can be seen."""
        with self._database.writing() as session:
            session.run(
                f"INSERT INTO statement_writes ({_COLUMNS}) VALUES (:run_id, :name, :kind, "
                ":making, :principal, :sql, :at, :lineage, :tags)",
                run_id=write.run_id,
                name=str(write.table),
                kind=write.kind,
                making=write.making,
                principal=write.principal,
                sql=str(scrubbed_value(write.sql)),
                at=microseconds(write.written_at),
                lineage=json.dumps(write.lineage.to_json()),
                tags=_tags_json(write.tags),
            )

    def forget(self, run_id: str) -> None:
        """Take back the note of a statement that came to nothing."""
        with self._database.writing() as session:
            session.run("DELETE FROM statement_writes WHERE run_id = :run_id", run_id=run_id)

    def all(self) -> list[StatementWrite]:
        """Return every write, in the order of their times."""
        with self._database.reading() as session:
            rows = session.all(
                f"SELECT {_COLUMNS} FROM statement_writes WHERE kind <> '{_QUERY}' "
                "ORDER BY written_us, run_id"
            )
        return [_write(row) for row in rows]

    def different(self) -> list[StatementWrite]:
        """Return the writes, in the order of their times, but of others than CREATE one of a kind.

        A table may have thousands of inserts; whoever asks what derives from what needs no two that
        say the same of that.
        """
        with self._database.reading() as session:
            rows = session.all(
                "SELECT min(run_id), table_name, kind, min(making), min(principal), min(sql_text), "
                "min(written_us), lineage_json, tags_json FROM statement_writes "
                f"WHERE kind <> '{_QUERY}' GROUP BY "
                "table_name, kind, lineage_json, tags_json, "
                "CASE WHEN kind = 'create' THEN run_id ELSE '' END ORDER BY 7, 1"
            )
        return [_write(row) for row in rows]

    def of(self, table: TableName) -> list[StatementWrite]:
        """Return the writes of one table, in the order of their times."""
        with self._database.reading() as session:
            rows = session.all(
                f"SELECT {_COLUMNS} FROM statement_writes WHERE table_name = :name "
                f"AND kind <> '{_QUERY}' ORDER BY written_us, run_id",
                name=str(table),
            )
        return [_write(row) for row in rows]

    def note_queries(self, run_id: str, queries: Iterable[ModelQuery]) -> None:
        """Keep what models derive from, as a run published the first versions made so."""
        with self._database.writing() as session:
            for query in queries:
                session.run(
                    f"INSERT INTO statement_writes ({_COLUMNS}) VALUES (:run_id, :name, :kind, "
                    ":making, '', '', :at, :lineage, :tags)",
                    run_id=f"{run_id} {query.table}",
                    name=str(query.table),
                    kind=_QUERY,
                    making=query.fingerprint,
                    at=microseconds(query.since),
                    lineage=json.dumps(query.lineage.to_json()),
                    tags=_tags_json(query.tags),
                )

    def latest_queries(self) -> dict[TableName, tuple[str, Mapping[str, ColumnTags]]]:
        """Return the fingerprint of the query that each model was last made by, and its tags."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT table_name, making, tags_json FROM statement_writes "
                f"WHERE kind = '{_QUERY}' ORDER BY written_us, run_id"
            )
        return {TableName.parse(name): (making, _tags(tags)) for name, making, tags in rows}

    def queries(self) -> dict[TableName, list[ModelQuery]]:
        """Return the queries that each model had, in the order of their times."""
        with self._database.reading() as session:
            oldest = session.first("SELECT min(created_us) FROM snapshots")
            rows = session.all(
                "SELECT table_name, making, written_us, lineage_json, tags_json "
                f"FROM statement_writes WHERE kind = '{_QUERY}' "
                "ORDER BY written_us DESC, run_id DESC"
            )
        first_us = oldest[0] or 0 if oldest else 0
        found: dict[TableName, list[ModelQuery]] = {}
        ended_us: dict[str, int] = {}
        for name, making, at_us, lineage, tags in rows:
            table, told = TableName.parse(name), QueryLineage.from_json(json.loads(lineage))
            kept = ended_us.get(name, first_us) >= first_us
            since = from_microseconds(at_us)
            query = ModelQuery(table, making, since, told, _tags(tags), kept)
            found.setdefault(table, []).insert(0, query)
            ended_us[name] = at_us
        return found


def _write(row: tuple[Any, ...]) -> StatementWrite:
    run_id, name, kind, making, principal, sql, at, lineage, tags = row
    return StatementWrite(
        run_id,
        TableName.parse(name),
        kind,
        making,
        principal,
        sql,
        from_microseconds(at),
        QueryLineage.from_json(json.loads(lineage)),
        _tags(tags),
    )


def _tags_json(tags: Mapping[str, ColumnTags]) -> str:
    return json.dumps({name: dict(found) for name, found in tags.items()})


def _tags(text: str) -> dict[str, ColumnTags]:
    return {
        column: {tag: tuple(values) for tag, values in found.items()}
        for column, found in json.loads(text).items()
    }
