"""The main job in hand-written PySpark, local[2], Parquet: a reference of bench_main_job.

python benchmarks/main_job_spark.py LANDING OUT
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as f

SCHEMA = """
  order_id string, customer_id string, customer_email string, order_status string,
  order_amount string, currency string, channel string, created_at string, updated_at string,
  shipping_address struct<street: string, city: string, state: string, zip: string, country: string>,
  items array<struct<product_id: string, quantity: bigint, unit_price: double>>, _torn string
"""
STATUSES = ["pending", "completed", "cancelled", "returned"]


def main(landing: str, out: str) -> None:
    """Run the job."""
    shutil.rmtree(out, ignore_errors=True)
    Path(out).mkdir(parents=True)
    shutil.copytree(landing, f"{out}/landing")
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "6g")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "16")
        .config("spark.sql.ansi.enabled", "false")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    raw = (
        spark.read.schema(SCHEMA)
        .option("columnNameOfCorruptRecord", "_torn")
        .json(f"{out}/landing")
        .withColumn("_source_file", f.input_file_name())
        .withColumn("_ingested_at", f.current_timestamp())
    )
    raw.where("_torn is null").drop("_torn").write.parquet(f"{out}/bronze")
    created = f.to_timestamp("created_at")
    typed = spark.read.parquet(f"{out}/bronze").select(
        "order_id",
        "customer_id",
        f.lower(f.trim("customer_email")).alias("customer_email"),
        f.lower(f.trim("order_status")).alias("order_status"),
        f.col("order_amount").cast("decimal(12,2)").alias("order_amount"),
        "currency",
        "channel",
        created.alias("created_at"),
        f.to_timestamp("updated_at").alias("updated_at"),
        f.col("shipping_address.city").alias("city"),
        f.col("shipping_address.country").alias("country"),
        f.size("items").alias("item_count"),
        f.year(created).alias("year"),
        f.month(created).alias("month"),
    )
    good = f.coalesce(
        f.col("order_id").isNotNull()
        & (f.col("order_amount") >= 0)
        & f.col("order_status").isin(STATUSES),
        f.lit(False),
    )
    latest = Window.partitionBy("order_id").orderBy(f.col("updated_at").desc())
    kept = typed.where(good).withColumn("_rank", f.row_number().over(latest)).where("_rank = 1")
    kept = kept.drop("_rank")
    hashed = kept.withColumn("_record_hash", f.sha2(f.to_json(f.struct(*kept.columns)), 256))
    hashed = hashed.withColumn("_processed_at", f.current_timestamp())
    hashed.write.partitionBy("year", "month").parquet(f"{out}/silver")
    rejected = typed.where(~good)
    rejected.select(f.to_json(f.struct(*typed.columns)).alias("row")).write.parquet(
        f"{out}/quarantine"
    )
    silver = spark.read.parquet(f"{out}/silver")
    silver.where("order_status = 'completed'").groupBy(
        f.to_date("created_at").alias("day"), "channel"
    ).agg(f.count("*").alias("orders"), f.sum("order_amount").alias("revenue")).write.parquet(
        f"{out}/gold/daily_sales"
    )
    silver.where("order_status <> 'cancelled'").groupBy("customer_id").agg(
        f.count("*").alias("orders"),
        f.sum("order_amount").alias("lifetime_value"),
        f.max("created_at").alias("last_order_at"),
    ).write.parquet(f"{out}/gold/customer_value")
    print(silver.count(), silver.agg(f.sum("order_amount")).collect())
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
