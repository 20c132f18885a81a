"""What the footers of Parquet files tell exactly: rows, nulls, and bounds of whole numbers.

DuckDB itself answers from these where a whole query can be; here single figures are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.engines.known import Known, KnownColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

# Each footer is read once more: with many files that takes longer than it saves.
MOST_FILES = 200
_WORTH_ROWS = 50_000
_BITS_A_ROW = 16
_MOST_BITS = 2**29  # 64 MiB for each thread; a hash table could spill, a bitmap cannot
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_COLUMNS = """
SELECT path_in_schema, sum(row_group_num_rows), sum(stats_null_count),
  bool_and(stats_null_count IS NOT NULL),
  min(try_cast(stats_min_value AS HUGEINT)), max(try_cast(stats_max_value AS HUGEINT)),
  bool_and(stats_null_count = row_group_num_rows OR (
    coalesce(regexp_full_match(stats_min_value, '-?[0-9]+'), false)
    AND coalesce(regexp_full_match(stats_max_value, '-?[0-9]+'), false)))
FROM parquet_metadata({files}) GROUP BY path_in_schema
"""


def known(con: duckdb.DuckDBPyConnection, relation: str, uris: Sequence[str]) -> Known | None:
    """Return what is known of a relation that holds all rows of files, or None.

    Args:
        con: Where the relation is.
        relation: SQL that reads the files; it passes values on, at most cast.
        uris: The files; a column that one lacks reads as null.
    """
    import duckdb

    if not 0 < len(uris) <= MOST_FILES:
        return None
    files = "[" + ", ".join(map(quote_literal, uris)) + "]"
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        counted = con.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata({files})")
        (rows,) = counted.fetchone() or (None,)
        told = con.execute(_COLUMNS.format(files=files)).fetchall()
    except duckdb.Error:
        return None  # whoever reads the files tells what is wrong with them
    if rows is None:
        return None
    spelt: dict[str, list[tuple[Any, ...]]] = {}
    for one in told:
        spelt.setdefault(one[0].casefold(), []).append(one)
    columns = {
        name: _column(spelt[name.casefold()], int(rows), whole=type_ in _WHOLE)
        for name, type_, *_ in described
        if name.casefold() in spelt
    }
    return Known(int(rows), {name: column for name, column in columns.items() if column})


def distinct(column: str, found: Known, condition: str) -> str:
    """Return an aggregate that counts the different values of a column, or an empty text.

    A bitmap with a bit for every number between the bounds: exact, and a tenth of the time that
    a hash table takes. It is offered where it needs no more memory than that would.
    """
    bounds = found.columns.get(column, KnownColumn()).bounds
    if bounds is None or found.rows < _WORTH_ROWS:
        return ""
    span = bounds[1] - bounds[0] + 1
    if span > min(_MOST_BITS, _BITS_A_ROW * found.rows):
        return ""
    name = quote_identifier(column)
    kept = f"case when {condition} then {name} end" if condition else name
    return f"coalesce(bit_count(bitstring_agg({kept}, {bounds[0]}, {bounds[1]})), 0)"


def _column(spelt: Sequence[tuple[Any, ...]], rows: int, *, whole: bool) -> KnownColumn | None:
    inside = sum(one[1] for one in spelt)
    if inside > rows:  # two columns of one file that differ in case only
        return None
    nulls = None
    if all(one[3] for one in spelt):
        nulls = int(sum(one[2] for one in spelt)) + int(rows - inside)
    bounded = whole and all(one[6] for one in spelt)
    least = [one[4] for one in spelt if one[4] is not None]
    most = [one[5] for one in spelt if one[5] is not None]
    bounds = (int(min(least)), int(max(most))) if bounded and least and most else None
    return KnownColumn(nulls, bounds)
