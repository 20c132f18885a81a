"""Staging a silver table against hand-written DuckDB SQL that reads and writes the same.

Orders are typed, cleaned, checked, deduplicated, hashed and written by year and month. Budget:
at most 1.1 times the hand-written SQL, median of alternating rounds.

    python benchmarks/bench_stage.py --orders 2000000 --rounds 3
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import duckdb

from lakeworks.core.types import Schema
from lakeworks.engines.duckdb.parquet_io import copy_out, select_schema
from lakeworks.engines.protocol import AuditColumns, RowCheck, StageRequest
from lakeworks.engines.registry import open_engine
from lakeworks.storage.files import TableSource

BUDGET = 1.1
MOMENT = "2026-01-01T00:00:00+00:00"
MODEL = """
select
  order_id,
  customer_id,
  lower(trim(customer_email))                as customer_email,
  try_cast(order_amount as decimal(10, 2))   as order_amount,
  order_status,
  try_cast(created_at as timestamp)          as created_at,
  shipping_address.street                    as street,
  upper(shipping_address.city)               as city,
  shipping_address.zip                       as zip,
  coalesce(channel, 'unknown')               as channel,
  try_cast(item_count as integer)            as item_count,
  year(try_cast(created_at as timestamp))    as year,
  month(try_cast(created_at as timestamp))   as month
from {orders}
"""
CHECKS = (
    RowCheck('IsComplete "order_id"', "order_id is not null"),
    RowCheck('ColumnValues "order_amount" > 0', "order_amount > 0"),
    RowCheck(
        'ColumnValues "order_status" in ["pending","completed","cancelled"]',
        "order_status in ('pending', 'completed', 'cancelled')",
    ),
)
GOOD = " and ".join(f"coalesce({check.condition}, false)" for check in CHECKS)
BY_HAND = f"""
copy (
  with typed as ({MODEL}),
  latest as (
    select * from typed where {GOOD}
    qualify row_number() over (partition by order_id order by created_at desc nulls last) = 1
  )
  select *, timestamptz '{MOMENT}' as _processed_at, 'run' as _run_id,
    sha256(to_json(latest)::varchar) as _record_hash
  from latest
) to '{{out}}/good' (format parquet, partition_by (year, month), overwrite_or_ignore)
"""
BY_HAND_REJECTS = f"""
copy (
  select to_json(typed)::varchar as "row" from ({MODEL}) as typed where not ({GOOD})
) to '{{out}}/rejects.parquet' (format parquet)
"""


def make_orders(con: duckdb.DuckDBPyConnection, root: str, orders: int) -> TableSource:
    """Write bronze orders: 2 % come twice, 1 % are bad."""
    select = f"""
    select 'ord' || (case when i % 50 = 0 then i // 2 else i end) as order_id,
      'c' || (hash(i) % 100000) as customer_id,
      ' User' || (hash(i) % 100000) || '@Example.com ' as customer_email,
      (case when i % 100 = 7 then -1 else 1 end * (1 + hash(i + 1) % 99999) / 100)::varchar
        as order_amount,
      ['pending', 'completed', 'cancelled'][1 + (hash(i + 2) % 3)::bigint] as order_status,
      strftime(timestamp '2025-01-01' + interval (i * 31536000 // {orders}) second,
        '%Y-%m-%dT%H:%M:%S') as created_at,
      {{street: (hash(i) % 1000) || ' Main St', city: 'City' || (hash(i) % 300),
        zip: lpad((hash(i) % 100000)::varchar, 5, '0'), country: 'US'}} as shipping_address,
      case when hash(i + 5) % 20 > 0 then 'web' end as channel,
      (1 + hash(i + 9) % 5)::varchar as item_count
    from range({orders}) as t(i)
    """
    schema: Schema = select_schema(con, select)
    files = tuple(written.file for written in copy_out(con, select, root, schema=schema))
    return TableSource(root, schema, files)


def by_hand(con: duckdb.DuckDBPyConnection, source: TableSource, out: str) -> float:
    """Run the hand-written SQL; return its seconds."""
    files = [f"{source.root}/{file.path}" for file in source.files]
    Path(out).mkdir(parents=True)
    begin = time.perf_counter()
    for sql in (BY_HAND, BY_HAND_REJECTS):
        con.execute(sql.format(out=out, orders=f"read_parquet({files!r})"))
    return time.perf_counter() - begin


def by_stage(engine_scratch: str, source: TableSource, out: str, load: str) -> float:
    """Run the same as a staged load; return its seconds, engine start included."""
    begin = time.perf_counter()
    engine = open_engine("duckdb", temp_directory=engine_scratch)
    with engine.session() as session:
        session.bind("bronze.orders", source)
        staged = session.stage(
            StageRequest(
                sql=MODEL.format(orders="bronze.orders"),
                table="silver.orders",
                root=f"{out}/good",
                rejects_root=f"{out}/rejects",
                load=load,  # type: ignore[arg-type]
                run_id="run",
                key=("order_id",),
                latest_by="created_at",
                partition_by=("year", "month"),
                checks=CHECKS,
                audit=AuditColumns(MOMENT, "run"),
                moment=MOMENT,
            )
        )
    seconds = time.perf_counter() - begin
    engine.close()
    assert staged.read == staged.written + staged.quarantined + staged.superseded
    assert staged.read == source.rows
    return seconds


def main() -> None:
    """Print seconds, ratio and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["hand", "stage"])
    chosen = parser.parse_args()
    hand: list[float] = []
    staged: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        maker = duckdb.connect()
        maker.execute("set preserve_insertion_order = false")
        source = make_orders(maker, f"{folder}/bronze", chosen.orders)
        maker.close()
        for number in range(chosen.rounds):
            out = f"{folder}/round{number}"
            if chosen.only != "stage":
                con = duckdb.connect(config={"temp_directory": f"{folder}/spill"})
                con.execute("set preserve_insertion_order = false; set timezone = 'UTC'")
                hand.append(by_hand(con, source, f"{out}/hand"))
                con.close()
                shutil.rmtree(f"{out}/hand")
            if chosen.only != "hand":
                staged.append(by_stage(f"{folder}/scratch", source, f"{out}/stage", "merge"))
                shutil.rmtree(f"{out}/stage")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"orders {chosen.orders}, peak memory {peak:.0f} MiB")
    if hand:
        print(f"by hand   {statistics.median(hand):6.2f} s  {[round(s, 2) for s in hand]}")
    if staged:
        print(f"staged    {statistics.median(staged):6.2f} s  {[round(s, 2) for s in staged]}")
    if hand and staged:
        ratio = statistics.median(staged) / statistics.median(hand)
        print(f"ratio     {ratio:6.2f}  (budget {BUDGET})")


if __name__ == "__main__":
    main()
