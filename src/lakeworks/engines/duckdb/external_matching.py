"""Let the engine itself judge which partitions a condition keeps: in its types, by its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.names import quote_identifier
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.external_conditions import TODAY, today_or_tomorrow
from lakeworks.engines.duckdb.external_values import Values
from lakeworks.engines.errors import ExternalDataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import duckdb

    from lakeworks.core.types import Field
    from lakeworks.engines.partition_conditions import PartitionCondition

_KEYS = "__lakeworks_keys"


def partitions_kept(
    con: duckdb.DuckDBPyConnection,
    condition: PartitionCondition,
    table: str,
    fields: Sequence[Field],
    rows: Sequence[tuple[str | None, ...]],
    *,
    today: date,
) -> list[int]:
    """Return the numbers of the partitions that a query can need, in order.

    Args:
        con: A connection of its own.
        table: For errors.
        fields: The partition columns.
        rows: Their values in each partition, as text.
        today: The day on which the query is planned.

    Raises:
        ExternalDataError: a value does not fit its column's type.
    """
    if not rows or not condition.any_of:
        return []
    if not all(condition.expressions):
        return list(range(len(rows)))
    import pyarrow as pa

    # One more, of nulls: what keeps it cannot prune a table that a join fills with nulls.
    columns = list(zip(*rows, strict=True))
    texts = {f"c{n}": pa.array([*held, None], pa.string()) for n, held in enumerate(columns)}
    texts["i"] = pa.array([*range(len(rows)), -1], pa.int64())
    values = Values(table)
    typed = ", ".join(
        f"{values.column(f'c{n}', f)} AS {quote_identifier(f.name.lower())}"
        for n, f in enumerate(fields)
    )
    con.register(_KEYS, pa.table(texts))
    kept: set[int] = set()
    try:
        for expression, supplied in zip(
            condition.expressions, condition.null_supplied, strict=True
        ):
            found = _kept(con, f"SELECT i, {typed} FROM {_KEYS}", expression, today)
            if found is None or (supplied and -1 in found):
                return list(range(len(rows)))
            kept |= found
    finally:
        con.unregister(_KEYS)
    return sorted(kept - {-1})


def _kept(
    con: duckdb.DuckDBPyConnection, keys: str, expression: str, today: date
) -> set[int] | None:
    """Return the numbers that a condition keeps; None when it cannot be told."""
    days = ", ".join(f"(DATE '{day}')" for day in today_or_tomorrow(today))
    sql = (
        f"SELECT DISTINCT i FROM ({keys}) AS __k, (VALUES {days}) AS __d({TODAY}) "
        f"WHERE {expression}"
    )
    try:
        with translated(con):
            return {row[0] for row in con.execute(sql).fetchall()}
    except ExternalDataError:
        raise
    except LakeError:
        # It fails on some partition, as the query itself may or may not do.
        return None
