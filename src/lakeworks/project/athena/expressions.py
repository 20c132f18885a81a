"""Rewrite the expressions of Athena's SQL, each by a rule of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lakeworks.project.athena import moments, operators
from lakeworks.project.athena.calling import Calling, Seen, name_of
from lakeworks.project.athena.calls import Call, filled, place_of
from lakeworks.project.athena.casts import cast
from lakeworks.project.athena.errors import AthenaUnsupportedError
from lakeworks.project.athena.grammar import Written
from lakeworks.project.athena.kinds import (
    NULL,
    UNKNOWN,
    Kind,
    arithmetic,
    array_of,
    common,
)
from lakeworks.project.athena.rules import failing

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.project.athena.scopes import Scope

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


class Expressions(Calling):
    """Rewrites expressions in place. One for one statement."""

    def __init__(self) -> None:
        super().__init__()
        self._ways: dict[type[exp.Expression], Callable[[Any, Scope], Seen]] = {
            exp.Column: self._column, exp.Dot: self._dot, exp.Literal: self._literal,
            exp.Paren: self._paren, exp.Neg: self._negative, exp.Alias: self._alias,
            exp.Anonymous: self.called, exp.Cast: self._cast, exp.TryCast: self._cast,
            exp.Case: self._case, exp.If: self._if, exp.Array: self._array,
            exp.Bracket: self._subscript, exp.Add: self._sum, exp.Sub: self._sum,
            exp.Mul: self._product, exp.Div: self._quotient, exp.Mod: self._quotient,
            exp.DPipe: self._joined, exp.Interval: self._interval, exp.Extract: self._extract,
            exp.Trim: self._trim, exp.StrPosition: self._position,
            exp.GroupConcat: self.listagg, exp.ParseJSON: self._json,
            exp.Filter: self.over, exp.Window: self.over, exp.IgnoreNulls: self.over,
            exp.RespectNulls: self.over, exp.CurrentDate: self._clock,
            exp.CurrentTimestamp: self._clock, exp.Localtimestamp: self._clock,
            exp.AtTimeZone: self._zoned, exp.Normalize: self._normalize,
            exp.Ordered: self._ordered, exp.Substring: self._substring,
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
            raise AthenaUnsupportedError.part(name_of(node), *place_of(node))
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
            raise self.unknown(node.expression, f"{node.this.sql()}.{node.expression.name}")
        made, kind = self.inner(node.this, scope)
        node.set("this", made)
        return node, kind.field(node.expression.name)

    def _literal(self, node: exp.Literal, _: Scope) -> Seen:
        text = str(node.this)
        if node.is_string:
            return node, Kind("text")
        if "e" in text.lower():
            return node, Kind("double")
        if "." not in text:
            return node, Kind("int")
        whole, _point, fraction = text.partition(".")
        precision = max(1, len(whole.lstrip("0")) + len(fraction))
        return node, Kind("decimal", digits=(precision, len(fraction)))

    def _paren(self, node: exp.Paren, scope: Scope) -> Seen:
        made, kind = self.inner(node.this, scope)
        node.set("this", made)
        return node, kind

    def _negative(self, node: exp.Neg, scope: Scope) -> Seen:
        made, kind = self.inner(node.this, scope)
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
        made, kind = self.local(node.this, scope)
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

    def _zoned(self, node: exp.AtTimeZone, _: Scope) -> Seen:
        hint = (
            "moments are kept without their zone: take a part of it at once, as in "
            "hour(t AT TIME ZONE 'Asia/Tokyo') or CAST(t AT TIME ZONE 'Asia/Tokyo' AS DATE)"
        )
        raise AthenaUnsupportedError.part("AT TIME ZONE as a value", *place_of(node), hint)

    def _case(self, node: exp.Case, scope: Scope) -> Seen:
        results = []
        if node.this is not None:
            node.set("this", self.inner(node.this, scope)[0])
        for branch in node.args["ifs"]:
            branch.set("this", self.inner(branch.this, scope)[0])
            made, kind = self.inner(branch.args["true"], scope)
            branch.set("true", made)
            results.append(kind)
        if node.args.get("default") is not None:
            made, kind = self.inner(node.args["default"], scope)
            node.set("default", made)
            results.append(kind)
        return node, common(results)

    def _if(self, node: exp.If, scope: Scope) -> Seen:
        condition, _ = self.inner(node.this, scope)
        parts = [self.inner(node.args["true"], scope)]
        if node.args.get("false") is not None:
            parts.append(self.inner(node.args["false"], scope))
        end = " ELSE {2}" if len(parts) > 1 else ""
        template = f"CASE WHEN {{0}} THEN {{1}}{end} END"
        made = Written(template=template, expressions=[condition, *(one for one, _ in parts)])
        return made, common(kind for _, kind in parts)

    def _array(self, node: exp.Array, scope: Scope) -> Seen:
        seen = [self.inner(one, scope) for one in node.expressions]
        places = ", ".join(f"{{{n}}}" for n in range(len(seen)))
        made = Written(template=f"[{places}]", expressions=[one for one, _ in seen])
        return made, array_of(common(kind for _, kind in seen))

    def _subscript(self, node: exp.Bracket, scope: Scope) -> Seen:
        if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
            raise AthenaUnsupportedError.part(
                "a[b:c]", *place_of(node), "slice(a, start, length)"
            )
        base, kind = self.inner(node.this, scope)
        index, index_kind = self.inner(node.expressions[0], scope)
        call = Call("[]", node, [base, index], [kind, index_kind])
        return filled(_subscript(kind, index_kind), call), _element(kind, call)

    def _sum(self, node: Any, scope: Scope) -> Seen:  # noqa: ANN401 - Add or Sub
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
        self,
        node: Any,  # noqa: ANN401 - any operator of two sides
        scope: Scope,
    ) -> tuple[exp.Expression, exp.Expression, tuple[Kind, Kind]]:
        left, first = self.inner(node.this, scope)
        right, second = self.inner(node.expression, scope)
        return left, right, (first, second)

    def _product(self, node: exp.Mul, scope: Scope) -> Seen:
        left, right, kinds = self._sides(node, scope)
        node.set("this", left)
        node.set("expression", right)
        return node, arithmetic("*", *kinds)

    def _quotient(self, node: Any, scope: Scope) -> Seen:  # noqa: ANN401 - Div or Mod
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
        parts = [self.inner(node.this, scope)[0]]
        if node.args.get("expression") is not None:
            parts.append(self.inner(node.args["expression"], scope)[0])
        places = ", ".join(f"{{{n}}}" for n in range(len(parts)))
        return Written(template=f"{name}({places})", expressions=parts), Kind("text")

    def _position(self, node: exp.StrPosition, scope: Scope) -> Seen:
        return self.call("strpos", node, [node.this, node.args["substr"]], scope)

    def _substring(self, node: exp.Substring, scope: Scope) -> Seen:
        told = (node.this, node.args.get("start"), node.args.get("length"))
        return self.call("substr", node, [one for one in told if one is not None], scope)

    def _normalize(self, node: exp.Normalize, scope: Scope) -> Seen:
        args = [node.this]
        form = node.args.get("form")
        if isinstance(form, exp.Expression):
            args.append(exp.Literal.string(form.name))
        return self.call("normalize", node, args, scope)

    def listagg(self, node: exp.GroupConcat, scope: Scope) -> Seen:
        """Rewrite LISTAGG, with the order of WITHIN GROUP inside."""
        if node.args.get("on_overflow") is not None:
            raise AthenaUnsupportedError.part("ON OVERFLOW", *place_of(node))
        this, order = node.this, None
        if isinstance(this, exp.Order):
            order = exp.Order(expressions=[self.visit(o, scope)[0] for o in this.expressions])
            this = this.this
        made, _ = self.argument(this, scope)
        separator = node.args.get("separator") or exp.Literal.string("")
        parts = [made, self.visit(separator, scope)[0], *([order] if order is not None else [])]
        places = "{0}, {1} {2}" if order is not None else "{0}, {1}"
        return Written(template=f"listagg({places})", expressions=parts), Kind("text")

    def _json(self, node: exp.ParseJSON, scope: Scope) -> Seen:
        made, _ = self.visit(node.this, scope)
        return Written(template="json({0})", expressions=[made]), Kind("json")

    def _clock(self, node: exp.Expression, scope: Scope) -> Seen:
        name = "localtimestamp"
        if isinstance(node, exp.CurrentDate | exp.CurrentTimestamp):
            name = "current_date" if isinstance(node, exp.CurrentDate) else "current_timestamp"
        return self.call(name, node, [], scope)


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
