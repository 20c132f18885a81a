"""Tell the audit trail of queries: who read what, or why nothing was.

A principal's query fails where the trail cannot be written: nothing is read unseen. The lake's
owner holds the files themselves, so what the owner asks is answered all the same, with a warning.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.errors import CatalogError, UnknownTableError
from lakeworks.core.errors import LakeError
from lakeworks.query.errors import NotAllowedError, ViewUnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lakeworks.engines.secured import SecuredTable
    from lakeworks.governance.principals import Principal
    from lakeworks.governance.service import Governance
    from lakeworks.query.viewer import Viewer
    from lakeworks.storage.external import AnySource

logger = logging.getLogger(__name__)

_DENIALS = (UnknownTableError, ViewUnreadableError, NotAllowedError)


def audit_of(governance: Governance | None, viewer: Viewer | None, **told: str) -> QueryAudit:
    """Return the entry of a query that is about to be read.

    Args:
        governance: Holds the trail; None writes nothing.
        viewer: Whose permissions hold; None for the lake's owner.
        told: What is known of the query before it is read: its identifier and SQL.
    """
    audit = _nowhere if governance is None else governance.audit
    return QueryAudit(audit, asker_of(viewer), {**told}, required=viewer is not None)


def asker_of(viewer: Viewer | None) -> Principal:
    """Return whom the trail names: whose permissions hold, or the lake's operator."""
    from lakeworks.governance.principals import Principal

    return Principal.operator() if viewer is None else viewer.principal


def _nowhere(*_: object) -> None:
    """Write no entry: the lake has no trail."""


def _read(words: frozenset[str] | None, columns: Iterable[str]) -> list[str]:
    return [name for name in columns if words is None or name.lower() in words]


class QueryAudit:
    """The entry of one query.

    Args:
        audit: Appends to the trail.
        principal: Who asks: whose permissions hold, or the lake's operator.
        body: What is known of the query so far.
        required: Whether the query fails where its entry cannot be written.
    """

    def __init__(
        self,
        audit: Callable[[str, Principal, Mapping[str, Any]], object],
        principal: Principal,
        body: dict[str, Any],
        *,
        required: bool,
    ) -> None:
        self._append = audit
        self._principal = principal
        self._required = required
        self._kind = "query"
        self._body = body

    def runs(self, sql: str) -> None:
        """Take note of the SQL that runs, where what was written only names it."""
        self._body["sql"] = sql

    def reads(
        self, secured: Mapping[str, SecuredTable], versions: Mapping[str, tuple[object, int]],
        policy_version: str, words: frozenset[str] | None = None,
        *, views: Sequence[Mapping[str, object]] = (),
    ) -> None:  # fmt: skip
        """Take note of what the query reads, and of the views through which it does.

        Args:
            secured: The tables, with the columns that the principal may see.
            words: What may be columns that the query reads; None for any.
        """
        self._through(views)
        self._body["policy_version"] = policy_version
        self._body["tables"] = [
            {
                "table": str(versions[name][0]),
                "version": versions[name][1],
                "columns": _read(words, (one.name for one in table.columns)),
                "masked": _read(words, (one.name for one in table.columns if not one.plain)),
                "filtered": table.row_filter is not None,
            }
            for name, table in secured.items()
        ]

    def reads_whole(
        self, sources: Mapping[str, AnySource], versions: Mapping[str, tuple[object, int]],
        words: frozenset[str] | None = None, *, views: Sequence[Mapping[str, object]] = (),
    ) -> None:  # fmt: skip
        """Take note of what the owner's query reads: tables as they are."""
        self._through(views)
        self._body["tables"] = [
            {
                "table": str(versions[name][0]),
                "version": versions[name][1],
                "columns": _read(words, (field.name for field in source.schema)),
            }
            for name, source in sources.items()
        ]

    def _through(self, views: Sequence[Mapping[str, object]]) -> None:
        if views:
            self._body["views"] = list(views)

    def again(
        self, versions: Iterable[tuple[str, int]], policy_version: str, rows: int
    ) -> None:
        """Write the entry of an earlier answer that is given again: it is read, and nothing runs.

        Raises:
            CatalogError: the trail cannot be written: nothing may be read unseen.
        """
        if policy_version:
            self._body["policy_version"] = policy_version
        self._body["tables"] = [{"table": name, "version": one} for name, one in versions]
        self._body["reused"] = True
        self.ended(rows, None)

    def writes(self, statement: str, target: str, *, kind: str = "query") -> None:
        """Take note of what the statement writes; an `export` leaves the lake."""
        self._kind = kind
        self._body["statement"] = statement
        self._body["target"] = target

    def after(
        self, ended: Callable[[int, float, BaseException | None], None]
    ) -> Callable[[int, float, BaseException | None], None]:
        """Return what is to be told of the query's end: it tells `ended` and the trail."""

        def both(rows: int, seconds: float, error: BaseException | None) -> None:
            ended(rows, seconds, error)
            self.ended(rows, error)

        return both

    def ended(self, rows: int, error: BaseException | None) -> None:
        """Write the entry of a query that ran.

        Raises:
            CatalogError: the trail cannot be written: nothing may be read unseen.
        """
        state = "succeeded" if error is None else "failed"
        code = error.code if isinstance(error, LakeError) else ""
        self._write(self._kind, {"rows": rows, "state": state, "error": code})

    def refused(self, error: BaseException) -> None:
        """Write the entry of a query that was not run."""
        code = error.code if isinstance(error, LakeError) else type(error).__name__
        # Nothing is denied to the owner: what is not there is not there.
        denied = self._required and isinstance(error, _DENIALS)
        problem = error.problem if isinstance(error, LakeError) else ""
        if isinstance(error.__cause__, LakeError):
            # Of a view that cannot be read: the caller is not told why.
            problem = f"{problem}: {error.__cause__.problem}"
        end = {"rows": 0, "state": "failed", "error": code, "problem": problem}
        self._write("denial" if denied else "query", end)

    def _write(self, kind: str, end: Mapping[str, Any]) -> None:
        try:
            self._append(kind, self._principal, {**self._body, **end})
        except CatalogError:
            if self._required:
                raise
            logger.warning("the owner's query is not in the audit trail", exc_info=True)
