"""`lake.governance`: decisions as of now, grants at run time, tags, and the audit trail.

Declared policies come from the project, grants and tags at run time from the catalog; both unite.
Whatever changes something is audited. The lineage that tags follow is asked for when it is needed,
and so is what decides: a lake without policies loads none of it.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.errors import CatalogReadOnlyError
from lakeworks.core.names import TableName
from lakeworks.governance.errors import (
    DeclaredGrantError,
    GovernanceError,
    ResourceError,
    TagError,
)
from lakeworks.governance.granted_resources import check_named, check_sight, check_tagged
from lakeworks.governance.mask_salt import MaskSalt
from lakeworks.governance.principals import Principal, grantee
from lakeworks.governance.resources import Resource, checked_permissions
from lakeworks.governance.trail import Trail, os_user, told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lakeworks.catalog.audit_trail import AuditEntry, Head
    from lakeworks.catalog.audit_verifying import Verification
    from lakeworks.catalog.grants import GrantedState
    from lakeworks.catalog.lineage.graph import LineageGraph
    from lakeworks.catalog.statement_writes import ColumnTags
    from lakeworks.catalog.store import Catalog
    from lakeworks.governance.decisions import Authorizer
    from lakeworks.governance.makers import Makers
    from lakeworks.governance.policy_set import Grant, PolicySet
    from lakeworks.project.declaration import Project
    from lakeworks.project.lineage_facts import QueryLineage


@dataclass(frozen=True, slots=True)
class _Made:
    """An authorizer, and the state of the catalog that it was made of."""

    stamp: tuple[tuple[int, int, int], MaskSalt]
    authorizer: Authorizer


class Governance:
    """Who may see what in one lake. Safe to use from several threads."""

    def __init__(
        self, project: Project, catalog: Catalog, lineage: Callable[[], LineageGraph]
    ) -> None:
        self._project = project
        self._catalog = catalog
        self._lineage = lineage
        self._made: _Made | None = None
        self._guard = threading.Lock()
        self._noted = False

    @cached_property
    def declared(self) -> PolicySet:
        """What `policies/*.yml` declare.

        Raises:
            ProjectError: they hold mistakes.
        """
        from lakeworks.governance.declared import policy_set

        return policy_set(self._project)

    @property
    def governs(self) -> bool:
        """Whether there are policies or grants; a lake without any is open to its owner."""
        return bool(self._project.policies) or self.authorizer().governs

    def authorizer(self) -> Authorizer:
        """Return what decides as of now: ask for it anew for each request.

        Raises:
            ProjectError: the declared policies hold mistakes.
        """
        salt = MaskSalt.for_(self.declared, self._project.environment)
        stamp = self._catalog.grants.stamp(), salt
        made = self._made
        if made is not None and made.stamp == stamp:
            return made.authorizer
        with self._guard:
            state = self._catalog.grants.read()
            authorizer = self._authorizer(state, salt)
            self._made = _Made((state.stamp, salt), authorizer)
        return authorizer

    def grant(
        self,
        principal: str,
        permissions: Iterable[str] | str,
        on: str | Resource,
        *,
        grant_option: bool = False,
        by: Principal | None = None,
    ) -> Resource:
        """Grant permissions; what is granted already stays granted.

        Args:
            principal: `role:analyst`, `user:ana`, `group:…`, `account:…`, `everyone`, `tag:k=v`.
            permissions: Such as SELECT.
            on: `silver.orders`, `silver.*`, `silver`, `catalog`, or a `Resource` that says which
                columns and rows, or which tags.
            grant_option: Whether the principal may pass them on.
            by: Who grants; None for the lake's owner.

        Raises:
            GovernanceError: a name is wrong, or the grantor may not.
        """
        resource = Resource.parse(on) if isinstance(on, str) else on
        words = _words(permissions, resource)
        to = grantee(principal)
        grantor = by or Principal.operator()
        making = self.makers.making(resource)
        # First of all: what the other checks say tells of names that are not everyone's to know.
        self._allowed("grant", grantor, to, words, resource)
        check_named(self.authorizer(), grantor, to, resource, self._catalog, self._project)
        self._catalog.grants.add(
            to,
            resource.as_text(),
            words,
            by=_grantor(grantor),
            grantable=words if grant_option else (),
        )
        self.makers.bind(resource, making, _grantor(grantor))
        self._told("grant", grantor, to, words, resource, grant_option=grant_option)
        return resource

    def revoke(
        self,
        principal: str,
        permissions: Iterable[str] | str,
        on: str | Resource,
        *,
        option_only: bool = False,
        by: Principal | None = None,
    ) -> None:
        """Take permissions back, or only their grant option.

        Administrators revoke what anyone granted, others what they granted themselves.

        Raises:
            DeclaredGrantError: a file declares the grant.
            GovernanceError: there is no such grant, or the revoker may not.
        """
        resource = Resource.parse(on) if isinstance(on, str) else on
        words = _words(permissions, resource)
        to = grantee(principal)
        grantor = by or Principal.operator()
        self._allowed("revoke", grantor, to, words, resource)
        everyones = self.authorizer().administers(grantor)
        changed = self._catalog.grants.remove(
            to,
            resource.as_text(),
            words,
            by=None if everyones else _grantor(grantor),
            option_only=option_only,
        )
        if not changed:
            from lakeworks.governance.granting import same_grant

            for one in self.declared.grants:
                if any(same_grant(one, to, resource, word) for word in words):
                    raise DeclaredGrantError.declared(one.at)
            told = ", ".join(sorted(words))
            raise GovernanceError(
                f"{to} was not granted {told} on {resource}",
                "lake permissions shows all grants",
            )
        self._told("revoke", grantor, to, words, resource, option_only=option_only)

    def execute(self, sql: str, *, by: Principal | None = None) -> None:
        """Carry out one GRANT or REVOKE statement.

        Raises:
            GovernanceError: it does not parse, or may not be done.
        """
        from lakeworks.governance.statements import parse_grant

        statement = parse_grant(sql)
        for resource, words in statement.grants:
            for principal in statement.principals:
                if statement.verb == "GRANT":
                    self.grant(principal, words, resource, grant_option=statement.option, by=by)
                else:
                    self.revoke(principal, words, resource, option_only=statement.option, by=by)

    def tag(
        self, resource: str, tags: Mapping[str, str | None], *, by: Principal | None = None
    ) -> None:
        """Give a database, a table or a column LF-tags, or with None take them away.

        Raises:
            GovernanceError: a tag, its value, the table or the column is not there, or the
                principal is no lake administrator.
        """
        from lakeworks.governance.declared import is_taggable

        who = by or Principal.operator()
        name = resource.lower()
        if not is_taggable(name):
            raise ResourceError(f"{resource!r} cannot be tagged", "write silver.orders.email")
        if not self.authorizer().administers(who):
            self.audit("denial", who, {"action": "tag", "resource": name})
            raise GovernanceError(f"{who} may not tag", "that takes a lake administrator")
        check_tagged(name, tags, self._catalog, self._project)
        known = self.declared.lf_tags
        for key, value in tags.items():
            folded = key.lower()
            if known and folded not in known:
                raise TagError.unknown(key, known)
            if known and value is not None and value.lower() not in known[folded]:
                raise TagError.value(key, value, known[folded])
            if folded in self.declared.assigned.get(name, {}):
                raise DeclaredGrantError(
                    f"{name} has its tag {key} from a file", "change it in policies/"
                )
            written = value.lower() if value is not None else None
            if self._catalog.grants.tag(name, folded, written, by=_grantor(who)):
                self.audit("tag", who, {"resource": name, "tag": folded, "value": written})

    def grants(self) -> tuple[Grant, ...]:
        """Return every grant, declared or given at run time."""
        return self.authorizer().policies.grants

    def created(self, principal: Principal, table: str, *, making: str = "") -> None:
        """Give who made a table at run time all permissions on it, with the grant option.

        https://docs.aws.amazon.com/lake-formation/latest/dg/implicit-permissions.html

        Args:
            principal: Who made it.
            table: The table.
            making: The run that made it, for a table that a statement made: the grant counts as
                long as it is that table which has the name.
        """
        self.makers.created(principal, table, making=making)

    @cached_property
    def makers(self) -> Makers:
        """What those hold who made tables at run time."""
        from lakeworks.governance.makers import Makers

        return Makers(self._catalog, self.audit)

    def dropped(self, principal: Principal | None, table: str) -> None:
        """Take away what was granted and tagged at run time on a table that is no more.

        Whatever is made under its name later is another table, and begins with nothing.
        """
        self.makers.dropped(principal or Principal.operator(), TableName.parse(table))

    def inherited(self, lineage: QueryLineage) -> tuple[QueryLineage, dict[str, ColumnTags]]:
        """Return a query's lineage with the gaps of its origins, and its columns' tags."""
        from lakeworks.governance.inherited import inherited
        from lakeworks.governance.tagged_project import governed_tags

        authorizer = self.authorizer()
        state = authorizer.tags
        if not authorizer.governs:
            declared = {n: dict(t) for n, t in authorizer.policies.assigned.items()}
            state = governed_tags(self._lineage(), self._project, declared)
        return inherited(state, lineage)

    def audit(self, kind: str, principal: Principal, body: Mapping[str, Any]) -> Head:
        """Add an entry to the audit trail.

        Args:
            kind: `query`, `denial`, `export`, `grant`, `revoke`, `tag`, `policy`, …
            principal: Who did it.
            body: Plain values; for a query its tables, columns, rows, and the policy version.
        """
        return self._trail.add(kind, principal, body)

    def audit_entries(self, **wanted: Any) -> list[AuditEntry]:  # noqa: ANN401 - passed on
        """Return entries, newest first; see `AuditTrail.entries`."""
        return self._catalog.audit_trail.entries(**wanted)

    def verify_audit(self, expected: Iterable[Head] = ()) -> Verification:
        """Look at every entry, and at the heads kept in marks and given here."""
        return self._trail.verify(expected)

    def erase_words(
        self, principal: Principal, holds: Callable[[str], bool], told: Mapping[str, Any]
    ) -> int:
        """Take what somebody wrote out of the audit trail, as an entry of its own says.

        Args:
            principal: Who erases.
            holds: Whether a text names whoever is erased.
            told: What else that entry says.

        Returns:
            How many entries lost their words: who, when, tables, columns and rows stay.
        """
        return self._trail.erase_words(principal, holds, told)

    @cached_property
    def _trail(self) -> Trail:
        return Trail(self._catalog, self._project.root)

    def _authorizer(self, state: GrantedState, salt: MaskSalt) -> Authorizer:
        from lakeworks.governance.decisions import Authorizer
        from lakeworks.governance.granting import grants_of
        from lakeworks.governance.tagged_project import governed_tags

        declared = self.declared
        assigned = {name: dict(given) for name, given in declared.assigned.items()}
        for row in state.tags:
            # What a file says counts before what was said at run time.
            assigned.setdefault(row.resource, {}).setdefault(row.key, row.value)
        granted = grants_of(self.makers.lasting(state.grants))
        policies = replace(declared, grants=(*declared.grants, *granted), assigned=assigned)
        self._note_policies(policies)
        if not policies.governs:
            return Authorizer(policies)
        return Authorizer(
            policies,
            governed_tags(self._lineage(), self._project, assigned, state.external),
            salt,
        )

    def _note_policies(self, policies: PolicySet) -> None:
        """Audit that the files of `policies/` are others than they were when last looked at."""
        if self._noted:
            return
        from lakeworks.governance.policy_set import fingerprint

        self._noted = True
        files = {one.file: fingerprint(json.dumps(one.values, sort_keys=True))
                 for one in self._project.policies}  # fmt: skip
        last = self.audit_entries(kind="policy", limit=1)
        if (dict(last[0].body).get("files") if last else {}) == files:
            return
        with suppress(CatalogReadOnlyError):
            self.audit(
                "policy",
                Principal.operator(),
                {"files": files, "grants": len(self.declared.grants),
                 "policies": len(policies.policies)},
            )  # fmt: skip

    def _allowed(
        self, verb: str, by: Principal, to: str, words: frozenset[str], resource: Resource
    ) -> None:
        from lakeworks.governance.granting import check_may_grant

        try:
            if verb == "grant":
                check_sight(self.authorizer(), by, resource, self._catalog)
            check_may_grant(self.authorizer(), by, to, words, resource)
        except GovernanceError as error:
            self.audit("denial", by, {"action": verb, "to": to, "permissions": sorted(words),
                                      "why": error.problem, **told_of(resource),
                                      "resource": str(replace(resource, rows=""))})  # fmt: skip
            raise

    def _told(
        self,
        kind: str,
        by: Principal,
        to: str,
        words: frozenset[str],
        resource: Resource,
        **more: bool,
    ) -> None:
        body = {"to": to, "permissions": sorted(words), **told_of(resource)}
        self.audit(kind, by, {**body, **{key: True for key, value in more.items() if value}})


def _words(permissions: Iterable[str] | str, resource: Resource) -> frozenset[str]:
    listed = (permissions,) if isinstance(permissions, str) else tuple(permissions)
    return checked_permissions(listed, resource)


def _grantor(principal: Principal) -> str:
    if principal.kind == "operator":
        return f"operator ({os_user()})"
    return str(replace(principal, tags=()))
