"""A shop with persons in every place where a lake keeps data; shared by the tests of privacy."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from lakeworks.privacy.text_search import Words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks import Lake

SUBJECT = "C-17"
EMAIL = "ana@example.org"
LAKE = """\
name: shop
environments:
  dev: {storage: .lake, catalog: "sqlite:///.lake/catalog.db", engine: duckdb}
"""
SOURCES = {
    "orders": "table: bronze.orders\nfrom: files\npath: arrivals/orders\nformat: json\n",
    "customers": "table: bronze.customers\nfrom: files\npath: arrivals/customers\nformat: csv\n",
    "lines": "table: bronze.order_lines\nfrom: files\npath: arrivals/lines\nformat: json\n",
}
MODELS = {
    "silver/orders.sql": """/*
load: merge
key: [order_id]
quality: |
  Rules = [ ColumnValues "amount" > 0 ]
on_violation: quarantine
*/
select order_id, lower(trim(customer_id)) as customer, try_cast(amount as bigint) as amount, note
from bronze.orders
""",
    "silver/customers.sql": """/*
load: scd2
key: [customer_id]
*/
select customer_id, lower(email) as email, city from bronze.customers
""",
    "silver/lines.sql": "/*\nload: append\n*/\nselect order_id, sku, qty from bronze.order_lines\n",
    "gold/per_customer.sql": """/*
load: replace
*/
select customer, count(*) as orders, sum(amount) as amount from silver.orders group by customer
""",
    "gold/totals.sql": """/*
load: replace
*/
select sum(amount) as amount, count(*) as orders from silver.orders
""",
}
SUBJECTS = """\
subjects:
  customer:
    column: customer_id
    identifiers: [bronze.customers.email]
    links:
      bronze.order_lines.order_id: bronze.orders.order_id
"""


def _order(order_id: int, customer: str, amount: object, note: str = "") -> dict[str, Any]:
    return {
        "order_id": f"O-{order_id}",
        "customer_id": customer,
        "amount": amount,
        "note": note,
    }


def make_project(root: Path) -> Path:
    """Write a shop with two arrivals, so that tables have a past."""
    for name, text in SOURCES.items():
        write(root / f"sources/{name}.yml", text)
    for name, text in MODELS.items():
        write(root / f"models/{name}", text)
    write(root / "lake.yml", LAKE)
    write(root / "policies/privacy.yml", SUBJECTS)
    arrive(root, 1)
    return root


def arrive(root: Path, number: int) -> None:
    first = number * 10
    orders = [
        _order(first, " C-17 ", 5, "hers"),
        _order(first + 1, "C-170", 6),
        _order(first + 2, "C-17", 0, "rejected"),
        _order(first + 3, "C-2", "x", "not a number"),
        _order(first + 4, "C-2", 7),
        {**_order(first + 5, "C-3", 8), "extra": {"customer_id": "C-3"}},
    ]
    lines = (
        "".join(json.dumps(one) + "\n" for one in orders) + '{"customer_id": "C-17", broken\n'
    )
    path = root / f"arrivals/orders/{number}.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(lines.encode()))
    write(
        root / f"arrivals/customers/{number}.csv",
        f"customer_id,email,city\nC-17,Ana@Example.org,Graz{number}\nC-170,bo@example.org,Linz\n"
        f'C-2,"cy@example.org",\nC-3,di@example.org,Wels{number}\n',
    )
    made = [{"order_id": f"O-{first + i}", "sku": f"S{i}", "qty": number} for i in range(6)]
    write(root / f"arrivals/lines/{number}.json", "".join(json.dumps(m) + "\n" for m in made))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def rows(lake: Lake, table: str, where: str = "true") -> list[dict[str, Any]]:
    with lake.query.sql(f"select * from {table} where {where}") as result:
        return sorted(result.to_arrow().to_pylist(), key=str)


def contents(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table that readers see, without what a run stamps on them."""
    found = {}
    for table in lake.catalog.current_snapshot().tables:
        stamped = {
            "_ingested_at",
            "_run_id",
            "run_id",
            "quarantined_at",
            "valid_from",
            "valid_to",
        }
        found[str(table)] = sorted(
            (
                {k: v for k, v in row.items() if k not in stamped}
                for row in rows(lake, str(table))
            ),
            key=str,
        )
    return found


def decoded(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file below a folder as text: Parquet read, gzip unpacked."""
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.suffix == ".parquet":
            yield path, str(pq.read_table(path).to_pylist())
            footer = pq.read_metadata(path)
            yield (
                path,
                str([footer.row_group(i).to_dict() for i in range(footer.num_row_groups)]),
            )
        elif data.startswith(b"\x1f\x8b"):
            yield path, gzip.decompress(data).decode("utf-8", "replace")
        else:
            yield path, data.decode("utf-8", "replace")


def names_of(lake: Lake, *words: str) -> list[str]:
    """Return the lake's own files in which one of some words stands alone."""
    wanted = Words(frozenset(words))
    root = lake.project.root / ".lake"
    return sorted(
        {str(path.relative_to(root)) for path, text in decoded(root) if wanted.within(text)}
    )
