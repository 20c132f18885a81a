"""Rewrite calls of Athena's functions, with what stands behind aggregates: FILTER and OVER."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.project.athena import moments, texts
from lakeworks.project.athena.calls import Call, filled, place_of
from lakeworks.project.athena.errors import AthenaUnsupportedError
from lakeworks.project.athena.functions import INSTEAD, rules
from lakeworks.project.athena.grammar import Written
from lakeworks.project.athena.kinds import UNKNOWN, Kind, common
from lakeworks.project.athena.nested import parameters
from lakeworks.project.athena.rules import ANY, kind_of

if TYPE_CHECKING:
    from lakeworks.project.athena.rules import Rule
    from lakeworks.project.athena.scopes import Scope

Seen = tuple[exp.Expression, Kind]
_ZONED = 2  # arguments of at_timezone


class Calling(ABC):
    """The part of a rewriter that knows of calls."""

    def __init__(self) -> None:
        self._rules = rules()

    @abstractmethod
    def visit(self, node: exp.Expression, scope: Scope) -> Seen:
        """Return what a node becomes, and the kind of its value."""

    @abstractmethod
    def children(self, node: exp.Expression, scope: Scope) -> list[Kind]:
        """Rewrite what a node is made of; return the kinds."""

    @abstractmethod
    def listagg(self, node: exp.GroupConcat, scope: Scope) -> Seen:
        """Rewrite LISTAGG."""

    def inner(self, node: exp.Expression, scope: Scope) -> Seen:
        """Rewrite an expression, in which a bare name is a function's parameter."""
        if isinstance(node, exp.Identifier):
            return node, scope.kind([node.name])
        return self.visit(node, scope)

    def called(self, node: exp.Anonymous, scope: Scope) -> Seen:
        """Rewrite a call."""
        return self.call(node.name, node, list(node.expressions), scope)

    def call(
        self, name: str, node: exp.Expression, args: list[exp.Expression], scope: Scope,
        after: list[exp.Expression] | None = None,
    ) -> Seen:  # fmt: skip
        """Return what a call of one of Athena's functions becomes.

        Args:
            after: What stands behind an aggregate: FILTER, OVER.
        """
        name = name.lower()
        rule = self._rules.get(name)
        if rule is None:
            raise self.unknown(node, name)
        args = _counted(name, args)
        template = rule.templates.get(len(args), rule.templates.get(ANY))
        if template is None:
            taken = " or ".join(str(one) for one in sorted(rule.templates))
            told = f"{len(args)} arguments are given, and {taken} work here"
            raise AthenaUnsupportedError.call(name, told, *place_of(node))
        call = self._read(name, node, args, scope)
        if name in texts.PATTERNED or (name == "regexp_replace" and len(args) == 2):  # noqa: PLR2004
            texts.pattern(call, 1)
        told = rule.kinds.get(len(args), rule.kinds.get(ANY, rule.kind))
        kind = kind_of(told, call.kinds)
        if rule.writer is not None:
            template, kind = rule.writer(call)
        template = self._behind(template, call, rule, after or [])
        return filled(template, call, aggregate=rule.aggregate), kind

    def _read(
        self, name: str, node: exp.Expression, args: list[exp.Expression], scope: Scope
    ) -> Call:
        """Rewrite the arguments; functions among them after the others, which tell their kinds."""
        made: list[exp.Expression] = []
        kinds: list[Kind] = []
        for one in args:
            if isinstance(one, exp.Lambda):
                told = parameters(name, kinds)
                made.append(self._function(one, told, scope))
                kinds.append(UNKNOWN)
                continue
            local = name in moments.LOCAL
            seen = self.local(one, scope) if local else self.argument(one, scope)
            made.append(seen[0])
            kinds.append(seen[1])
        return Call(name, node, made, kinds)

    def argument(self, node: exp.Expression, scope: Scope) -> Seen:
        """Rewrite an argument, which may be DISTINCT, or have an order behind it."""
        if isinstance(node, exp.Distinct):
            return node, common(self.children(node, scope)[:1])
        if isinstance(node, exp.Order):
            seen = self.argument(node.this, scope) if node.this is not None else None
            if seen is not None:
                node.set("this", seen[0])
            node.set("expressions", [self.visit(one, scope)[0] for one in node.expressions])
            return node, seen[1] if seen is not None else UNKNOWN
        return self.inner(node, scope)

    def _function(self, node: exp.Lambda, kinds: tuple[Kind, ...], scope: Scope) -> exp.Lambda:
        names = [one.name.lower() for one in node.expressions]
        told = dict(zip(names, (*kinds, *[UNKNOWN] * len(names)), strict=False))
        made, _ = self.inner(node.this, scope.within(told))
        node.set("this", made)
        return node

    def _behind(
        self, template: str, call: Call, rule: Rule, after: list[exp.Expression]
    ) -> str:
        """Put FILTER and OVER behind the aggregate itself, wherever its template has it."""
        if not after:
            return template
        if not rule.aggregate:
            raise call.wrong("it is no aggregate: neither FILTER nor OVER can follow it")
        places = "".join(f" {{{len(call.args) + n}}}" for n in range(len(after)))
        call.args.extend(after)
        call.kinds.extend([UNKNOWN] * len(after))
        found = re.match(r"(?:CAST\(|round\(|CAST\(round\()*(?P<name>\w+)\(", template)
        if found is None or call.name in {"map_agg", "multimap_agg"}:
            raise call.wrong("neither FILTER nor OVER works behind it here")
        end = _closing(template, found.end() - 1)
        return template[: end + 1] + places + template[end + 1 :]

    def over(self, node: exp.Expression, scope: Scope) -> Seen:
        """Rewrite an aggregate with FILTER, IGNORE NULLS and OVER behind it."""
        after: list[exp.Expression] = []
        nulls = ""
        inner: exp.Expression = node
        while not isinstance(inner, exp.Anonymous | exp.GroupConcat):
            following = inner.this
            if isinstance(inner, exp.Filter):
                self.children(inner.expression, scope)
                after.insert(
                    0, Written(template="FILTER ({0})", expressions=[inner.expression])
                )
            elif isinstance(inner, exp.Window):
                after.append(self._window(inner, scope))
            elif isinstance(inner, exp.IgnoreNulls):
                nulls = " IGNORE NULLS"
            elif not isinstance(inner, exp.RespectNulls):
                raise AthenaUnsupportedError.part(name_of(inner), *place_of(inner))
            inner = following
        if isinstance(inner, exp.GroupConcat):
            made, kind = self.listagg(inner, scope)
            places = "".join(f" {{{n}}}" for n in range(1, len(after) + 1))
            return Written(template="{0}" + places, expressions=[made, *after]), kind
        made, kind = self.call(inner.name, inner, list(inner.expressions), scope, after)
        if nulls:
            template = str(made.args["template"])
            end = _closing(template, template.index("("))
            made.set("template", template[:end] + nulls + template[end:])
        return made, kind

    def _window(self, node: exp.Window, scope: Scope) -> exp.Expression:
        self.window(node, scope)
        node.set("this", Written(template="", expressions=[]))
        return node.copy() if node.parent is not None else node

    def window(self, node: exp.Window, scope: Scope) -> None:
        """Rewrite what a window is made of."""
        for key in ("partition_by", "order", "spec"):
            value = node.args.get(key)
            if isinstance(value, list):
                node.set(key, [self.visit(one, scope)[0] for one in value])
            elif isinstance(value, exp.Expression):
                node.set(key, self.visit(value, scope)[0])

    def local(self, node: exp.Expression, scope: Scope) -> Seen:
        """Rewrite what may be a moment in another zone, of which only the clock's face counts."""
        zone: exp.Expression | None = None
        moment: exp.Expression | None = None
        if isinstance(node, exp.AtTimeZone):
            moment, zone = node.this, node.args["zone"]
        elif (
            isinstance(node, exp.Anonymous)
            and node.name.lower() == "at_timezone"
            and len(node.expressions) == _ZONED
        ):
            moment, zone = node.expressions
        if moment is None or zone is None:
            return self.argument(node, scope)
        made, _ = self.visit(moment, scope)
        where, _ = self.visit(zone, scope)
        template = "(CAST({0} AS TIMESTAMPTZ) AT TIME ZONE {1})"
        return Written(template=template, expressions=[made, where]), Kind("timestamp")

    def unknown(self, node: exp.Expression, name: str) -> AthenaUnsupportedError:
        """Return the error for a function that does not work here."""
        hint = f"use {INSTEAD[name]}" if name in INSTEAD else ""
        return AthenaUnsupportedError.function(
            name, *place_of(node), known=self._rules, hint=hint
        )


def _counted(name: str, args: list[exp.Expression]) -> list[exp.Expression]:
    """`count(*)` counts rows: it has no argument."""
    return [] if name == "count" and len(args) == 1 and isinstance(args[0], exp.Star) else args


def _closing(template: str, at: int) -> int:
    """Return the place of the parenthesis that closes the one at a place."""
    depth = 0
    for place in range(at, len(template)):
        depth += {"(": 1, ")": -1}.get(template[place], 0)
        if depth == 0:
            return place
    return len(template) - 1


def name_of(node: exp.Expression) -> str:
    """Name a kind of node as whoever wrote it would."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).upper()
    return {"PLACEHOLDER": "a parameter without a value", "COMMAND": "this statement"}.get(
        name, name
    )
