"""Views in the data catalog: a SELECT under a name, and the columns that it was made with.

A view's entry is a `VIRTUAL_VIEW`, its text where Glue has it, `ViewOriginalText`. A materialised
view is a table whose text is kept beside it: runs fill it as they fill a model's. A view that
other tools made is in another dialect, and stays an entry that no query reads: ours say so in a
parameter.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog import rows, rules, searching
from lakeworks.catalog.data_catalog.errors import (
    EntryChangedError,
    EntryExistsError,
    EntryNotFoundError,
    EntryRefusedError,
)
from lakeworks.catalog.data_catalog.managed import glue_type
from lakeworks.catalog.data_catalog.model import (
    MATERIALIZED_VIEW,
    VIRTUAL_VIEW,
    Column,
    StorageDescriptor,
    TableEntry,
)
from lakeworks.catalog.data_catalog.verbs import Verbs
from lakeworks.core.errors import LakeError
from lakeworks.core.hive_types import parse_hive_type
from lakeworks.core.names import TableName, quote_identifier, quote_literal
from lakeworks.core.types import Field, Scalar, Schema

if TYPE_CHECKING:
    from typing import Any

    from lakeworks.catalog.database import Session
    from lakeworks.core.types import Type

_TEXT, _EXPANDED = "ViewOriginalText", "ViewExpandedText"
VIEW_PREFIX = "lakeworks.view."
_OURS = "lakeworks.view.dialect"
_DEFINER = "lakeworks.view.definer"
_PARTED = "lakeworks.view.partitioned_by"
# By name, what the view's query calls each of its columns, and its type as the lake writes it.
_COLUMNS = "lakeworks.view.columns"
# The tables and views that the text names.
_READS = "lakeworks.view.reads"
# The views that a materialised view read when it was made, with what they were then.
_THROUGH = "lakeworks.view.through"
_FACTS = 2
_MOST_TEXT = 409_600


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """One column of a view.

    Attributes:
        type: As the lake writes it: `decimal(10,2)`.
        of: What the query calls it.
    """

    name: str
    type: str
    of: str


@dataclass(frozen=True, slots=True)
class View:
    """One view, in one version.

    Attributes:
        text: Its SELECT, in the lake's dialect.
        columns: As they were when it was made: what the query gives beside them is not shown.
        definer: Of a materialised view: as whose permissions its rows are computed; empty for
            the lake's owner.
        reads: The tables and views that its text names.
        through: Of a materialised view: the views between it and the tables that it reads, with
            their digests when it was made.
        number: Of its entry: a name that was dropped and made again has another.
    """

    name: TableName
    text: str
    columns: tuple[ViewColumn, ...]
    description: str = ""
    owner: str = ""
    materialized: bool = False
    definer: str = ""
    partitioned_by: tuple[str, ...] = ()
    reads: tuple[TableName, ...] = ()
    version: int = -1
    number: int = -1
    through: tuple[tuple[TableName, str], ...] = ()

    @property
    def digest(self) -> str:
        """Changes with its text and its columns, and with nothing else."""
        return hashlib.sha256(f"{self.columns} {self.text}".encode()).hexdigest()[:16]

    @property
    def schema(self) -> Schema:
        """Its columns, as they were when it was made."""
        return Schema(tuple(Field(one.name, _typed(one.type)) for one in self.columns))

    @property
    def statement(self) -> str:
        """The statement that makes it."""
        renamed = any(column.of != column.name for column in self.columns)
        named = ", ".join(quote_identifier(column.name) for column in self.columns)
        parts = [f"CREATE {'MATERIALIZED ' if self.materialized else ''}VIEW {self.name}"]
        if renamed:
            parts[0] += f" ({named})"
        if self.description:
            parts.append(f"COMMENT {quote_literal(self.description)}")
        if self.partitioned_by:
            keys = ", ".join(map(quote_literal, self.partitioned_by))
            parts.append(f"WITH (partitioned_by = ARRAY[{keys}])")
        return "\n".join(parts) + f" AS\n{self.text}"

    def select(self, sql: str | None = None) -> str:
        """Return the SELECT that its name stands for: its columns, whatever else the text gives.

        Args:
            sql: The text without marks of versions; the text itself where it is left out.
        """
        shown = ", ".join(
            f"{quote_identifier(one.of)} AS {quote_identifier(one.name)}"
            for one in self.columns
        )
        bare = (self.text if sql is None else sql).strip().rstrip(";").rstrip()
        # A comment at the end of the text ends with its line.
        return f"SELECT {shown} FROM (\n{bare}\n) AS {quote_identifier(self.name.table)}"

    def entry(self) -> TableEntry:
        """Return it as an entry of the data catalog."""
        parameters = {
            _OURS: "duckdb",
            _COLUMNS: json.dumps({c.name: [c.of, c.type] for c in self.columns}),
        }
        if self.reads:
            parameters[_READS] = ",".join(map(str, self.reads))
        if self.definer:
            parameters[_DEFINER] = self.definer
        if self.through:
            told = {str(name): digest for name, digest in self.through}
            parameters[_THROUGH] = json.dumps(told)
        if self.partitioned_by:
            parameters[_PARTED] = json.dumps(self.partitioned_by)
        return TableEntry(
            self.name,
            MATERIALIZED_VIEW if self.materialized else VIRTUAL_VIEW,
            description=self.description,
            owner=self.owner,
            storage=StorageDescriptor(
                tuple(Column(c.name, glue_type(c.type)) for c in self.columns)
            ),
            parameters=parameters,
            extra={_TEXT: self.text, _EXPANDED: self.text},
        )


def view_of(entry: TableEntry, number: int = -1) -> View | None:
    """Return the view that an entry is; None for a table, and for a view of another tool."""
    text = entry.extra.get(_TEXT)
    if _OURS not in entry.parameters or not isinstance(text, str):
        return None
    if entry.table_type not in {VIRTUAL_VIEW, MATERIALIZED_VIEW}:
        return None
    try:
        return _read(entry, text, number)
    except (ValueError, LakeError):
        return None  # what somebody wrote into it is no view of ours


def _read(entry: TableEntry, text: str, number: int) -> View:
    return View(
        entry.name,
        text,
        _columns(entry),
        entry.description,
        entry.owner,
        entry.table_type == MATERIALIZED_VIEW,
        entry.parameters.get(_DEFINER, ""),
        tuple(json.loads(entry.parameters.get(_PARTED, "[]"))),
        tuple(map(TableName.parse, entry.parameters.get(_READS, "").split(",")))
        if entry.parameters.get(_READS)
        else (),
        entry.version,
        number,
        tuple(
            (TableName.parse(name), str(digest))
            for name, digest in json.loads(entry.parameters.get(_THROUGH, "{}")).items()
        ),
    )


def _typed(text: str) -> Type:
    try:
        return parse_hive_type(text)
    except LakeError:
        return Scalar("string")


def _columns(entry: TableEntry) -> tuple[ViewColumn, ...]:
    """Return a view's columns; of an entry that somebody wrote, those that it tells."""
    told: dict[str, Any] = json.loads(entry.parameters.get(_COLUMNS, "{}"))
    if not told:
        told = {column.name: [column.name, column.type] for column in entry.columns}
    return tuple(
        ViewColumn(str(name), str(one[1]), str(one[0]))
        for name, one in told.items()
        if isinstance(one, list) and len(one) == _FACTS
    )


class ViewVerbs(Verbs):
    """Make, read and drop views."""

    def find_view(self, name: TableName, *, version: int | None = None) -> View | None:
        """Return a view, in its newest version or another; None where there is none.

        Nothing is brought up to date first: views change by these verbs alone.
        """
        with self._database.reading() as session:
            found = rows.find_table(session, name)
            if found is None:
                return None
            number, entry = found
            if version is not None:
                kept = rows.version(session, number, entry, version)
                if kept is None:
                    return None
                entry = replace(kept.entry, version=version)
        return view_of(entry, number)

    def views(self) -> list[View]:
        """Return all views, materialised ones too, by name."""
        with self._database.reading() as session:
            found = rows.tables_of_types(session, (VIRTUAL_VIEW, MATERIALIZED_VIEW))
        made = (view_of(entry, number) for number, entry in found)
        return [one for one in made if one is not None]

    def put_view(
        self, view: View, *, replacing: bool = False, by: str | None = None, reason: str = ""
    ) -> View:
        """Make a view, or put it in place of the one of its name, which becomes a version.

        Raises:
            EntryExistsError: the name is taken, by what is no such view where one is replaced.
            EntryChangedError: the view to be replaced is at another version by now.
            EntryRefusedError: Glue would not take it.
        """
        entry = rules.checked_table(view.entry())
        if len(view.text) > _MOST_TEXT:
            problem = f"its text has {len(view.text):,} letters; Glue takes {_MOST_TEXT:,}"
            raise EntryRefusedError.because(str(view.name), problem)
        who = rules.user() if by is None else by
        with self._database.writing() as session:
            found = rows.find_table(session, entry.name)
            if found is not None and (not replacing or found[1].table_type != entry.table_type):
                raise EntryExistsError.named("table", str(entry.name))
            if found is None:
                rows.ensure_database(session, entry.name.database)
                made = replace(entry, version=0, updated_by=who, reason=reason)
                number = rows.add_table(session, made)
            else:
                number, present = found
                if view.version not in {-1, present.version}:
                    raise EntryChangedError.of(
                        str(entry.name), view.version, present.version, present.updated_by
                    )
                rows.archive(session, number)
                made = replace(
                    entry, version=present.version + 1, updated_by=who, reason=reason
                )
                rows.change_table(session, number, made)
                searching.forget(session, number)
            searching.index(session, {number: made})
            _decided_anew(session)
        return replace(view, version=made.version, number=number)

    def drop_view(self, name: TableName) -> None:
        """Delete a view and its versions; of a materialised one, what says how to fill it.

        Raises:
            EntryNotFoundError: there is no such view.
        """
        with self._database.writing() as session:
            found = rows.find_table(session, name)
            if found is None or view_of(found[1]) is None:
                raise EntryNotFoundError.table(str(name), ())
            rows.drop_table(session, found[0])
            _decided_anew(session)


def _decided_anew(session: Session) -> None:
    """Let decisions be taken anew: the tags of a view's columns follow from its text."""
    session.run("UPDATE governance_state SET revision = revision + 1 WHERE only_row = 1")
