"""SCD type 2: every version of a key, with the moments between which it held.

A version begins (`valid_from`) at its `latest_by`, or at the run's moment, and ends where the
next begins (`valid_to`); the last one is current. Versions that change nothing but their moment
are one version, the earliest. Of two versions at one moment the greater content stays.

A version that comes late is put between its neighbours, whose ends move. Had it come in time,
the one after it might not have been folded into the one before it: a row that was folded away
is not in the table and cannot come back. `lake run --full-refresh` rebuilds from all rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.rewriting import FILE, files_that_may_hold
from lakeworks.engines.loads import IS_CURRENT, VALID_FROM, VALID_TO
from lakeworks.engines.target import Settled

if TYPE_CHECKING:
    from lakeworks.engines.duckdb.columns import Columns
    from lakeworks.engines.duckdb.rewriting import Rows
    from lakeworks.engines.duckdb.statements import Statements

_OLD = "__old"


def chain(rows: str, columns: Columns, *, marked: bool = False) -> str:
    """Return a SELECT of the versions that `rows` make, with their ends.

    Args:
        rows: A relation of final columns; `valid_from` is set, the other two do not count.
        columns: Of the load.
        marked: Whether rows have a flag `__old`: at equal content these stay.
    """
    first = f", {_OLD} DESC" if marked else ""
    flag = f", {_OLD}" if marked else ""
    window = f"(PARTITION BY {columns.keys} ORDER BY {VALID_FROM})"
    return (
        f"WITH __one AS (SELECT *, {columns.changes()} AS __content FROM {rows} AS __rows "
        f"QUALIFY row_number() OVER (PARTITION BY {columns.keys}, {VALID_FROM} "
        f"ORDER BY {columns.content()} DESC{first}) = 1), "
        f"__changed AS (SELECT * FROM __one QUALIFY lag(__content) OVER {window} "
        f"IS DISTINCT FROM __content) "
        f"SELECT {columns.names()}{flag} FROM (SELECT * REPLACE ("
        f"lead({VALID_FROM}) OVER {window} AS {VALID_TO}, "
        f"lead(true) OVER {window} IS NULL AS {IS_CURRENT}) FROM __changed)"
    )


def settle(statements: Statements, columns: Columns, existing: Rows, fresh: Rows) -> Settled:
    """Return the files that hold the chains of all keys that gain a version."""
    files = fresh.source.files
    if not files:
        return Settled((), (), (), 0)
    keys = statements.keep(
        f"SELECT DISTINCT {columns.keys} FROM {fresh.select()} AS __rows", "keys"
    )
    held = files_that_may_hold(statements, existing.source, keys, columns.request.key)
    old = existing.select(held, with_file=True)
    versions = statements.keep(
        chain(
            f"(SELECT {columns.names()}, true AS {_OLD} FROM {old} AS __held "
            f"SEMI JOIN {keys} USING ({columns.keys}) UNION ALL "
            f"SELECT {columns.names()}, false FROM {fresh.select()} AS __fresh)",
            columns,
            marked=True,
        ),
        "versions",
    )
    written = int(statements.value(f"SELECT count(*) FROM {versions} WHERE NOT {_OLD}"))
    superseded = sum(file.rows for file in files) - written
    statements.discard(columns.request.root, files)
    if not written:
        return Settled((), (), (), superseded)
    gain = statements.keep(
        f"SELECT DISTINCT {columns.keys} FROM {versions} WHERE NOT {_OLD}", "gain"
    )
    hit = statements.run(
        f"SELECT DISTINCT {FILE} FROM {old} AS __held SEMI JOIN {gain} USING ({columns.keys})"
    )
    removed = existing.named(row[0] for row in hit)
    rest = ""
    if removed:
        rest = (
            f" UNION ALL SELECT {columns.names()} FROM {existing.select(removed)} AS __held "
            f"ANTI JOIN {gain} USING ({columns.keys})"
        )
    done = statements.write(
        f"SELECT {columns.names()} FROM {versions} SEMI JOIN {gain} "
        f"USING ({columns.keys}){rest}",
        columns.request.root,
        columns.final,
        partition_by=columns.request.partition_by,
    )
    fresh_files = [w.file for w in done]
    carried = sum(file.rows for file in fresh_files) - written
    return Settled(fresh_files, (), removed, superseded, carried)
