"""What a principal may see of a table, and what it may do.

Pure: `Authorizer` decides on a `PolicySet` and a `TagState` that never change; whoever holds one
asks `Governance.authorizer()` again to see later grants. Permissions are Lake Formation's: grants
unite, nothing is implied but DESCRIBE, a lake administrator reads what is granted to it only
(https://docs.aws.amazon.com/lake-formation/latest/dg/implicit-permissions.html). Policies then take
away, as Unity Catalog's row filters and column masks do. Everything fails closed: who is not
known, what does not parse, what does not fit, is not shown, and a table that may not be seen is the
same as one that is not there: None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lakeworks.core.names import TableName, quote_identifier
from lakeworks.governance.bindings import Binding, Bindings
from lakeworks.governance.covers import Cover, Leaf, Place, cover_of
from lakeworks.governance.nested import FieldAccess, written_struct
from lakeworks.governance.resources import ALL, Resource
from lakeworks.governance.row_filters import NOTHING
from lakeworks.governance.tags import TagState, matches_all
from lakeworks.governance.united import United, united

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.core.types import Schema, Type
    from lakeworks.governance.mask_salt import MaskSalt
    from lakeworks.governance.masks import Mask
    from lakeworks.governance.policy_set import Grant, PolicySet
    from lakeworks.governance.principals import Principal

Action = Literal["SELECT", "DESCRIBE"]
KEPT_DECISIONS = 4096


@dataclass(frozen=True, slots=True)
class ColumnAccess:
    """One column that a principal sees.

    Attributes:
        mask: What is shown instead of the value; None for the value itself.
        cell_condition: The SQL condition (in the lake's dialect, over the table's own columns)
            under which the value is shown, else null; None for every row that is seen.
        fields: Of a struct of which not all fields are shown alike: what is shown of them.
    """

    name: str
    mask: Mask | None = None
    cell_condition: str | None = None
    fields: tuple[FieldAccess, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the value is shown as it is, in every row."""
        return self.mask is None and self.cell_condition is None and not self.fields

    def sql(self, kind: Type) -> str:
        """Return what is shown, as an expression over the table's own columns.

        It has the column's type, in the lake's dialect.
        """
        own = quote_identifier(self.name)
        if self.mask is not None:
            shown = self.mask.sql(self.name, kind)
        else:
            shown = written_struct(own, kind, self.fields) if self.fields else own
        if self.cell_condition is None:
            return shown
        return f"(case when {self.cell_condition} then {shown} end)"


@dataclass(frozen=True, slots=True)
class TableAccess:
    """What a principal sees of one table.

    Attributes:
        columns: Those that it sees, in the table's order.
        row_filter: The SQL condition that a row must pass; None for all rows.
        unrestricted: Whether it sees the whole table as it is.
        why: The grants and policies that made it so, for people.
    """

    table: TableName
    columns: tuple[ColumnAccess, ...]
    row_filter: str | None
    unrestricted: bool
    why: tuple[str, ...]

    def select_sql(self, source: str, schema: Schema) -> str:
        """Return the SELECT that gives what may be seen, from a relation of the whole table.

        Args:
            source: The relation, quoted as it must be.
            schema: Its columns.
        """
        parts: list[str] = []
        for column in self.columns:
            found = schema.get(column.name)
            if found is not None:
                parts.append(f"{column.sql(found.type)} as {quote_identifier(column.name)}")
        where = f" where {self.row_filter}" if self.row_filter is not None else ""
        return f"select {', '.join(parts)} from {source}{where}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is allowed, and why; the reason is not for who was refused."""

    allowed: bool
    why: str


@dataclass
class Authorizer:
    """Decides, for one state of policies, grants and tags. Safe to use from several threads."""

    policies: PolicySet
    tags: TagState = field(default_factory=TagState)
    salt: MaskSalt | None = None

    def __post_init__(self) -> None:
        self._bindings = Bindings(self.policies, self.tags, self.salt)
        self._kept: dict[
            tuple[Principal, TableName, str], tuple[Schema, TableAccess | None]
        ] = {}

    @property
    def governs(self) -> bool:
        """Whether this lake has policies or grants; without any it is open to its owner."""
        return self.policies.governs

    def policy_version(self, principal: Principal) -> str:
        """Return what changes whenever anything changes that a principal's access rests on."""
        return self._bindings.of(principal).version

    def access(
        self,
        principal: Principal,
        table: TableName,
        schema: Schema,
        *,
        action: Action = "SELECT",
    ) -> TableAccess | None:
        """Return what a principal sees of a table.

        Args:
            principal: Who asks.
            table: The table; whether it exists is for the caller to know.
            schema: Its columns, in the version that is asked for.
            action: With DESCRIBE, the columns that it may know of; their values are not shown.

        Returns:
            None where the principal may not know that there is such a table.
        """
        key = (principal, table, action)
        kept = self._kept.get(key)
        if kept is not None and (kept[0] is schema or kept[0] == schema):
            return kept[1]
        found = self._decided(principal, table, schema, action)
        if len(self._kept) >= KEPT_DECISIONS:
            self._kept.clear()
        self._kept[key] = (schema, found)
        return found

    def explain(
        self, principal: Principal, table: TableName, schema: Schema
    ) -> tuple[str, ...]:
        """Return why a principal sees what it sees; for administrators."""
        found = self.access(principal, table, schema)
        if found is not None:
            return found.why
        binding = self._bindings.of(principal)
        if principal.kind != "operator" and not binding.identities:
            return (
                f"{principal} is not known: nobody declared it, and nothing is granted to it",
            )
        place = self._place(binding, table, schema)
        shown = united(list(self._covers(binding, place)), place, binding.policies)
        return (*shown.why, f"nothing of {table} is left for {principal}")

    def may(
        self, principal: Principal, action: str, resource: Resource | TableName | str
    ) -> Decision:
        """Return whether a principal may do something.

        Args:
            principal: Who asks.
            action: SELECT, DESCRIBE, INSERT, DELETE, ALTER, DROP, CREATE_TABLE or
                CREATE_DATABASE. SELECT is allowed where something of the table may be seen.
            resource: A table, a database (`silver`), or `catalog`.
        """
        target = (
            Resource.parse(str(resource)) if not isinstance(resource, Resource) else resource
        )
        if principal.kind == "operator":
            return Decision(allowed=True, why="the lake's owner")
        binding = self._bindings.of(principal)
        for grant in binding.grants:
            if self._allows(grant, action, target):
                return Decision(allowed=True, why=str(grant))
        if binding.administers and action in ("DESCRIBE", "CREATE_DATABASE"):
            return Decision(allowed=True, why="a lake administrator")
        if action in ("SELECT", "DESCRIBE") and self._is_hybrid(binding, target):
            return Decision(allowed=True, why="hybrid access, not opted in")
        return Decision(allowed=False, why=f"{principal} has no {action} on {target}")

    def administers(self, principal: Principal) -> bool:
        """Whether a principal is a lake administrator, or holds the lake itself."""
        return principal.kind == "operator" or self._bindings.of(principal).administers

    def identities(self, principal: Principal) -> frozenset[str]:
        """Return the names, as grants spell them, that a principal acts under."""
        return self._bindings.of(principal).identities

    def grants_of(self, principal: Principal) -> tuple[Grant, ...]:
        """Return the grants that a principal acts under."""
        return self._bindings.of(principal).grants

    def _decided(
        self, principal: Principal, table: TableName, schema: Schema, action: Action
    ) -> TableAccess | None:
        if principal.kind == "operator":
            columns = tuple(ColumnAccess(f.name) for f in schema)
            return TableAccess(
                table, columns, None, unrestricted=True, why=("the lake's owner",)
            )
        binding = self._bindings.of(principal)
        if not binding.identities:
            return None
        place = self._place(binding, table, schema)
        covers = list(self._covers(binding, place))
        if action == "DESCRIBE":
            return self._described(binding, place, covers)
        shown = united(covers, place, binding.policies)
        return _access(shown, place)

    def _described(
        self, binding: Binding, place: Place, covers: list[tuple[Cover, str]]
    ) -> TableAccess | None:
        known = list(self._whole_table(binding, place.table))
        if known:
            covers = [*covers, (Cover(place.everything), known[0])]
        shown = united(covers, place, binding.policies)
        if not shown.columns:
            return None
        columns = tuple(ColumnAccess(column.name) for column in shown.columns)
        # Should anyone read with it, there is nothing to be seen.
        return TableAccess(place.table, columns, NOTHING, unrestricted=False, why=shown.why)

    def _whole_table(self, binding: Binding, table: TableName) -> Iterator[str]:
        """Yield why a principal may know of a table as a whole: any permission on it tells."""
        if binding.administers:
            yield "a lake administrator"
        for grant in binding.grants:
            if grant.resource.is_narrowed:
                continue
            if grant.resource.names(table) or self._matches_table(grant, table):
                yield str(grant)

    def _covers(self, binding: Binding, place: Place) -> Iterator[tuple[Cover, str]]:
        for grant in binding.grants:
            if grant.permissions.isdisjoint(("SELECT", ALL)):
                continue
            cover = cover_of(grant, place)
            if cover is None:
                continue
            if not grant.grantor_account:
                yield cover, str(grant)
                continue
            shares = self._bindings.shares(grant.grantor_account)
            bounds = [(cover_of(share, place), share) for share in shares]
            known = frozenset[Leaf]().union(
                *(one.leaves for one, _ in bounds if one is not None and one.condition is None)
            )
            for bound, share in bounds:
                both = cover.within(bound, known) if bound is not None else None
                if both is not None and both.leaves:
                    yield both, f"{grant}, within {share}"
        if self._is_hybrid(binding, Resource("table", place.table.database, place.table.table)):
            yield Cover(place.everything), "hybrid access, not opted in"

    def _place(self, binding: Binding, table: TableName, schema: Schema) -> Place:
        tags = binding.session_tags
        return Place.of(table, schema, self.tags, self.policies.filters, tags)

    def _is_hybrid(self, binding: Binding, target: Resource) -> bool:
        if not binding.identities or binding.is_foreign or target.kind != "table":
            return False
        name = TableName(target.database, target.table)
        return any(
            any(one.names(name) for one in hybrid.on)
            and binding.identities.isdisjoint(hybrid.opted_in)
            for hybrid in self.policies.hybrid
        )

    def _allows(self, grant: Grant, action: str, target: Resource) -> bool:
        if grant.grantor_account and not any(
            self._allows(share, action, target)
            for share in self._bindings.shares(grant.grantor_account)
        ):
            return False
        if not self._reaches(grant, action, target):
            return False
        if action == "DESCRIBE":
            # Whoever may do something with a thing may know of it.
            return True
        return action in grant.permissions or (
            ALL in grant.permissions and action in grant.resource.takes
        )

    def _reaches(self, grant: Grant, action: str, target: Resource) -> bool:
        resource = grant.resource
        match target.kind:
            case "table":
                name = TableName(target.database, target.table)
                if resource.names(name) or self._matches_table(grant, name):
                    return True
                return action in ("SELECT", "DESCRIBE") and self._matches_column(grant, name)
            case "database" if resource.kind == "table":
                # A grant on tables tells of their database, and no more.
                return action == "DESCRIBE" and resource.database == target.database
            case "database" if resource.kind == "tags":
                tags = self.tags.of_database(target.database)
                return resource.of == "databases" and matches_all(tags, resource.tags)
            case "database" | "location":
                return resource.kind == target.kind and resource.database == target.database
            case _:
                return resource.kind == target.kind

    def _matches_table(self, grant: Grant, table: TableName) -> bool:
        resource = grant.resource
        if resource.kind != "tags" or resource.of != "tables":
            return False
        return matches_all(self.tags.of_table(table), resource.tags)

    def _matches_column(self, grant: Grant, table: TableName) -> bool:
        resource = grant.resource
        if resource.kind != "tags" or resource.of != "tables":
            return False
        return any(
            self.tags.of_column(table, column).granted_by(resource.tags)
            for column in self.tags.resolved.get(str(table), ())
        )


def _access(shown: United, place: Place) -> TableAccess | None:
    if not shown.columns:
        return None
    columns = tuple(
        ColumnAccess(one.name, one.mask, one.condition, one.fields) for one in shown.columns
    )
    whole = (
        shown.row_filter is None
        and len(columns) == len(place.schema)
        and all(column.is_plain for column in columns)
    )
    return TableAccess(
        place.table, columns, shown.row_filter, unrestricted=whole, why=shown.why
    )
