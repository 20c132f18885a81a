"""Athena's DDL: databases and external tables of the data catalog, under Lake Formation's permissions.

A principal needs CREATE_DATABASE on the catalog, CREATE_TABLE on a database, ALTER or DROP on a table,
and DATA_LOCATION_ACCESS wherever files are to be read: the lake reads them in its owner's name.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from lakeworks.catalog.data_catalog.errors import (
    EntryNotFoundError,
    EntryRefusedError,
    UnreadableTableError,
)
from lakeworks.catalog.data_catalog.file_formats import file_format
from lakeworks.catalog.data_catalog.model import (
    Column,
    DatabaseEntry,
    PartitionEntry,
    TableEntry,
)
from lakeworks.query.errors import NotAllowedError
from lakeworks.query.known import external_entry, known_names, may_know
from lakeworks.query.statements import external_words as read_words
from lakeworks.query.statements.errors import ExternalDdlError
from lakeworks.query.statements.words import Words
from lakeworks.query.statements.writing import Writing
from lakeworks.query.taken import check_free
from lakeworks.query.unload_places import readable_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.data_catalog.service import DataCatalog
    from lakeworks.core.names import TableName
    from lakeworks.query.asking import Asking
    from lakeworks.query.questions import Question
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult
    from lakeworks.query.statements.kinds import Statement

# What a principal may say of a table. Others, such as a template of locations, could lead elsewhere.
_PROPERTIES = frozenset({
    "classification", "comment", "compressiontype", "has_encrypted_data", "orc.compress",
    "parquet.compression", "skip.header.line.count", "use.null.for.invalid.data",
})  # fmt: skip


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


class _Ddl:
    """What all of them share: they are looked at as a whole before anything changes."""

    __slots__ = ()
    kind = ""

    def check(self, writing: Writing) -> bool:
        """Refuse what may not be; return whether there is something to do."""
        raise NotImplementedError

    def carry_out(self, writing: Writing) -> int:
        """Do it; return what it was about, in partitions or entries."""
        raise NotImplementedError

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        writing = Writing(asking, reader, self.kind, self.target)
        writing.check_now()
        with _told():
            self.check(writing)
        return writing.question()

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Carry it out."""
        writing = Writing(asking, reader, self.kind, self.target)
        writing.check_now()
        with _told():
            done = self.carry_out(writing) if self.check(writing) else 0
        writing.told(done)
        return writing.done(done)

    @property
    def target(self) -> str:
        """What it changes."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class CreateDatabase(_Ddl):
    """CREATE DATABASE."""

    entry: DatabaseEntry
    quietly: bool = False
    kind = "CREATE DATABASE"

    @classmethod
    def read(cls, words: Words) -> CreateDatabase:
        """Read what stands behind the word."""
        quietly = words.take("IF", "NOT", "EXISTS")
        entry = DatabaseEntry(words.identifier().lower())
        while words.next_kind():
            if words.take("COMMENT"):
                entry = replace(entry, description=read_words.text(words))
            elif words.take("LOCATION"):
                entry = replace(entry, location=read_words.text(words))
            else:
                words.expect("WITH", "DBPROPERTIES")
                entry = replace(entry, parameters=read_words.properties(words))
        words.end()
        return cls(entry, quietly)

    @property
    def target(self) -> str:
        """Its name."""
        return self.entry.name

    def check(self, writing: Writing) -> bool:
        """Refuse it to who may not, and a name that is taken."""
        writing.check_may(f"create the database {self.target}", "CREATE_DATABASE", "catalog")
        viewer = writing.asking.viewer
        if viewer is not None and (self.entry.location or self.entry.parameters):
            raise NotAllowedError.to(
                "give a database a location", "being the owner", "the lake"
            )
        known = [one.name for one in _data(writing).list_databases()]
        if self.target in known and not self.quietly:
            raise ExternalDdlError.because(f"the database {self.target} is there already")
        return self.target not in known

    def carry_out(self, writing: Writing) -> int:
        """Make it."""
        _data(writing).create_database(self.entry)
        return 1


@dataclass(frozen=True, slots=True)
class DropDatabase(_Ddl):
    """DROP DATABASE."""

    name: str
    quietly: bool = False
    cascade: bool = False
    kind = "DROP DATABASE"

    @classmethod
    def read(cls, words: Words) -> DropDatabase:
        """Read what stands behind the word."""
        quietly = words.take("IF", "EXISTS")
        name = words.identifier().lower()
        cascade = words.take("CASCADE")
        if not cascade:
            words.take("RESTRICT")
        words.end()
        return cls(name, quietly, cascade)

    @property
    def target(self) -> str:
        """Its name."""
        return self.name

    def check(self, writing: Writing) -> bool:
        """Refuse it to who may not, and a database that holds more than external tables."""
        writing.check_may(f"drop the database {self.name}", "DROP", self.name)
        try:
            _data(writing).get_database(self.name)
        except EntryNotFoundError:
            if self.quietly:
                return False
            raise ExternalDdlError.because(f"there is no database {self.name}") from None
        reader = writing.reader
        held = [one for one in known_names(reader, None) if one.database == self.name]
        own = [one for one in held if external_entry(reader, one) is None]
        if own or (held and not self.cascade):
            told = "tables of the lake" if own else "external tables: add CASCADE"
            raise ExternalDdlError.because(f"the database {self.name} holds {told}")
        for table in held:
            writing.check_may(f"drop all that {self.name} holds", "DROP", str(table))
        return True

    def carry_out(self, writing: Writing) -> int:
        """Drop it, with the entries of its tables; files stay."""
        held = [n for n in known_names(writing.reader, None) if n.database == self.name]
        for table in held:
            _forget(writing, table)
        _data(writing).delete_database(self.name)
        return 1 + len(held)


@dataclass(frozen=True, slots=True)
class CreateExternal(_Ddl):
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
        if self.quietly and external_entry(writing.reader, self.table) is not None:
            return False
        check_free(writing.reader.parts, writing.asking.viewer, self.table)
        readable_place(writing, self.layout.location)
        _check_properties(writing, self.layout.properties)
        file_format(self._entry(writing))
        return True

    def carry_out(self, writing: Writing) -> int:
        """Make the entry; a principal may do with it whatever can be done with a table."""
        data = _data(writing)
        data.ensure_database(self.table.database)
        data.create_table(self._entry(writing), by=writing.principal or None, reason=self.kind)
        governance, viewer = writing.reader.parts.governance, writing.asking.viewer
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


class _Altering(_Ddl):
    """A change of an external table that is there."""

    __slots__ = ()
    table: TableName
    permission = "ALTER"

    @property
    def target(self) -> str:
        """Its name."""
        return str(self.table)

    def check(self, writing: Writing) -> bool:
        """Refuse it to who may not."""
        self.entry(writing)
        return True

    def entry(self, writing: Writing) -> TableEntry:
        """Return the table's entry.

        Raises:
            UnknownTableError: there is no such table, as far as the caller knows.
            NotAllowedError: the caller may not change it.
            ExternalDdlError: it is no external table, or the project declares it.
        """
        from lakeworks.catalog.errors import UnknownTableError

        reader, viewer = writing.reader, writing.asking.viewer
        known = known_names(reader, viewer)
        if self.table not in known or not may_know(self.table, viewer):
            raise UnknownTableError.named(str(self.table), [str(one) for one in known])
        writing.check_may(f"{self.kind} {self.table}", self.permission, str(self.table))
        found = external_entry(reader, self.table)
        if found is None:
            raise ExternalDdlError.because(
                f"{self.table} is no external table", "models and sources say what tables are"
            )
        if "lakeworks.declared" in found.parameters:
            raise ExternalDdlError.because(f"{self.table} is declared in the project")
        return found


@dataclass(frozen=True, slots=True)
class AddColumns(_Altering):
    """ALTER TABLE … ADD COLUMNS."""

    table: TableName
    columns: tuple[Column, ...]
    kind = "ALTER TABLE"

    def carry_out(self, writing: Writing) -> int:
        """Add them behind the others."""
        entry = self.entry(writing)
        taken = {column.name.lower() for column in entry.columns}
        for column in self.columns:
            if column.name in taken:
                raise ExternalDdlError.because(f"{self.table} has a column {column.name}")
        storage = replace(entry.storage, columns=(*entry.storage.columns, *self.columns))
        _update(writing, entry, replace(entry, storage=storage))
        return len(self.columns)


@dataclass(frozen=True, slots=True)
class SetProperties(_Altering):
    """ALTER TABLE … SET TBLPROPERTIES."""

    table: TableName
    properties: dict[str, str]
    kind = "ALTER TABLE"

    def check(self, writing: Writing) -> bool:
        """Refuse it to who may not, and properties that lead elsewhere."""
        self.entry(writing)
        _check_properties(writing, self.properties)
        return True

    def carry_out(self, writing: Writing) -> int:
        """Set them."""
        entry = self.entry(writing)
        changed = replace(entry, parameters={**entry.parameters, **self.properties})
        file_format(changed)
        _update(writing, entry, changed)
        return len(self.properties)


@dataclass(frozen=True, slots=True)
class AlterPartitions(_Altering):
    """ALTER TABLE … ADD PARTITION, or DROP PARTITION.

    Attributes:
        parts: The value of each key, and the location where it is told.
    """

    table: TableName
    parts: tuple[tuple[dict[str, str], str], ...]
    drops: bool = False
    quietly: bool = False
    kind = "ALTER TABLE"

    def check(self, writing: Writing) -> bool:
        """Refuse it to who may not, and places that may not be read."""
        entry = self.entry(writing)
        for values, location in self.parts:
            _values(entry, values)
            if location:
                readable_place(writing, location)
        return True

    def carry_out(self, writing: Writing) -> int:
        """Add or drop them."""
        entry, data = self.entry(writing), _data(writing)
        wanted = [(_values(entry, values), location) for values, location in self.parts]
        known = {one.values for one in data.partitions(self.table)}
        odd = [values for values, _ in wanted if (values in known) is not self.drops]
        if odd and not self.quietly:
            told = "has no partition" if self.drops else "has the partition"
            raise ExternalDdlError.because(f"{self.table} {told} {', '.join(odd[0])}")
        if self.drops:
            gone = [values for values, _ in wanted if values in known]
            data.delete_partitions(self.table, gone)
            return len(gone)
        return data.create_partitions(
            self.table,
            [_partition(entry, values, at) for values, at in wanted if values not in known],
        )


@dataclass(frozen=True, slots=True)
class Repair(_Altering):
    """MSCK REPAIR TABLE: folders named `key=value` become partitions."""

    table: TableName
    kind = "MSCK REPAIR TABLE"

    def carry_out(self, writing: Writing) -> int:
        """Add those that the catalog does not have."""
        from lakeworks.storage.objects import ObjectStore

        entry, data = self.entry(writing), _data(writing)
        keys = [key.name.lower() for key in entry.partition_keys]
        if not keys:
            raise ExternalDdlError.because(f"{self.table} has no partitions")
        options = dict(writing.services.project.environment.options or {})
        known = {one.values for one in data.partitions(self.table)}
        found = []
        above, _, last = entry.storage.location.rstrip("/").rpartition("/")
        store = ObjectStore.open(above, options)
        for folder in store.folders(last, depth=len(keys)):
            pairs = [part.partition("=") for part in folder.strip("/").split("/")]
            values = tuple(unquote(value) for _, _, value in pairs)
            if [name.lower() for name, _, _ in pairs] == keys and values not in known:
                at = f"{entry.storage.location.rstrip('/')}/{folder.strip('/')}/"
                found.append(_partition(entry, values, at))
        return data.create_partitions(self.table, found)


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
            return _DropExternal(self.table)
        other = dropping.read(self.text)
        assert other is not None  # noqa: S101 - it reads the same words
        return other


@dataclass(frozen=True, slots=True)
class _DropExternal(_Altering):
    table: TableName
    kind = "DROP TABLE"
    permission = "DROP"

    def carry_out(self, writing: Writing) -> int:
        """Drop the entry and what was granted on it; files stay."""
        _forget(writing, self.table)
        _data(writing).delete_table(self.table)
        return 1


@contextmanager
def _told() -> Iterator[None]:
    """Say what the data catalog refuses: it is about what the caller wrote."""
    try:
        yield
    except (EntryRefusedError, UnreadableTableError) as error:
        raise ExternalDdlError.because(error.problem, error.hint) from None


def _data(writing: Writing) -> DataCatalog:
    return writing.reader.parts.catalog.data_catalog


def _forget(writing: Writing, table: TableName) -> None:
    governance, viewer = writing.reader.parts.governance, writing.asking.viewer
    if governance is not None:
        governance.dropped(None if viewer is None else viewer.principal, str(table))


def _update(writing: Writing, before: TableEntry, entry: TableEntry) -> None:
    _data(writing).update_table(
        entry, by=writing.principal or None, reason="ALTER TABLE", version=before.version
    )


def _check_properties(writing: Writing, properties: dict[str, str]) -> None:
    """Refuse a principal properties that could lead the lake to read elsewhere."""
    if writing.asking.viewer is None:
        return
    for key in properties:
        if key not in _PROPERTIES:
            raise NotAllowedError.to(f"set {key}", "being the owner", "the lake")


def _values(entry: TableEntry, told: dict[str, str]) -> tuple[str, ...]:
    keys = [key.name.lower() for key in entry.partition_keys]
    if sorted(keys) != sorted(told):
        raise ExternalDdlError.because(
            f"{entry.name} has the partition keys {', '.join(keys) or 'none'}"
        )
    return tuple(told[key] for key in keys)


def _partition(entry: TableEntry, values: tuple[str, ...], location: str) -> PartitionEntry:
    keys = [key.name.lower() for key in entry.partition_keys]
    # As Hive spells it: no value leads out of the table's folder.
    folder = "/".join(
        f"{key}={quote(value, safe=' -_.,+@~')}"
        for key, value in zip(keys, values, strict=True)
    )
    at = location or f"{entry.storage.location.rstrip('/')}/{folder}/"
    return PartitionEntry(values, replace(entry.storage, columns=(), location=at))
