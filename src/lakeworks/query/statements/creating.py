"""CREATE TABLE … AS: the rows of a query become a table of the lake.

It takes CREATE_TABLE on the database; whoever makes a table has every permission on it. Properties
are Athena's as far as the lake keeps what they ask for, else they are refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lakeworks.pipeline.statement_tables import check_none_lost
from lakeworks.query.known import may_know
from lakeworks.query.statements.errors import MisfitError, WriteOptionError
from lakeworks.query.statements.words import Words
from lakeworks.query.statements.writing import Writing
from lakeworks.query.taken import check_free, taken_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.core.names import TableName
    from lakeworks.pipeline.statement_tables import TableChange
    from lakeworks.query.asking import Asking
    from lakeworks.query.questions import Question
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult
    from lakeworks.query.statements.writing import Incoming
    from lakeworks.storage.files import DataFile

KNOWN = ("format", "partitioned_by", "partitioning", "write_compression", "parquet_compression")
_ELSEWHERE = "the lake keeps its tables in its own storage; UNLOAD writes elsewhere"
_UNSUPPORTED = {
    "external_location": _ELSEWHERE,
    "location": _ELSEWHERE,
    "is_external": _ELSEWHERE,
    "bucketed_by": "partition by columns: partitioned_by = ARRAY['year']",
    "bucket_count": "partition by columns: partitioned_by = ARRAY['year']",
    "table_type": "tables of the lake are Delta tables",
    "field_delimiter": "tables of the lake are Parquet; UNLOAD writes text",
    "orc_compression": "tables of the lake are Parquet; UNLOAD writes other formats",
    "compression_level": "the lake chooses it",
}
COMPRESSION = ("ZSTD",)


def read(text: str) -> CreateTableAs | None:
    """Return the statement that makes a table of a query; None for others.

    Raises:
        StatementSyntaxError: it begins as one and does not read as one.
        WriteOptionError: a property cannot be kept.
    """
    words = Words(text)
    if not words.take("CREATE", "TABLE"):
        return None
    quietly = words.take("IF", "NOT", "EXISTS")
    table = words.table()
    partitions: tuple[str, ...] = ()
    while not words.take("AS"):
        if words.take("WITH"):
            partitions = _partitions(words.properties()) or partitions
        elif words.take("PARTITIONED", "BY"):
            partitions = words.names()
        elif words.stands("("):
            raise words.wrong("a table is made of a query: CREATE TABLE db.table AS SELECT …")
        else:
            raise words.wrong("AS and a query are expected")
    words.drop_end(";")
    filled = not words.drop_end("WITH", "NO", "DATA")
    if filled:
        words.drop_end("WITH", "DATA")
    return CreateTableAs(table, words.rest(), partitions, quietly=quietly, filled=filled)


def _partitions(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """Hold properties to what the lake keeps; return the columns to partition by."""
    for name in properties:
        if name in _UNSUPPORTED:
            raise WriteOptionError.unsupported(name, _UNSUPPORTED[name])
        if name not in KNOWN:
            raise WriteOptionError.unknown(name, KNOWN)
    _one_of("format", properties.get("format", "PARQUET"), ("PARQUET",))
    for name in ("write_compression", "parquet_compression"):
        _one_of(name, properties.get(name, COMPRESSION[0]), COMPRESSION)
    columns = properties.get("partitioned_by", properties.get("partitioning", []))
    return column_names("partitioned_by", columns)


def column_names(name: str, value: object) -> tuple[str, ...]:
    """Return the columns that a property lists.

    Raises:
        WriteOptionError: it lists something else.
    """
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise WriteOptionError.value(
            name, value, ("a list of columns: ARRAY['year', 'month']",)
        )
    return tuple(value)


def _one_of(name: str, value: object, known: Sequence[str]) -> None:
    if str(value).upper() not in known:
        raise WriteOptionError.value(name, value, known)


@dataclass(frozen=True, slots=True)
class CreateTableAs:
    """One of them, as it was written.

    Attributes:
        query: The caller's SQL.
        quietly: Whether a table that is there already is no error.
        filled: Whether the query's rows go into it, or its columns alone.
    """

    table: TableName
    query: str
    partitions: tuple[str, ...] = ()
    quietly: bool = False
    filled: bool = True

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        writing = self._writing(asking, reader)
        if self._is_there(writing):
            return writing.question()
        return writing.question(self.query)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Make the table."""
        writing = self._writing(asking, reader)
        if self._is_there(writing):
            return writing.done(0)
        with writing.changing(self.table) as change:
            if self._is_there(writing):  # another statement may have made it meanwhile
                return writing.done(0)
            with writing.queried(self.query, limit=None if self.filled else 0) as given:
                self._fill(writing, change, given)
        return writing.done(change.rows)

    def _writing(self, asking: Asking, reader: Reader) -> Writing:
        writing = Writing(asking, reader, "CREATE TABLE", str(self.table))
        writing.check_layer(self.table)
        database = self.table.database
        writing.check_may(f"create tables in {database}", "CREATE_TABLE", database)
        if asking.viewer is None and not self._is_table(writing):
            writing.check_undeclared(self.table)  # a principal hears that the name is taken
        return writing

    def _is_table(self, writing: Writing) -> bool:
        return taken_by(writing.reader.parts, self.table) == "a table"

    def _is_there(self, writing: Writing) -> bool:
        """Whether there is nothing to do.

        Raises:
            NameTakenError: the name belongs to something.
        """
        viewer = writing.asking.viewer
        if self.quietly and may_know(self.table, viewer) and self._is_table(writing):
            return True
        check_free(writing.reader.parts, viewer, self.table)
        return False

    def _fill(self, writing: Writing, change: TableChange, given: Incoming) -> None:
        names = column_list(given.result.given)
        partitions = _spelled(str(self.table), self.partitions, names)
        lineage, tags = writing.tags(given.lineage(names))
        note = writing.note(change, "create", change.run_id)
        note = replace(note, lineage=lineage, tags=tags)
        change.reads = given.reads()
        with given.own_failures():
            staged = change.staged(given.reader(), partition_by=partitions)
        check_none_lost(self.table, staged, given.rows)
        change.rows = given.rows
        self._grant(writing, change)
        change.commit(
            note, staged.schema, staged.added, _left(change), partition_columns=partitions
        )

    def _grant(self, writing: Writing, change: TableChange) -> None:
        """Give whoever makes the table every permission, and take back those of an earlier one."""
        governance, viewer = writing.reader.parts.governance, writing.asking.viewer
        if governance is None:
            return
        earlier = change.services.catalog.statement_writes.of(self.table)
        if any(write.kind == "create" for write in earlier):
            governance.makers.forget_table(self.table)
        if viewer is not None:
            making, who = change.run_id, viewer.principal
            governance.created(who, str(self.table), making=making)
            change.undoes(
                lambda: governance.makers.uncreated(who, str(self.table), making=making)
            )


def column_list(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a result, each with a name that a table can have.

    Raises:
        MisfitError: one has none, or two have the same.
    """
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        # What an engine calls a column that the query gives no name differs between engines.
        if not name.strip() or any(mark in name for mark in "(){}[];=,'\"\n\t*"):
            raise MisfitError.unnamed(position)
        if name.casefold() in seen:
            raise MisfitError.twice(name)
        seen.add(name.casefold())
    return tuple(names)


def _spelled(table: str, wanted: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    spelled = {name.casefold(): name for name in names}
    for name in wanted:
        if name.casefold() not in spelled:
            raise MisfitError.column(table, name, names)
    return tuple(spelled[name.casefold()] for name in wanted)


def _left(change: TableChange) -> tuple[DataFile, ...]:
    """Return the files of a version that was never published, which this one replaces."""
    head = change.head
    if head is None or not head.rows:
        return ()
    return change.services.storage.table(change.table).version(head.version).files
