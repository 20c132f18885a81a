'''What the compiler of a rule type is given, and what it returns: how rule types plug in.

A rule type is a function `(Rule, Context) -> Compiled`, listed by name in the `COMPILERS` of its
module; `evaluation/compile.py` gathers these. The function looks at the schema, asks the context
for the figures it wants and returns a test of them. It runs no SQL itself: all figures of a ruleset are
fetched together, in as few scans as possible, and then the tests are judged.

```python
def _mean(rule: Rule, context: Context) -> Compiled:
    """…what it means, and where that is written…"""
    column = context.column(rule.parameters[0])      # missing: the rule fails, the run goes on
    mean = context.aggregate(context.filtered(f"avg({quote_identifier(column.name)})", rule))
    metric = f"Column.{rule.parameters[0]}.Mean"
    return Compiled(ValueTest(metric, "Mean", mean, context.asked(rule, metric)))

COMPILERS = {"Mean": _mean}
```

Figures:

- `context.rows(condition, where)`: how many rows satisfy both; part of the one scan.
- `context.aggregate(sql)`: any SQL aggregate over the rows; part of the one scan.
- `context.groups(columns, where, "rows", "once")`: a pass by value, shared by all that group alike.
- `context.query(sql)`: a SELECT of its own that gives few rows. It reads the data as `"primary"`
  (in double quotes: the word is reserved) and a reference as `context.reference(alias).relation`.

Each returns a name; a test finds the figure under it: `figures.count(name)`,
`figures.number(name)` (None for null) or, of a query, `figures.rows(name)` (a list of dicts).
A figure that the engine could not give makes the rule an Error with the engine's reason;
nothing need be done for that.

Conditions: `context.asked(rule, metric)` is the rule's condition with arithmetic and functions
of earlier runs made into numbers, for `satisfied`. It is None for an analyzer, which has no
condition: tests then pass, and only their metrics are looked at.

Refusals: raise `IncomparableError("…")` for a rule that makes no sense (Error), or
`RuleFailedError("…")` for one that the data as it is cannot satisfy (Failed).

Row level: `Compiled.rows` says which rows are good, if single rows can tell.

SQL is DuckDB's dialect, kept to what sqlglot carries to Spark unchanged in meaning.
'''

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

from lakeworks.core.errors import did_you_mean
from lakeworks.core.names import quote_identifier
from lakeworks.quality.comparison import history
from lakeworks.quality.comparison.literals import IncomparableError, RuleFailedError
from lakeworks.quality.outcomes.metrics import PRIMARY, Aggregate, Extra, Grouped, MetricNames

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from lakeworks.core.types import Field, Schema
    from lakeworks.quality.language.ruleset import Composite, Condition, Rule
    from lakeworks.quality.outcomes.evaluation import Test
    from lakeworks.quality.outcomes.metrics import GroupFigure
    from lakeworks.quality.outcomes.options import Options

__all__ = [
    "PRIMARY",
    "CallerSql",
    "CheckedSql",
    "Compiled",
    "Compiler",
    "Context",
    "FileFacts",
    "FileListing",
    "Groups",
    "IncomparableError",
    "Reference",
    "RowGroup",
    "RowLevel",
    "RuleFailedError",
]


@dataclass(frozen=True, slots=True)
class RowLevel:
    """Which rows a rule finds good.

    Attributes:
        condition: SQL over the columns; true for a good row. Empty when only `unique` is asked.
        unique: Columns whose combined value must occur once among the rows looked at; null
            equals null, but rows in which all of them are null are not compared.
        where: SQL; rows for which it is not true are not looked at.
    """

    condition: str = ""
    unique: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Row-level rules joined into a composite."""

    operator: Literal["and", "or"]
    parts: tuple[RowLevel | RowGroup, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """One rule, ready to be judged.

    Attributes:
        test: Judges the rule by its figures.
        rows: Which rows are good, or None where single rows cannot tell.
        rejects: Whether a run may set aside the rows that are not good: false for rules that
            allow for some, such as those with a threshold.
        share: Glue's name of the share of good rows, or empty.
    """

    test: Test
    rows: RowLevel | RowGroup | None = None
    rejects: bool = True
    share: str = ""


Compiler = "Callable[[Rule, Context], Compiled]"


@dataclass(frozen=True, slots=True)
class Reference:
    """Another dataset that rules name by an alias; `relation` is its name in SQL."""

    relation: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of one file without reading it, and how to read it, in pieces."""

    uri: str
    size_bytes: int
    modified: datetime
    open: Callable[[], BinaryIO] = field(compare=False, repr=False)


class FileListing(Protocol):
    """Finds files, for the rules on files."""

    def files(self, path: str) -> Sequence[FileFacts]:
        """Return the files at a path or below a folder; those of the data for an empty path."""
        ...


@dataclass(frozen=True, slots=True)
class CheckedSql:
    """A user's statement that may run, and the columns it gives."""

    sql: str
    columns: Schema


class CallerSql(Protocol):
    """Stands between a user's whole statements and the engine."""

    def checked(self, sql: str) -> CheckedSql:
        """Return a statement that is one SELECT over the datasets given, ready to run.

        Raises:
            LakeError: the engine refuses it.
            RuleFailedError: it reads something else.
        """
        ...


@dataclass(frozen=True, slots=True)
class Groups:
    """Names of figures of one grouping, those that were asked for: see `metrics.Grouped`."""

    rows: str = ""
    groups: str = ""
    once: str = ""
    spread: str = ""


@dataclass
class Context:
    """What there is to compile with.

    Attributes:
        moment: What `now()` means.
        history: Earlier values of metrics by Glue's name, oldest first.
        references: Other datasets by alias.
        files: For rules on files; None where the data are no files.
        caller_sql: For rules that are SQL; None where the data are in no engine yet.
        filters: What is wrong with each filter seen so far; empty where nothing is.
        analyzing: Whether it is an analyzer that is compiled, which judges nothing.
        compile_rule: Compiles another rule with this context, for rules made of rules.
    """

    schema: Schema
    moment: datetime
    options: Options
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    references: Mapping[str, Reference] = field(default_factory=dict)
    files: FileListing | None = None
    caller_sql: CallerSql | None = None
    analyzing: bool = False
    compile_rule: Callable[[Rule | Composite], Compiled] = field(init=False)
    filters: dict[str, str] = field(default_factory=dict)
    names: MetricNames = field(default_factory=MetricNames)
    needs: list[str] = field(default_factory=list)

    def column(self, name: str) -> Field:
        """Return a column by name, without regard to case.

        Raises:
            RuleFailedError: the table has none of that name.
        """
        found = self.schema.get(name)
        if found is None and name.startswith("`") and name.endswith("`"):
            found = self.schema.get(name[1:-1])
        if found is None:
            hint = did_you_mean(name, self.schema.names)
            raise RuleFailedError(f"{name!r} is no column of the table; {hint}")
        return found

    def columns(self, names: Sequence[str]) -> list[Field]:
        """Return several columns, each once.

        Raises:
            RuleFailedError: the table lacks some.
        """
        missing = [name for name in names if name not in self.schema]
        if len(missing) > 1:
            named = " and ".join(repr(name) for name in missing)
            hint = did_you_mean(missing[0], self.schema.names)
            raise RuleFailedError(f"{named} are no columns of the table; {hint}")
        return list({(c := self.column(name)).name: c for name in names}.values())

    def reference(self, alias: str) -> Reference:
        """Return another dataset by its alias.

        Raises:
            RuleFailedError: there is none of that name.
        """
        found = self.references.get(alias)
        if found is None:
            known = ", ".join(sorted(self.references)) or "none"
            raise RuleFailedError(
                f"the reference {alias!r} is not found; references given: {known}"
            )
        return found

    def rows(self, condition: str = "", where: str = "") -> str:
        """Ask how many rows satisfy two conditions; an empty one is always true."""
        both = both_of(where, condition)
        if both:
            return self.aggregate(f"count(case when {both} then 1 end)")
        return self._need(Aggregate("count(*)", ("rows", "")))

    def values(self, column: Field) -> str:
        """Ask how many values of a column are not null."""
        name = quote_identifier(column.name)
        return self._need(Aggregate(f"count({name})", ("values", column.name)))

    def extreme(self, column: Field, kind: Literal["least", "most"]) -> str:
        """Ask for the least or the greatest value of a column."""
        function = "min" if kind == "least" else "max"
        sql = f"{function}({quote_identifier(column.name)})"
        return self._need(Aggregate(sql, (kind, column.name)))

    def aggregate(self, sql: str) -> str:
        """Ask for an aggregate over the rows."""
        return self._need(Aggregate(sql))

    def groups(self, columns: Sequence[str], where: str = "", *figures: GroupFigure) -> Groups:
        """Ask how often the combined values of columns occur; for only the figures named."""
        names = tuple(columns)
        return Groups(
            **{figure: self._need(Grouped(names, where, figure)) for figure in figures}
        )

    def query(self, sql: str) -> str:
        """Ask for the rows of a SELECT of its own; they should be few."""
        return self._need(Extra(sql))

    def where(self, rule: Rule) -> str:
        """Return a rule's filter in parentheses, or an empty text."""
        return f"({rule.where})" if rule.where is not None else ""

    def asked(self, rule: Rule, metric: str) -> Condition | None:
        """Return a rule's condition with every operand a number, or None for an analyzer.

        Args:
            metric: Glue's name of the metric, under which `history` has earlier values.

        Raises:
            IncomparableError: it has no value, for lack of earlier runs for example.
        """
        return self.resolved(rule.condition, metric)

    def resolved(self, condition: Condition | None, metric: str) -> Condition | None:
        """Return any condition with every operand a number."""
        if condition is None:
            return None
        return history.resolved(condition, self.history.get(metric, ()))

    def _need(self, metric: Aggregate | Grouped | Extra) -> str:
        name = self.names.name(metric)
        self.needs.append(name)
        return name


def both_of(first: str, second: str) -> str:
    """Return a condition that both hold; an empty one always does."""
    return f"{first} and {second}" if first and second else first or second
