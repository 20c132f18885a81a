"""What those hold who made tables at run time: every permission, as long as it is their table.

https://docs.aws.amazon.com/lake-formation/latest/dg/implicit-permissions.html. A table that is
dropped and made again is another table, though it has the name: what was granted on the first does
not reach the second, and comes back with it when the lake is rolled back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.catalog.statement_writes import making_of
from lakeworks.core.names import TableName
from lakeworks.governance.principals import Principal, grantee
from lakeworks.governance.resources import ALL, EVERY_TABLE, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lakeworks.catalog.grants import GrantRow
    from lakeworks.catalog.store import Catalog

# Who granted what the maker of a table has on it; the run that made the table follows. What others
# granted on a table that was dropped since has this before their names.
CREATION = "creation"


class Makers:
    """Grants to whoever makes a table.

    Args:
        catalog: Keeps the grants, and says which tables there are.
        audit: Appends to the audit trail.
    """

    def __init__(
        self, catalog: Catalog, audit: Callable[[str, Principal, Mapping[str, Any]], object]
    ) -> None:
        self._catalog = catalog
        self._audit = audit

    def created(self, principal: Principal, table: str, *, making: str = "") -> None:
        """Give who made a table all permissions on it; see `Governance.created`."""
        if principal.kind == "operator":
            return
        to = _grantee(principal)
        self._catalog.grants.add(
            to, Resource.parse(table).as_text(), (ALL,), by=_by(making), grantable=(ALL,)
        )
        self._audit("grant", principal, {"to": to, "permissions": [ALL], "resource": table,
                                         "reason": "made the table"})  # fmt: skip

    def uncreated(self, principal: Principal, table: str, *, making: str) -> None:
        """Take back what `created` gave for a table that was not made after all."""
        to, resource = _grantee(principal), Resource.parse(table).as_text()
        if self._catalog.grants.remove(to, resource, (ALL,), by=_by(making)):
            self._audit("revoke", principal, {"to": to, "permissions": [ALL], "resource": table,
                                              "reason": "the table was not made"})  # fmt: skip

    def dropped(self, principal: Principal, table: TableName) -> None:
        """Take away what was granted and tagged at run time on a table that is no more."""
        own = {
            row.resource
            for row in self._catalog.grants.read().grants
            if (one := Resource.from_text(row.resource)).kind == "table"
            and (one.database, one.table) == (table.database, table.table)
        }
        if self._catalog.grants.forget(sorted(own), str(table)):
            told = {"resource": str(table), "reason": "dropped the table"}
            self._audit("revoke", principal, told)

    def tie(self, table: TableName, making: str) -> None:
        """Let what was granted on a table count for the table of one making alone.

        Called when that is dropped: another table, model or view may take its name, and whoever
        could read the first may not read that. May be called again.
        """
        self._rename(table, lambda by: by if _is_tied(by) else f"{_by(making)} {by}")

    def untie(self, table: TableName, making: str) -> None:
        """Take back what `tie` did: the table was not dropped after all."""
        self._rename(table, lambda by: by.removeprefix(f"{_by(making)} "))

    def making(self, resource: Resource) -> str:
        """Return the run that made what a grant is on; empty where no statement made it."""
        if resource.kind != "table" or resource.table == EVERY_TABLE:
            return ""
        head = self._catalog.heads().get(TableName(resource.database, resource.table))
        return "" if head is None else making_of(head.fingerprint)

    def bind(self, resource: Resource, making: str, by: str) -> None:
        """Let a grant count for the table that was there when it was asked for, if that is gone.

        A drop in between has tied what was granted before it, and could not know of this.

        Args:
            making: What `making` returned before anything was checked.
            by: Who granted.
        """
        if making and self.making(resource) != making:
            text = resource.as_text()
            self._catalog.grants.rename_grantors(text, {by: f"{_by(making)} {by}"})

    def _rename(self, table: TableName, renamed: Callable[[str], str]) -> None:
        grantors: dict[str, dict[str, str]] = {}
        for row in self._catalog.grants.read().grants:
            resource = Resource.from_text(row.resource)
            if (resource.database, resource.table) == (table.database, table.table):
                by = renamed(row.granted_by)
                if by != row.granted_by:
                    grantors.setdefault(row.resource, {})[row.granted_by] = by
        for text, names in grantors.items():
            self._catalog.grants.rename_grantors(text, names)

    def forget_table(self, table: TableName) -> None:
        """Take back what was granted at run time on one table: another takes its name.

        What its makers hold stays, as it counts for the tables that they made.
        """
        for row in self._catalog.grants.read().grants:
            resource = Resource.from_text(row.resource)
            named = (resource.database, resource.table) == (table.database, table.table)
            if not named or _is_tied(row.granted_by):
                continue
            self._catalog.grants.remove(
                row.principal, row.resource, (row.permission,), by=row.granted_by
            )
            self._audit("revoke", Principal.operator(), {
                "to": row.principal, "permissions": [row.permission], "resource": str(table),
                "reason": "another table takes the name"})  # fmt: skip

    def lasting(self, rows: Sequence[GrantRow]) -> list[GrantRow]:
        """Return the grants without those on tables that statements made and that are not there."""
        if not any(_making(row) for row in rows):
            return list(rows)
        makings = {making_of(head.fingerprint) for head in self._catalog.heads().values()}
        return [row for row in rows if not _making(row) or _making(row) in makings]


def _grantee(principal: Principal) -> str:
    return grantee(f"{principal.kind}:{principal.name}")


def _by(making: str) -> str:
    return f"{CREATION} {making}".rstrip()


def _is_tied(by: str) -> bool:
    return by.startswith(f"{CREATION} ")


def _making(row: GrantRow) -> str:
    """Return the run that made the table that a grant is for; empty for other grants."""
    return row.granted_by.split(" ")[1] if _is_tied(row.granted_by) else ""
