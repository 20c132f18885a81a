"""CustomSql: a SELECT of the user's, judged by its one number or by the rows that it returns.

A rule's SQL is a user's text. `CallerSql` is what stands between it and the engine: the
statement is parsed by the engine's own parser, must be one SELECT, and may read the named
datasets only. `primary` needs no quotes here, though the engine reserves the word.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-CustomSql.html; awslabs/deequ,
`CustomSqlRowLevelExecutor`: the rows that the statement returns are good, and its columns must
be the data's. Unlike there, a row that it returns twice is one good row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.quality.comparison.pairing import Pair, paired, selected
from lakeworks.quality.language.ruleset import Condition, Number
from lakeworks.quality.outcomes.evaluation import Finding, compared
from lakeworks.quality.rules.context import (
    PRIMARY,
    CheckedSql,
    Compiled,
    IncomparableError,
    RowLevel,
    RuleFailedError,
)
from lakeworks.quality.rules.reference_rules import RowShareTest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import Engine, Session
    from lakeworks.quality.language.ruleset import Rule
    from lakeworks.quality.outcomes.figures import Figures
    from lakeworks.quality.rules.context import Context

METRIC = "Dataset.*.CustomSQL"
_ALL = Condition("=", (Number(Decimal(1)),))


@dataclass(frozen=True, slots=True)
class GatedSql:
    """Lets a rule's SQL through to an engine, or refuses it.

    Attributes:
        session: Where the datasets are bound under `names`.
        names: What it may read, such as `primary` and the aliases of references.
    """

    engine: Engine
    session: Session
    names: frozenset[str]

    def checked(self, sql: str) -> CheckedSql:
        """Return the statement ready to run, and its columns.

        Raises:
            LakeError: the engine refuses it, or it reads something else.
            RuleFailedError: it reads a dataset that was not given.
        """
        from lakeworks.engines.dialects import with_quoted

        ready = with_quoted(sql.strip().rstrip(";"), {"primary"})
        known = {name.lower() for name in self.names}
        others = sorted(self.engine.names_read(ready).tables - known)
        if others:
            there = ", ".join(sorted(known))
            raise RuleFailedError(
                f"CustomSql reads {', '.join(others)}, and what it may read is {there}"
            )
        return CheckedSql(ready, self.session.describe(ready))


@dataclass(frozen=True, slots=True)
class NumberTest:
    """The one number that a statement gives, against a condition."""

    figure: str
    condition: Condition | None

    def judge(self, figures: Figures) -> Finding:
        """Compare it; what is no single number is an error."""
        rows = figures.rows(self.figure)
        values = list(rows[0].values()) if rows else []
        if len(rows) != 1 or len(values) != 1:
            width = f" of {len(values)} columns" if rows else ""
            many = "several rows" if len(rows) > 1 else f"{len(rows)} rows"
            return Finding("Error", f"CustomSql gives {many}{width}, and one number is asked")
        value = values[0]
        if value is None:
            return Finding("Failed", "CustomSql gives null, which no condition holds for")
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return Finding("Error", f"CustomSql gives {value!r}, which is no number")
        if math.isnan(value):
            return Finding("Failed", "CustomSql gives NaN, which no condition holds for")
        number = value if isinstance(value, int) else float(value)
        return compared(METRIC, "CustomSQL", number, self.condition)


def number_of(rule: Rule, context: Context) -> Compiled:
    """Compile a statement that gives one number, with or without a condition on it."""
    found = _checked(rule, context)
    if len(found.columns) != 1:
        raise IncomparableError(
            f"CustomSql gives {len(found.columns)} columns, and one number is asked"
        )
    # Two rows are enough to know that there are several.
    figure = context.query(f"select * from ({_lines(found.sql)}) as lw_sql limit 2")
    return Compiled(NumberTest(figure, context.asked(rule, METRIC)))


def _custom_sql(rule: Rule, context: Context) -> Compiled:
    """A number that satisfies the condition, or rows that the statement returns (CustomSql)."""
    if rule.condition is not None or context.analyzing:
        return number_of(rule, context)
    found = _checked(rule, context)
    pairs = list(_pairs(found.columns, context))
    returned = selected(
        [pair.reference for pair in pairs], "lw_r", f"({_lines(found.sql)}) as lw_sql"
    )  # fmt: skip
    same = " and ".join(
        f"lw_r{at} is not distinct from {pair.primary}" for at, pair in enumerate(pairs)
    )
    condition = f"exists (select 1 from ({returned}) as lw_found where {same})"
    good = context.query(f"select count(*) as good from {PRIMARY} as lw_data where {condition}")
    metric = f"{METRIC}.Compliance"
    asked = context.resolved(rule.threshold, metric) or _ALL
    bad = "are not returned by the statement"
    test = RowShareTest(metric, "CustomSQL.Compliance", context.rows(), good, asked, bad)
    # The statement reads all of the data, which is not there while rows are staged.
    return Compiled(test, RowLevel(condition), rejects=False, share=metric)


def _checked(rule: Rule, context: Context) -> CheckedSql:
    if context.caller_sql is None:
        raise IncomparableError("CustomSql is judged where the data are in an engine only")
    try:
        return context.caller_sql.checked(rule.parameters[0])
    except LakeError as error:
        from lakeworks.engines.errors import StatementRefusedError

        problem = " ".join(str(error).split("\n  hint:")[0].split())
        if isinstance(error, StatementRefusedError):
            raise IncomparableError(f"CustomSql is refused: {problem}") from None
        raise RuleFailedError(f"CustomSql cannot run: {problem}") from None


def _pairs(columns: Schema, context: Context) -> Iterable[Pair]:
    """Pair the statement's columns with the data's of the same name.

    Raises:
        RuleFailedError: the data has none of that name.
    """
    others = [name for name in columns.names if name not in context.schema]
    if len(others) == len(columns):
        raise RuleFailedError(
            "CustomSql must return at least one column of the data, to find its rows by; "
            f"it returns {', '.join(columns.names)}"
        )
    if others:
        raise RuleFailedError(
            f"CustomSql must return columns of the data only; not found: {', '.join(others)}"
        )
    for column in columns:
        yield paired(context.column(column.name), column)


def _lines(sql: str) -> str:
    # On lines of its own, since it may end in a comment.
    return f"\n{sql}\n"


COMPILERS = {"CustomSql": _custom_sql}
