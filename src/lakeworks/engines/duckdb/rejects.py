"""Turn rejected rows into rows of a quarantine table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_literal
from lakeworks.core.types import Field, Scalar, Schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.engines.duckdb.columns import Columns

QUARANTINE_SCHEMA = Schema((
    Field("row", Scalar("string")),
    Field("rule", Scalar("string")),
    Field("error", Scalar("string")),
    Field("source_file", Scalar("string")),
    Field("source_row", Scalar("bigint")),
    Field("run_id", Scalar("string")),
    Field("quarantined_at", Scalar("timestamp")),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows are rejected.

    Attributes:
        also: (rule, condition) of rules that these rows may fail as well.
    """

    rule: str
    error: str
    also: tuple[tuple[str, str], ...] = ()


def quarantine_select(rows: str, columns: Columns, reason: Reason) -> str:
    """Return a SELECT that makes quarantine rows of `rows`, a relation of final columns."""
    request = columns.request
    source_file = "_source_file" if "_source_file" in columns.final else "NULL"
    return (
        f'SELECT {columns.row_json()} AS "row", {quote_literal(reason.rule)} AS rule, '
        f"{_error(reason)} AS error, CAST({source_file} AS VARCHAR) AS source_file, "
        f"CAST(NULL AS BIGINT) AS source_row, {quote_literal(request.run_id)} AS run_id, "
        f"CAST({quote_literal(request.moment)} AS TIMESTAMPTZ) AS quarantined_at "
        f"FROM {rows}"
    )


def all_selects(selects: Sequence[str]) -> str:
    """Return one SELECT of all rows."""
    return "\nUNION ALL\n".join(selects)


def _error(reason: Reason) -> str:
    others = "".join(
        f" || CASE WHEN ({condition}\n) IS NOT TRUE THEN {quote_literal('; also ' + rule)} "
        "ELSE '' END"
        for rule, condition in reason.also
    )
    return quote_literal(reason.error) + others
