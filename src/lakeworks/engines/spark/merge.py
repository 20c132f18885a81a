"""Merge: one row a key, the latest of the new rows and the table's.

The greater `latest_by` wins, null loses. Rows that tie are ordered by their whole content, so
the outcome does not depend on which came first, or in which run. Without `latest_by` a new row
replaces the table's; among new rows the greater content wins (`duplicates.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.engines.spark.casting import quoted
from lakeworks.engines.spark.columns import comparable
from lakeworks.engines.spark.rewriting import FILE, files_that_may_hold
from lakeworks.engines.target import Settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyspark.sql import Column, DataFrame

    from lakeworks.engines.spark.columns import SparkColumns
    from lakeworks.engines.spark.rewriting import Rows
    from lakeworks.engines.spark.scratch import Scratch
    from lakeworks.storage.files import DataFile

_STAYS, _TIES, _GOES = 1, 0, -1
_FRESH, _VERDICT = "__fresh_file", "__verdict"


def settle(scratch: Scratch, columns: SparkColumns, existing: Rows, fresh: Rows) -> Settled:
    """Return which new rows enter a table, and which of its files are replaced for that."""
    from pyspark.sql import functions as f

    files = fresh.source.files
    held = files_that_may_hold(existing.source, files, columns.request.key)
    if not files or not held:
        return Settled(files, (), (), 0)
    met = scratch.keep(_meet(columns, existing.frame(held, with_file=True), fresh))
    found = met.select(FILE, _FRESH, _VERDICT).distinct().collect()
    if not found:
        return Settled(files, (), (), 0)
    ties = [row for row in found if row[_VERDICT] == _TIES]
    keys = [quoted(name) for name in columns.key_names]
    stays = met.where(f.col(_VERDICT) == _STAYS).select(*keys).distinct()
    if ties:
        old = existing.frame(existing.named(row[FILE] for row in ties))
        new = fresh.frame(fresh.named(row[_FRESH] for row in ties))
        stays = scratch.keep(stays.unionAll(_ties_won(columns, old, new)).distinct())
    if all(row[_VERDICT] == _GOES for row in found):
        removed = existing.named(row[FILE] for row in found)
        return Settled(
            files, _write_without(scratch, columns, existing, removed, met), removed, 0
        )
    superseded = stays.count()
    kept: Sequence[DataFile] = files
    if superseded:
        hit = met.join(stays, columns.key_names, "left_semi").select(_FRESH).distinct()
        kept = _without(scratch, columns, fresh, (row[0] for row in hit.collect()), stays)
    goes = met.join(stays, columns.key_names, "left_anti")
    removed = existing.named(row[0] for row in goes.select(FILE).distinct().collect())
    rewritten: list[DataFile] = []
    if removed:
        rewritten = _write_without(scratch, columns, existing, removed, goes)
    return Settled(kept, rewritten, removed, superseded)


def _meet(columns: SparkColumns, held: DataFrame, fresh: Rows) -> DataFrame:
    """Return keys that both have, with their files and, where it is clear, who wins."""
    from pyspark.sql import functions as f

    new = fresh.frame(with_file=True)
    latest = columns.latest
    mine, theirs = "__mine", "__theirs"
    moment = f.lit(0) if latest is None else latest
    old = held.select(*columns.keys, f.col(FILE), moment.alias(mine))
    narrow = new.select(*columns.keys, f.col(FILE).alias(_FRESH), moment.alias(theirs))
    mine_at, theirs_at = f.col(mine), f.col(theirs)
    verdict = (
        f.when((mine_at > theirs_at) | (theirs_at.isNull() & mine_at.isNotNull()), _STAYS)
        .when(mine_at.eqNullSafe(theirs_at), _TIES)
        .otherwise(_GOES)
    )
    joined = old.join(narrow, columns.key_names)
    return joined.select(*columns.keys, FILE, _FRESH, verdict.alias(_VERDICT))


def _ties_won(columns: SparkColumns, old: DataFrame, new: DataFrame) -> DataFrame:
    """Return the keys whose tie the table's row wins: by content, so whole rows are read."""
    from pyspark.sql import functions as f

    keys = columns.keys
    latest = f.lit(0) if columns.latest is None else columns.latest

    def told(rows: DataFrame, side: str) -> DataFrame:
        return rows.select(
            *keys,
            latest.alias(f"__at_{side}"),
            columns.content().alias(f"__content_{side}"),
            f.struct(*_same(columns)).alias(f"__same_{side}"),
        )

    joined = told(old, "t").join(told(new, "b"), columns.key_names)
    wins = f.col("__same_t").eqNullSafe(f.col("__same_b"))
    if columns.latest is not None:
        wins = wins | (f.col("__content_t") >= f.col("__content_b"))
    tied = f.col("__at_t").eqNullSafe(f.col("__at_b"))
    return joined.where(tied & wins).select(*keys)


def _same(columns: SparkColumns) -> list[Column]:
    """Return what is equal in rows of equal content; maps, which Spark cannot compare, as text."""
    from pyspark.sql import functions as f

    from lakeworks.engines.spark.row_text import row_json

    parts = [f.lit(0).alias("c")]
    for i, name in enumerate(columns.same_names()):
        field = columns.final.get(name)
        assert field is not None, name  # noqa: S101 - one of the table's own
        value = columns.column(name)
        if not comparable(field.type):
            value = row_json(columns.final, (name,))
        parts.append(value.alias(f"c{i}"))
    return parts


def _without(
    scratch: Scratch,
    columns: SparkColumns,
    fresh: Rows,
    paths: Iterable[str],
    keys: DataFrame,
) -> list[DataFile]:
    """Return the new rows' files, written anew where they hold one of `keys`."""
    touched = fresh.named(paths)
    gone = {file.path for file in touched}
    left = _write_without(scratch, columns, fresh, touched, keys)
    scratch.discard(columns.request.root, touched)
    return [f for f in fresh.source.files if f.path not in gone] + left


def _write_without(
    scratch: Scratch,
    columns: SparkColumns,
    rows: Rows,
    files: Sequence[DataFile],
    keys: DataFrame,
) -> list[DataFile]:
    names = columns.key_names
    out = keys.select(*(quoted(name) for name in names))
    written = scratch.write(
        rows.frame(files).join(out, names, "left_anti"),
        columns.request.root,
        columns.final,
        partition_by=columns.request.partition_by,
        table=columns.request.table,
    )
    return [w.file for w in written]
