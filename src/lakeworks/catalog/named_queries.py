"""Queries that are kept under a name, to be asked again: Athena's named queries.

A query may have parameters (`?`, `$name`); whoever asks it gives their values. It holds no
permissions: it is asked under those of the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import NamedQueryNameError, UnknownNamedQueryError
from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.core import clock
from lakeworks.core.names import is_identifier

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from lakeworks.catalog.database import Database

_COLUMNS = "name, sql, description, created_us, updated_us"


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """One query that is kept."""

    name: str
    sql: str
    description: str
    created_at: datetime
    updated_at: datetime


class NamedQueries:
    """The named queries of a lake. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, name: str, sql: str, *, description: str = "") -> NamedQuery:
        """Keep a query; one of that name is replaced, and keeps when it was made.

        Raises:
            NamedQueryNameError: that cannot be a name.
        """
        if not is_identifier(name):
            raise NamedQueryNameError.of(name)
        now = microseconds(clock.now())
        with self._database.writing() as session:
            session.run(
                f"INSERT INTO named_queries ({_COLUMNS}) "
                "VALUES (:name, :sql, :description, :now, :now) ON CONFLICT (name) DO UPDATE SET "
                "sql = excluded.sql, description = excluded.description, "
                "updated_us = excluded.updated_us",
                name=name,
                sql=sql,
                description=description,
                now=now,
            )
        return self.get(name)

    def get(self, name: str) -> NamedQuery:
        """Return the query of a name.

        Raises:
            UnknownNamedQueryError: there is none.
        """
        with self._database.reading() as session:
            row = session.first(
                f"SELECT {_COLUMNS} FROM named_queries WHERE name = :name", name=name
            )
        if row is None:
            raise self._unknown(name)
        return _named(row)

    def list(self) -> list[NamedQuery]:
        """Return every query, by name."""
        with self._database.reading() as session:
            rows = session.all(f"SELECT {_COLUMNS} FROM named_queries")
        # Databases sort texts each in its own way.
        return sorted((_named(row) for row in rows), key=lambda one: one.name)

    def drop(self, name: str) -> None:
        """Keep a query no longer.

        Raises:
            UnknownNamedQueryError: there is none of that name.
        """
        with self._database.writing() as session:
            gone = session.run("DELETE FROM named_queries WHERE name = :name", name=name)
        if not gone:
            raise self._unknown(name)

    def _unknown(self, name: str) -> UnknownNamedQueryError:
        return UnknownNamedQueryError.named(name, (one.name for one in self.list()))


def _named(row: tuple[Any, ...]) -> NamedQuery:
    return NamedQuery(
        str(row[0]),
        str(row[1]),
        str(row[2]),
        from_microseconds(row[3]),
        from_microseconds(row[4]),
    )
