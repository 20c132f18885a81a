"""Athena's DDL: databases and external tables of the data catalog, under Lake Formation's permissions.

A principal needs CREATE_DATABASE on the catalog, CREATE_TABLE on a database, ALTER or DROP on a table,
and DATA_LOCATION_ACCESS wherever files are to be read: the lake reads them in its owner's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.file_formats import file_format
from lakeworks.catalog.data_catalog.model import Column, TableEntry
from lakeworks.query.known import external_entry, may_know
from lakeworks.query.statements import external_words as read_words
from lakeworks.query.statements.database_ddl import CreateDatabase, DropDatabase
from lakeworks.query.statements.ddl import Ddl, check_properties, data_of
from lakeworks.query.statements.external_changes import (
    AddColumns,
    AlterPartitions,
    DropExternal,
    Repair,
    SetProperties,
)
from lakeworks.query.statements.words import Words
from lakeworks.query.taken import check_free, taking
from lakeworks.query.unload_places import readable_place

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.query.asking import Asking
    from lakeworks.query.questions import Question
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult
    from lakeworks.query.statements.kinds import Statement
    from lakeworks.query.statements.writing import Writing


def read(text: str) -> Statement | None:
    """Return the statement about a database or an external table; None for others.

    Raises:
        StatementSyntaxError: it begins as one and does not read as one.
    """
    words = Words(text)
    if words.take("CREATE", "EXTERNAL", "TABLE"):
        return _created(words)
    for verb, kind in (("CREATE", CreateDatabase), ("DROP", DropDatabase)):
        for noun in ("DATABASE", "SCHEMA"):
            if words.take(verb, noun):
                return kind.read(words)
    if words.take("DROP", "TABLE"):
        return DropEither.read(text, words)
    if words.take("MSCK"):
        words.expect("REPAIR", "TABLE")
        table = words.table()
        words.end()
        return Repair(table)
    return _altered(words) if words.take("ALTER", "TABLE") else None


def _created(words: Words) -> Statement:
    quietly = words.take("IF", "NOT", "EXISTS")
    table = words.table()
    columns = read_words.columns(words)
    return CreateExternal(table, columns, read_words.layout(words), quietly=quietly)


def _altered(words: Words) -> Statement:
    table = words.table()
    if words.take("ADD", "COLUMNS"):
        columns = read_words.columns(words)
        words.end()
        return AddColumns(table, columns)
    if words.take("SET", "TBLPROPERTIES"):
        properties = read_words.properties(words)
        words.end()
        return SetProperties(table, properties)
    drops = words.take("DROP")
    if not drops:
        words.expect("ADD")
    quietly = words.take("IF", "EXISTS") if drops else words.take("IF", "NOT", "EXISTS")
    parts: list[tuple[dict[str, str], str]] = []
    while words.take("PARTITION"):
        values = read_words.partition(words)
        parts.append((values, read_words.text(words) if words.take("LOCATION") else ""))
        words.take(",")
    if not parts:
        raise words.wrong("PARTITION, COLUMNS or TBLPROPERTIES is expected")
    words.end()
    return AlterPartitions(table, tuple(parts), drops=drops, quietly=quietly)


@dataclass(frozen=True, slots=True)
class CreateExternal(Ddl):
    """CREATE EXTERNAL TABLE."""

    table: TableName
    columns: tuple[Column, ...]
    layout: read_words.Layout
    quietly: bool = False
    kind = "CREATE EXTERNAL TABLE"

    @property
    def target(self) -> str:
        """Its name."""
        return str(self.table)

    def check(self, writing: Writing) -> bool:
        """Refuse it to who may not, places that may not be read, and what nothing reads."""
        database = self.table.database
        writing.check_may(f"create tables in {database}", "CREATE_TABLE", database)
        there = external_entry(writing.reader, self.table) is not None
        if self.quietly and there and may_know(self.table, writing.asking.viewer):
            return False
        check_free(writing.reader.parts, writing.asking.viewer, self.table)
        readable_place(writing, self.layout.location)
        check_properties(writing, self.layout.properties)
        file_format(self._entry(writing))
        return True

    def carry_out(self, writing: Writing) -> int:
        """Make the entry; a principal may do with it whatever can be done with a table."""
        data, viewer = data_of(writing), writing.asking.viewer
        with taking(writing.reader.parts, viewer, self.table):
            data.ensure_database(self.table.database)
            data.create_table(
                self._entry(writing), by=writing.principal or None, reason=self.kind
            )
            governance = writing.reader.parts.governance
            if governance is not None and viewer is not None:
                governance.created(viewer.principal, str(self.table))
        return 1

    def _entry(self, writing: Writing) -> TableEntry:
        return TableEntry(
            self.table,
            description=self.layout.comment,
            owner=writing.principal,
            storage=self.layout.storage(self.columns),
            partition_keys=self.layout.keys,
            parameters={"EXTERNAL": "TRUE", **self.layout.properties},
        )


@dataclass(frozen=True, slots=True)
class DropEither:
    """DROP TABLE: of an external table its entry; of others, what DROP TABLE does."""

    text: str
    table: TableName
    quietly: bool = False

    @classmethod
    def read(cls, text: str, words: Words) -> DropEither:
        """Read what stands behind the words."""
        quietly = words.take("IF", "EXISTS")
        table = words.table()
        words.end()
        return cls(text, table, quietly)

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        return self._of(asking, reader).question(asking, reader)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Drop the table."""
        return self._of(asking, reader).run(asking, reader)

    def _of(self, asking: Asking, reader: Reader) -> Statement:
        from lakeworks.query.statements import dropping

        found = external_entry(reader, self.table)
        if found is not None and may_know(self.table, asking.viewer):
            return DropExternal(self.table)
        other = dropping.read(self.text)
        assert other is not None  # noqa: S101 - it reads the same words
        return other
