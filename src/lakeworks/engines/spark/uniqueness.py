"""Columns whose values must occur once: find those that repeat, and take their rows out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from lakeworks.engines.reasons import repeated
from lakeworks.engines.spark.casting import quoted
from lakeworks.engines.spark.rejects import Refused, Repeated
from lakeworks.engines.spark.rewriting import FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.engines.protocol import RowCheck
    from lakeworks.engines.spark.columns import SparkColumns
    from lakeworks.engines.spark.rewriting import Rows
    from lakeworks.engines.spark.scratch import Scratch
    from lakeworks.storage.files import DataFile

_HERE, _AGAIN = "__here", "__again"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a check found.

    Attributes:
        left: The new rows' files without the rows taken out.
        refused: Those rows; none where all repeated values are of rows rejected before.
    """

    left: list[DataFile]
    refused: list[Refused]
    repeated: Repeated


def take_out(
    scratch: Scratch,
    columns: SparkColumns,
    fresh: Rows,
    check: RowCheck,
    refused: Sequence[Refused],
) -> Taken | None:
    """Move rows with a repeated value from the good files to the rejects; None without any.

    Rows rejected before count too: the rule's outcome is that of all rows. But a row is
    rejected only for those beside it in the table.
    """
    from pyspark.sql import functions as f

    names = [quoted(name) for name in check.unique]
    rows = fresh.frame().select(*names, f.lit(1).alias(_HERE))
    for one in refused:
        rows = rows.unionAll(one.rows.select(*names, f.lit(0).alias(_HERE)))
    # As DQDL counts: null equals null beside another value, and rows of nulls are left out.
    present = reduce(lambda a, b: a | b, (f.col(name).isNotNull() for name in names))
    counted = (
        rows.where(present)
        .groupBy(*names)
        .agg(f.count(f.lit(1)).alias(_AGAIN), f.sum(_HERE).alias(_HERE))
    )
    values = scratch.keep(counted.where(f.col(_AGAIN) > 1).drop(_AGAIN))
    most = values.agg(f.max(_HERE)).collect()[0][0]
    if most is None:
        return None
    told = Repeated(check.rule, values.drop(_HERE), check.unique)
    if most <= 1:
        return Taken(list(fresh.source.files), [], told)
    beside = Repeated(check.rule, values.where(f.col(_HERE) > 1), check.unique)
    return _parted(scratch, columns, fresh, check, (beside, told))


def _parted(
    scratch: Scratch,
    columns: SparkColumns,
    fresh: Rows,
    check: RowCheck,
    found: tuple[Repeated, Repeated],
) -> Taken:
    from pyspark.sql import functions as f

    beside, told = found
    flag = columns.free("__again")
    flagged = beside.flagged(fresh.frame(with_file=True), flag).where(f.col(flag))
    counts: dict[str, int] = dict(flagged.groupBy(FILE).agg(f.count(f.lit(1))).collect())
    files = fresh.named(counts)
    rows = beside.flagged(fresh.frame(files), flag)
    taken = rows.where(f.col(flag)).drop(flag)
    done = scratch.write(
        rows.where(f.col(flag).isNull()),
        columns.request.root,
        columns.final,
        partition_by=columns.request.partition_by,
        table=columns.request.table,
    )
    scratch.discard(columns.request.root, files)
    touched = {file.path for file in files}
    left = [f for f in fresh.source.files if f.path not in touched]
    refused = Refused(taken, sum(counts.values()), repeated(check))
    return Taken([*left, *(w.file for w in done)], [refused], told)
