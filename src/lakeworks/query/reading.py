"""From a caller's SQL to rows: the tables that it names, their versions, the session that reads.

Only the tables that the SQL names are opened. The session that runs it can read nothing else.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lakeworks.core import events
from lakeworks.core.errors import NameRefusedError
from lakeworks.core.names import TableName
from lakeworks.engines.errors import QueryTimeoutError, SqlError, StatementRefusedError
from lakeworks.project.errors import ProjectError
from lakeworks.query.asked import Asked
from lakeworks.query.errors import (
    BytesLimitError,
    HiddenFailureError,
    UnqualifiedTableError,
)
from lakeworks.query.external import NO_VERSION, external_sources
from lakeworks.query.federation import (
    OWNER,
    federated_sources,
    is_outside,
    left_s,
    limit,
    restrictions,
    secured_of,
    suggested_names,
)
from lakeworks.query.questions import Question
from lakeworks.query.same_table import check_same
from lakeworks.query.versions import without_versions
from lakeworks.query.views import Resolution, audited, define, texts
from lakeworks.storage.errors import VersionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.catalog.store import Catalog
    from lakeworks.core.errors import LakeError
    from lakeworks.engines.protocol import Engine, Session
    from lakeworks.governance.service import Governance
    from lakeworks.ingest.external_tables import ExternalTables
    from lakeworks.pipeline.state import Services
    from lakeworks.query.asking import Asking
    from lakeworks.query.auditing import QueryAudit
    from lakeworks.query.results import QueryResult
    from lakeworks.query.viewer import Viewer
    from lakeworks.storage.external import AnySource
    from lakeworks.storage.files import TableSource
    from lakeworks.storage.layout import Storage


@dataclass(frozen=True, slots=True)
class Parts:
    """What queries are answered from.

    Attributes:
        governance: The lake's permissions and audit trail; None in a lake that is its owner's
            alone.
        external: The tables of files that the data catalog has beside the lake's own.
        services: What fills tables: for statements that do. None where queries only read.
    """

    catalog: Catalog
    storage: Storage
    engine: Engine
    governance: Governance | None = None
    external: Callable[[], ExternalTables] | None = None
    services: Services | None = None


class Reader:
    """Reads queries and runs them. Safe to use from several threads."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def viewer(self, principal: str) -> Viewer | None:
        """Return whose view is asked for; None for the owner's, who sees everything.

        Raises:
            NoPermissionsError: a principal is named, and the lake has no policies.
            HiddenFailureError: its policies hold mistakes.
        """
        if not principal:
            return None
        from lakeworks.governance.principals import Principal
        from lakeworks.query.viewer import viewer_of

        try:
            return viewer_of(self.parts.governance, Principal.parse(principal), self.suggested)
        except ProjectError as error:
            # It quotes the policies: whom they let see what.
            raise HiddenFailureError.of(error.code) from error

    def names(self) -> list[TableName]:
        """Return the tables that readers see, and the views, by name."""
        tables = self.parts.catalog.current_snapshot().tables
        views = self.parts.catalog.data_catalog.views()
        return sorted({*tables, *(view.name for view in views if not view.materialized)})

    def suggested(self, written: str) -> list[TableName]:
        """Return the tables, views and tables outside that a misspelt name may be meant for."""
        return sorted({*self.names(), *suggested_names(self.parts, written)})

    def question(self, text: str, asking: Asking) -> Question:
        """Say what the answer to a query rests on, without running it.

        Raises:
            LakeError: as `asked` does.
        """
        asked = self.asked(text, asking.at, asking.viewer)
        versions, viewer = tuple(sorted(asked.rests_on)), asked.viewer
        policy_version = "" if viewer is None else viewer.policy_version
        return Question(
            versions,
            policy_version,
            self._is_repeatable(asked),
            lambda rows: asking.audit.again(versions, policy_version, rows),
        )

    def _is_repeatable(self, asked: Asked) -> bool:
        if any(number == NO_VERSION for _, number in asked.tables.values()):
            return False  # files change without a version
        try:
            if asked.gated is not None:
                return not asked.gated.changes
            own = (asked.sql, *(view.sql for view in asked.views.values()))
            return not any(self.parts.engine.gate(sql).changes for sql in own)
        except StatementRefusedError:
            return False

    def run(
        self,
        asked: Asked,
        asking: Asking,
        *,
        on_source: Callable[[str, AnySource], None] | None = None,
        on_end: Callable[[int, float, BaseException | None], None] | None = None,
    ) -> QueryResult:
        """Run a query that was read, and stream its rows.

        Args:
            asked: What `asked` returned.
            asking: For whom, and within which limits.
            on_source: Told of everything that it reads, by name.
            on_end: Told of the end instead of the history and the audit trail: a statement that
                the query is a part of tells these itself.

        Raises:
            LakeError: as `QueryService.sql` does.
        """
        from lakeworks.query.results import QueryResult

        begun_s = time.monotonic()
        sources = self.sources(asked)
        limit(sources, asking)
        asking.recording.reads(sources, asked.marks, asked.snapshot)
        for name, source in sources.items():
            if on_source is not None:
                on_source(name, source)
        scanned_bytes = sum(source.size_bytes for source in sources.values())
        limit_bytes = asking.who.bytes_limit
        if limit_bytes is not None and scanned_bytes > limit_bytes:
            raise BytesLimitError.over(scanned_bytes, limit_bytes)
        events.emit("query.started", tables=sorted(sources))
        session = self.session(asked, sources, asking.audit)
        # What lies in other systems was read when it was bound.
        scanned_bytes = sum(source.size_bytes for source in sources.values())
        asking.recording.reads(sources, asked.marks, asked.snapshot)
        try:
            reader = session.query(asked.sql, timeout_s=left_s(asking, begun_s))
        except SqlError as error:
            raise _placed(error, session, asked.sql) from None
        except BaseException as error:
            session.__exit__(None, None, None)
            if isinstance(error, QueryTimeoutError):
                raise _limited(error, asking) from None
            raise
        ended = on_end
        if ended is None:
            ended = asking.audit.after(asking.recording.begun())
        told = _told(asked.viewer, asking)
        found = QueryResult(reader, session, limit=asking.limit, on_close=ended, told=told)
        found.scanned_bytes = scanned_bytes
        return found

    def sources(self, asked: Asked) -> dict[str, AnySource]:
        """Return what a query reads, by the names under which it does."""
        own = {
            name: self.source(*table, hidden=asked.viewer is not None)
            for name, table in asked.tables.items()
            if table[1] != NO_VERSION
        }
        every = texts(asked.sql, asked.names, asked.views.values())
        sources: dict[str, AnySource] = {
            **own,
            **federated_sources(self.parts, every, asked.tables, asked.viewer, own),
        }
        others = {name: one for name, one in asked.tables.items() if name not in sources}
        return sources | external_sources(self.parts.external, every, others, asked.viewer)

    def session(
        self,
        asked: Asked,
        sources: Mapping[str, AnySource],
        audit: QueryAudit | None = None,
    ) -> Session:
        """Open the session that a query runs in: it holds what may be seen of its sources.

        Args:
            audit: Is told of what may be seen; left out where no row of it is.

        Raises:
            ViewUnreadableError: a view that it reads cannot be read by its caller.
        """
        session = self._session(asked, sources, audit)
        try:
            define(session, asked.views, asked.viewer, asked.gated)
        except BaseException:
            session.__exit__(None, None, None)
            raise
        return session

    def _session(
        self, asked: Asked, sources: Mapping[str, AnySource], audit: QueryAudit | None
    ) -> Session:
        views = audited(asked.views.values())
        if asked.viewer is None or asked.gated is None:
            if audit is not None:
                audit.reads_whole(sources, asked.tables, asked.words, views=views)
            return self.parts.engine.query_session(sources, scope=OWNER)
        secured = {
            name: secured_of(asked.tables[name][0], source, asked.viewer)
            for name, source in sources.items()
        }
        if audit is not None:
            audit.reads(
                {name: restrictions(sources[name], one) for name, one in secured.items()},
                asked.tables,
                asked.viewer.policy_version,
                asked.words,
                views=views,
            )
        return self.parts.engine.governed_session(
            secured, asked.gated, scope=asked.viewer.scope
        )

    def asked(self, text: str, at: datetime | int | None, viewer: Viewer | None) -> Asked:
        """Read a query: what it names, and whether its caller may ask it.

        Raises:
            LakeError: as `QueryService.sql` does, for what can be seen without running it.
        """
        query = without_versions(text)
        gated = None if viewer is None else self.parts.engine.gate(query.sql)
        named = self.parts.engine.names_read(query.sql) if gated is None else gated
        snapshot = self.snapshot(at) if named.tables or at is not None else None

        def find(written: str, number: int | None) -> tuple[TableName, int]:
            if number is not None:
                one = self._version(written, number, snapshot, viewer)
            else:
                one = self.published(written, snapshot, at, viewer)
            if viewer is not None and (number is not None or at is not None):
                check_same(self.parts, *one)
            return one

        found = Resolution(self.parts, snapshot, viewer, find)
        found.add(query, named.tables)
        return Asked(
            query.sql,
            found.tables,
            found.marks,
            snapshot,
            viewer,
            found.united(gated),
            named.tables,
            found.views,
            found.words(named),
        )

    def snapshot(self, at: datetime | int | None) -> Snapshot:
        """Return what readers saw at a moment or in a snapshot; None stands for now."""
        if at is None:
            return self.parts.catalog.current_snapshot()
        if isinstance(at, datetime):
            return self.parts.catalog.snapshot_at(at)
        return self.parts.catalog.snapshot(at)

    def published(
        self,
        written: str,
        snapshot: Snapshot | None,
        at: datetime | int | None,
        viewer: Viewer | None,
    ) -> tuple[TableName, int]:
        """Return the table that SQL names, and its version in a snapshot.

        Raises:
            UnknownTableError: there is none, or the viewer may not read it.
        """
        from lakeworks.catalog.errors import UnknownTableError

        tables = snapshot.tables if snapshot else {}
        if viewer is not None:
            seen = viewer.named(written)
            if seen not in tables and at is None and is_outside(self.parts, seen):
                return seen, NO_VERSION
            if seen not in tables:
                raise viewer.unknown(seen)
            return seen, tables[seen]
        known = [str(table) for table in tables]
        name = _table_name(written, self.suggested)
        number = tables.get(name)
        if number is not None:
            return name, number
        if is_outside(self.parts, name, version="" if at is None else f"at {at}"):
            return name, NO_VERSION
        if at is not None and snapshot is not None:
            raise UnknownTableError.unseen(str(name), snapshot.created_at, known)
        raise UnknownTableError.named(str(name), map(str, self.suggested(written)))

    def _version(
        self, written: str, number: int, snapshot: Snapshot | None, viewer: Viewer | None
    ) -> tuple[TableName, int]:
        from lakeworks.catalog.errors import UnknownTableError

        if viewer is not None:
            return viewer.version(written, number, snapshot)
        known = [str(table) for table in snapshot.tables] if snapshot else []
        name = _table_name(written, self.suggested)
        if str(name) not in known and not self.parts.storage.table(name).exists():
            is_outside(self.parts, name, version=f"@v{number}")
            raise UnknownTableError.named(str(name), known)
        return name, number

    def source(self, name: TableName, number: int, *, hidden: bool) -> TableSource:
        """Return a version of a table as engines read it.

        Args:
            hidden: Whether whoever asks may not be told of folders.
        """
        try:
            version = self.parts.storage.table(name).version(number)
        except VersionNotFoundError:
            if hidden:  # its words name the table's folder
                raise HiddenFailureError.version(str(name), number) from None
            raise
        return version.source(self.parts.storage.table_root(name))


def _told(viewer: Viewer | None, asking: Asking) -> Callable[[LakeError], LakeError]:
    """Return what makes of an error what the caller is told of it."""

    def told(error: LakeError) -> LakeError:
        limited = _limited(error, asking)
        return limited if viewer is None else viewer.told(limited)

    return told


def _limited(error: LakeError, asking: Asking) -> LakeError:
    # The engine knows only what was left of the time when it began.
    if isinstance(error, QueryTimeoutError) and asking.timeout_s is not None:
        return QueryTimeoutError.after(asking.timeout_s)
    return error


def _placed(error: SqlError, session: Session, sql: str) -> SqlError:
    """Return the error with line and column, which engines tell only when they describe."""
    with session:
        if error.line is not None:
            return error
        try:
            session.describe(sql)
        except SqlError as described:
            # What cannot be described (EXPLAIN) fails for another reason.
            return described if error.problem in described.problem else error
        return error


def _table_name(written: str, known: Callable[[str], list[TableName]]) -> TableName:
    try:
        return TableName.parse(written)
    except NameRefusedError:
        raise UnqualifiedTableError.named(written, map(str, known(written))) from None
