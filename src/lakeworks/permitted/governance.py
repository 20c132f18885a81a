"""Permissions as a principal may know them: its own, and for lake administrators those of all.

A grant can name columns and rows that its holder does not see (`except`, a row filter), and a policy
what it hides. So of its own permissions a principal is told what they come to, not what they say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lakeworks.governance.principals import Principal
from lakeworks.permitted.errors import NotPermittedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pyarrow as pa

    from lakeworks.catalog.audit_trail import AuditEntry, Head
    from lakeworks.catalog.audit_verifying import Verification
    from lakeworks.governance.classifying import Classified
    from lakeworks.governance.policy_set import Grant
    from lakeworks.governance.resources import Resource
    from lakeworks.permitted.sight import Look, Sight


class PermittedGovernance:
    """Who may do what, asked and changed in a principal's name.

    Args:
        sample: Gives rows of a table as the principal sees them, at random.
    """

    def __init__(self, sight: Sight, sample: Callable[[str, int], pa.Table]) -> None:
        self._sight = sight
        self._sample = sample

    @property
    def governs(self) -> bool:
        """Whether there are policies or grants: without any there is no such view."""
        return True

    def administers(self) -> bool:
        """Whether the principal is a lake administrator, who may see everybody's permissions."""
        return self._sight.viewer().administers

    def require_administrator(self, what: str) -> None:
        """Let a lake administrator go on.

        Raises:
            NotPermittedError: the principal is none.
        """
        with self._sight.look(what) as look:
            self._require_administrator(look, what)

    def grants(self) -> list[dict[str, Any]]:
        """Return what is granted to the principal: permissions, and on what."""
        with self._sight.look("permissions") as look:
            authorizer = self._sight.governance.authorizer()
            held = authorizer.grants_of(self._sight.principal)
            return [_own(grant) for grant in held if _may_tell(look, grant.resource)]

    def access(self, table: str) -> dict[str, Any]:
        """Return what the principal sees of a table: columns, which are masked, which rows.

        Raises:
            UnknownTableError: there is none, or the principal may not know of it.
        """
        with self._sight.look("permissions") as look:
            name = look.find(table)
            found = look.access(name)
            shown = {column.name: column for column in found.columns} if found else {}
            rows = None if found is None else "all" if found.row_filter is None else "some"
            return {
                "table": str(name),
                "principal": str(self._sight.principal),
                "policy_version": look.viewer.policy_version,
                "rows": rows,
                "unrestricted": found is not None and found.unrestricted,
                "columns": [
                    {
                        "name": column,
                        "visible": column in shown,
                        "mask": _masked(shown[column]) if column in shown else None,
                        "when": None,
                        "fields": [],
                    }
                    for column in look.columns(name)
                ],
                "why": [],
            }

    def people(self) -> list[dict[str, Any]]:
        """Return under which names the principal acts."""
        with self._sight.look("principals"):
            authorizer = self._sight.governance.authorizer()
            names = authorizer.identities(self._sight.principal)
            tags = authorizer.policies.directory.session_tags(self._sight.principal)
            note = ", ".join(f"{key}={value}" for key, value in tags.items())
            own = str(self._sight.principal).partition("?")[0]
            return [
                {
                    "name": name,
                    "members": [],
                    "note": note if name == own else "",
                    "tags": tags if name == own else {},
                }
                for name in sorted(names)
            ]

    def audit_entries(self, **wanted: Any) -> list[AuditEntry]:  # noqa: ANN401 - passed on
        """Return entries of the audit trail, to a lake administrator; see `AuditTrail.entries`.

        What the lake's owner wrote may quote any value: the owner's entries come without SQL.

        Raises:
            NotPermittedError: the principal is no lake administrator.
        """
        with self._sight.look("audit") as look:
            self._require_administrator(look, "the audit trail")
            found = self._sight.governance.audit_entries(**wanted)
            return [_without_owners_words(entry) for entry in found]

    def verify_audit(self, expected: Iterable[Head] = ()) -> Verification:
        """Look at every entry of the audit trail, for a lake administrator.

        Raises:
            NotPermittedError: the principal is no lake administrator.
        """
        with self._sight.look("audit") as look:
            self._require_administrator(look, "the audit trail")
            return self._sight.governance.verify_audit(expected)

    def grant(
        self,
        principal: str,
        permissions: Iterable[str] | str,
        on: str | Resource,
        *,
        grant_option: bool = False,
    ) -> Resource:
        """Pass on what the principal holds with the grant option; see `Governance.grant`."""
        return self._sight.governance.grant(
            principal, permissions, on, grant_option=grant_option, by=self._sight.principal
        )

    def revoke(
        self,
        principal: str,
        permissions: Iterable[str] | str,
        on: str | Resource,
        *,
        option_only: bool = False,
    ) -> None:
        """Take back what the principal granted; see `Governance.revoke`."""
        self._sight.governance.revoke(
            principal, permissions, on, option_only=option_only, by=self._sight.principal
        )

    def tag(self, resource: str, tags: Mapping[str, str | None]) -> None:
        """Give LF-tags, as a lake administrator may; see `Governance.tag`."""
        self._sight.governance.tag(resource, tags, by=self._sight.principal)

    def classify(self, table: str | None = None) -> list[Classified]:
        """Return what seems to hold personal data, by samples of what the principal sees.

        Raises:
            NothingToClassifyError: there is no such table, or it may see no value of it.
        """
        from lakeworks.governance.classifying import classified

        with self._sight.look("classify") as look:
            seen = [str(name) for name in look.tables() if look.access(name) is not None]
            look.asked(*(seen if table is None else [table]))
            tags = self._sight.governance.authorizer().tags
        return classified(tags, seen, self._sample, only=table)

    def _require_administrator(self, look: Look, what: str) -> None:
        if not look.viewer.administers:
            raise NotPermittedError.administrators(str(self._sight.principal), what)


def is_own(principal: str, of: str) -> bool:
    """Whether two texts name the same principal."""
    return Principal.parse(principal) == Principal.parse(of)


def _may_tell(look: Look, resource: Resource) -> bool:
    if resource.kind != "table" or resource.table == "*":
        return True
    from lakeworks.core.names import TableName

    return look.knows(TableName(resource.database, resource.table))


def _own(grant: Grant) -> dict[str, Any]:
    """Return a grant without the columns and rows that it may be narrowed to."""
    from dataclasses import replace

    whole = replace(grant.resource, columns=(), excluded=(), rows="", cells="")
    return {
        "principal": grant.principal,
        "permissions": sorted(grant.permissions),
        "grantable": sorted(grant.grantable),
        "on": f"{whole}, not all of it" if grant.resource.is_narrowed else str(whole),
        "resource": whole.as_json(),
        "declared_at": None,
        "granted_by": grant.granted_by or None,
    }


def _masked(column: Any) -> str | None:  # noqa: ANN401 - a ColumnAccess
    return None if column.is_plain else "yes"


def _without_owners_words(entry: AuditEntry) -> AuditEntry:
    if entry.principal != str(Principal.operator()):
        return entry
    body = {key: value for key, value in entry.body.items() if key not in {"sql", "problem"}}
    if "error" in body:
        # The code; in entries of earlier versions the rest may quote SQL.
        body["error"] = str(body["error"]).partition(" ")[0]
    return replace(entry, body=body)
