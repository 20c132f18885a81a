"""A ruleset as a tree: what the parser makes and the compiler reads.

Pure data. `str` of any node is DQDL again, and parsing that gives an equal node; places and the
text as it was written take no part in equality. Constants are already put in where `$name`
stood, so nobody who reads a rule has to look them up; connecting words (`of`, `and`) between
parameters and comments are not kept here (`format.py` works on the text).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
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
        left, right = str(self.left), str(self.right)
        if isinstance(self.right, Arithmetic):
            right = f"({right})"
        if isinstance(self.left, Arithmetic) and not self._follows(self.left):
            left = f"({left})"
        return f"{left} {self.operator} {right}"

    def _follows(self, left: Arithmetic) -> bool:
        """Whether `left` comes first without parentheses: a + b - c, a * b + c."""
        return self.operator in {"+", "-"} or left.operator in {"*", "/"}


Operand = Number | Text | Pattern | Keyword | Quantity | Now | Call | Arithmetic


@dataclass(frozen=True, slots=True)
class Condition:
    """An operator with its operands: two for `between`, any number for `in`, else one.

    The `=` of an option (`Tag`) may have several too.
    """

    operator: Operator
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        # Options may be lists too: `with filterOrder = ["uriRegex", "recentFiles"]`.
        many = self.operator == "=" and len(self.operands) > 1
        if many or self.operator in {"in", "not in"}:
            return f"{self.operator} {listed(self.operands)}"
        return f"{self.operator} {' and '.join(map(str, self.operands))}"


@dataclass(frozen=True, slots=True)
class Label:
    """`"key" = "value"` in `labels = [ … ]` or `DefaultLabels = [ … ]`."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{quoted(self.key)} = {quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Tag:
    """`with NAME = value`, other than `with threshold`."""

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
        tags: Options, such as `with timeZone = "Asia/Tokyo"`, in order.
        labels: The rule's own labels; `Ruleset.labels_of` adds the default ones.
        text: The rule as it was written, on one line.
    """

    type: str
    parameters: tuple[str, ...] = ()
    condition: Condition | None = None
    where: str | None = None
    threshold: Condition | None = None
    tags: tuple[Tag, ...] = ()
    labels: tuple[Label, ...] = ()
    text: str = field(default="", compare=False)
    at: Place = field(default=Place("", 1, 1), compare=False)

    def __str__(self) -> str:
        parts = [self.type, *map(quoted, self.parameters)]
        if self.condition is not None:
            parts.append(str(self.condition))
        if self.where is not None:
            parts.append(f"where {quoted(self.where)}")
        if self.labels:
            parts.append(f"labels = {listed(self.labels)}")
        if self.threshold is not None:
            parts.append(f"with threshold {self.threshold}")
        return " ".join([*parts, *map(str, self.tags)])

    def option(self, name: str) -> str | None:
        """Return the value of `with name = value` as text, or None."""
        for tag in self.tags:
            if tag.name == name:
                value = tag.condition.operands[0]
                return value.value if isinstance(value, Text) else str(value)
        return None


@dataclass(frozen=True, slots=True)
class Composite:
    """Rules joined by one operator: `(A) and (B)`, `(A) or (B) or (C)`.

    Attributes:
        labels: The labels of the whole; its parts keep their own.
    """

    operator: Literal["and", "or"]
    parts: tuple[Rule | Composite, ...]
    labels: tuple[Label, ...] = ()
    text: str = field(default="", compare=False)
    at: Place = field(default=Place("", 1, 1), compare=False)

    def __str__(self) -> str:
        joined = f" {self.operator} ".join(f"({part})" for part in self.parts)
        return f"({joined}) labels = {listed(self.labels)}" if self.labels else joined

    def height(self) -> int:
        """How many parentheses deep this prints."""
        parts = (part.height() for part in self.parts if isinstance(part, Composite))
        return 1 + bool(self.labels) + max(parts, default=0)

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
    tags: tuple[Tag, ...] = ()
    text: str = field(default="", compare=False)
    at: Place = field(default=Place("", 1, 1), compare=False)

    def __str__(self) -> str:
        return " ".join([self.type, *map(quoted, self.parameters), *map(str, self.tags)])


@dataclass(frozen=True, slots=True)
class Constant:
    """`name = value` above the rules: one text, or a list of texts and keywords."""

    name: str
    value: Text | Keyword | tuple[Text | Keyword, ...]
    at: Place = field(default=Place("", 1, 1), compare=False)

    def __str__(self) -> str:
        listing = isinstance(self.value, tuple)
        return f"{self.name} = {listed(self.value) if listing else self.value}"  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class DataSources:
    """`DataSources`: the names of the table that is judged and of those it is compared with."""

    primary: str | None = None
    additional: tuple[str, ...] = ()

    def __str__(self) -> str:
        pairs = []
        if self.primary is not None:
            pairs.append(f'"Primary": {quoted(self.primary)}')
        if self.additional:
            pairs.append(f'"AdditionalDataSources": {listed(map(quoted, self.additional))}')
        return "DataSources = " + _block("{", pairs, "}")


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Everything that one DQDL document says."""

    rules: tuple[Rule | Composite, ...] = ()
    analyzers: tuple[Analyzer, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    sources: DataSources | None = None
    constants: tuple[Constant, ...] = ()
    default_labels: tuple[Label, ...] = ()

    def __str__(self) -> str:
        sections = []
        if self.metadata:
            pairs = [f"{quoted(key)}: {quoted(value)}" for key, value in self.metadata]
            sections.append("Metadata = " + _block("{", pairs, "}"))
        if self.sources is not None:
            sections.append(str(self.sources))
        sections.extend(map(str, self.constants))
        if self.default_labels:
            sections.append(f"DefaultLabels = {listed(self.default_labels)}")
        if self.rules:
            sections.append("Rules = " + _block("[", self.rules, "]"))
        if self.analyzers:
            sections.append("Analyzers = " + _block("[", self.analyzers, "]"))
        return "\n".join(sections)

    def labels_of(self, rule: Rule | Composite) -> dict[str, str]:
        """Return the labels that a rule carries: the default ones, and its own over them."""
        return {label.key: label.value for label in (*self.default_labels, *rule.labels)}


def quoted(text: str) -> str:
    """Return `text` as a DQDL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def listed(entries: Iterable[object]) -> str:
    """Return a DQDL list on one line."""
    return f"[{', '.join(map(str, entries))}]"


def _block(opening: str, entries: Iterable[object], closing: str) -> str:
    return f"{opening}\n  " + ",\n  ".join(map(str, entries)) + f"\n{closing}"
