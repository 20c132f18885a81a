"""Rewrite the expressions of Athena's SQL, each by a rule of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lakeworks.project.athena import moments, operators, texts
from lakeworks.project.athena.calls import Call, filled, place_of
from lakeworks.project.athena.casts import cast
from lakeworks.project.athena.errors import AthenaUnsupportedError
from lakeworks.project.athena.functions import INSTEAD, rules
from lakeworks.project.athena.grammar import Written
from lakeworks.project.athena.kinds import (
    NULL,
    UNKNOWN,
    Kind,
    arithmetic,
    array_of,
    common,
)
from lakeworks.project.athena.nested import parameters
from lakeworks.project.athena.rules import ANY, failing, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.project.athena.rules import Rule
    from lakeworks.project.athena.scopes import Scope

Seen = tuple[exp.Expression, Kind]
_BOOL = Kind("bool")
# What both dialects write and compute alike; the kind of it, where that matters.
PLAIN: dict[type[exp.Expression], Kind] = {
    **dict.fromkeys((
        exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is,
        exp.In, exp.Between, exp.Like, exp.Escape, exp.Exists, exp.Boolean, exp.NullSafeEQ,
        exp.NullSafeNEQ,
    ), _BOOL),
    exp.Null: NULL,
    exp.HexString: Kind("binary"),
    **dict.fromkeys((
        exp.All, exp.Any, exp.Tuple, exp.Star, exp.Where, exp.Having, exp.Group, exp.Cube,
        exp.Rollup, exp.GroupingSets, exp.Order, exp.Limit, exp.Offset,
        exp.Distinct, exp.WindowSpec, exp.Var, exp.Identifier, exp.TableAlias, exp.TableSample,
        exp.Slice,
    ), UNKNOWN),
}  # fmt: skip
_FIELDS = frozenset({
    "year", "quarter", "month", "week", "day", "day_of_month", "day_of_week", "dow",
    "day_of_year", "doy", "year_of_week", "yow", "hour", "minute", "second",
})  # fmt: skip
_UNTEXTUAL = frozenset({"int", "double", "decimal", "bool", "date", "timestamp", "timestamptz"})
_NUMBER = re.compile(r"\s*[+-]?\d+(\.\d+)?\s*")


class Expressions:
    """Rewrites expressions in place. One for one statement."""

    def __init__(self) -> None:
        self._rules = rules()
        self._ways: dict[type[exp.Expression], Callable[[Any, Scope], Seen]] = {
            exp.Column: self._column, exp.Dot: self._dot, exp.Literal: self._literal,
            exp.Paren: self._paren, exp.Neg: self._negative, exp.Alias: self._alias,
            exp.Anonymous: self._called, exp.Cast: self._cast, exp.TryCast: self._cast,
            exp.Case: self._case, exp.If: self._if, exp.Array: self._array,
            exp.Bracket: self._subscript, exp.Add: self._sum, exp.Sub: self._sum,
            exp.Mul: self._product, exp.Div: self._quotient, exp.Mod: self._quotient,
            exp.DPipe: self._joined, exp.Interval: self._interval, exp.Extract: self._extract,
            exp.Trim: self._trim, exp.StrPosition: self._position,
            exp.GroupConcat: self._listagg, exp.ParseJSON: self._json,
            exp.Filter: self._over, exp.Window: self._over, exp.IgnoreNulls: self._over,
            exp.RespectNulls: self._over, exp.CurrentDate: self._clock,
            exp.CurrentTimestamp: self._clock, exp.Localtimestamp: self._clock,
            exp.AtTimeZone: self._zoned, exp.Normalize: self._normalize,
            exp.Ordered: self._ordered,
        }  # fmt: skip

    def visit(self, node: exp.Expression, scope: Scope) -> Seen:
        """Return what a node becomes, and the kind of its value.

        Raises:
            AthenaUnsupportedError: something in it does not work here.
        """
        way = self._ways.get(type(node))
        if way is not None:
            return way(node, scope)
        if type(node) not in PLAIN:
            raise AthenaUnsupportedError.part(_name_of(node), *place_of(node))
        self.children(node, scope)
        return node, PLAIN[type(node)]

    def children(self, node: exp.Expression, scope: Scope) -> list[Kind]:
        """Rewrite what a node is made of; return the kinds."""
        kinds = []
        for key, value in list(node.args.items()):
            if isinstance(value, exp.Expression):
                made, kind = self.visit(value, scope)
                node.set(key, made)
                kinds.append(kind)
            elif isinstance(value, list):
                seen = [
                    self.visit(one, scope)
                    if isinstance(one, exp.Expression)
                    else (one, UNKNOWN)
                    for one in value
                ]
                node.set(key, [one for one, _ in seen])
                kinds += [kind for _, kind in seen]
        return kinds

    def _column(self, node: exp.Column, scope: Scope) -> Seen:
        if isinstance(node.this, exp.Star):
            return node, UNKNOWN
        return node, scope.kind([part.name for part in node.parts])

    def _dot(self, node: exp.Dot, scope: Scope) -> Seen:
        if isinstance(node.expression, exp.Anonymous):
            raise self._unknown(node.expression, f"{node.this.sql()}.{node.expression.name}")
        made, kind = self._inner(node.this, scope)
        node.set("this", made)
        return node, kind.field(node.expression.name)

    def _inner(self, node: exp.Expression, scope: Scope) -> Seen:
        if isinstance(node, exp.Identifier):
            return node, scope.kind([node.name])
        return self.visit(node, scope)

    def _literal(self, node: exp.Literal, _: Scope) -> Seen:
        text = str(node.this)
        if node.is_string:
            return node, Kind("text")
        if "e" in text.lower():
            return node, Kind("double")
        if "." not in text:
            return node, Kind("int")
        whole, _, fraction = text.partition(".")
        precision = max(1, len(whole.lstrip("0")) + len(fraction))
        return node, Kind("decimal", digits=(precision, len(fraction)))

    def _paren(self, node: exp.Paren, scope: Scope) -> Seen:
        made, kind = self._inner(node.this, scope)
        node.set("this", made)
        return node, kind

    def _negative(self, node: exp.Neg, scope: Scope) -> Seen:
        made, kind = self._inner(node.this, scope)
        node.set("this", made)
        return node, kind

    def _alias(self, node: exp.Alias, scope: Scope) -> Seen:
        made, kind = self.visit(node.this, scope)
        node.set("this", made)
        return node, kind

    def _ordered(self, node: exp.Ordered, scope: Scope) -> Seen:
        made, kind = self.visit(node.this, scope)
        node.set("this", made)
        return node, kind

    def _called(self, node: exp.Anonymous, scope: Scope) -> Seen:
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
            raise self._unknown(node, name)
        args = _counted(name, args)
        template = rule.templates.get(len(args), rule.templates.get(ANY))
        if template is None:
            taken = " or ".join(str(one) for one in sorted(rule.templates))
            told = f"{len(args)} arguments are given, and {taken} work here"
            raise AthenaUnsupportedError.call(name, told, *place_of(node))
        call = self._read(name, node, args, scope)
        if name in texts.PATTERNED or (name == "regexp_replace" and len(args) == 2):  # noqa: PLR2004
            texts.pattern(call, 1)
        kind = kind_of(rule.kind, call.kinds)
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
            seen = self._local(one, scope) if local else self._argument(one, scope)
            made.append(seen[0])
            kinds.append(seen[1])
        return Call(name, node, made, kinds)

    def _argument(self, node: exp.Expression, scope: Scope) -> Seen:
        if isinstance(node, exp.Distinct):
            return node, common(self.children(node, scope)[:1])
        if isinstance(node, exp.Order):
            seen = self._argument(node.this, scope) if node.this is not None else None
            if seen is not None:
                node.set("this", seen[0])
            node.set("expressions", [self.visit(one, scope)[0] for one in node.expressions])
            return node, seen[1] if seen is not None else UNKNOWN
        return self._inner(node, scope)

    def _function(self, node: exp.Lambda, kinds: tuple[Kind, ...], scope: Scope) -> exp.Lambda:
        names = [one.name.lower() for one in node.expressions]
        told = dict(zip(names, (*kinds, *[UNKNOWN] * len(names)), strict=False))
        made, _ = self._inner(node.this, scope.within(told))
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

    def _over(self, node: exp.Expression, scope: Scope) -> Seen:
        """Rewrite an aggregate with FILTER, IGNORE NULLS and OVER behind it."""
        after: list[exp.Expression] = []
        nulls = ""
        inner: exp.Expression = node
        while not isinstance(inner, exp.Anonymous | exp.GroupConcat):
            following = inner.this
            if isinstance(inner, exp.Filter):
                self.children_of(inner.expression, scope)
                after.insert(
                    0, Written(template="FILTER ({0})", expressions=[inner.expression])
                )
            elif isinstance(inner, exp.Window):
                after.append(self._window(inner, scope))
            elif isinstance(inner, exp.IgnoreNulls):
                nulls = " IGNORE NULLS"
            elif not isinstance(inner, exp.RespectNulls):
                raise AthenaUnsupportedError.part(_name_of(inner), *place_of(inner))
            inner = following
        if isinstance(inner, exp.GroupConcat):
            made, kind = self._listagg(inner, scope)
            places = "".join(f" {{{n}}}" for n in range(1, len(after) + 1))
            return Written(template="{0}" + places, expressions=[made, *after]), kind
        made, kind = self.call(inner.name, inner, list(inner.expressions), scope, after)
        if nulls:
            template = str(made.args["template"])
            end = _closing(template, template.index("("))
            made.set("template", template[:end] + nulls + template[end:])
        return made, kind

    def children_of(self, node: exp.Expression, scope: Scope) -> None:
        """Rewrite what a clause holds."""
        self.children(node, scope)

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

    def _cast(self, node: exp.Cast, scope: Scope) -> Seen:
        if node.args.get("format") is not None or node.args.get("default") is not None:
            raise AthenaUnsupportedError.part("a cast with a format", *place_of(node))
        spoken = node.meta.get("spoken", False)
        literal = node.this if isinstance(node.this, exp.Literal) else None
        if (
            not spoken
            and literal is not None
            and literal.is_string
            and node.to.is_type("decimal")
            and not node.to.expressions
        ):
            # DECIMAL '1.50' has the digits that it is written with.
            return Written(template=str(literal.this), expressions=[]), self._digits(
                literal, node
            )
        made, kind = self._local(node.this, scope)
        text = str(literal.this) if literal is not None and literal.is_string else None
        tries = isinstance(node, exp.TryCast)
        template, result = cast(kind, node.to, tries=tries, literal=text)
        call = Call("cast", node, [made], [kind])
        return filled(template, call), result

    def _digits(self, literal: exp.Literal, node: exp.Expression) -> Kind:
        if not _NUMBER.fullmatch(str(literal.this)):
            told = f"the decimal {str(literal.this)[:30]!r}"
            raise AthenaUnsupportedError.part(told, *place_of(node))
        digits = str(literal.this).strip().lstrip("+-")
        whole, _, fraction = digits.partition(".")
        return Kind("decimal", digits=(len(whole) + len(fraction), len(fraction)))

    def _local(self, node: exp.Expression, scope: Scope) -> Seen:
        """Rewrite what may be a moment in another zone, of which only the clock's face counts."""
        zone: exp.Expression | None = None
        moment: exp.Expression | None = None
        if isinstance(node, exp.AtTimeZone):
            moment, zone = node.this, node.args["zone"]
        elif (
            isinstance(node, exp.Anonymous)
            and node.name.lower() == "at_timezone"
            and len(node.expressions) == 2
        ):  # noqa: PLR2004
            moment, zone = node.expressions
        if moment is None or zone is None:
            return self._argument(node, scope)
        made, _ = self.visit(moment, scope)
        where, _ = self.visit(zone, scope)
        template = "(CAST({0} AS TIMESTAMPTZ) AT TIME ZONE {1})"
        return Written(template=template, expressions=[made, where]), Kind("timestamp")

    def _zoned(self, node: exp.AtTimeZone, _: Scope) -> Seen:
        hint = (
            "moments are kept without their zone: take a part of it at once, as in "
            "hour(t AT TIME ZONE 'Asia/Tokyo') or CAST(t AT TIME ZONE 'Asia/Tokyo' AS DATE)"
        )
        raise AthenaUnsupportedError.part("AT TIME ZONE as a value", *place_of(node), hint)

    def _case(self, node: exp.Case, scope: Scope) -> Seen:
        results = []
        if node.this is not None:
            node.set("this", self._inner(node.this, scope)[0])
        for branch in node.args["ifs"]:
            branch.set("this", self._inner(branch.this, scope)[0])
            made, kind = self._inner(branch.args["true"], scope)
            branch.set("true", made)
            results.append(kind)
        if node.args.get("default") is not None:
            made, kind = self._inner(node.args["default"], scope)
            node.set("default", made)
            results.append(kind)
        return node, common(results)

    def _if(self, node: exp.If, scope: Scope) -> Seen:
        condition, _ = self._inner(node.this, scope)
        parts = [self._inner(node.args["true"], scope)]
        if node.args.get("false") is not None:
            parts.append(self._inner(node.args["false"], scope))
        end = " ELSE {2}" if len(parts) > 1 else ""
        template = f"CASE WHEN {{0}} THEN {{1}}{end} END"
        made = Written(template=template, expressions=[condition, *(one for one, _ in parts)])
        return made, common(kind for _, kind in parts)

    def _array(self, node: exp.Array, scope: Scope) -> Seen:
        seen = [self._inner(one, scope) for one in node.expressions]
        places = ", ".join(f"{{{n}}}" for n in range(len(seen)))
        made = Written(template=f"[{places}]", expressions=[one for one, _ in seen])
        return made, array_of(common(kind for _, kind in seen))

    def _subscript(self, node: exp.Bracket, scope: Scope) -> Seen:
        if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
            raise AthenaUnsupportedError.part(
                "a[b:c]", *place_of(node), "slice(a, start, length)"
            )
        base, kind = self._inner(node.this, scope)
        index, index_kind = self._inner(node.expressions[0], scope)
        call = Call("[]", node, [base, index], [kind, index_kind])
        return filled(_subscript(kind, index_kind), call), _element(kind, call)

    def _sum(self, node: exp.Binary, scope: Scope) -> Seen:
        sign = "+" if isinstance(node, exp.Add) else "-"
        left, right, kinds = self._sides(node, scope)
        kind = arithmetic(sign, *kinds)
        call = Call(sign, node, [left, right], list(kinds))
        if kinds[0].name == kinds[1].name == "date":
            return filled("to_days(CAST({0} - {1} AS INTEGER))", call), Kind("interval")
        if "interval" in {one.name for one in kinds} and kind.name in {"date", "unknown"}:
            number = 1 if kinds[0].name == "interval" else 0
            template, kind = moments.alike(kinds[number], number, f"{{0}} {sign} {{1}}")
            return filled(template, call), kind
        node.set("this", left)
        node.set("expression", right)
        return node, kind

    def _sides(
        self, node: exp.Binary, scope: Scope
    ) -> tuple[exp.Expression, exp.Expression, tuple[Kind, Kind]]:
        left, first = self._inner(node.this, scope)
        right, second = self._inner(node.expression, scope)
        return left, right, (first, second)

    def _product(self, node: exp.Mul, scope: Scope) -> Seen:
        left, right, kinds = self._sides(node, scope)
        node.set("this", left)
        node.set("expression", right)
        return node, arithmetic("*", *kinds)

    def _quotient(self, node: exp.Binary, scope: Scope) -> Seen:
        left, right, kinds = self._sides(node, scope)
        way = operators.quotient if isinstance(node, exp.Div) else operators.remainder
        template, kind = way(*kinds, right)
        return filled(template, Call("/", node, [left, right], list(kinds))), kind

    def _joined(self, node: exp.DPipe, scope: Scope) -> Seen:
        left, right, kinds = self._sides(node, scope)
        names = {one.name for one in kinds}
        if "array" not in names and names & _UNTEXTUAL:
            hint = "CAST it AS VARCHAR, as Athena wants it, too"
            told = f"|| of {min(names & _UNTEXTUAL)}"
            raise AthenaUnsupportedError.part(told, *place_of(node), hint)
        if "array" in names and len(names) > 1 and "unknown" not in names:
            first, second = ("{0}" if k.name == "array" else "[{0}]" for k in kinds)
            template = f"({first} || {second.replace('{0}', '{1}')})"
            kind = next(one for one in kinds if one.name == "array")
            return filled(template, Call("||", node, [left, right], list(kinds))), kind
        node.set("this", left)
        node.set("expression", right)
        return node, common(kinds)

    def _interval(self, node: exp.Interval, _: Scope) -> Seen:
        unit = node.args.get("unit")
        number = node.this
        known = isinstance(unit, exp.Var) and unit.name.lower().rstrip("s") in moments.UNITS
        if (
            not known
            or not isinstance(number, exp.Literal)
            or not _NUMBER.fullmatch(str(number.this))
        ):
            raise AthenaUnsupportedError.part(
                "this INTERVAL", *place_of(node), "write INTERVAL '3' DAY"
            )
        return node, Kind("interval")

    def _extract(self, node: exp.Extract, scope: Scope) -> Seen:
        name = node.this.name.lower()
        if name not in _FIELDS:
            raise AthenaUnsupportedError.part(f"EXTRACT({name.upper()} …)", *place_of(node))
        return self.call(name, node, [node.expression], scope)

    def _trim(self, node: exp.Trim, scope: Scope) -> Seen:
        side = str(node.args.get("position") or "").upper()
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(side, "trim")
        parts = [self._inner(node.this, scope)[0]]
        if node.args.get("expression") is not None:
            parts.append(self._inner(node.args["expression"], scope)[0])
        places = ", ".join(f"{{{n}}}" for n in range(len(parts)))
        return Written(template=f"{name}({places})", expressions=parts), Kind("text")

    def _position(self, node: exp.StrPosition, scope: Scope) -> Seen:
        return self.call("strpos", node, [node.this, node.args["substr"]], scope)

    def _normalize(self, node: exp.Normalize, scope: Scope) -> Seen:
        args = [node.this]
        form = node.args.get("form")
        if isinstance(form, exp.Expression):
            args.append(exp.Literal.string(form.name))
        return self.call("normalize", node, args, scope)

    def _listagg(self, node: exp.GroupConcat, scope: Scope) -> Seen:
        if node.args.get("on_overflow") is not None:
            raise AthenaUnsupportedError.part("ON OVERFLOW", *place_of(node))
        this, order = node.this, None
        if isinstance(this, exp.Order):
            order = exp.Order(expressions=[self.visit(o, scope)[0] for o in this.expressions])
            this = this.this
        made, _ = self._argument(this, scope)
        separator = node.args.get("separator") or exp.Literal.string("")
        parts = [made, self.visit(separator, scope)[0], *([order] if order is not None else [])]
        places = "{0}, {1} {2}" if order is not None else "{0}, {1}"
        return Written(template=f"listagg({places})", expressions=parts), Kind("text")

    def _json(self, node: exp.ParseJSON, scope: Scope) -> Seen:
        made, _ = self.visit(node.this, scope)
        return Written(template="json({0})", expressions=[made]), Kind("json")

    def _clock(self, node: exp.Expression, scope: Scope) -> Seen:
        name = {
            exp.CurrentDate: "current_date", exp.CurrentTimestamp: "current_timestamp",
        }.get(type(node), "localtimestamp")  # fmt: skip
        return self.call(name, node, [], scope)

    def _unknown(self, node: exp.Expression, name: str) -> AthenaUnsupportedError:
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


def _subscript(kind: Kind, index: Kind) -> str:
    """Fail where Athena fails: beyond an array's end, and for a key that a map does not have."""
    if kind.name == "array":
        return (
            "{0}[CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL WHEN {1} BETWEEN 1 AND len({0}) "
            f"THEN {{1}} ELSE {failing('Array subscript must be within the array')} END]"
        )
    if kind.name == "map" and index.name in {"text", "int"}:
        wrong = failing("Key not present in map")
        wrong = f"CAST({wrong} AS VARCHAR)" if index.name == "text" else wrong
        return (
            "{0}[CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL WHEN map_contains({0}, {1}) "
            f"THEN {{1}} ELSE {wrong} END]"
        )
    return "{0}[{1}]"


def _element(kind: Kind, call: Call) -> Kind:
    told = call.literal(1)
    if kind.name == "row" and told is not None and told.isdigit():
        return kind.of[int(told) - 1] if 0 < int(told) <= len(kind.of) else UNKNOWN
    return kind.element


def _name_of(node: exp.Expression) -> str:
    """Name a kind of node as whoever wrote it would."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).upper()
    return {"PLACEHOLDER": "a parameter without a value", "COMMAND": "this statement"}.get(
        name, name
    )
