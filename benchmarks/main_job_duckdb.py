"""The main job as one would write it by hand in DuckDB SQL: the reference of bench_main_job.

Same reads (JSON lines, plain and gzipped), same writes (a copy of the raw files, bronze, silver
partitioned by year and month, quarantine, two gold tables), no log, no checks, no bookmarks.

    python benchmarks/main_job_duckdb.py LANDING OUT [MEMORY_LIMIT]
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import duckdb

COLUMNS = """{
  order_id: 'VARCHAR', customer_id: 'VARCHAR', customer_email: 'VARCHAR', order_status: 'VARCHAR',
  order_amount: 'VARCHAR', currency: 'VARCHAR', channel: 'VARCHAR', created_at: 'VARCHAR',
  updated_at: 'VARCHAR',
  shipping_address: 'STRUCT(street VARCHAR, city VARCHAR, state VARCHAR, zip VARCHAR, country VARCHAR)',
  items: 'STRUCT(product_id VARCHAR, quantity BIGINT, unit_price DOUBLE)[]'
}"""

TYPED = """
select
  order_id, customer_id, lower(trim(customer_email)) as customer_email,
  lower(trim(order_status)) as order_status,
  try_cast(order_amount as decimal(12, 2)) as order_amount, currency, channel,
  try_cast(created_at as timestamptz) as created_at,
  try_cast(updated_at as timestamptz) as updated_at,
  shipping_address.city as city, shipping_address.country as country, len(items) as item_count,
  extract(year from try_cast(created_at as timestamptz)) as year,
  extract(month from try_cast(created_at as timestamptz)) as month
from '{out}/bronze/*.parquet'
"""
GOOD = (
    "coalesce(order_id is not null and order_amount >= 0 and "
    "order_status in ('pending', 'completed', 'cancelled', 'returned'), false)"
)


def main(landing: str, out: str, memory_limit: str = "2GB") -> None:
    """Run the job."""
    shutil.rmtree(out, ignore_errors=True)
    Path(out).mkdir(parents=True)
    shutil.copytree(landing, f"{out}/landing")
    con = duckdb.connect(config={"memory_limit": memory_limit, "temp_directory": f"{out}/tmp"})
    con.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    for name in ("bronze", "quarantine", "gold"):
        Path(out, name).mkdir()
    con.execute(f"""
        copy (
          select *, now() as _ingested_at, 'run-1' as _run_id
          from read_json('{out}/landing/*', format = 'newline_delimited', columns = {COLUMNS},
                         ignore_errors = true, filename = '_source_file')
          where order_id is not null or customer_id is not null
        ) to '{out}/bronze' (format parquet, compression snappy, per_thread_output true,
                             overwrite_or_ignore true)
    """)
    typed = TYPED.format(out=out)
    con.execute(f"""
        copy (
          select *, now() as _processed_at, 'run-1' as _run_id, sha256(to_json(o)) as _record_hash
          from (
            select * from ({typed}) where {GOOD}
            qualify row_number() over (partition by order_id order by updated_at desc) = 1
          ) as o
        ) to '{out}/silver' (format parquet, compression snappy, partition_by (year, month),
                             write_partition_columns true, overwrite_or_ignore true)
    """)
    con.execute(f"""
        copy (select to_json(o) as "row", now() as quarantined_at from ({typed}) as o where not {GOOD})
        to '{out}/quarantine/rows.parquet' (format parquet, compression snappy)
    """)
    silver = f"'{out}/silver/**/*.parquet'"
    con.execute(f"""
        copy (
          select cast(created_at as date) as day, channel, count(*) as orders,
                 sum(order_amount) as revenue
          from {silver} where order_status = 'completed' group by all
        ) to '{out}/gold/daily_sales.parquet' (format parquet, compression snappy)
    """)
    con.execute(f"""
        copy (
          select customer_id, count(*) as orders, sum(order_amount) as lifetime_value,
                 max(created_at) as last_order_at
          from {silver} where order_status <> 'cancelled' group by customer_id
        ) to '{out}/gold/customer_value.parquet' (format parquet, compression snappy)
    """)
    print(con.execute(f"select count(*), sum(order_amount) from {silver}").fetchall())


if __name__ == "__main__":
    main(*sys.argv[1:])
