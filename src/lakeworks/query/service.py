"""Answer SQL from what the lake has published: a snapshot, an earlier one, or single versions.

Only the tables that the SQL names are opened. The session that runs it can read nothing else.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError
from lakeworks.query.asking import Asking
from lakeworks.query.auditing import audit_of
from lakeworks.query.dialects.spoken import LAKE, dialect_of, in_lake_sql, unplaced
from lakeworks.query.external import NO_VERSION
from lakeworks.query.federation import outside_names, outside_source
from lakeworks.query.parameters import with_parameters
from lakeworks.query.questions import Caller, Question
from lakeworks.query.reading import Parts, Reader
from lakeworks.query.recording import Recording
from lakeworks.query.statements.kinds import statement_of
from lakeworks.query.views import view_named
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from lakeworks.catalog.store import Catalog
    from lakeworks.core.names import TableName
    from lakeworks.engines.protocol import Engine
    from lakeworks.governance.service import Governance
    from lakeworks.ingest.external_tables import ExternalTables
    from lakeworks.pipeline.state import Services
    from lakeworks.query.results import QueryResult
    from lakeworks.storage.layout import Storage


class QueryService:
    """SQL over published tables. Safe to use from several threads.

    Args:
        governance: The lake's permissions and audit trail; None in a lake that is its owner's
            alone.
        external: The tables of files that the data catalog has beside the lake's own.
        recorded: Whether queries are noted in the catalog's history.
        services: What fills tables; None in a service that only reads.
    """

    def __init__(  # noqa: PLR0913 - wired in one place
        self,
        catalog: Catalog,
        storage: Storage,
        engine: Engine,
        *,
        governance: Governance | None = None,
        external: Callable[[], ExternalTables] | None = None,
        recorded: bool = True,
        services: Services | None = None,
    ) -> None:
        self._parts = Parts(catalog, storage, engine, governance, external, services)
        self._reader = Reader(self._parts)
        self._history = catalog.query_history if recorded else None

    def sql(  # noqa: PLR0913 - what a query can be asked with
        self,
        text: str,
        *,
        at: datetime | int | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
        caller: Caller | str | None = None,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        dialect: str = LAKE,
    ) -> QueryResult:
        """Run one query and stream its result.

        Args:
            text: A SELECT in DuckDB's dialect, in any of its forms, or DESCRIBE, SUMMARIZE or
                EXPLAIN. `silver.orders@v3` reads version 3 of that table, published or not. Or
                one of the statements in `query.statements`, which the caller has to be allowed.
            at: Read what readers saw at this moment (UTC without a zone), or the snapshot of
                this number; the newest when left out.
            limit: Stop after so many rows.
            timeout_s: Stop with an error after so many seconds of running.
            caller: The principal whose permissions hold (`ana`, `role:analyst`), as of now,
                whatever `at` says; the lake's owner, who sees everything, when left out.
            parameters: Values for `?` and `$1` by position, or for `$name` by name.
            dialect: What the text is written in: `duckdb`, or `athena` (Trino's SQL).

        Raises:
            AthenaUnsupportedError: something in SQL of Athena's does not work here.
            ParameterError: statement and parameters do not fit.
            SqlError: the engine refuses the SQL; says line, column and the nearest right name.
            StatementRefusedError: it is something else than one query over tables, or calls a
                function that a query under permissions may not call.
            UnknownTableError: no such table; the hint names the nearest. To a principal, a
                table of which it may see nothing is not there either.
            UnknownSnapshotError: nothing was published then.
            QueryTimeoutError: it ran longer than `timeout_s`, here or while it is read.
            BytesLimitError: it would read more than its caller may.
            NoPermissionsError: a principal is named, and the lake has no policies.
            GovernanceError: a GRANT or REVOKE is wrong, or is not the caller's to make.
            HiddenFailureError: it failed for a reason that is not the principal's to know.
        """
        text = with_parameters(text, parameters)
        who = Caller(caller or "") if not isinstance(caller, Caller) else caller
        asking = self._asking(
            text, who, at=at, limit=limit, timeout_s=timeout_s, dialect=dialect_of(dialect)
        )
        with self._refusals(asking), unplaced(asking.dialect):
            sql = in_lake_sql(text, asking, self._reader)
            statement = statement_of(sql)
            if statement is not None:
                return statement.run(asking, self._reader)
            return self._reader.run(self._reader.asked(sql, at, asking.viewer), asking)
        raise AssertionError  # a refusal is raised: for the type checker

    def _asking(self, text: str, who: Caller, **limits: Any) -> Asking:  # noqa: ANN401
        recording = self._recording(text, who)
        viewer = self._reader.viewer(who.principal)
        audit = audit_of(self._parts.governance, viewer, query_id=recording.query_id, sql=text)
        return Asking(text, who, viewer, recording, audit, **limits)

    def _recording(self, text: str, who: Caller) -> Recording:
        return Recording(
            self._history,
            text,
            query_id=who.query_id,
            principal=who.principal,
            workgroup=who.workgroup,
        )

    @contextmanager
    def _refusals(self, asking: Asking) -> Iterator[None]:
        """Record and audit what goes wrong in the block; tell a principal what it may know."""
        viewer = asking.viewer
        try:
            yield
        except BaseException as error:
            asking.recording.failed(error)
            asking.audit.refused(error)
            if viewer is None or not isinstance(error, LakeError):
                raise
            raise viewer.told(error) from None

    def visible(self, principal: str = "") -> list[TableName]:
        """Return the tables and the views that a principal may read, by name.

        Tables of another system that cannot be reached now are left out.
        """
        viewer = self._reader.viewer(principal)
        tables = sorted({*self._reader.names(), *outside_names(self._parts)})
        return tables if viewer is None else [one for one in tables if viewer.may_read(one)]

    def columns(self, name: str, principal: str = "") -> list[tuple[str, str]]:
        """Return the columns of a table or view that a principal sees: name and type.

        Raises:
            UnknownTableError: there is no such table, or the principal may not read it.
        """
        viewer = self._reader.viewer(principal)
        snapshot = self._parts.catalog.current_snapshot()
        found = view_named(self._parts, name, snapshot, viewer)
        if found is None:
            table, number = self._reader.published(name, snapshot, None, viewer)
            source = outside_source(self._parts, table) if number == NO_VERSION else (
                self._reader.source(table, number, hidden=viewer is not None)
            )  # fmt: skip
        else:
            table, source = found.name, TableSource("/", found.schema, ())
        if viewer is None:
            return [(field.name, str(field.type)) for field in source.schema]
        seen = {column.name for column in viewer.secured(table, source).columns}
        return [(field.name, str(field.type)) for field in source.schema if field.name in seen]

    def warm(self) -> None:
        """Load what queries need, so that the first one is as quick as the others."""
        with self._parts.engine.query_session({}) as session:
            session.query("SELECT 1 AS ready").read_all()

    def examine(
        self,
        text: str,
        principal: str = "",
        at: datetime | int | None = None,
        *,
        workgroup: str = "",
        dialect: str = LAKE,
    ) -> Question:
        """Read a query without running it, and say what its answer rests on.

        What is refused is recorded and audited as by `sql`, since nobody will run it.

        Raises:
            LakeError: as `sql` does, for what can be seen without running it.
        """
        who = Caller(principal, workgroup)
        asking = self._asking(text, who, at=at, dialect=dialect_of(dialect))
        with self._refusals(asking), unplaced(asking.dialect):
            sql = in_lake_sql(text, asking, self._reader)
            statement = statement_of(sql)
            if statement is not None:
                return statement.question(asking, self._reader)
            return self._reader.question(sql, asking)
        raise AssertionError  # a refusal is raised: for the type checker
