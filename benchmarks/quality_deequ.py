"""The rules of bench_quality in Deequ itself, through PyDeequ: a reference; prints the seconds.

Counted is the first judging in a session that is up: neither the start of the JVM nor finding
the jars. It needs PySpark 3.5 and an environment of its own, which `bench_quality.py --deequ`
makes.

    python benchmarks/quality_deequ.py FILE.parquet [--defaults]
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("SPARK_VERSION", "3.5")  # PyDeequ asks for it while it is imported

import pydeequ
from pydeequ.checks import Check, CheckLevel
from pydeequ.verification import VerificationResult, VerificationSuite
from pyspark.sql import DataFrame, SparkSession

DEEQU = "com.amazon.deequ:deequ:2.1.0-spark-3.5"
# Checks do not need Deequ's reader of DQDL, and not all mirrors of Maven Central have it.
LEFT_OUT = f"{pydeequ.f2j_maven_coord},software.amazon.glue:dqdl"
STATUSES = ["new", "paid", "sent", "done", "lost"]
# What helps Spark on two cores: memory for the groups of ten million ids, no tiny partitions.
TUNED = {
    "spark.driver.memory": "4g",
    "spark.sql.shuffle.partitions": "16",
    "spark.ui.enabled": "false",
}


def session(*, defaults: bool) -> SparkSession:
    """Start Spark as PyDeequ's documentation does, and tuned if not told otherwise."""
    builder = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars.packages", DEEQU)
        .config("spark.jars.excludes", LEFT_OUT)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.showConsoleProgress", "false")
    )
    for name, value in ({} if defaults else TUNED).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def judged(spark: SparkSession, rows: DataFrame) -> list[tuple[str, str]]:
    """Judge; return each constraint and how it came out.

    Of the 20 rules one has no check (ColumnCount, which costs nothing), and one needs two
    (ColumnLength: no shorter, no longer).
    """
    check = (
        Check(spark, CheckLevel.Error, "rules")
        .hasSize(lambda n: n > 1000)
        .isComplete("id")
        .isUnique("id")
        .isComplete("customer")
        .hasCompleteness("comment", lambda share: share > 0.8)
        .isContainedIn("status", STATUSES)
        .satisfies("amount >= 0", "amount from 0")
        .satisfies("amount < 1000000", "amount below a million")
        .satisfies("quantity > 0 and quantity < 100", "quantity between")
        .hasPattern("email", "^[a-z0-9]+@[a-z]+[.]org$", lambda share: share == 1)
        .hasMinLength("country", lambda least: least == 2)
        .hasMaxLength("country", lambda most: most == 2)
        .satisfies("created > '2019-12-31'", "created after")
        .hasMean("amount", lambda mean: 100 < mean < 900)
        .hasSum("quantity", lambda total: total > 1000)
        .hasStandardDeviation("amount", lambda spread: spread < 10000)
        .hasNumberOfDistinctValues("country", lambda n: n == 26, None, 1)
        .hasUniqueness(["id"], lambda share: share > 0.99)
        .hasCompleteness("ratio", lambda share: share > 0.9)
        .satisfies("coalesce(ratio <= 1, false)", "ratio to 1", lambda share: share > 0.9)
    )
    done = VerificationSuite(spark).onData(rows).addCheck(check).run()
    found = VerificationResult.checkResultsAsDataFrame(spark, done).collect()
    return [(row["constraint"], row["constraint_status"]) for row in found]


def main() -> None:
    """Judge and print how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--defaults", action="store_true", help="Spark's own settings")
    args = parser.parse_args()
    spark = session(defaults=args.defaults)
    try:
        rows = spark.read.parquet(args.data)
        begin = time.monotonic()
        outcomes = judged(spark, rows)
        seconds = time.monotonic() - begin
    finally:
        # PyDeequ's callbacks leave a server in this process, which would never end.
        spark.sparkContext._gateway.shutdown_callback_server()
        spark.stop()
    failed = [name for name, status in outcomes if status != "Success"]
    if failed or len(outcomes) != 20:
        raise SystemExit(f"{len(outcomes)} constraints, of which these failed: {failed}")
    print(seconds)


if __name__ == "__main__":
    main()
