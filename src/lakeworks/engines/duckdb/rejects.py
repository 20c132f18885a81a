"""Turn rejected rows into rows of a quarantine table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.engines.duckdb.columns import Columns
    from lakeworks.engines.reasons import Reason


@dataclass(frozen=True, slots=True)
class Failing:
    """The condition under which a row fails a rule."""

    rule: str
    condition: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows that are rejected for one reason.

    Attributes:
        rows: A relation, called `__rows`, of the final columns.
        also: What these rows may fail besides, one entry a rule.
    """

    rows: str
    count: int
    reason: Reason
    also: tuple[Failing, ...] = ()

    def with_also(self, others: Iterable[Failing]) -> Refused:
        """Return the same rows with more that they may fail; a rule of many parts is one."""
        conditions: dict[str, list[str]] = {}
        for failing in (*self.also, *others):
            if failing.rule != self.reason.rule:
                conditions.setdefault(failing.rule, []).append(f"({failing.condition}\n)")
        joined = (Failing(rule, " OR ".join(parts)) for rule, parts in conditions.items())
        return replace(self, also=tuple(joined))

    def counts(self) -> str:
        """Return a SELECT of how many of the rows fail each rule of `also`."""
        verdicts = ", ".join(f"{f.condition} AS __{i}" for i, f in enumerate(self.also))
        counted = ", ".join(f"count_if(__{i})" for i in range(len(self.also)))
        return f"SELECT {counted} FROM (SELECT {verdicts} FROM {self.rows})"


def quarantine_select(refused: Refused, columns: Columns) -> str:
    """Return a SELECT that makes quarantine rows of rejected ones."""
    request = columns.request
    source_file = "_source_file" if "_source_file" in columns.final else "NULL"
    return (
        f'SELECT {columns.row_json()} AS "row", {quote_literal(refused.reason.rule)} AS rule, '
        f"{_error(refused)} AS error, CAST({source_file} AS VARCHAR) AS source_file, "
        f"CAST(NULL AS BIGINT) AS source_row, {quote_literal(request.run_id)} AS run_id, "
        f"CAST({quote_literal(request.moment)} AS TIMESTAMPTZ) AS quarantined_at "
        f"FROM {refused.rows}"
    )


def all_selects(selects: Sequence[str]) -> str:
    """Return one SELECT of all rows."""
    return "\nUNION ALL\n".join(selects)


def _error(refused: Refused) -> str:
    others = "".join(
        f" || CASE WHEN {failing.condition} "
        f"THEN {quote_literal('; also ' + failing.rule)} ELSE '' END"
        for failing in refused.also
    )
    return quote_literal(refused.reason.error) + others
