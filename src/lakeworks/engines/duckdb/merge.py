"""Merge: one row a key, the latest of the new rows and the table's.

The greater `latest_by` wins, null loses. Rows that tie are ordered by their whole content, so
the outcome does not depend on which came first, or in which run. Without `latest_by` a new row
replaces the table's; among new rows the greater content wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.rewriting import FILE, files_that_may_hold
from lakeworks.engines.target import Settled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.engines.duckdb.columns import Columns
    from lakeworks.engines.duckdb.rewriting import Rows
    from lakeworks.engines.duckdb.statements import Statements
    from lakeworks.storage.files import DataFile

_STAYS, _TIES, _GOES = 1, 0, -1


def latest(rows: str, columns: Columns) -> str:
    """Return a SELECT of the winning row of each key of `rows`."""
    order = [f"{columns.latest} DESC NULLS LAST"] if columns.latest else []
    order.append(f"{columns.content()} DESC")
    return (
        f"SELECT {columns.names()} FROM {rows} AS __rows QUALIFY row_number() OVER "
        f"(PARTITION BY {columns.keys} ORDER BY {', '.join(order)}) = 1"
    )


def settle(statements: Statements, columns: Columns, existing: Rows, fresh: Rows) -> Settled:
    """Return which new rows enter a table, and which of its files are replaced for that."""
    files = fresh.source.files
    if not files or not existing.source.files:
        return Settled(files, (), (), 0)
    met = _meet(statements, columns, existing, fresh)
    if met is None:
        return Settled(files, (), (), 0)
    _break_ties(statements, columns, existing, fresh, met)
    stays = statements.keep(
        f"SELECT DISTINCT {columns.keys} FROM {met} WHERE verdict = {_STAYS}", "stays"
    )
    superseded = int(statements.value(f"SELECT count(*) FROM {stays}"))
    kept = list(files)
    if superseded:
        hit = statements.run(
            f"SELECT DISTINCT fresh_file FROM {met} SEMI JOIN {stays} USING ({columns.keys})"
        )
        kept = _without(statements, columns, fresh, (row[0] for row in hit), stays)
    goes = statements.keep(
        f"SELECT DISTINCT {columns.keys}, file FROM {met} ANTI JOIN {stays} "
        f"USING ({columns.keys})",
        "goes",
    )
    hit = statements.run(f"SELECT DISTINCT file FROM {goes}")
    removed = existing.named(row[0] for row in hit)
    rewritten: list[DataFile] = []
    if removed:
        rewritten = _write_without(statements, columns, existing, removed, goes)
    return Settled(kept, rewritten, removed, superseded)


def _meet(statements: Statements, columns: Columns, existing: Rows, fresh: Rows) -> str | None:
    """Return keys that both have, with their files and, where it is clear, who wins."""
    moment = f", {columns.latest} AS moment" if columns.latest else ""
    narrow = statements.keep(
        f"SELECT {columns.keys}{moment}, {FILE} AS fresh_file "
        f"FROM {fresh.select(with_file=True)} AS __rows",
        "fresh",
    )
    files = files_that_may_hold(statements, existing.source, narrow, columns.request.key)
    if not files:
        return None
    verdict = str(_TIES)
    if columns.latest:
        verdict = (
            f"CASE WHEN t.moment > b.moment OR (b.moment IS NULL AND t.moment IS NOT NULL) "
            f"THEN {_STAYS} WHEN t.moment IS NOT DISTINCT FROM b.moment THEN {_TIES} "
            f"ELSE {_GOES} END"
        )
    return statements.keep(
        f"SELECT {_of('b', columns.key)}, t.file, b.fresh_file, {verdict} AS verdict "
        f"FROM (SELECT {columns.keys}{moment}, {FILE} AS file "
        f"FROM {existing.select(files, with_file=True)} AS __rows) AS t "
        f"JOIN {narrow} AS b ON {_equal('t', 'b', columns.key)}",
        "met",
    )


def _break_ties(
    statements: Statements, columns: Columns, existing: Rows, fresh: Rows, met: str
) -> None:
    """Decide ties by content: read whole rows, of the files with ties only."""
    ties = statements.run(
        f"SELECT DISTINCT file, fresh_file FROM {met} WHERE verdict = {_TIES}"
    )
    if not ties:
        return
    old = existing.select(existing.named(row[0] for row in ties))
    new = fresh.select(fresh.named(row[1] for row in ties))
    stays = columns.same("t", "b")
    moment = ""
    if columns.latest:
        stays = f"{stays} OR {columns.content('t.')} >= {columns.content('b.')}"
        moment = f" AND t.{columns.latest} IS NOT DISTINCT FROM b.{columns.latest}"
    # A full key is never null here: rows without one were rejected.
    wins = statements.keep(
        f"SELECT DISTINCT {_of('b', columns.key)} FROM {old} AS t JOIN {new} AS b "
        f"ON {_equal('t', 'b', columns.key)}{moment} WHERE {stays}",
        "wins",
    )
    where = _equal("m", "w", columns.key)
    statements.run(
        f"UPDATE {met} AS m SET verdict = CASE WHEN EXISTS "
        f"(FROM {wins} AS w WHERE {where}) THEN {_STAYS} ELSE {_GOES} END "
        f"WHERE verdict = {_TIES}"
    )


def _without(
    statements: Statements, columns: Columns, fresh: Rows, uris: Iterable[str], keys: str
) -> list[DataFile]:
    """Return the new rows' files, written anew where they hold one of `keys`."""
    touched = fresh.named(uris)
    paths = {file.path for file in touched}
    left = _write_without(statements, columns, fresh, touched, keys)
    statements.discard(columns.request.root, touched)
    return [f for f in fresh.source.files if f.path not in paths] + left


def _write_without(
    statements: Statements, columns: Columns, rows: Rows, files: list[DataFile], keys: str
) -> list[DataFile]:
    written = statements.write(
        f"SELECT {columns.names()} FROM {rows.select(files)} AS __rows "
        f"ANTI JOIN {keys} USING ({columns.keys})",
        columns.request.root,
        columns.final,
        partition_by=columns.request.partition_by,
    )
    return [w.file for w in written]


def _of(alias: str, names: Iterable[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


def _equal(left: str, right: str, names: Iterable[str]) -> str:
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in names)
