"""Everything that permissions are decided on, declared and granted, as plain frozen data.

Pure. `declared.py` makes it from `policies/*.yml`, `service.py` adds what the catalog holds, and
`decisions.py` decides on it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from lakeworks.governance.errors import ExpressionError
from lakeworks.governance.principals import EVERYONE, Directory
from lakeworks.governance.row_filters import parse_filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.governance import expression_trees as x
    from lakeworks.governance.masks import Mask
    from lakeworks.governance.resources import Resource, TagExpression


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions on one resource, for one principal.

    Attributes:
        principal: In a grant's spelling: `role:analyst`, `everyone`, `tag:team=eu`.
        grantable: Those that the principal may pass on.
        granted_by: Who granted it; for a declared one, empty.
        at: Where it is declared, `policies/roles.yml:7`; empty for one of the catalog.
    """

    principal: str
    permissions: frozenset[str]
    resource: Resource
    grantable: frozenset[str] = frozenset()
    granted_by: str = ""
    at: str = ""

    @property
    def grantor_account(self) -> str:
        """The other account that passed on what was shared with it, or nothing."""
        first, _, _ = self.granted_by.partition("/")
        return first.removeprefix("account:") if first.startswith("account:") else ""

    @property
    def is_by_principal(self) -> bool:
        """Whether someone whom policies bind made it, and not the lake's owner."""
        return bool(self.granted_by) and not self.granted_by.startswith("operator")

    def __str__(self) -> str:
        words = ", ".join(sorted(self.permissions))
        origin = self.at or f"granted by {self.granted_by}"
        return f"{words} on {self.resource} to {self.principal} ({origin})"


@dataclass(frozen=True, slots=True)
class CellsFilter:
    """A data cells filter: some rows and some columns of one table.

    Attributes:
        table: `database.table`.
        rows: A row filter; empty for all rows.
        columns: The columns that it shows; empty for all but the excluded ones.
    """

    name: str
    table: str
    rows: str = ""
    columns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule that binds whatever was granted; exactly one of mask, rows and hide is set.

    Attributes:
        on: What it is looked for in; empty for everything.
        tables: Tags that a table must have; empty for any.
        columns: Tags that a column must have; empty for none.
        named: Columns by name, instead of by tags.
        mask: What is shown of those columns.
        rows: A filter that a row must pass, in tables that match; with `columns`, in tables that
            have such a column, for which `matched` stands.
        hide: Those columns are not there.
        to: Whom it binds; empty for everyone, of other accounts too.
        exempt: Whom it does not bind, whatever else they are.
    """

    name: str
    on: tuple[Resource, ...] = ()
    tables: TagExpression = ()
    columns: TagExpression = ()
    named: tuple[str, ...] = ()
    mask: Mask | None = None
    rows: str = ""
    hide: bool = False
    to: frozenset[str] = frozenset()
    exempt: frozenset[str] = frozenset()
    at: str = ""

    @property
    def hashes(self) -> bool:
        """Whether it shows hashes, which are salted."""
        return self.mask is not None and self.mask.kind == "hash"

    def binds(self, identities: frozenset[str], bound_as: frozenset[str]) -> bool:
        """Whether it binds a principal.

        Args:
            identities: The names under which it acts: one of them may be exempt.
            bound_as: Those by which it is bound.
        """
        if not identities.isdisjoint(self.exempt):
            return False
        return not self.to or EVERYONE in self.to or not bound_as.isdisjoint(self.to)

    def __str__(self) -> str:
        return f"policy {self.name} ({self.at})" if self.at else f"policy {self.name}"


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Tables in hybrid access mode: only who opted in is held to grants there.

    https://docs.aws.amazon.com/lake-formation/latest/dg/hybrid-access-mode.html. Policies bind all.
    """

    on: tuple[Resource, ...]
    opted_in: frozenset[str]


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All that decisions rest on, besides tags.

    Attributes:
        administrators: Lake administrators: they see what there is and may grant everything,
            and read nothing that is not granted to them.
        lf_tags: The values that each defined LF-tag takes.
        assigned: LF-tags of resources, as `policies/*.yml` gives them.
        locations: Where data may be written outside the lake: name to folder or `s3://…`.
    """

    directory: Directory = field(default_factory=Directory)
    administrators: frozenset[str] = frozenset()
    grants: tuple[Grant, ...] = ()
    filters: Mapping[str, CellsFilter] = field(default_factory=dict)
    policies: tuple[Policy, ...] = ()
    hybrid: tuple[Hybrid, ...] = ()
    lf_tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assigned: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    declared: bool = False
    locations: Mapping[str, str] = field(default_factory=dict)

    @property
    def governs(self) -> bool:
        """Whether anything is declared or granted; a lake without it is open to its owner."""
        return self.declared or bool(self.grants)


def fingerprint(*parts: object) -> str:
    """Return a SHA-256 over the representations of frozen data, sets in order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(_stable(part).encode())
        digest.update(b"\x00")
    return digest.hexdigest()


def _stable(part: object) -> str:
    if isinstance(part, frozenset | set):
        return repr(sorted(map(str, part)))
    if isinstance(part, Grant):
        words = sorted(part.permissions), sorted(part.grantable)
        maker = part.grantor_account, part.is_by_principal
        return repr((part.principal, words, part.resource, maker))
    if isinstance(part, Policy):
        return _stable((part.name, part.on, part.tables, part.columns, part.named, part.mask,
                        part.rows, part.hide))  # fmt: skip
    if isinstance(part, dict):
        return _stable(sorted((_stable(k), _stable(v)) for k, v in part.items()))
    if isinstance(part, tuple | list):
        return "(" + ",".join(_stable(one) for one in part) + ")"
    return repr(part)


@lru_cache(maxsize=4096)
def parsed_filter(text: str) -> x.Expression | None:
    """Return a row filter's tree; None where it does not parse, which shows nothing."""
    try:
        return parse_filter(text)
    except ExpressionError:
        return None
