"""Tell the audit trail of queries under permissions: what was read, or why nothing was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.errors import LakeError
from lakeworks.query.errors import NotAllowedError, ViewUnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lakeworks.engines.secured import SecuredTable
    from lakeworks.governance.principals import Principal

_DENIALS = (UnknownTableError, ViewUnreadableError, NotAllowedError)


class QueryAudit:
    """The entry of one query.

    Args:
        audit: Appends to the trail.
        principal: Whose permissions held.
        told: What is known of the query before it is read: its identifier and SQL.
    """

    def __init__(
        self,
        audit: Callable[[str, Principal, Mapping[str, Any]], object],
        principal: Principal,
        **told: str,
    ) -> None:
        self._audit = audit
        self._principal = principal
        self._kind = "query"
        self._body: dict[str, Any] = dict(told)

    def reads(
        self, secured: Mapping[str, SecuredTable], versions: Mapping[str, tuple[object, int]],
        policy_version: str, *, views: Sequence[Mapping[str, object]] = (),
    ) -> None:  # fmt: skip
        """Take note of what the query may read, and of the views through which it does."""
        if views:
            self._body["views"] = list(views)
        self._body["policy_version"] = policy_version
        self._body["tables"] = [
            {
                "table": str(versions[name][0]),
                "version": versions[name][1],
                "columns": [column.name for column in table.columns],
                "masked": [column.name for column in table.columns if not column.plain],
                "filtered": table.row_filter is not None,
            }
            for name, table in secured.items()
        ]

    def again(
        self, versions: Iterable[tuple[str, int]], policy_version: str, rows: int
    ) -> None:
        """Write the entry of an earlier answer that is given again: it is read, and nothing runs.

        Raises:
            CatalogError: the trail cannot be written: nothing may be read unseen.
        """
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
        self._audit(
            self._kind,
            self._principal,
            {**self._body, "rows": rows, "state": state, "error": code},
        )

    def refused(self, error: BaseException) -> None:
        """Write the entry of a query that was not run."""
        code = error.code if isinstance(error, LakeError) else type(error).__name__
        kind = "denial" if isinstance(error, _DENIALS) else "query"
        problem = error.problem if isinstance(error, LakeError) else ""
        if isinstance(error.__cause__, LakeError):
            # Of a view that cannot be read: the caller is not told why.
            problem = f"{problem}: {error.__cause__.problem}"
        self._audit(
            kind,
            self._principal,
            {**self._body, "rows": 0, "state": "failed", "error": f"{code} {problem}".strip()},
        )
