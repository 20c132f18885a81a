"""SCD type 2: every version of a key, with the moments between which it held.

What a version is, and what a late one does, says `engines/duckdb/scd2.py`: both engines agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.engines.spark.duplicates import chain
from lakeworks.engines.spark.rewriting import FILE, files_that_may_hold
from lakeworks.engines.spark.scratch import GOOD
from lakeworks.engines.target import Settled

if TYPE_CHECKING:
    from lakeworks.engines.spark.columns import SparkColumns
    from lakeworks.engines.spark.rewriting import Rows
    from lakeworks.engines.spark.scratch import Scratch


def settle(scratch: Scratch, columns: SparkColumns, existing: Rows, fresh: Rows) -> Settled:
    """Return the files that hold the chains of all keys that gain a version."""
    from pyspark.sql import functions as f

    files = fresh.source.files
    if not files:
        return Settled((), (), (), 0)
    names = columns.key_names
    kind, old = columns.free("__kind"), columns.free("__old")
    new = fresh.frame()
    held = existing.frame(files_that_may_hold(existing.source, files, columns.request.key))
    met = held.join(new.select(*columns.keys).distinct(), names, "left_semi")
    both = met.select(*columns.names(), f.lit(1).alias(old)).unionAll(
        new.select(*columns.names(), f.lit(0).alias(old))
    )
    marked = chain(both.withColumn(kind, f.lit(GOOD)), columns, kind, held=old)
    versions = scratch.keep(marked.where(f.col(kind) == GOOD).drop(kind))
    gained = versions.where(f.col(old) == 0)
    written = gained.count()
    superseded = sum(file.rows for file in files) - written
    scratch.discard(columns.request.root, files)
    if not written:
        return Settled((), (), (), superseded)
    gain = gained.select(*columns.keys).distinct()
    located = existing.frame(
        files_that_may_hold(existing.source, files, columns.request.key), with_file=True
    )
    hit = located.join(gain, names, "left_semi").select(FILE).distinct().collect()
    removed = existing.named(row[0] for row in hit)
    rows = versions.join(gain, names, "left_semi").select(*columns.names())
    if removed:
        rest = existing.frame(removed).join(gain, names, "left_anti")
        rows = rows.unionAll(rest.select(*columns.names()))
    done = scratch.write(
        rows,
        columns.request.root,
        columns.final,
        partition_by=columns.request.partition_by,
        table=columns.request.table,
    )
    fresh_files = [w.file for w in done]
    carried = sum(file.rows for file in fresh_files) - written
    return Settled(fresh_files, (), removed, superseded, carried)
