"""DatasetMatch: rows that are equal in another dataset, found by their keys.

Pure. One full outer join of both, each grouped by its keys first, so that keys that are not
unique are found by the same pass and cannot make the join explode.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-DatasetMatch.html; awslabs/deequ,
`com.amazon.deequ.comparison.DataSynchronization`: keys must be unique in both datasets, a null
key has no partner, and null equals null in the other columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.quality.comparison.pairing import Pair, paired, selected
from lakeworks.quality.outcomes.evaluation import Finding, compared
from lakeworks.quality.rules.context import PRIMARY, Compiled, RowLevel, RuleFailedError
from lakeworks.quality.rules.reference_rules import all_must, reference_column

if TYPE_CHECKING:
    from lakeworks.quality.language.ruleset import Condition, Rule
    from lakeworks.quality.outcomes.figures import Figures
    from lakeworks.quality.rules.context import Context, Reference

_UNSUITABLE = "the keys do not suit these datasets, since they are not unique"


@dataclass(frozen=True, slots=True)
class DatasetMatchTest:
    """The share of rows with an equal partner, and what became of the others."""

    metric: str
    alias: str
    keys: str
    figure: str
    condition: Condition | None

    def judge(self, figures: Figures) -> Finding:
        """Fail without rows and where keys repeat; else compare the share."""
        row = {name: int(n or 0) for name, n in figures.rows(self.figure)[0].items()}
        ours, theirs = row["ours"], row["theirs"]
        if row["our_keys"] != ours or row["their_keys"] != theirs:
            told = (
                f"{self.keys} has {row['our_keys']} values in {ours} rows of the data, and "
                f"{row['their_keys']} in {theirs} rows of {self.alias}"
            )
            return Finding("Failed", f"{_UNSUITABLE}: {told}")
        if not ours:
            return Finding("Failed", "DatasetMatch has no value: there are no rows")
        found = compared(self.metric, "DatasetMatch", row["same"] / ours, self.condition)
        if found.outcome == "Passed":
            return found
        told = (
            f"{row['paired'] - row['same']} rows differ, {ours - row['paired']} are not in "
            f"{self.alias}, {theirs - row['paired']} only there"
        )
        return Finding("Failed", f"{found.reason}: {told}", found.metrics)


def _dataset_match(rule: Rule, context: Context) -> Compiled:
    """The share of rows that are equal in the reference (page DatasetMatch)."""
    alias = rule.parameters[0]
    reference = context.reference(alias)
    mapping = _mapped(rule.parameters[1])
    keys = _pairs(mapping, context, reference, alias)
    if len(rule.parameters) > 2:  # noqa: PLR2004 - alias, keys, columns
        columns = _mapped(rule.parameters[2])
    else:
        taken = {context.column(name).name for name in mapping}
        columns = {name: name for name in context.schema.names if name not in taken}
    pairs = _pairs(columns, context, reference, alias)
    metric = f"Dataset.{alias}.DatasetMatch"
    asked = context.asked(rule, metric)
    figure = context.query(_query(keys, pairs, reference.relation))
    test = DatasetMatchTest(metric, alias, ", ".join(mapping), figure, asked)
    rows = RowLevel(_row_condition(keys, pairs, reference.relation))
    return Compiled(test, rows, rejects=all_must(asked), share=metric)


def _mapped(text: str) -> dict[str, str]:
    """Read `a, b->c`: the data's columns to the reference's."""
    found: dict[str, str] = {}
    for part in text.split(","):
        ours, arrow, theirs = (piece.strip().strip('"') for piece in part.partition("->"))
        if ours:
            found[ours] = theirs if arrow and theirs else ours
    if not found:
        raise RuleFailedError(f"{text!r} names no columns")
    return found


def _pairs(
    mapping: dict[str, str], context: Context, reference: Reference, alias: str
) -> list[Pair]:
    return [
        paired(context.column(ours), reference_column(reference, alias, theirs))
        for ours, theirs in mapping.items()
    ]


def _query(keys: list[Pair], columns: list[Pair], relation: str) -> str:
    ours = _grouped([k.primary for k in keys], [c.primary for c in columns], "p", PRIMARY)
    theirs = _grouped(
        [k.reference for k in keys], [c.reference for c in columns], "r", relation
    )
    on = " and ".join(f"lw_pk{at} = lw_rk{at}" for at in range(len(keys)))
    both = "lw_pn is not null and lw_rn is not null"
    same = " and ".join(
        [both, *(f"lw_pc{at} is not distinct from lw_rc{at}" for at in range(len(columns)))]
    )
    return (
        "select sum(lw_pn) as ours, count(lw_pn) as our_keys, sum(lw_rn) as theirs, "
        "count(lw_rn) as their_keys, "
        f"count(case when {both} then 1 end) as paired, "
        f"count(case when {same} then 1 end) as same "
        f"from ({ours}) as lw_ours full outer join ({theirs}) as lw_theirs on {on}"
    )


def _grouped(keys: list[str], columns: list[str], side: str, relation: str) -> str:
    """Group by the keys; of columns any value is taken, since one row a key is expected."""
    named = [f"{sql} as lw_{side}k{at}" for at, sql in enumerate(keys)]
    named += [f"any_value({sql}) as lw_{side}c{at}" for at, sql in enumerate(columns)]
    by = ", ".join(keys)
    return f"select {', '.join(named)}, count(*) as lw_{side}n from {relation} group by {by}"


def _row_condition(keys: list[Pair], columns: list[Pair], relation: str) -> str:
    inner = selected(
        [*(k.reference for k in keys), *(c.reference for c in columns)], "lw_r", relation
    )
    tests = [f"lw_r{at} = {key.primary}" for at, key in enumerate(keys)]
    tests += [
        f"lw_r{at} is not distinct from {column.primary}"
        for at, column in enumerate(columns, start=len(keys))
    ]
    return f"exists (select 1 from ({inner}) as lw_found where {' and '.join(tests)})"


COMPILERS = {"DatasetMatch": _dataset_match}
