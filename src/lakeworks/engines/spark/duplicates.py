"""Which of a load's rows stay: the latest of each key, or the versions of each key.

Rows are marked, not dropped: what does not stay is counted by the files that it would be in, so
the count is of what the job committed, however often Spark ran a task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.engines.loads import IS_CURRENT, VALID_FROM, VALID_TO
from lakeworks.engines.spark.scratch import GOOD

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from lakeworks.engines.spark.columns import SparkColumns

SUPERSEDED = "old"


def latest(rows: DataFrame, columns: SparkColumns, kind: str) -> DataFrame:
    """Return rows of final columns; good ones that do not win their key become `SUPERSEDED`.

    Content is made only of rows that tie for a key's latest moment: made of every row, it would
    cost as much as all else.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    names = [columns.free(wish) for wish in ("__apart", "__place", "__ties", "__best")]
    apart, place, ties, best = names
    moment = columns.keys[0] if columns.latest is None else columns.latest
    group = Window.partitionBy(*columns.keys, f.col(apart))
    line = group.orderBy(moment.desc_nulls_last())
    # Both windows want rows in the order that the first puts them in: they are sorted once.
    placed = rows.withColumn(apart, _apart(columns, kind)).withColumns(
        {
            place: f.row_number().over(line),
            ties: (f.rank().over(line) == 1)
            & ((f.row_number().over(line) > 1) | f.lead(moment).over(line).eqNullSafe(moment)),
        }
    )
    content = f.when(f.col(ties), columns.content())
    judged = placed.withColumn(best, f.max_by(place, content).over(group))
    return _marked(judged, kind, f.col(place) != f.coalesce(best, f.lit(1))).drop(*names)


def chain(
    rows: DataFrame, columns: SparkColumns, kind: str, *, held: str | None = None
) -> DataFrame:
    """Return versions with their ends; good ones that are none become `SUPERSEDED`.

    Args:
        rows: Final columns; `valid_from` is set, the other two do not count.
        columns: Of the load.
        kind: The column that says which rows are `GOOD`.
        held: A flag of rows that the table has: at equal content these stay.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    names = [columns.free(wish) for wish in ("__content", "__before", "__rank", "__apart")]
    content, before, rank, apart = names
    begin = columns.column(VALID_FROM)
    first = [f.col(held).desc()] if held else []
    groups = [*columns.keys, f.col(apart)]
    # Parted once by key: the windows below need no other order of tasks.
    rows = rows.withColumn(apart, _apart(columns, kind)).repartition(*groups)
    rows = rows.withColumn(content, columns.changes())
    one = Window.partitionBy(*groups, begin).orderBy(columns.content().desc(), *first)
    rows = rows.withColumn(rank, f.row_number().over(one))
    rows = _marked(rows, kind, f.col(rank) > 1)
    line = Window.partitionBy(*groups, f.col(kind)).orderBy(begin)
    rows = rows.withColumn(before, f.lag(f.col(content)).over(line))
    rows = _marked(rows, kind, f.col(before).eqNullSafe(f.col(content)))
    last = f.lead(f.lit(1)).over(line).isNull()
    rows = rows.withColumns({VALID_TO: f.lead(begin).over(line), IS_CURRENT: last})
    return rows.drop(*names)


def _apart(columns: SparkColumns, kind: str) -> Column:
    """Return what keeps rejected rows out of the groups of the others, whose key they may have."""
    from pyspark.sql import functions as f

    return f.when(f.col(kind) != GOOD, columns.salt())


def _marked(rows: DataFrame, kind: str, goes: Column) -> DataFrame:
    from pyspark.sql import functions as f

    return rows.withColumn(
        kind, f.when((f.col(kind) == GOOD) & goes, f.lit(SUPERSEDED)).otherwise(f.col(kind))
    )
