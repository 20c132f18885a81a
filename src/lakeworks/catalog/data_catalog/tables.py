"""The verbs of tables and their versions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog import partition_rows, rows, rules, searching
from lakeworks.catalog.data_catalog.errors import (
    EntryChangedError,
    EntryExistsError,
    EntryNotFoundError,
)
from lakeworks.catalog.data_catalog.model import EXTERNAL_TABLE, FEDERATED
from lakeworks.catalog.data_catalog.verbs import Verbs, folded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.catalog.data_catalog.model import TableEntry, TableVersion
    from lakeworks.catalog.database import Session
    from lakeworks.core.names import TableName


class TableVerbs(Verbs):
    """Make, read, change and delete tables."""

    def create_table(
        self, entry: TableEntry, *, by: str | None = None, reason: str = ""
    ) -> TableEntry:
        """Make a table in a database that exists; its version is 0.

        Raises:
            EntryExistsError: the name is taken.
            EntryNotFoundError: there is no such database.
            EntryRefusedError: Glue would not take the entry.
        """
        entry = rules.checked_table(entry)
        with self._database.writing() as session:
            if rows.find_table(session, entry.name) is not None:
                raise EntryExistsError.named("table", str(entry.name))
            rows.database(session, entry.name.database)
            who = rules.user() if by is None else by
            searching.index(session, _make(session, entry, who, reason))
            return rows.table(session, entry.name)[1]

    def get_table(self, name: TableName) -> TableEntry:
        """Return one table.

        Raises:
            EntryNotFoundError: there is none; the hint names the nearest.
        """
        self._fresh_table(name)
        with self._database.reading() as session:
            return rows.table(session, folded(name))[1]

    def find_table(self, name: TableName) -> TableEntry | None:
        """Return one table, or None."""
        self._fresh_table(name)
        with self._database.reading() as session:
            found = rows.find_table(session, folded(name))
        return None if found is None else found[1]

    def list_tables(
        self, database: str | None = None, *, after: str = "", limit: int | None = None
    ) -> list[TableEntry]:
        """Return tables by name.

        Args:
            database: Of one database, or of all.
            after: Only names after this one, the last of the page before: a table's of one
                database, `database.table` of all.
            limit: At most so many.
        """
        within = None if database is None else database.lower()
        self._fresh(within)
        with self._database.reading() as session:
            return rows.tables(session, within, after=after.lower(), limit=limit)

    def table_names(self) -> list[TableName]:
        """Return the names of all tables, in order. Quicker than `list_tables`."""
        self._fresh()
        with self._database.reading() as session:
            return rows.table_names(session)

    def update_table(
        self,
        entry: TableEntry,
        *,
        by: str | None = None,
        reason: str = "",
        version: int | None = None,
        skip_archive: bool = False,
    ) -> TableEntry:
        """Put an entry in place of the present one, which becomes an archived version.

        Args:
            version: The version that the change was made from; None changes whatever is there.
            skip_archive: Do not keep the present entry.

        Raises:
            EntryChangedError: the table is at another version; nothing was changed.
            EntryNotFoundError: there is no such table.
            EntryRefusedError: Glue would not take the entry.
        """
        entry = rules.checked_table(entry)
        with self._database.writing() as session:
            number, present = rows.table(session, entry.name)
            if version is not None and version != present.version:
                raise EntryChangedError.of(
                    str(entry.name), version, present.version, present.updated_by
                )
            if not skip_archive:
                rows.archive(session, number)
            who = rules.user() if by is None else by
            words = _change(session, number, present, entry, (who, reason))
            searching.index(session, words)
            return rows.table(session, entry.name)[1]

    def put_table(
        self, entry: TableEntry, *, by: str | None = None, reason: str = ""
    ) -> TableEntry:
        """Make a table, its database too, or update it where something changed.

        Statistics alone make no new version; an equal entry changes nothing.

        Raises:
            EntryRefusedError: Glue would not take the entry.
        """
        entry = rules.checked_table(entry)
        with self._database.reading() as session:
            found = rows.find_table(session, entry.name)
            if found is not None and rules.same(found[1], entry):
                return found[1]
        with self._database.writing() as session:
            words: _Words = {}
            _put(session, entry, rules.user() if by is None else by, reason, words)
            searching.index(session, words)
            return rows.table(session, entry.name)[1]

    def outside_names(self) -> list[TableName]:
        """Return the names of external and federated tables, as they were last noted, in order."""
        with self._database.reading() as session:
            return rows.table_names(session, (EXTERNAL_TABLE, FEDERATED))

    def put_tables(
        self, entries: Iterable[TableEntry], *, by: str | None = None, reason: str = ""
    ) -> int:
        """Put many tables in one transaction; return how many were made or changed.

        Raises:
            EntryRefusedError: Glue would not take one of them; none was put.
        """
        checked = [rules.checked_table(entry) for entry in entries]
        who = rules.user() if by is None else by
        with self._database.writing() as session:
            words: _Words = {}
            done = sum(_put(session, entry, who, reason, words) for entry in checked)
            searching.index(session, words)
        return done

    def delete_table(self, name: TableName) -> None:
        """Delete a table's entry, its versions and partitions. Files stay where they are.

        Raises:
            EntryNotFoundError: there is no such table.
        """
        with self._database.writing() as session:
            rows.drop_table(session, rows.table_id(session, folded(name)))

    def versions(self, name: TableName) -> list[TableVersion]:
        """Return a table's versions, newest first: the present one and those archived."""
        self._fresh_table(name)
        with self._database.reading() as session:
            number, present = rows.table(session, folded(name))
            return rows.versions(session, number, present)

    def version(self, name: TableName, version: int) -> TableVersion:
        """Return one version of a table.

        Raises:
            EntryNotFoundError: there is no such table or version.
        """
        with self._database.reading() as session:
            number, present = rows.table(session, folded(name))
            found = rows.version(session, number, present, version)
        if found is None:
            raise EntryNotFoundError.version(str(name), version, present.version)
        return found

    def delete_version(self, name: TableName, version: int) -> None:
        """Delete an archived version.

        Raises:
            EntryNotFoundError: there is no such table, or no such archived version.
        """
        with self._database.writing() as session:
            number, present = rows.table(session, folded(name))
            if not rows.drop_version(session, number, version):
                raise EntryNotFoundError.version(str(name), version, present.version)


# Tables by number whose words are yet to be noted: many at once cost one statement.
_Words = dict[int, "TableEntry"]


def _put(session: Session, entry: TableEntry, by: str, reason: str, words: _Words) -> bool:
    """Make or update a table where something changed; whether something did."""
    found = rows.find_table(session, entry.name)
    if found is None:
        rows.ensure_database(session, entry.name.database)
        words |= _make(session, entry, by, reason)
        return True
    number, present = found
    if rules.same(present, entry):
        return False
    if rules.same_but_statistics(present, entry):
        rows.change_table(session, number, replace(present, parameters=entry.parameters))
        return True
    rows.archive(session, number)
    words |= _change(session, number, present, entry, (by, reason))
    return True


def _make(session: Session, entry: TableEntry, by: str, reason: str) -> _Words:
    made = replace(entry, version=0, updated_by=by, reason=reason)
    return {rows.add_table(session, made): made}


def _change(
    session: Session,
    number: int,
    present: TableEntry,
    entry: TableEntry,
    why: tuple[str, str],
) -> _Words:
    kinds = [key.type for key in present.partition_keys]
    if kinds != [key.type for key in entry.partition_keys]:
        partition_rows.rekey(session, number, entry)
    by, reason = why
    changed = replace(entry, version=present.version + 1, updated_by=by, reason=reason)
    rows.change_table(session, number, changed)
    searching.forget(session, number)
    return {number: changed}
