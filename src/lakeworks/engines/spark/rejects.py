"""Turn rejected rows into rows of a quarantine table, and count what they fail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING

from lakeworks.engines.spark.casting import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

    from lakeworks.engines.reasons import Reason
    from lakeworks.engines.spark.columns import SparkColumns


@dataclass(frozen=True, slots=True)
class Repeated:
    """Values of columns that must be unique and are not: one row each, all columns named."""

    rule: str
    values: DataFrame
    names: tuple[str, ...]

    def flagged(self, rows: DataFrame, flag: str) -> DataFrame:
        """Return rows with a flag that is true where they have one of the values."""
        from pyspark.sql import functions as f

        hit = f.lit(True).alias(flag)  # noqa: FBT003 - a literal
        told = [f.col(quoted(name)).alias(f"__v{i}") for i, name in enumerate(self.names)]
        pairs = [
            rows[quoted(name)].eqNullSafe(f.col(f"__v{i}")) for i, name in enumerate(self.names)
        ]
        joined = rows.join(self.values.select(*told, hit), pairs, "left")
        return joined.drop(*(f"__v{i}" for i in range(len(told))))


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows that are rejected for one reason.

    Attributes:
        rows: Final columns.
        also: Rules that these rows may fail besides, and when they do.
    """

    rows: DataFrame
    count: int
    reason: Reason
    also: tuple[tuple[str, Column], ...] = ()
    flags: tuple[str, ...] = field(default=())

    def judged(self, repeats: Sequence[Repeated], columns: SparkColumns) -> Refused:
        """Return the same rows with a flag for every rule that they may fail besides."""
        conditions: dict[str, list[Column]] = {}
        rows = self.rows
        for rule, condition in self.also:
            if rule != self.reason.rule:
                conditions.setdefault(rule, []).append(condition)
        for i, one in enumerate(repeats):
            if one.rule != self.reason.rule:
                from pyspark.sql import functions as f

                name = columns.free(f"__repeated{i}")
                rows = one.flagged(rows, name)
                conditions.setdefault(one.rule, []).append(f.col(name))
        flags = [columns.free(f"__also{i}") for i in range(len(conditions))]
        told = [reduce(lambda a, b: a | b, map(_true, parts)) for parts in conditions.values()]
        return replace(
            self,
            rows=rows.withColumns(dict(zip(flags, told, strict=True))) if flags else rows,
            also=tuple((rule, flag) for rule, flag in zip(conditions, told, strict=True)),
            flags=tuple(flags),
        )

    def error(self) -> Column:
        """Return what quarantine says of a row."""
        from pyspark.sql import functions as f

        parts = [f.lit(self.reason.error)]
        for (rule, _), flag in zip(self.also, self.flags, strict=True):
            parts.append(f.when(f.col(flag), f.lit(f"; also {rule}")).otherwise(f.lit("")))
        return f.concat(*parts)


def quarantine_rows(refused: Sequence[Refused], columns: SparkColumns) -> DataFrame:
    """Return quarantine rows of rejected ones, which are `judged`."""
    return reduce(lambda a, b: a.unionAll(b), (_quarantined(one, columns) for one in refused))


def failures(refused: Sequence[Refused]) -> list[tuple[str, int]]:
    """Return how many of the rows, which are `judged`, fail each rule besides their reason."""
    from pyspark.sql import functions as f

    counted = [
        one.rows.agg(
            f.lit(at).alias("at"),
            f.array(*(f.count_if(f.col(flag)) for flag in one.flags)).alias("counts"),
        )
        for at, one in enumerate(refused)
        if one.flags
    ]
    if not counted:
        return []
    rows = reduce(lambda a, b: a.unionAll(b), counted).collect()
    return [
        (rule, count)
        for row in rows
        for (rule, _), count in zip(refused[row["at"]].also, row["counts"], strict=True)
    ]


def _quarantined(refused: Refused, columns: SparkColumns) -> DataFrame:
    from pyspark.sql import functions as f

    request = columns.request
    file = columns.final.get("_source_file")
    return refused.rows.select(
        columns.row_json().alias("row"),
        f.lit(refused.reason.rule).alias("rule"),
        refused.error().alias("error"),
        (f.col(quoted(file.name)) if file else f.lit(None)).cast("string").alias("source_file"),
        f.lit(None).cast("bigint").alias("source_row"),
        f.lit(request.run_id).alias("run_id"),
        f.lit(request.moment).cast("timestamp").alias("quarantined_at"),
    )


def _true(condition: Column) -> Column:
    from pyspark.sql import functions as f

    return f.coalesce(condition, f.lit(False))  # noqa: FBT003 - a literal
