"""UNNEST as Athena has it: several arrays side by side, maps, rows as columns, ordinality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.project.athena.calls import place_of
from lakeworks.project.athena.errors import AthenaTypeNeededError, AthenaUnsupportedError
from lakeworks.project.athena.grammar import Written
from lakeworks.project.athena.kinds import Kind

if TYPE_CHECKING:
    from lakeworks.project.athena.expressions import Expressions
    from lakeworks.project.athena.scopes import Columns, Scope

_MAPS = "UNNEST(map_keys(m), map_values(m)) says what a map is made of"


class Unnesting:
    """Makes a query of an UNNEST: the lake's own takes one array."""

    def __init__(self, expressions: Expressions) -> None:
        self._expressions = expressions

    def rewritten(self, node: exp.Unnest, scope: Scope) -> tuple[exp.Expression, Columns]:
        """Return the subquery that stands for an UNNEST, and its columns.

        Raises:
            AthenaUnsupportedError: the types in it are not known, and count here.
        """
        seen = [self._expressions.visit(one, scope) for one in node.expressions]
        alias = node.args.get("alias")
        names = (
            [one.name for one in alias.args.get("columns") or []] if alias is not None else []
        )
        ordinal = node.args.get("offset")
        if isinstance(ordinal, exp.Identifier):
            # sqlglot takes the last name of the list for the number's.
            names.append(ordinal.name)
        wanted = len(names) - bool(ordinal) if names else 0
        parts: list[tuple[Written, Kind]] = []
        for made, kind in seen:
            parts += self._columns(node, made, kind, len(seen), wanted)
        if ordinal:
            parts.append((self._numbers([made for made, _ in seen], seen), Kind("int")))
        if names and len(names) != len(parts):
            told = f"UNNEST with {len(names)} names for {len(parts)} columns"
            unsure = any(kind.element.name == "unknown" for _, kind in seen)
            error = AthenaTypeNeededError if unsure else AthenaUnsupportedError
            raise error.part(told, *place_of(node), _MAPS)
        names = names or [f"_col{n}" for n in range(len(parts))]
        return self._query(node, names, parts), {
            name.lower(): kind for name, (_, kind) in zip(names, parts, strict=True)
        }

    def _columns(
        self, node: exp.Unnest, made: exp.Expression, kind: Kind, arrays: int, wanted: int
    ) -> list[tuple[Written, Kind]]:
        if kind.name == "map":
            of = kind.of or (Kind("unknown"), Kind("unknown"))
            return [
                (Written(template="unnest(map_keys({0}))", expressions=[made.copy()]), of[0]),
                (Written(template="unnest(map_values({0}))", expressions=[made.copy()]), of[1]),
            ]
        element = kind.element
        if element.name == "row" and element.of:
            return [
                (_field_of(element, n, made.copy()), field)
                for n, field in enumerate(element.of)
            ]
        told = kind.name == "array" and element.name != "unknown"
        unsure = kind.name not in {"array", "unknown"} or (arrays == 1 and wanted > 1)
        if unsure and not told:
            wrong = "UNNEST of a value whose type is not known"
            raise AthenaTypeNeededError.part(wrong, *place_of(node), _MAPS)
        return [(Written(template="unnest({0})", expressions=[made]), element)]

    def _numbers(
        self, lists: list[exp.Expression], seen: list[tuple[exp.Expression, Kind]]
    ) -> Written:
        lengths = [
            f"coalesce(CAST(cardinality({{{n}}}) AS BIGINT), 0)" if kind.name == "map"
            else f"coalesce(len({{{n}}}), 0)"
            for n, (_, kind) in enumerate(seen)
        ]  # fmt: skip
        most = lengths[0] if len(lengths) == 1 else f"greatest({', '.join(lengths)})"
        copies = [one.copy() for one in lists]
        return Written(template=f"unnest(range(1, {most} + 1))", expressions=copies)

    def _query(
        self, node: exp.Unnest, names: list[str], parts: list[tuple[Written, Kind]]
    ) -> exp.Expression:
        alias = node.args.get("alias")
        table = alias.name if alias is not None and alias.name else "_unnest"
        selected: list[exp.Expression] = [
            exp.Alias(this=made, alias=exp.to_identifier(name, quoted=True))
            for name, (made, _) in zip(names, parts, strict=True)
        ]
        return exp.Subquery(
            this=exp.Select(expressions=selected),
            alias=exp.TableAlias(this=exp.to_identifier(table, quoted=True)),
        )


def _field_of(element: Kind, number: int, rows: exp.Expression) -> Written:
    """Return the column of one field: by its name, where rows have names."""
    taken = f"struct_extract_at(_r, {number + 1})"
    if _named(element):
        taken = f"_r.{_quoted(element.names[number])}"
    template = f"unnest(list_transform({{0}}, lambda _r: {taken}))"
    return Written(template=template, expressions=[rows])


def _named(kind: Kind) -> bool:
    return bool(kind.names) and not all(name.startswith("field") for name in kind.names)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("{", "{{").replace("}", "}}") + '"'
