"""What of a policy set concerns one principal, found once and kept.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from lakeworks.governance.mask_salt import MaskSalt
from lakeworks.governance.policy_set import fingerprint
from lakeworks.governance.resources import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.governance.policy_set import Grant, Policy, PolicySet
    from lakeworks.governance.principals import Principal
    from lakeworks.governance.tags import TagState

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Binding:
    """Whatever counts for one principal.

    Attributes:
        identities: The names under which it acts; none for one that is not known.
        policies: Those that bind it.
        version: Changes whenever anything changes that its access rests on.
    """

    identities: frozenset[str]
    grants: tuple[Grant, ...]
    policies: tuple[Policy, ...]
    session_tags: Mapping[str, str]
    administers: bool
    is_foreign: bool
    version: str


class Bindings:
    """Finds and keeps bindings. Safe to use from several threads."""

    def __init__(
        self, policies: PolicySet, tags: TagState, salt: MaskSalt | None = None
    ) -> None:
        self._salt = MaskSalt.of_variable() if salt is None else salt
        self._policies = policies
        self._tags = tags
        self._granted = frozenset(grant.principal for grant in policies.grants)
        self._by_grantee: dict[str, list[Grant]] = {}
        for grant in policies.grants:
            self._by_grantee.setdefault(grant.principal, []).append(grant)
        self._kept: dict[Principal, Binding] = {}

    def of(self, principal: Principal) -> Binding:
        """Return what counts for a principal."""
        found = self._kept.get(principal)
        if found is None:
            found = self._made(principal)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[principal] = found
        return found

    def shares(self, account: str) -> list[Grant]:
        """Return what was shared with an account, for its own people too.

        What an account passed on to itself is not: a share cannot be widened.
        """
        return [
            grant
            for grant in self._by_grantee.get(f"account:{account}", [])
            if not grant.grantor_account and not grant.grantable.isdisjoint(("SELECT", ALL))
        ]

    def _made(self, principal: Principal) -> Binding:
        everything = self._policies
        directory = everything.directory
        identities = directory.identities(principal, self._granted)
        tags = directory.session_tags(principal) if identities else {}
        grants = tuple(g for name in sorted(identities) for g in self._by_grantee.get(name, ()))
        bound_as = directory.bound_as(principal, identities)
        bound = [p for p in everything.policies if p.binds(identities, bound_as)]
        salted = any(p.hashes for p in bound)
        # With their salt: what is asked under one version is never answered with another salt.
        policies = tuple(self._salted(p) if p.hashes else p for p in bound)
        administers = not identities.isdisjoint(everything.administrators)
        shares = self.shares(principal.account) if principal.account else []
        used = {g.resource.cells for g in (*grants, *shares)} & everything.filters.keys()
        version = fingerprint(
            str(principal) if principal.kind == "operator" else "",
            identities,
            tags,
            grants,
            shares,
            [(c.table, c.rows, c.columns, c.excluded)
             for c in (everything.filters[name] for name in sorted(used))],
            policies,
            [(one.on, sorted(one.opted_in)) for one in everything.hybrid],
            administers,
            self._tags_version,
            self._salt.mark if salted else "",
        )  # fmt: skip
        return Binding(
            identities, grants, policies, tags, administers, bool(principal.account), version
        )

    def _salted(self, policy: Policy) -> Policy:
        assert policy.mask is not None  # noqa: S101 - it hashes
        return replace(policy, mask=replace(policy.mask, salt=self._salt.usable()))

    @cached_property
    def _tags_version(self) -> str:
        tags = self._tags
        return fingerprint(
            _plain(tags.assigned),
            _plain(tags.columns),
            _plain(tags.tables),
            _plain(tags.resolved),
            sorted(tags.roots),
        )


def _plain(value: object) -> object:
    """Return nested mappings and sets as what has one representation."""
    if hasattr(value, "items"):
        return sorted((str(key), _plain(inner)) for key, inner in value.items())
    if isinstance(value, frozenset | set):
        return sorted(value)
    return value
