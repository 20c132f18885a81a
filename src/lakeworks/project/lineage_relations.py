"""What the names inside a query stand for: relations, their columns, and the scopes they are in.

Pure and free of sqlglot. A relation whose columns are not all known can still be asked for one
by name: its `rest` says where a further column would come from, or why that cannot be said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.core.types import Scalar, Struct
from lakeworks.project.lineage_facts import (
    IDENTITY,
    NOTHING,
    TRANSFORMATION,
    Origins,
    as_kind,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.core.types import Schema, Type


@dataclass(frozen=True, slots=True)
class Flow:
    """What something derives from, and why part of that is not known.

    Attributes:
        type: Of a column that is passed through, where it is known.
        is_list: Whether it is sure to be a list.
    """

    origins: Origins = NOTHING
    gaps: frozenset[str] = frozenset()
    type: Type | None = None
    is_list: bool = False

    def used(self, kind: str) -> Flow:
        """Return the flow of something that uses this in a way of the given kind."""
        if kind == IDENTITY:
            return self
        return Flow(as_kind(self.origins, kind), self.gaps)

    def __or__(self, other: Flow) -> Flow:
        return Flow(self.origins | other.origins, self.gaps | other.gaps)


EMPTY = Flow()


def union(flows: Iterable[Flow]) -> Flow:
    """Return the flow of something that uses all of these."""
    origins: set[tuple[str, str, str]] = set()
    gaps: set[str] = set()
    for flow in flows:
        origins |= flow.origins
        gaps |= flow.gaps
    return Flow(frozenset(origins), frozenset(gaps))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation."""

    name: str
    flow: Flow


Rest = Callable[[str], "Flow | None"]


@dataclass(slots=True)
class Relation:
    """What a FROM item or a query gives.

    Attributes:
        rows: What decides which rows there are.
        rest: Where columns that `columns` lacks come from; empty where there are no others.
        open_because: Why `columns` may not be all.
        may_hide: Whether one of the others may have the name of one in `columns`: of two columns
            with one name, the first keeps it.
    """

    columns: list[Column] = field(default_factory=list)
    rows: Flow = EMPTY
    rest: tuple[Rest, ...] = ()
    open_because: tuple[str, ...] = ()
    may_hide: bool = True

    def find(self, name: str) -> Flow | None:
        """Return the column of that name; None where there is none."""
        wanted = name.lower()
        found = [column.flow for column in self.columns if column.name.lower() == wanted]
        offers = [flow for flow in (rest(name) for rest in self.rest) if flow is not None]
        if found:
            flow = found[0]  # of columns with one name, the first keeps it
            if not offers or not self.may_hide:
                return flow
            why = f"{name} may be another column of that name: {'; '.join(self.open_because)}"
            return replace(flow, gaps=flow.gaps | {why})
        if len(offers) > 1:
            why = "; ".join(self.open_because)
            return Flow(gaps=frozenset({f"{name} may come from more than one place: {why}"}))
        return offers[0] if offers else None

    @property
    def is_open(self) -> bool:
        """Whether there may be columns that `columns` lacks."""
        return bool(self.rest)

    def whole(self) -> Flow:
        """Return the flow of a whole row."""
        flow = union(column.flow for column in self.columns).used(TRANSFORMATION)
        return replace(flow, gaps=flow.gaps | set(self.open_because))

    def renamed(self, names: list[str]) -> Relation:
        """Return the relation with its first columns named anew, as `t(a, b)` does."""
        if not names:
            return self
        if len(names) > len(self.columns) and self.is_open:
            why = f"a list of column names stands for columns that are not known: {names}"

            def unknown(_: str) -> Flow:
                return Flow(gaps=frozenset({why}))

            return Relation([], self.rows, (unknown,), (why,))
        columns = [
            replace(column, name=names[i]) if i < len(names) else column
            for i, column in enumerate(self.columns)
        ]
        return replace(self, columns=columns)


# Of columns whose names are known, but not their types.
UNKNOWN_TYPE = Scalar("unknown")


def base_table(name: str, schema: Schema | None) -> Relation:
    """Return a table of the lake; without a schema, any column of it may be asked for."""
    if schema is not None:
        columns = [
            Column(
                f.name,
                Flow(
                    frozenset({(name, f.name, IDENTITY)}),
                    type=None if f.type == UNKNOWN_TYPE else f.type,
                ),
            )
            for f in schema
        ]
        return Relation(columns)

    def any_column(column: str) -> Flow:
        return Flow(frozenset({(name, column.lower(), IDENTITY)}))

    return Relation(rest=(any_column,), open_because=(f"the columns of {name} are not known",))


def gap(reason: str) -> Flow:
    """Return the flow of something that cannot be resolved."""
    return Flow(gaps=frozenset({reason}))


@dataclass(slots=True)
class Scope:
    """The names that an expression may use.

    Attributes:
        sources: FROM items by alias, and by `database.table` where they have none.
        merged: Columns that USING or NATURAL made one.
        aliases: Columns of the SELECT list that later expressions may name.
        bound: Names that a lambda or list comprehension binds.
        aliases_first: Whether an alias hides a column of the same name, as in ORDER BY.
        either: Whether it hangs on more than the names which of the two is meant, as in HAVING.
    """

    sources: list[tuple[tuple[str, ...], Relation]] = field(default_factory=list)
    parent: Scope | None = None
    merged: dict[str, Flow] = field(default_factory=dict)
    aliases: dict[str, Flow] = field(default_factory=dict)
    bound: Mapping[str, Flow] = field(default_factory=dict)
    aliases_first: bool = False
    either: bool = False

    def resolve(self, parts: list[str]) -> Flow:
        """Return what a dotted name stands for: a column, or a field inside one."""
        scope: Scope | None = self
        while scope is not None and len(parts) > 1:
            found = scope._qualified(parts)  # noqa: SLF001 - of the same class
            if found is not None:
                return found
            scope = scope.parent
        scope = self
        while scope is not None:
            found = scope._column(parts[0])
            if found is not None:
                return _field(found, parts[1:])
            scope = scope.parent
        return gap(f"{'.'.join(parts)} names no column that is known here")

    def source(self, parts: list[str]) -> Relation | None:
        """Return the FROM item of that alias, here or further out."""
        scope: Scope | None = self
        wanted = tuple(part.lower() for part in parts)
        while scope is not None:
            for names, relation in scope.sources:
                if _is_called(names, wanted):
                    return relation
            scope = scope.parent
        return None

    def _qualified(self, parts: list[str]) -> Flow | None:
        """Return what `alias.column` stands for in this scope, or the field of a known column."""
        for length in (2, 1):
            wanted = tuple(part.lower() for part in parts[:length])
            for names, relation in self.sources if len(parts) > length else ():
                found = relation.find(parts[length]) if _is_called(names, wanted) else None
                if found is not None:
                    return _field(found, parts[length + 1 :])
        name = parts[0].lower()
        if name in self.bound:
            return self.bound[name].used(TRANSFORMATION)
        known = self.merged.get(name) or _first(_known(r, name) for _, r in self.sources)
        return None if known is None else _field(known, parts[1:])

    def _column(self, name: str) -> Flow | None:
        wanted = name.lower()
        if wanted in self.bound:
            return self.bound[wanted]
        if self.aliases_first and wanted in self.aliases:
            return self.aliases[wanted]
        if wanted in self.merged:
            return self.merged[wanted]
        known = [
            flow
            for flow in (_known(relation, wanted) for _, relation in self.sources)
            if flow is not None
        ]
        if known and self.either and wanted in self.aliases:
            known.append(self.aliases[wanted])
        if known:
            # A valid query names a column of one source only; of several, all are named.
            return known[0] if len(known) == 1 else union(known)
        return self._offered(name)

    def _offered(self, name: str) -> Flow | None:
        """Return a name that no source is known to have: of an open one, an alias, or a row."""
        wanted = name.lower()
        offers = [
            (relation, flow)
            for relation, flow in ((r, r.find(name)) for _, r in self.sources)
            if flow is not None
        ]
        alias = self.aliases.get(wanted)
        if alias is not None and len(offers) == 1 and _same_columns(alias, offers[0][1]):
            return alias | offers[0][1]  # either way it is of the same columns
        other = alias or self._outer(name)
        if not offers:
            return alias if alias is not None else self._row(wanted)
        if len(offers) == 1 and other is None:
            return offers[0][1]
        why = "; ".join(sorted({r for relation, _ in offers for r in relation.open_because}))
        return gap(f"it is not known where {name} comes from: {why}")

    def _outer(self, name: str) -> Flow | None:
        scope = self.parent
        while scope is not None:
            for _, relation in scope.sources:
                found = relation.find(name)
                if found is not None:
                    return found
            scope = scope.parent
        return None

    def _row(self, wanted: str) -> Flow | None:
        for names, relation in self.sources:
            if _is_called(names, (wanted,)):
                return relation.whole()
        return None


def _known(relation: Relation, wanted: str) -> Flow | None:
    there = any(column.name.lower() == wanted for column in relation.columns)
    return relation.find(wanted) if there else None


def _same_columns(one: Flow, other: Flow) -> bool:
    """Whether two flows derive from the same columns, and all of them are known."""
    columns = [{(table, column) for table, column, _ in flow.origins} for flow in (one, other)]
    return columns[0] == columns[1] and not one.gaps | other.gaps


def _first(flows: Iterable[Flow | None]) -> Flow | None:
    return next((flow for flow in flows if flow is not None), None)


def _is_called(names: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return len(wanted) <= len(names) and names[-len(wanted) :] == wanted


def _field(flow: Flow, path: list[str]) -> Flow:
    """Return a field inside a column; it derives from the column as a whole."""
    if not path:
        return flow
    kind: Type | None = flow.type
    for name in path:
        inner = None
        if isinstance(kind, Struct):
            inner = next((f for f in kind.fields if f.name.lower() == name.lower()), None)
        kind = inner.type if inner else None
    return replace(flow.used(TRANSFORMATION), type=kind)
