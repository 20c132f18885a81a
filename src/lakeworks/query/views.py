"""Views in queries: found by name, expanded to tables, defined in the session that reads.

A view runs with the permissions of whoever asks, as Athena's do. Its text passes the same gate as
the caller's own, the tables that it reads become the caller's secured tables, and its name stands
for its SELECT over these. What a caller may not see in a table is not there through a view either,
and where its text cannot be read for that, the caller is told of the view alone.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from lakeworks.catalog.errors import UnknownTableError, VersionTextError
from lakeworks.core.errors import NameRefusedError, RequestError
from lakeworks.core.names import TableName, quote_identifier
from lakeworks.engines.errors import SqlError, StatementRefusedError
from lakeworks.query.errors import (
    ExternalVersionError,
    UnqualifiedTableError,
    ViewUnreadableError,
)
from lakeworks.query.versions import without_versions
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lakeworks.catalog.data_catalog.views import View
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.core.errors import LakeError
    from lakeworks.engines.caller import CallerQuery, QueryNames
    from lakeworks.engines.protocol import Engine, Session
    from lakeworks.engines.secured import Securing
    from lakeworks.query.asking import Asking
    from lakeworks.query.reading import Parts, Reader
    from lakeworks.query.versions import VersionedSql
    from lakeworks.query.viewer import Viewer

MOST_DEPTH = 16
# What is wrong with the text of a view, and no fault of the lake's.
_UNREADABLE = (
    ExternalVersionError, SqlError, StatementRefusedError, UnknownTableError,
    UnqualifiedTableError, VersionTextError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BoundView:
    """A view as one query reads it.

    Attributes:
        written: The name that SQL reads it under, dotted and in lower case.
        sql: Its text without marks of versions.
        names: The tables and views that the text names.
        gated: What the gate found in the text, where permissions hold.
        root: The view that the caller's own SQL names, and that reads this one.
        words: What may be columns that its text names; None for any, as in `QueryNames`.
    """

    written: str
    view: View
    sql: str
    names: frozenset[str]
    gated: CallerQuery | None
    root: str
    words: frozenset[str] | None = None

    @property
    def mark(self) -> tuple[str, int]:
        """What a result rests on: another text is another mark, however it came about."""
        return f"{self.view.name}#{self.view.digest}", self.view.version

    def select(self) -> str:
        """Return the SELECT of its columns, as they were when it was made."""
        return self.view.select(self.sql)

    def unreadable(self, error: LakeError, viewer: Viewer | None) -> ViewUnreadableError:
        """Return the error for a text that fails: a principal is told of no name in it."""
        if viewer is not None:
            return ViewUnreadableError.hidden(self.root)
        if isinstance(error, ViewUnreadableError):
            return error
        return ViewUnreadableError.because(str(self.view.name), error.problem)


@dataclass
class Resolution:
    """What the names of one query stand for.

    Args:
        find: Returns the table of a name in SQL: name as written, and its version if it says one.

    Attributes:
        tables: The name that SQL reads a table under, to the table and its version.
        views: The same of views; each stands behind those that it reads.
        marks: The names of schemas that stand for a version.
    """

    parts: Parts
    snapshot: Snapshot | None
    viewer: Viewer | None
    find: Callable[[str, int | None], tuple[TableName, int]]
    tables: dict[str, tuple[TableName, int]] = field(default_factory=dict)
    views: dict[str, BoundView] = field(default_factory=dict)
    marks: dict[str, tuple[str, int]] = field(default_factory=dict)

    def add(
        self, query: VersionedSql, named: Iterable[str], path: tuple[BoundView, ...] = ()
    ) -> None:
        """Resolve the names of a query, or of the text of the last view of `path`.

        Raises:
            LakeError: a name leads nowhere, for whoever asks.
        """
        self.marks |= query.versions
        for name in sorted(named):
            if name in self.tables or name in self.views:
                continue
            schema, _, table = name.rpartition(".")
            database, number = query.versions.get(schema, (schema, None))
            view = view_named(
                self.parts, f"{database}.{table}", self.snapshot, self.viewer, version=number
            )
            if view is None:
                self.tables[name] = self.find(
                    f"{database}.{table}" if number is not None else name, number
                )
            else:
                self._expand(name, view, path)

    def _expand(self, written: str, view: View, path: tuple[BoundView, ...]) -> None:
        root = path[0].root if path else str(view.name)
        bound = BoundView(written, view, view.text, frozenset(), None, root)
        try:
            self._check_path(bound, path)
            bound = self._read(bound)
            self.add(without_versions(view.text), bound.names, (*path, bound))
        except (*_UNREADABLE, ViewUnreadableError) as error:
            raise bound.unreadable(error, self.viewer) from error
        self.views[written] = bound

    def _check_path(self, bound: BoundView, path: tuple[BoundView, ...]) -> None:
        names = [one.written for one in path]
        if bound.written in names:
            names = [str(one.view.name) for one in path[names.index(bound.written) :]]
            raise ViewUnreadableError.circle([*names, names[0]])
        if len(path) >= MOST_DEPTH:
            raise ViewUnreadableError.too_deep(bound.root, MOST_DEPTH)

    def _read(self, bound: BoundView) -> BoundView:
        sql = without_versions(bound.view.text).sql
        gated, named = read_text(self.parts.engine, sql, gated=self.viewer is not None)
        return replace(bound, sql=sql, names=named.tables, gated=gated, words=named.words)

    def words(self, named: QueryNames) -> frozenset[str] | None:
        """Return what may be columns that a query reads itself or through its views."""
        every = [named.words, *(one.words for one in self.views.values())]
        if any(words is None for words in every):
            return None
        return frozenset().union(*(words for words in every if words is not None))

    def united(self, gated: CallerQuery | None) -> CallerQuery | None:
        """Return what the gate found in a query, as if its views stood in it as they are."""
        inner = [one.gated for one in self.views.values() if one.gated is not None]
        if gated is None or not inner:
            return gated
        return replace(
            gated,
            can_fail=gated.can_fail or any(one.can_fail for one in inner),
            changes=gated.changes or any(one.changes for one in inner),
        )


def view_named(
    parts: Parts,
    written: str,
    snapshot: Snapshot | None,
    viewer: Viewer | None,
    *,
    version: int | None = None,
) -> View | None:
    """Return the view of a name that is no table's, if whoever asks may read it.

    Raises:
        ViewUnreadableError: there is one, and not that version of it.
    """
    try:
        name = TableName.parse(written)
    except NameRefusedError:
        return None
    if snapshot is not None and name in snapshot.tables:
        return None
    if viewer is not None and not viewer.may_read(name):
        return None
    found = parts.catalog.data_catalog.find_view(name)
    if found is None or found.materialized or version is None:
        return None if found is None or found.materialized else found
    earlier = parts.catalog.data_catalog.find_view(name, version=version)
    if earlier is None:
        raise ViewUnreadableError.version(written, version)
    return earlier


def read_text(
    engine: Engine, sql: str, *, gated: bool
) -> tuple[CallerQuery | None, QueryNames]:
    """Return what the gate finds in a view's text, where it is asked, and what the text names.

    Raises:
        SqlError: it cannot be parsed.
        StatementRefusedError: it is not one query over tables, or only tells of one.
    """
    found = engine.gate(sql) if gated else None
    return found, engine.names_read(sql) if found is None else found


def binds(text: str, asking: Asking, reader: Reader) -> bool:
    """Whether whoever asks could ask another's query themselves, every name in it."""
    try:
        asked = reader.asked(text, None, asking.viewer)
        with reader.session(asked, reader.sources(asked)) as session:
            session.describe(asked.sql)
    except RequestError:
        return False
    return True


def define(
    session: Session,
    views: Mapping[str, BoundView],
    viewer: Viewer | None,
    query: CallerQuery | None,
) -> None:
    """Let a session that holds what views read hold the views too, as a viewer may see them.

    Args:
        query: What the gate found in the caller's SQL and the views'.

    Raises:
        ViewUnreadableError: what a view reads has changed, or is not the viewer's to see.
    """
    defining = cast("Securing", session)
    keys: dict[str, str] = {}
    for name, bound in views.items():
        keys[name] = key = _key(bound, keys, viewer, query)
        if defining.defines(name, key):
            continue
        try:
            if viewer is None or query is None:
                defining.define(name, bound.select(), key)
            else:
                _define_secured(defining, bound, viewer, query, key)
        except _UNREADABLE as error:
            raise bound.unreadable(error, viewer) from error


def _define_secured(
    session: Securing, bound: BoundView, viewer: Viewer, query: CallerQuery, key: str
) -> None:
    # Under a name that nobody can guess, nor the gate let through, as tables are.
    schema, relation = f"__src_{secrets.token_hex(16)}", "rows"
    hidden = f"{quote_identifier(schema)}.{quote_identifier(relation)}"
    session.define(f"{schema}.{relation}", bound.select(), key)
    whole = TableSource("/", session.describe(f"SELECT * FROM {hidden}"), ())
    select = viewer.secured(bound.view.name, whole).select(hidden, guarded=query.can_fail)
    if query.explains:
        session.secure(bound.written, select, empty=True)
    else:
        session.define(bound.written, select, key)


def _key(
    bound: BoundView, inner: Mapping[str, str], viewer: Viewer | None, query: CallerQuery | None
) -> str:
    """Return what changes with a view's SELECT, with those below it, and with what is shown of it."""
    below = [inner[name] for name in sorted(bound.names) if name in inner]
    told = [str(bound.view.name), bound.select(), *below]
    if viewer is not None and query is not None:
        told += [str(query.can_fail), repr(viewer.shown(bound.view.name, bound.view.schema))]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def audited(views: Iterable[BoundView]) -> list[dict[str, object]]:
    """Return what the audit trail is told of views that were read."""
    return [{"view": str(one.view.name), "version": one.view.version} for one in views]


def texts(
    sql: str, named: Iterable[str], views: Iterable[BoundView]
) -> list[tuple[str, frozenset[str]]]:
    """Return every text that a query consists of, with the tables that each names."""
    inner = [(one.sql, one.names) for one in views]
    return [(sql, frozenset(named)), *inner]
