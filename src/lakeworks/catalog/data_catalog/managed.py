"""The entries of the lake's own Delta tables: what their runs publish, in Glue's words.

A publication asks one question, whether anything differs from what the entry was made of, and
pays nothing more while no schema and no declaration changes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.data_catalog import rows, rules, searching
from lakeworks.catalog.data_catalog.model import (
    MANAGED,
    MATERIALIZED_VIEW,
    Column,
    SerDe,
    StorageDescriptor,
    TableEntry,
    with_tags,
)
from lakeworks.catalog.data_catalog.verbs import MANAGED_DATABASES, Verbs
from lakeworks.catalog.schema_json import schema_to_json
from lakeworks.core.names import QUARANTINE, TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lakeworks.catalog.database import Session
    from lakeworks.core.types import Field, Schema
    from lakeworks.project.declaration import ColumnNote, Model, Project, Source

# Raised when entries are made differently: all are made anew then.
_FORM = 1
# As Glue's crawlers and Athena write them for tables that are read by their Delta log.
_INPUT = "org.apache.hadoop.mapred.SequenceFileInputFormat"
_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat"
_LIBRARY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_PARAMETERS = {
    "EXTERNAL": "TRUE",
    "classification": "delta",
    "spark.sql.sources.provider": "delta",
    "table_type": "DELTA",
}
WHOLE_COMMENT = "lakeworks.comment"
_FEW = 20


@dataclass(frozen=True, slots=True)
class Declared:
    """What a project says of a table.

    Attributes:
        at: The file that says it.
    """

    description: str = ""
    owner: str = ""
    tags: Mapping[str, str] | None = None
    columns: Mapping[str, ColumnNote] | None = None
    partition_by: tuple[str, ...] = ()
    at: str = ""

    @classmethod
    def of(cls, project: Project, table: TableName) -> Declared:
        """Return what a project says of a table, quarantines included."""
        if table.database == QUARANTINE:
            return cls(_quarantine_of(project, table))
        one: Model | Source | None = project.models.get(table) or project.sources.get(table)
        if one is None:
            return cls()
        return cls(
            one.description, one.owner, one.tags, one.columns, one.partition_by, one.at.file
        )


@dataclass(frozen=True, slots=True)
class Published:
    """One table as readers see it.

    Attributes:
        partition_columns: Asked for only where an entry is made.
        location: Where its Delta table lies.
    """

    table: TableName
    schema: Schema
    location: str
    declared: Declared
    partition_columns: Callable[[], tuple[str, ...]]

    @property
    def fingerprint(self) -> str:
        """Of all that its entry is made of."""
        said = self.declared
        notes = sorted((said.columns or {}).items())
        told = repr((
            _FORM, schema_to_json(self.schema), self.location, said.description, said.owner,
            sorted((said.tags or {}).items()), said.partition_by,
            [(name, note.description, sorted(note.tags.items())) for name, note in notes],
        ))  # fmt: skip
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    def entry(self) -> TableEntry:
        """Return the table's entry."""
        said = self.declared
        keys = self.partition_columns()
        columns = {field.name: _column(field, said.columns or {}) for field in self.schema}
        return TableEntry(
            self.table,
            MANAGED,
            description=_cut(said.description, "description"),
            owner=_cut(said.owner, "owner"),
            storage=StorageDescriptor(
                columns=tuple(c for name, c in columns.items() if name not in keys),
                location=self.location,
                input_format=_INPUT,
                output_format=_OUTPUT,
                serde=SerDe(
                    library=_LIBRARY,
                    parameters={"path": self.location, "serialization.format": "1"},
                ),
            ),
            partition_keys=tuple(columns[name] for name in keys if name in columns),
            parameters=with_tags(_PARAMETERS, said.tags or {}),
        )


class ManagedVerbs(Verbs):
    """What publications tell the data catalog."""

    def note_published(
        self,
        published: Iterable[Published],
        *,
        gone: Iterable[TableName] = (),
        by: str | None = None,
        reason: str = "",
    ) -> int:
        """Keep the entries of published tables current; return how many changed.

        Args:
            gone: Tables that readers no longer see: their entries go.
            reason: Why; where it is empty, the file that declares a table.
        """
        wanted = {one.table: one for one in published}
        lost = set(gone)
        with self._database.reading() as session:
            known = _fingerprints(session, [*wanted, *lost])
        # Made before the transaction: where an entry's partition keys are read from may be slow.
        changed = [
            (one.entry(), one.declared.at, mark)
            for table, one in wanted.items()
            if known.get(table) != (mark := one.fingerprint)
        ]
        lost &= set(known)
        if not changed and not lost:
            return 0
        who = rules.user() if by is None else by
        with self._database.writing() as session:
            for entry, declared_at, mark in changed:
                told = f"declared in {declared_at}" if declared_at else "not declared any more"
                _note(session, entry, mark, (who, reason or told))
            for table in lost:
                _take_away(session, table)
        return len(changed) + len(lost)

    def managed_tables(self) -> list[TableName]:
        """Return the lake's own tables that have an entry."""
        with self._database.reading() as session:
            return sorted(_fingerprints(session, None))


def _note(session: Session, entry: TableEntry, mark: str, why: tuple[str, str]) -> None:
    # Not held to Glue's limits: whatever the lake publishes has its entry.
    by, reason = why
    found = rows.find_table(session, entry.name)
    if found is None:
        rows.ensure_database(session, entry.name.database)
        made = replace(entry, version=0, updated_by=by, reason=reason)
        number = rows.add_table(session, made)
        searching.index(session, {number: made})
    else:
        number, present = found
        # What others noted beside our own parameters stays, figures for example.
        kept = {
            key: value
            for key, value in present.parameters.items()
            if key in rules.STATISTICS or key not in entry.parameters
        }
        entry = replace(
            entry,
            # A materialised view stays one: its text is in what is kept.
            table_type=_type_beside(present),
            parameters=with_tags(kept | dict(entry.parameters), entry.tags),
            extra=present.extra,
        )
        if not rules.same(present, entry):
            rows.archive(session, number)
            made = replace(entry, version=present.version + 1, updated_by=by, reason=reason)
            rows.change_table(session, number, made)
            searching.forget(session, number)
            searching.index(session, {number: made})
    session.run(
        "UPDATE dc_tables SET fingerprint = :mark WHERE table_id = :id", mark=mark, id=number
    )


def _take_away(session: Session, table: TableName) -> None:
    found = rows.find_table(session, table)
    if found is None or not found[1].managed:
        return
    if found[1].table_type == MANAGED:
        rows.drop_table(session, found[0])
        return
    # What fills a materialised view outlives a rollback to before it was first filled.
    session.run("UPDATE dc_tables SET fingerprint = '' WHERE table_id = :id", id=found[0])


def _type_beside(present: TableEntry) -> str:
    return MATERIALIZED_VIEW if present.table_type == MATERIALIZED_VIEW else MANAGED


def _fingerprints(session: Session, tables: list[TableName] | None) -> dict[TableName, str]:
    if tables is not None and len(tables) <= _FEW:
        found = {}
        for table in tables:
            row = session.first(
                "SELECT fingerprint FROM dc_tables WHERE database_name = :database "
                "AND table_name = :table AND table_type IN (:kind, :view)",
                database=table.database,
                table=table.table,
                kind=MANAGED,
                view=MATERIALIZED_VIEW,
            )
            if row is not None:
                found[table] = str(row[0])
        return found
    marks = {f"d{at}": name for at, name in enumerate(sorted(MANAGED_DATABASES))}
    some = session.all(
        "SELECT database_name, table_name, fingerprint FROM dc_tables WHERE database_name IN "
        f"({', '.join(f':{mark}' for mark in marks)}) AND table_type IN (:kind, :view)",
        kind=MANAGED,
        view=MATERIALIZED_VIEW,
        **marks,
    )
    return {TableName(row[0], row[1]): row[2] for row in some}


def glue_type(text: str) -> str:
    """Return a type as Glue and Hive write it."""
    return text.replace("timestamp_ntz", "timestamp")


def _column(field: Field, notes: Mapping[str, ColumnNote]) -> Column:
    note = notes.get(field.name)
    told = (note.description if note else "") or field.comment
    comment = " ".join(told.split())
    most = rules.MOST["comment"]
    parameters: dict[str, Any] = {}
    if len(comment) > most:
        # Glue cuts no comment but refuses the table; the whole one is kept beside it.
        parameters[WHOLE_COMMENT] = told
        comment = comment[: most - 1] + "…"
    return Column(
        field.name,
        glue_type(str(field.type)),
        comment,
        with_tags(parameters, note.tags if note else {}),
    )


def _cut(text: str, limit: str) -> str:
    return text.replace("\0", "")[: rules.MOST[limit]]


def _quarantine_of(project: Project, table: TableName) -> str:
    # `quarantine.silver_orders` holds the rejects of `silver.orders`: layers have no underscore.
    name = TableName(*table.table.partition("_")[::2])
    of = f"{name}" if name in project.models or name in project.sources else "a table"
    return f"Rows that were refused entry to {of}, each with the reason."
