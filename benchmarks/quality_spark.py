"""The rules of bench_quality on PySpark as Deequ runs them: a reference.

One job for all aggregates that can share a scan, one more for each uniqueness.

    python benchmarks/quality_spark.py FILE.parquet
"""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f


def main(data: str) -> None:
    """Run the checks."""
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "4g")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "16")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    rows = spark.read.parquet(data)

    def share(condition: str) -> f.Column:
        return f.sum(f.expr(f"cast(coalesce({condition}, false) as int)")) / f.count("*")

    found = rows.agg(
        f.count("*"),
        *(f.count(name) for name in ("id", "customer", "comment", "ratio")),
        share("status in ('new', 'paid', 'sent', 'done', 'lost')"),
        share("amount >= 0"), share("amount < 1000000"), f.min("amount"), f.max("amount"),
        share("quantity > 0 and quantity < 100"),
        share("email rlike '^(?:[a-z0-9]+@[a-z]+[.]org)$'"),
        share("length(country) = 2"), share("created > timestamp '2019-12-31'"),
        f.avg("amount"), f.sum("quantity"), f.stddev_pop("amount"), share("ratio <= 1"),
    ).collect()[0]  # fmt: skip
    # IsUnique and Uniqueness share their grouping in Deequ; DistinctValuesCount has its own.
    unique = (
        rows.groupBy("id").count().agg(f.sum(f.expr("cast(count = 1 as bigint)"))).collect()
    )
    distinct = rows.groupBy("country").count().count()
    print(found[0], unique[0][0], distinct)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
