"""CREATE DATABASE and DROP DATABASE: entries of the data catalog."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.errors import EntryNotFoundError
from lakeworks.catalog.data_catalog.model import DatabaseEntry
from lakeworks.query.errors import NotAllowedError
from lakeworks.query.known import external_entry, known_names
from lakeworks.query.statements import external_words as read_words
from lakeworks.query.statements.ddl import Ddl, data_of, forget
from lakeworks.query.statements.errors import ExternalDdlError

if TYPE_CHECKING:
    from lakeworks.query.statements.words import Words
    from lakeworks.query.statements.writing import Writing


@dataclass(frozen=True, slots=True)
class CreateDatabase(Ddl):
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
        known = [one.name for one in data_of(writing).list_databases()]
        if self.target in known and not self.quietly:
            raise ExternalDdlError.because(f"the database {self.target} is there already")
        return self.target not in known

    def carry_out(self, writing: Writing) -> int:
        """Make it."""
        data_of(writing).create_database(self.entry)
        return 1


@dataclass(frozen=True, slots=True)
class DropDatabase(Ddl):
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
            data_of(writing).get_database(self.name)
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
        viewer = writing.asking.viewer
        if viewer is not None and not all(viewer.may("DROP", table) for table in held):
            # Which one is not everybody's to know.
            raise NotAllowedError.to(f"drop all that {self.name} holds", "DROP", "all of it")
        return True

    def carry_out(self, writing: Writing) -> int:
        """Drop it, with the entries of its tables; files stay."""
        held = [n for n in known_names(writing.reader, None) if n.database == self.name]
        for table in held:
            forget(writing, table)
        data_of(writing).delete_database(self.name)
        return 1 + len(held)
