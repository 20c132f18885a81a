"""One call of a function on its way into the lake's SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from lakeworks.project.athena.errors import AthenaUnsupportedError
from lakeworks.project.athena.grammar import Written
from lakeworks.project.athena.kinds import UNKNOWN, Kind

_VARIABLE = re.compile(r"\b_v(\d+)(?=_|\b)")
_PLACE = re.compile(r"(?<!\{)\{(\d+)\}(?!\})")
_SIMPLE = (exp.Column, exp.Literal, exp.Identifier, exp.Boolean, exp.Null, exp.Star)


@dataclass(slots=True)
class Call:
    """A call, its arguments rewritten already.

    Attributes:
        name: In lower case.
        node: What was written, for its place.
    """

    name: str
    node: exp.Expression
    args: list[exp.Expression]
    kinds: list[Kind]

    def kind(self, number: int) -> Kind:
        """Return the kind of an argument."""
        return self.kinds[number] if number < len(self.kinds) else UNKNOWN

    def literal(self, number: int) -> str | None:
        """Return a constant's text; None for what is no constant text or number."""
        node = self.args[number] if number < len(self.args) else None
        if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
            return f"-{node.this.this}"
        return str(node.this) if isinstance(node, exp.Literal) else None

    def constant(self, number: int, what: str) -> str:
        """Return a constant.

        Raises:
            AthenaUnsupportedError: it is none.
        """
        found = self.literal(number)
        if found is None:
            raise self.wrong(f"{what} must be a constant here")
        return found

    def wrong(self, problem: str) -> AthenaUnsupportedError:
        """Return the error for this call."""
        return AthenaUnsupportedError.call(self.name, problem, *place_of(self.node))

    def inlined(self, number: int, *values: str) -> exp.Expression:
        """Return what a lambda gives for parameters that are this SQL.

        Raises:
            AthenaUnsupportedError: it is no lambda of so many parameters.
        """
        found = self.args[number]
        if not isinstance(found, exp.Lambda) or len(found.expressions) != len(values):
            raise self.wrong(f"a function of {len(values)} parameters is expected")
        given = {one.name: value for one, value in zip(found.expressions, values, strict=True)}
        return _with_values(found.this, given)

    def variable(self) -> str:
        """Return a name for a parameter that no argument has.

        Equal calls get equal names: what is grouped by must be what is selected.
        """
        used = [
            int(found)
            for one in self.args
            for part in one.find_all(Written)
            for found in _VARIABLE.findall(str(part.args["template"]))
        ]
        return f"_v{max(used, default=0) + 1}"


def filled(template: str, call: Call, *, aggregate: bool = False) -> exp.Expression:
    """Return a template with the call's arguments in their places.

    An argument that is more than a name or a constant, and stands there twice, is computed once.
    """
    args, around = list(call.args), template
    uses = [int(one) for one in _PLACE.findall(template)]
    for number in sorted({one for one in uses if uses.count(one) > 1}):
        if aggregate or isinstance(args[number], (*_SIMPLE, exp.Lambda)):
            continue
        name = f"{call.variable()}_{number}"
        around = (
            f"list_transform([{{{number}}}], lambda {name}: {_put(around, number, name)})[1]"
        )
    if "{*}" in around:
        around = around.replace("{*}", ", ".join(f"{{{n}}}" for n in range(len(args))))
    return Written(template=around, expressions=args)


def _put(template: str, number: int, name: str) -> str:
    """Return a template with a name in the places of one argument."""

    def part(found: re.Match[str]) -> str:
        return name if int(found[1]) == number else found[0]

    return _PLACE.sub(part, template)


def place_of(node: exp.Expression) -> tuple[int | None, int | None]:
    """Return line and column, from 1, where a node or the first part of it stands."""
    for one in node.walk():
        meta: dict[str, Any] = one.meta
        if "line" in meta:
            # sqlglot counts a word's column at its end.
            begin = int(meta["col"]) - (int(meta["end"]) - int(meta["start"]))
            return int(meta["line"]), begin
    return None, None


def _with_values(body: exp.Expression, given: dict[str, str]) -> exp.Expression:
    body = body.copy()
    # Wrapped, so that the body itself may be what is replaced.
    whole = exp.Paren(this=body)
    for node in list(whole.find_all(exp.Identifier)):
        if node.name in given and _is_parameter(node, whole):
            node.replace(Written(template=given[node.name], expressions=[]))
    return whole


def _is_parameter(node: exp.Identifier, whole: exp.Expression) -> bool:
    """Whether a name stands for a parameter: it is no field's name, and nobody else declares it."""
    parent = node.parent
    if isinstance(parent, exp.Column | exp.Table | exp.TableAlias | exp.Alias):
        return False
    if isinstance(parent, exp.Dot) and parent.expression is node:
        return False
    above: Any = parent
    while above is not None and above is not whole:
        if isinstance(above, exp.Lambda) and node.name in {o.name for o in above.expressions}:
            return False
        above = above.parent
    return True
