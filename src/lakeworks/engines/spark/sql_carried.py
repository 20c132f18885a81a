"""Let the embedded engine compute, within Spark's tasks, what Spark's SQL cannot compute alike.

The largest expression that has no translation is taken whole, so that no part of it crosses from one
engine into the other but columns and what many rows give. An aggregate that has none gets the rows of
its group as a list. What hangs on the clock, chance or a setting stays refused, and so do windows.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, cast

from sqlglot import exp

from lakeworks.engines.duckdb.row_expressions import GATHERED, RowExpression, computes_alone
from lakeworks.engines.duckdb.types import from_duckdb, to_duckdb
from lakeworks.engines.errors import UnsupportedTypeError
from lakeworks.engines.spark.lake_sql import LakeSql
from lakeworks.engines.spark.sql_parts import (
    COMPARED,
    bordering,
    column_of_result,
    comes_from_outside,
    decides_outer_join,
    is_aggregate,
    is_approximate,
    keys_of,
    roots,
    taken_by,
    values_within,
    walked,
)
from lakeworks.engines.spark.sql_types import KIND, bare, note, spark_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakeworks.core.types import Type
    from lakeworks.engines.spark.sql_writer import Writer

EXACT = "lakeworks_exact"
_NONE = "'__none', 1"
# Types of the lake's dialect that no table has, and what they are once they leave it.
_LEFT_AS = {
    "JSON": "VARCHAR", "UUID": "VARCHAR", "HUGEINT": "BIGINT", "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER", "UINTEGER": "BIGINT", "UBIGINT": "DECIMAL(20,0)",
}  # fmt: skip
_WORD = re.compile(rf"\b(?:{'|'.join(_LEFT_AS)})\b")


class Carried(exp.Expression):
    """A call of a function that computes in the lake's dialect.

    Its `expressions` are what it takes, under `names`; `gathered` says that the rows of a group
    are gathered, and how many of the parts are of the group itself.
    """

    arg_types = {  # noqa: RUF012 - as sqlglot has it
        "computed": True, "source": True, "names": True, "expressions": False, "keys": False,
    }  # fmt: skip

    @property
    def computed(self) -> RowExpression:
        """What is computed."""
        return cast("RowExpression", self.args["computed"])

    @property
    def function(self) -> str:
        """The name under which Spark knows it; equal expressions have equal names."""
        one = self.computed
        told = f"{one.sql}\n{one.columns}\n{one.type}"
        return f"lakeworks_{hashlib.sha256(told.encode()).hexdigest()[:24]}"


def carried(writer: Writer, node: Carried) -> str:
    """Write the call: what it takes is one struct."""
    told = [
        f"'{name}', CAST({writer.sql(part)} AS {spark_name(cast('Type', _type(part)))})"
        for name, part in zip(node.args["names"], node.expressions, strict=True)
    ]
    # An aggregate's parts but for the group's own are of each row.
    of_rows = told[: len(told) - len(node.args.get("keys") or [])]
    if node.computed.columns:
        each = ", ".join(of_rows or [_NONE])
        told = [f"'{GATHERED}', COLLECT_LIST(NAMED_STRUCT({each}))", *told[len(of_rows) :]]
    return f"{node.function}(NAMED_STRUCT({', '.join(told or [_NONE])}))"


def source(node: exp.Expression) -> str:
    """Return a part as whoever wrote it could have written it."""
    whole = exp.Paren(this=node.copy())
    for one in list(whole.find_all(Carried)):
        one.replace(exp.Var(this=one.args["source"]))
    return str(whole.this.sql(LakeSql))


class Carrier:
    """Puts calls of the embedded engine where Spark has no counterpart.

    Args:
        describe: Gives the types of a SELECT's columns in the embedded engine's own words.
        writable: Whether Spark's SQL has a counterpart of a tree.
    """

    def __init__(
        self,
        describe: Callable[[str], Sequence[str]],
        writable: Callable[[exp.Expression], bool],
    ) -> None:
        self._describe = describe
        self._writable = writable

    def carry(self, tree: exp.Expression) -> None:
        """Replace what has no counterpart; what cannot be carried stays, and is refused later."""
        failing: list[tuple[list[exp.Expression], exp.Expression]] = []
        # All types are asked for before anything changes.
        for select in list(tree.find_all(exp.Select)):
            found = [root for root in roots(select) if not self._writable(root)]
            keys = keys_of(select)
            parts = [part for root in found for part in bordering(root, keys)]
            note(select, parts, EXACT, self._describe)
            failing += [(keys, root) for root in found]
        # Inner ones first: an outer one may hold them.
        for keys, root in reversed(failing):
            settled = column_of_result(root) or self._settled(root, keys, top=True)
            if settled is None or (decides_outer_join(root) and _crosses(settled)):
                continue
            root.replace(settled)

    def _settled(
        self, node: exp.Expression, keys: list[exp.Expression], *, top: bool = False
    ) -> exp.Expression | None:
        """Return what stands for a part on Spark, or None."""
        if isinstance(node, (exp.Any, exp.All)):
            return None  # half of a comparison
        if self._writable(node):
            return node.copy()
        found = None
        inner = bare(node)
        if comes_from_outside(node, []):
            found = self._within(node, list(values_within(node)), [])
        elif isinstance(inner, COMPARED) and top:
            # Sides for themselves: a join by equality stays one.
            found = self._within(node, [inner.this, inner.args["expression"]], keys)
        if found is not None and self._writable(found):
            return found
        if comes_from_outside(node, []):
            return self._by_group(node, keys, last=top) if is_aggregate(node) else None
        by_row = self._by_row(node, keys, last=top)
        return by_row if by_row is not None else self._by_group(node, keys, last=top)

    def _within(
        self, node: exp.Expression, parts: list[exp.Expression], keys: list[exp.Expression]
    ) -> exp.Expression | None:
        """Return a part whose own parts are settled one by one."""
        settled = [self._settled(part, keys) for part in parts]
        whole = node.copy()
        places = _same_places(node, whole, parts)
        for place, one in zip(places, settled, strict=True):
            if one is None:
                return None
            place.replace(one)
        return whole

    def _by_row(
        self, node: exp.Expression, keys: list[exp.Expression], *, last: bool
    ) -> exp.Expression | None:
        taken = [part for part in taken_by(node, keys) if part is not node]
        settled = self._known(taken)
        return None if settled is None else _call(node, _type(node, last=last), taken, settled)

    def _by_group(
        self, node: exp.Expression, keys: list[exp.Expression], *, last: bool
    ) -> exp.Expression | None:
        """Compute what aggregates give from the rows of each group."""
        parts = list(taken_by(node, keys))
        aggregates = [part for part in parts if is_aggregate(part)]
        of_group = [part for part in parts if part not in aggregates]
        if (
            not aggregates
            or any(comes_from_outside(part, []) for part in of_group)
            or any(is_approximate(one) for one in aggregates)
        ):
            return None
        stops = (exp.Column, exp.Query)
        columns = [
            part for one in aggregates
            for part in walked(one, lambda n: isinstance(n, stops)) if isinstance(part, stops)
        ]  # fmt: skip
        settled = self._known(of_group)
        if settled is None or any(
            isinstance(one, exp.Query) or EXACT not in one.meta for one in columns
        ):
            return None
        rows = [one.copy() for one in columns]
        type_ = _type(node, last=last)
        return _call(node, type_, [*columns, *of_group], [*rows, *settled], len(rows))

    def _known(self, taken: list[exp.Expression]) -> list[exp.Expression] | None:
        """Return what stands for each part, if all have one, and a type."""
        settled: list[exp.Expression] = []
        for part in taken:
            one = self._settled(part, [])
            if one is None or EXACT not in part.meta:
                return None
            one.meta.update(part.meta)
            settled.append(one)
        return settled


def _call(
    node: exp.Expression,
    type_: Type | None,
    taken: list[exp.Expression],
    settled: list[exp.Expression],
    rows: int | None = None,
) -> Carried | None:
    """Return the call that computes a part of what it takes.

    Args:
        rows: How many of what is taken are columns of the rows of a group.
    """
    if type_ is None or any(_type(part) is None for part in taken):
        return None
    whole = exp.Paren(this=node.copy())
    places = _same_places(node, cast("exp.Expression", whole.this), taken)
    names: dict[tuple[bool, str], str] = {}
    parts: dict[str, exp.Expression] = {}
    for number, (place, part, one) in enumerate(zip(places, taken, settled, strict=True)):
        of_group = rows is not None and number >= rows
        name = names.setdefault((of_group, part.sql(LakeSql)), f"__c{len(names)}")
        parts.setdefault(name, one)
        place.replace(_column(name, part, of_group=of_group))
    text = f"CAST({whole.sql(LakeSql)} AS {to_duckdb(type_)})"
    if not computes_alone(text):
        return None
    columns: tuple[str, ...] = ()
    if rows is not None:
        columns = tuple(n for (group, _), n in names.items() if not group) or ("__none",)
    made = Carried(
        source=source(node),
        computed=RowExpression(text, columns, type_),
        names=list(parts),
        expressions=list(parts.values()),
        keys=[n for (group, _), n in names.items() if group],
    )
    made.meta.update({**node.meta, KIND: type_})
    return made


def _column(name: str, part: exp.Expression, *, of_group: bool) -> exp.Expression:
    found: exp.Expression = exp.column(name, quoted=True)
    if of_group:
        found = exp.Anonymous(this="any_value", expressions=[found])
    exact = str(part.meta[EXACT])
    return exp.cast(found, exact, dialect="duckdb") if exact in _LEFT_AS else found


def _type(node: exp.Expression, *, last: bool = False) -> Type | None:
    """Return the type of a part that leaves the embedded engine as it is, or can come back.

    Args:
        last: Nothing is computed of it any more: it may become what a table can hold.
    """
    exact = str(node.meta.get(EXACT, ""))
    try:
        found = from_duckdb(exact)
    except UnsupportedTypeError:
        return None
    wanted = _WORD.sub(lambda word: _LEFT_AS[word[0]], exact) if last else exact
    same = _bare(to_duckdb(found)) == _bare(wanted)
    return found if same or exact in _LEFT_AS else None


def _bare(type_: str) -> str:
    return type_.replace(" ", "").replace('"', "")


def _crosses(node: exp.Expression) -> bool:
    """Whether a call takes columns of several tables; a bare name may be of any."""
    return any(
        len({column.parts[0].name for column in call.find_all(exp.Column)}) > 1
        for call in node.find_all(Carried)
    )


def _same_places(
    node: exp.Expression, copy: exp.Expression, parts: list[exp.Expression]
) -> list[exp.Expression]:
    """Return the parts of a copy that stand where these stand in the original."""
    wanted = {id(part): None for part in parts}
    found = {
        id(one): cast("exp.Expression", other)
        for one, other in zip(node.walk(), copy.walk(), strict=True)
        if id(one) in wanted
    }
    return [found[id(part)] for part in parts]
