"""Statements that were prepared under a name, for all who may use a workgroup: Athena's.

A statement may have parameters (`?`); whoever executes it gives their values. It holds no
permissions: it is executed under those of the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.core import clock

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from lakeworks.catalog.database import Database

_COLUMNS = "workgroup, name, sql, dialect, description, made_by, created_us, updated_us"


@dataclass(frozen=True, slots=True)
class PreparedStatement:
    """One statement that was prepared.

    Attributes:
        sql: What runs, its parameters still open.
        dialect: What it is written in.
        made_by: The principal who prepared it; empty for the lake's owner.
    """

    workgroup: str
    name: str
    sql: str
    dialect: str
    description: str
    made_by: str
    created_at: datetime
    updated_at: datetime


class PreparedStatements:
    """The prepared statements of a lake. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(  # noqa: PLR0913 - a statement's own fields
        self, workgroup: str, name: str, sql: str, *,
        dialect: str = "duckdb", description: str = "", made_by: str = "",
        anyones: bool = False,
    ) -> PreparedStatement | None:  # fmt: skip
        """Keep a statement; one of that name is replaced, and keeps when it was made.

        Args:
            workgroup: Whose users may execute it.
            name: What they call it.
            sql: The statement.
            dialect: What it is written in.
            description: What it is for.
            made_by: The principal who prepares it; empty for the lake's owner.
            anyones: Whether one that another principal prepared may be replaced, too.

        Returns:
            What is kept; None where another principal's stands there.
        """
        now = microseconds(clock.now())
        owned = "" if anyones else " WHERE prepared_statements.made_by = excluded.made_by"
        with self._database.writing() as session:
            done = session.run(
                f"INSERT INTO prepared_statements ({_COLUMNS}) VALUES (:workgroup, :name, :sql, "
                ":dialect, :description, :made_by, :now, :now) "
                "ON CONFLICT (workgroup, name) DO UPDATE SET sql = excluded.sql, "
                "dialect = excluded.dialect, description = excluded.description, "
                f"made_by = excluded.made_by, updated_us = excluded.updated_us{owned}",
                workgroup=workgroup,
                name=name,
                sql=sql,
                dialect=dialect,
                description=description,
                made_by=made_by,
                now=now,
            )
        return self.find(workgroup, name) if done else None

    def find(self, workgroup: str, name: str) -> PreparedStatement | None:
        """Return the statement of a name, or None."""
        with self._database.reading() as session:
            row = session.first(
                f"SELECT {_COLUMNS} FROM prepared_statements "
                "WHERE workgroup = :workgroup AND name = :name",
                workgroup=workgroup,
                name=name,
            )
        return None if row is None else _prepared(row)

    def list(self, workgroup: str | None = None) -> list[PreparedStatement]:
        """Return every statement, of one workgroup or of all, by name."""
        with self._database.reading() as session:
            rows = session.all(f"SELECT {_COLUMNS} FROM prepared_statements")
        found = [_prepared(row) for row in rows]
        # Databases sort texts each in its own way.
        return sorted(
            (one for one in found if workgroup in {None, one.workgroup}),
            key=lambda one: (one.workgroup, one.name),
        )

    def drop(self, workgroup: str, name: str) -> bool:
        """Keep a statement no longer; whether there was one."""
        with self._database.writing() as session:
            return bool(
                session.run(
                    "DELETE FROM prepared_statements "
                    "WHERE workgroup = :workgroup AND name = :name",
                    workgroup=workgroup,
                    name=name,
                )
            )


def _prepared(row: tuple[Any, ...]) -> PreparedStatement:
    workgroup, name, sql, dialect, description, made_by = (str(one) for one in row[:6])
    moments = from_microseconds(row[6]), from_microseconds(row[7])
    return PreparedStatement(workgroup, name, sql, dialect, description, made_by, *moments)
