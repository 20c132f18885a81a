"""What grants together show of a table, and what policies leave of it.

Pure. Grants unite: rows by OR, values cell by cell. Policies intersect: each mandatory row filter
is joined by AND, each mask stands before every value, a hidden column is not there. Two policies
that would mask one column differently leave null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.governance.covers import RESCUED, written_filter
from lakeworks.governance.masks import Mask
from lakeworks.governance.nested import FieldAccess
from lakeworks.governance.resources import EVERY_TABLE
from lakeworks.governance.tags import ANY_VALUE, quarantined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.core.names import TableName
    from lakeworks.governance.covers import Cover, Leaf, Place
    from lakeworks.governance.policy_set import Policy

_HOLD_ROWS = ("row", "error")  # of a quarantine table: they quote the rejected row
Conditions = dict[str | None, None]  # a set that keeps its order; None: in every row


@dataclass(frozen=True, slots=True)
class Shown:
    """One column that is left."""

    name: str
    mask: Mask | None
    condition: str | None
    fields: tuple[FieldAccess, ...]


@dataclass(frozen=True, slots=True)
class United:
    """What is left of a table; nothing, where it has no columns."""

    columns: tuple[Shown, ...]
    row_filter: str | None
    why: tuple[str, ...]


def united(
    covers: Sequence[tuple[Cover, str]], place: Place, policies: Iterable[Policy]
) -> United:
    """Unite what grants show, then apply the policies that bind the principal."""
    bound = _Bound(place)
    for policy in policies:
        bound.apply(policy)
    lasting = [(cover, told) for cover, told in covers if not bound.gets_round(cover)]
    why = [told for _, told in lasting]
    why += [
        f"{told}, which shows nothing: it chooses rows by what policies mask or hide"
        for cover, told in covers
        if bound.gets_round(cover)
    ]
    everything: Conditions = {}
    by_leaf: dict[Leaf, Conditions] = {}
    for cover, _ in lasting:
        everything[cover.condition] = None
        for leaf in cover.leaves:
            by_leaf.setdefault(leaf, {})[cover.condition] = None
    why += bound.told()
    if bound.blocked:
        return United((), None, tuple(why))
    columns: list[Shown] = []
    for name, leaves in place.leaves.items():
        if name in bound.hidden or not any(leaf in by_leaf for leaf in leaves):
            continue
        columns.append(_column(name, leaves, by_leaf, everything, bound.mask(name)))
    filters = [f for f in (_joined(everything), *bound.filters) if f is not None]
    return United(tuple(columns), _all(filters), tuple(why))


def _column(
    name: str,
    leaves: tuple[Leaf, ...],
    by_leaf: dict[Leaf, Conditions],
    everything: Conditions,
    mask: Mask | None,
) -> Shown:
    conditions = [by_leaf.get(leaf) for leaf in leaves]
    first = conditions[0]
    if first is not None and all(
        one is not None and one.keys() == first.keys() for one in conditions
    ):
        return Shown(name, mask, _cell(first, everything), ())
    if mask is not None:
        # A masked struct is null or a constant; it is shown where all its fields are.
        shared = _shared(conditions)
        if shared is None:
            return Shown(name, Mask("null", policy=mask.policy), None, ())
        return Shown(name, mask, _cell(shared, everything), ())
    fields = tuple(
        FieldAccess(leaf, found is not None, _cell(found, everything) if found else None)
        for leaf, found in zip(leaves, conditions, strict=True)
    )
    return Shown(name, None, None, fields)


def _shared(conditions: Sequence[Conditions | None]) -> Conditions | None:
    """Return the conditions under which every field is shown; None where there are none."""
    first, *others = [one for one in conditions if one is not None]
    if len(others) + 1 < len(conditions):
        return None
    found: Conditions = {c: None for c in first if all(c in one for one in others)}
    return found or None


def _cell(own: Conditions, everything: Conditions) -> str | None:
    """Return when a value is shown; None where it is in every row that is."""
    return None if None in own or own.keys() == everything.keys() else _joined(own)


def _joined(conditions: Conditions) -> str | None:
    if None in conditions:
        return None
    words = [one for one in conditions if one is not None]
    return words[0] if len(words) == 1 else "(" + " or ".join(words) + ")" if words else None


def _all(filters: Sequence[str]) -> str | None:
    words = list(dict.fromkeys(filters))
    if not words:
        return None
    return words[0] if len(words) == 1 else "(" + " and ".join(words) + ")"


class _Bound:
    """Gathers what policies do to one table."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.base = quarantined(place.table)
        self.blocked = False
        self.filters: list[str] = []
        self.hidden: set[str] = set()
        self.masks: dict[str, list[Mask]] = {}
        self.masking: list[tuple[Policy, list[str]]] = []
        self.why: list[str] = []

    def apply(self, policy: Policy) -> None:
        own = _concerns(policy, self.place.table, self.place)
        base = self.base is not None and _concerns(policy, self.base, self.place)
        if not own and not base:
            return
        if own and self._misses(policy):
            self._block(policy)
            return
        columns = self._matched(policy, of_base=base)
        if policy.rows:
            self._filter(policy, columns, of_base=base)
        elif policy.hide and columns:
            self.hidden.update(columns)
            self.why.append(f"{policy} hides {', '.join(columns)}")
        elif policy.mask is not None and columns:
            for column in columns:
                self.masks.setdefault(column, []).append(policy.mask)
            self.masking.append((policy, columns))

    def gets_round(self, cover: Cover) -> bool:
        """Whether a principal chose the rows by values that these policies mask or hide.

        Which rows are there would tell what these are, and no grant gets round a policy.
        """
        looked_at = {leaf[0] for leaf in cover.judged_by}
        return not looked_at.isdisjoint((*self.hidden, *self.masks))

    def told(self) -> list[str]:
        """Return what policies do, for people; of a column that is not there, only that."""
        found = list(self.why)
        for policy, columns in self.masking:
            left = [name for name in columns if name not in self.hidden]
            if left and policy.mask is not None:
                found.append(f"{policy} masks {', '.join(left)}: {policy.mask.shown}")
        return found

    def mask(self, name: str) -> Mask | None:
        found = self.masks.get(name)
        if not found:
            return None
        if len({(one.kind, one.expression) for one in found}) == 1:
            return found[0]
        return Mask("null", policy=", ".join(dict.fromkeys(one.policy for one in found)))

    def _misses(self, policy: Policy) -> bool:
        """Whether a policy on this table alone names a column that is not there."""
        if not policy.on or any(one.table in ("", EVERY_TABLE) for one in policy.on):
            return False
        return len(policy.on) == 1 and not all(self.place.named((n,)) for n in policy.named)

    def _matched(self, policy: Policy, *, of_base: bool) -> list[str]:
        place = self.place
        if policy.columns:
            tags = place.column_tags
            if place.assigned_tags is not None and _is_everywhere(policy) and not policy.hide:
                # It binds the tables that the view reads: masked twice, a hash is another hash.
                tags = place.assigned_tags
            return [name for name in place.leaves if tags[name].bound_by(policy.columns)]
        named = {name.casefold() for name in policy.named}
        # A mask on one field of a struct masks all of it.
        named |= {name.partition(".")[0] for name in named}
        if named:
            # They quote values of any column.
            named.update((RESCUED, *(_HOLD_ROWS if of_base else ())))
        return [name for name in place.leaves if name.casefold() in named]

    def _filter(self, policy: Policy, columns: list[str], *, of_base: bool) -> None:
        tagged = bool(policy.columns or policy.named)
        if tagged and not columns:
            return
        if of_base:
            # The rows lie there as text: which may be seen cannot be told.
            self._block(policy)
            return
        for matched in columns if tagged else [None]:
            written = written_filter(policy.rows, self.place, matched=matched)
            if written is None:
                self._block(policy)
                return
            self.filters.append(written)
        self.why.append(f"{policy} shows rows where {policy.rows}")

    def _block(self, policy: Policy) -> None:
        self.blocked = True
        self.why.append(f"{policy} cannot be applied here, so nothing is shown")


def _is_everywhere(policy: Policy) -> bool:
    """Whether a policy concerns every table there is."""
    return not policy.tables and (
        not policy.on or any(one.kind == "catalog" for one in policy.on)
    )


def _concerns(policy: Policy, table: TableName, place: Place) -> bool:
    """Whether a table is one that a policy is on."""
    if policy.on and not any(
        one.kind == "catalog"
        or (one.kind == "database" and one.database == table.database)
        or one.names(table)
        for one in policy.on
    ):
        return False
    tags = place.tags.of_table(table)
    return all(
        key in tags and (ANY_VALUE in words or not tags[key].isdisjoint(words))
        for key, words in policy.tables
    )
