"""The verbs of databases."""

from __future__ import annotations

from lakeworks.catalog.data_catalog import rows, rules
from lakeworks.catalog.data_catalog.errors import EntryExistsError
from lakeworks.catalog.data_catalog.model import DatabaseEntry
from lakeworks.catalog.data_catalog.verbs import Verbs


class DatabaseVerbs(Verbs):
    """Make, read, change and delete databases."""

    def create_database(self, entry: DatabaseEntry) -> DatabaseEntry:
        """Make a database.

        Raises:
            EntryExistsError: the name is taken.
            EntryRefusedError: Glue would not take the entry.
        """
        entry = rules.checked_database(entry)
        with self._database.writing() as session:
            if rows.has_database(session, entry.name):
                raise EntryExistsError.named("database", entry.name)
            rows.write_database(session, entry)
            return rows.database(session, entry.name)

    def ensure_database(self, name: str) -> None:
        """Make a database unless it is there."""
        checked = rules.checked_database(DatabaseEntry(name)).name
        with self._database.reading() as session:
            if rows.has_database(session, checked):
                return
        with self._database.writing() as session:
            rows.ensure_database(session, checked)

    def get_database(self, name: str) -> DatabaseEntry:
        """Return one database.

        Raises:
            EntryNotFoundError: there is none; the hint names the nearest.
        """
        with self._database.reading() as session:
            return rows.database(session, name.lower())

    def list_databases(self) -> list[DatabaseEntry]:
        """Return every database, by name."""
        self._fresh()
        with self._database.reading() as session:
            return rows.databases(session)

    def update_database(self, entry: DatabaseEntry) -> DatabaseEntry:
        """Put an entry in place of the present one of its name.

        Raises:
            EntryNotFoundError: there is none.
        """
        entry = rules.checked_database(entry)
        with self._database.writing() as session:
            rows.database(session, entry.name)
            rows.write_database(session, entry)
            return rows.database(session, entry.name)

    def delete_database(self, name: str) -> None:
        """Delete a database's entry with those of its tables. Files stay where they are.

        Raises:
            EntryNotFoundError: there is none.
        """
        with self._database.writing() as session:
            found = rows.database(session, name.lower()).name
            for entry in rows.tables(session, found, after="", limit=None):
                rows.drop_table(session, rows.table_id(session, entry.name))
            rows.drop_database(session, found)
