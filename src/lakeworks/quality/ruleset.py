"""A ruleset as a tree: what the parser makes and the compiler reads.

Pure data. `str` of any node is DQDL again, and parsing that gives an equal node; places and the
text as it was written take no part in equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from decimal import Decimal

Operator = Literal[
    "=", "!=", ">", ">=", "<", "<=", "between", "not between", "in", "not in",
    "matches", "not matches",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node begins: line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file or 'ruleset'}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Number:
    """A number, exactly as written."""

    value: Decimal

    def __str__(self) -> str:
        return f"{self.value:f}"


@dataclass(frozen=True, slots=True)
class Text:
    r"""A quoted string; `\"` and `\\` are the only escapes."""

    value: str

    def __str__(self) -> str:
        return quoted(self.value)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The regular expression of `matches`: its backslashes are its own."""

    value: str

    def __str__(self) -> str:
        return f'"{self.value}"'


@dataclass(frozen=True, slots=True)
class Keyword:
    """`NULL`, `EMPTY` or `WHITESPACES_ONLY`."""

    name: Literal["NULL", "EMPTY", "WHITESPACES_ONLY"]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Quantity:
    """A duration (`3 days`) or a size (`5 KB`)."""

    amount: int
    unit: str

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}"


@dataclass(frozen=True, slots=True)
class Now:
    """`now()`, or a moment some time before (`-`) or after (`+`) it."""

    sign: Literal["", "-", "+"] = ""
    distance: Quantity | None = None

    def __str__(self) -> str:
        return f"(now() {self.sign} {self.distance})" if self.distance else "now()"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of earlier runs, such as `avg(last(10))`: a dynamic rule."""

    name: str
    arguments: tuple[Operand, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two operands joined by `+`, `-`, `*` or `/`."""

    left: Operand
    operator: Literal["+", "-", "*", "/"]
    right: Operand

    def __str__(self) -> str:
        return f"({self.left} {self.operator} {self.right})"


Operand = Number | Text | Pattern | Keyword | Quantity | Now | Call | Arithmetic


@dataclass(frozen=True, slots=True)
class Condition:
    """An operator with its operands: two for `between`, any number for `in`, else one."""

    operator: Operator
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        if self.operator in {"in", "not in"}:
            return f"{self.operator} [{', '.join(map(str, self.operands))}]"
        return f"{self.operator} {' and '.join(map(str, self.operands))}"


@dataclass(frozen=True, slots=True)
class Tag:
    """`with NAME condition`, other than `with threshold`."""

    name: str
    condition: Condition

    def __str__(self) -> str:
        return f"with {self.name} {self.condition}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a type, its parameters (mostly columns) and what is expected of it.

    Attributes:
        where: A SQL condition; the rule looks only at rows for which it is true.
        threshold: Which share of the rows must pass, for rules on single values.
        text: The rule as it was written, on one line.
    """

    type: str
    parameters: tuple[str, ...] = ()
    condition: Condition | None = None
    where: str | None = None
    threshold: Condition | None = None
    tags: tuple[Tag, ...] = ()
    text: str = field(default="", compare=False)
    at: Place = field(default=Place("", 1, 1), compare=False)

    def __str__(self) -> str:
        parts = [self.type, *map(quoted, self.parameters)]
        if self.condition is not None:
            parts.append(str(self.condition))
        if self.where is not None:
            parts.append(f"where {quoted(self.where)}")
        if self.threshold is not None:
            parts.append(f"with threshold {self.threshold}")
        return " ".join([*parts, *map(str, self.tags)])


@dataclass(frozen=True, slots=True)
class Composite:
    """Rules joined by one operator: `(A) and (B)`, `(A) or (B) or (C)`."""

    operator: Literal["and", "or"]
    parts: tuple[Rule | Composite, ...]
    text: str = field(default="", compare=False)
    at: Place = field(default=Place("", 1, 1), compare=False)

    def __str__(self) -> str:
        return f" {self.operator} ".join(f"({part})" for part in self.parts)

    def leaves(self) -> tuple[Rule, ...]:
        """The rules without parts of their own, in order."""
        found: list[Rule] = []
        for part in self.parts:
            found.extend(part.leaves() if isinstance(part, Composite) else (part,))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Analyzer:
    """An entry of `Analyzers`: a statistic that is gathered and not judged."""

    type: str
    parameters: tuple[str, ...] = ()
    at: Place = field(default=Place("", 1, 1), compare=False)

    def __str__(self) -> str:
        return " ".join([self.type, *map(quoted, self.parameters)])


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Everything that one DQDL document says."""

    rules: tuple[Rule | Composite, ...] = ()
    analyzers: tuple[Analyzer, ...] = ()

    def __str__(self) -> str:
        sections = []
        if self.rules:
            sections.append(_section("Rules", self.rules))
        if self.analyzers:
            sections.append(_section("Analyzers", self.analyzers))
        return "\n".join(sections)


def quoted(text: str) -> str:
    """Return `text` as a DQDL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _section(name: str, entries: tuple[object, ...]) -> str:
    return f"{name} = [\n  " + ",\n  ".join(map(str, entries)) + "\n]"
