"""Rules that compare the data with another dataset: its keys, its size, its columns, its sums.

Pure. Meaning and metric names are those of AWS's pages
(https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-TYPE.html) and, where those say
nothing, of awslabs/deequ's executors (`com.amazon.deequ.dqdl.execution.executors`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.quality.comparison.literals import is_number, is_text
from lakeworks.quality.comparison.numbers import satisfied
from lakeworks.quality.comparison.pairing import paired, selected
from lakeworks.quality.language.ruleset import Condition, Number
from lakeworks.quality.outcomes.evaluation import Finding, Settled, compared
from lakeworks.quality.rules.context import (
    PRIMARY,
    Compiled,
    IncomparableError,
    RowLevel,
    RuleFailedError,
)

if TYPE_CHECKING:
    from lakeworks.core.types import Field, Schema
    from lakeworks.quality.language.ruleset import Rule
    from lakeworks.quality.outcomes.figures import Figures
    from lakeworks.quality.rules.context import Context, Reference

_AGGREGATE = re.compile(r"\s*(sum|avg)\s*\((.+)\)\s*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class RowShareTest:
    """How many rows have a partner in the reference, against a condition.

    Attributes:
        total: The name of the figure that counts rows.
        good: The name of a query of one row whose column `good` counts those with a partner.
        bad: What is wrong with the others.
    """

    metric: str
    what: str
    total: str
    good: str
    condition: Condition | None
    bad: str

    def judge(self, figures: Figures) -> Finding:
        """Compare the share; without rows there is none, and the rule fails (deequ)."""
        total = figures.count(self.total)
        good = int(figures.rows(self.good)[0]["good"])
        if not total:
            return Finding("Failed", f"{self.what} has no value: there are no rows")
        found = compared(self.metric, self.what, good / total, self.condition)
        if found.outcome == "Passed":
            return found
        reason = f"{found.reason}: {total - good} of {total} rows {self.bad}"
        return Finding("Failed", reason, found.metrics)


@dataclass(frozen=True, slots=True)
class RowCountMatchTest:
    """The number of rows as a share of the reference's."""

    metric: str
    ours: str
    theirs: str
    condition: Condition | None

    def judge(self, figures: Figures) -> Finding:
        """Compare the share; two empty datasets have the same number of rows."""
        ours = figures.count(self.ours)
        theirs = int(figures.rows(self.theirs)[0]["total"])
        if not theirs and ours:
            return Finding("Failed", f"the reference has no rows, and the data {ours}")
        ratio = ours / theirs if theirs else 1.0
        found = compared(self.metric, "RowCountMatch", ratio, self.condition)
        if found.outcome == "Passed":
            return found
        return Finding("Failed", f"{found.reason}: {ours} rows to {theirs}", found.metrics)


@dataclass(frozen=True, slots=True)
class AggregateMatchTest:
    """One aggregate as a share of another.

    Attributes:
        first, second: The aggregates as written, and the names of the figures: an aggregate's,
            or a query's of one row with the column `value`.
    """

    metric: str
    first: tuple[str, str]
    second: tuple[str, str]
    condition: Condition | None

    def judge(self, figures: Figures) -> Finding:
        """Compare the share: 1 where both are 0, and 0 where only the second is (deequ)."""
        sums = [_aggregated(figures, name) for _, name in (self.first, self.second)]
        first, second = sums
        if second == 0:
            first, second = (1.0 if first == 0 else 0.0), 1.0
        found = compared(self.metric, "AggregateMatch", first / second, self.condition)
        if found.outcome == "Passed":
            return found
        told = f"{self.first[0]} is {sums[0]:.6g} and {self.second[0]} is {sums[1]:.6g}"
        return Finding("Failed", f"{found.reason}: {told}", found.metrics)


def _aggregated(figures: Figures, name: str) -> float:
    """A sum or mean of no values counts as 0, as in deequ."""
    value = figures.value(name)
    if isinstance(value, list):
        value = value[0]["value"]
    return float(value or 0)


def _referential_integrity(rule: Rule, context: Context) -> Compiled:
    """The share of rows whose values occur in the reference (page ReferentialIntegrity).

    A row with a null among them has no partner (deequ, `ReferentialIntegrity`).
    """
    alias, names = _reference_columns(rule.parameters[1])
    reference = context.reference(alias)
    ours = [context.column(name) for name in listed(rule.parameters[0])]
    theirs = [reference_column(reference, alias, name) for name in names]
    if len(ours) != len(theirs):
        problem = f"{len(ours)} columns of the data and {len(theirs)} of {alias} do not pair"
        raise RuleFailedError(problem)
    pairs = [paired(our, their) for our, their in zip(ours, theirs, strict=True)]
    known = selected([pair.reference for pair in pairs], "lw_r", reference.relation)
    same = " and ".join(f"lw_r{at} = {pair.primary}" for at, pair in enumerate(pairs))
    rows = f"exists (select 1 from ({known}) as lw_found where {same})"
    good = context.query(f"select count(*) as good from {PRIMARY} as lw_data where {rows}")
    metric = f"Column.{alias}.ReferentialIntegrity"
    asked = context.asked(rule, metric)
    bad = f"have no partner in {alias}"
    test = RowShareTest(metric, "ReferentialIntegrity", context.rows(), good, asked, bad)
    return Compiled(test, RowLevel(rows), rejects=all_must(asked), share=metric)


def _row_count_match(rule: Rule, context: Context) -> Compiled:
    """The number of rows as a share of the reference's (page RowCountMatch)."""
    alias = rule.parameters[0]
    reference = context.reference(alias)
    theirs = context.query(f"select count(*) as total from {reference.relation}")
    metric = f"Dataset.{alias}.RowCountMatch"
    asked = context.asked(rule, metric)
    return Compiled(RowCountMatchTest(metric, context.rows(), theirs, asked))


def _schema_match(rule: Rule, context: Context) -> Compiled:
    """The share of columns of equal name and type (page SchemaMatch).

    Order does not matter. Schemas of different length do not match at all (deequ,
    `SchemaMatch`); the precision and scale of decimals are not compared there, nor here.
    """
    alias = rule.parameters[0]
    reference = context.reference(alias)
    metric = f"Dataset.{alias}.SchemaMatch"
    ours, theirs = context.schema, reference.schema
    if len(ours) != len(theirs):
        reason = f"the data has {len(ours)} columns and {alias} has {len(theirs)}"
        return Compiled(Settled(Finding("Failed", reason, {metric: 0.0})))
    differing = [our for our in ours if not _has(theirs, our)]
    share = (len(ours) - len(differing)) / len(ours) if len(ours) else 1.0
    asked = context.asked(rule, metric)
    if asked is None or satisfied(share, asked):
        return Compiled(Settled(Finding("Passed", metrics={metric: share})))
    told = ", ".join(f"{our.name} {our.type}{_instead(theirs, our)}" for our in differing)
    reason = f"SchemaMatch is {share:.6g}, not {asked}: {alias} differs in {told or 'nothing'}"
    return Compiled(Settled(Finding("Failed", reason, {metric: share})))


def _aggregate_match(rule: Rule, context: Context) -> Compiled:
    """One sum or mean as a share of another (page AggregateMatch)."""
    first, second = (_operation(text, context) for text in rule.parameters)
    names = first.column if first.column == second.column else f"{first.column},{second.column}"
    metric = f"Column.{names}.AggregateMatch"
    return Compiled(
        AggregateMatchTest(
            metric,
            (first.text, _ask(first, context)),
            (second.text, _ask(second, context)),
            context.asked(rule, metric),
        )
    )


@dataclass(frozen=True, slots=True)
class _Operation:
    text: str
    function: str
    column: str
    field: Field
    relation: str


def _operation(text: str, context: Context) -> _Operation:
    """Read `avg(column)` or `sum(alias.column)`."""
    found = _AGGREGATE.fullmatch(text)
    if found is None:
        raise IncomparableError(f"{text!r} is neither sum(column) nor avg(alias.column)")
    function, inner = found[1].lower(), found[2].strip().replace('"', "")
    alias, point, column = inner.rpartition(".")
    if not point or inner in context.schema:
        return _Operation(text, function, inner, context.column(inner), "")
    if alias == "primary":
        return _Operation(text, function, column, context.column(column), "")
    reference = context.reference(alias)
    theirs = reference_column(reference, alias, column)
    return _Operation(text, function, column, theirs, reference.relation)


def _ask(operation: _Operation, context: Context) -> str:
    type_ = operation.field.type
    name = f'"{operation.field.name.replace(chr(34), chr(34) * 2)}"'
    if is_text(type_):
        name = f"try_cast({name} as double)"
    elif not is_number(type_):
        raise IncomparableError(f"{operation.field.name} is {type_}, and holds no numbers")
    sql = f"cast({operation.function}({name}) as double)"
    if not operation.relation:
        return context.aggregate(sql)
    return context.query(f"select {sql} as value from {operation.relation}")


def listed(text: str) -> list[str]:
    """Return the names of a list such as `a, b`."""
    return [name.strip().strip('"') for name in text.split(",") if name.strip()]


def reference_column(reference: Reference, alias: str, name: str) -> Field:
    """Return a column of a reference.

    Raises:
        RuleFailedError: it has none of that name.
    """
    found = reference.schema.get(name)
    if found is None:
        known = ", ".join(reference.schema.names)
        raise RuleFailedError(f"{name!r} is no column of {alias}; it has {known}")
    return found


def all_must(asked: Condition | None) -> bool:
    """Whether a condition on a share asks for every row."""
    if asked is None or asked.operator not in {"=", ">="}:
        return False
    first = asked.operands[0]
    return isinstance(first, Number) and first.value == 1


def _reference_columns(text: str) -> tuple[str, list[str]]:
    """Read `alias.column` or `alias.{column, column}`; an alias may have points itself."""
    if text.rstrip().endswith("}"):
        alias, brace, inner = text.rstrip()[:-1].partition(".{")
        names = listed(inner)
        if brace and alias and names:
            return alias.strip().strip('"'), names
    else:
        alias, point, name = text.rpartition(".")
        if point and alias and name:
            return alias.strip().strip('"'), [name.strip().strip('"')]
    raise IncomparableError(f"{text!r} is neither alias.column nor alias.{{column, column}}")


def _has(schema: Schema, field: Field) -> bool:
    found = schema.get(field.name)
    return found is not None and _kind(found) == _kind(field)


def _kind(field: Field) -> str:
    text = str(field.type)
    return text.partition("(")[0] if text.startswith("decimal") else text


def _instead(schema: Schema, field: Field) -> str:
    found = schema.get(field.name)
    return " (missing there)" if found is None else f" (there {found.type})"


COMPILERS = {
    "ReferentialIntegrity": _referential_integrity,
    "RowCountMatch": _row_count_match,
    "SchemaMatch": _schema_match,
    "AggregateMatch": _aggregate_match,
}
