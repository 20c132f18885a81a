"""The lake's SQL as sqlglot reads and writes it here: DuckDB's dialect, places in lists as written.

sqlglot itself counts places from zero. It shifts those that it takes for whole numbers, when it reads
and again when it writes, by what it knows of types at that moment: `list[CAST(n AS INT)]` but not
`list[n]`. Whoever translates then cannot tell which were shifted.
"""

from __future__ import annotations

from sqlglot.dialects.duckdb import DuckDB


class LakeSql(DuckDB):
    """DuckDB's dialect without the shift."""

    INDEX_OFFSET = 0
