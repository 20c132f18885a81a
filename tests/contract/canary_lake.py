"""A lake full of canaries: names and values that some principals may not know of.

Every hidden name begins with `zq`, every hidden text holds `kq9`, and hidden numbers and counts occur
nowhere else. So whatever a principal is told can be searched for what it should not have been told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.catalog.query_executions import KeptExecution
from lakeworks.core import clock
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

# A number that stands for itself: not a part of a hash, an identifier, a time or a decimal.
ALONE = r"(?<![\w.:-])({})(?![\w:-])"
# Hidden people's, as a whole number: an identifier in hexadecimal may end with the same digits.
HIDDEN_ID = r"(?<![\w.])5_?5[56]\d{4}(?!\w)"
HIDDEN_NAME = "zq"
HIDDEN_TEXT = "kq9"
HIDDEN_SALARY = 987654
# So many that nothing else counts as far: entries of the audit trail, bytes of small files.
EU_ROWS, FAR_ROWS, VAULT_ROWS, ORDER_ROWS, REJECTED_ROWS = 211, 15_326, 41_459, 43, 17
ALL_PEOPLE = EU_ROWS + FAR_ROWS

SHOWN_PEOPLE: list[dict[str, Any]] = [
    {
        "customer_id": n, "name": f"eve {n}", "email": f"eve{n}@{HIDDEN_TEXT}.example",
        "region": "EU", "zqsalary": Decimal(HIDDEN_SALARY), "joined": date(2026, 1, 1 + n % 28),
    }
    for n in range(1, EU_ROWS + 1)
]  # fmt: skip
HIDDEN_PEOPLE: list[dict[str, Any]] = [
    {
        "customer_id": 5_550_000 + n, "name": f"{HIDDEN_TEXT} {n}",
        "email": f"{HIDDEN_TEXT}{n}@far.example",
        "region": f"{HIDDEN_TEXT}land", "zqsalary": Decimal(HIDDEN_SALARY), "joined": date(2031, 5, 5),
    }
    for n in range(FAR_ROWS)
]  # fmt: skip
# Rejected by a rule: their rows are in quarantine.
REJECTED = [
    {**HIDDEN_PEOPLE[0], "customer_id": -n, "name": f"{HIDDEN_TEXT} rejected {n}"}
    for n in range(1, REJECTED_ROWS + 1)
]
PERSON = pa.schema([
    ("customer_id", pa.int64()), ("name", pa.string()), ("email", pa.string()),
    ("region", pa.string()), ("zqsalary", pa.decimal128(12, 2)), ("joined", pa.date32()),
])  # fmt: skip
ORDERS = [
    {"order_id": f"o{n}", "amount": Decimal(n), "region": "EU" if n % 2 else "US"}
    for n in range(1, ORDER_ROWS + 1)
]
ORDER = pa.schema([
    ("order_id", pa.string()), ("amount", pa.decimal128(10, 2)), ("region", pa.string()),
])  # fmt: skip
VAULT = [
    {"code": f"{HIDDEN_TEXT}-{n}", "zqkey": n, "zqmail": f"{HIDDEN_TEXT}{n}@far.example"}
    for n in range(VAULT_ROWS)
]
SECRET = pa.schema([("code", pa.string()), ("zqkey", pa.int64()), ("zqmail", pa.string())])

FILES = {
    "lake.yml": "name: canaries\nenvironments:\n  dev: {{storage: .lake, engine: {engine}}}\n",
    "sources/people.yml": "table: bronze.people\npath: landing/zqpeople\nformat: parquet\n",
    "sources/orders.yml": "table: bronze.orders\npath: landing/orders\nformat: parquet\n",
    "sources/secret.yml": "table: bronze.zqsecret\npath: landing/zqsecret\nformat: parquet\n",
    "models/silver/customers.sql": """/*
description: Who buys.
load: merge
key: [customer_id]
partition_by: [region]
owner: crm
quality: |
  Rules = [ColumnValues "customer_id" > 0, IsComplete "zqsalary"]
on_violation: quarantine
columns:
  email: {description: The address., tags: {pii: email}}
  zqsalary: {description: What zq earns., tags: {pii: pay}}
*/
select customer_id, name, email, region, zqsalary, joined from bronze.people
""",
    "models/silver/orders.sql": """/*
load: replace
key: [order_id]
partition_by: [region]
quality: 'Rules = [IsComplete "order_id"]'
columns: {order_id: {description: Its number.}}
*/
select order_id, amount, region from bronze.orders
""",
    "models/silver/zqzq.sql": """/*
load: replace
description: zq codes.
owner: zqkeeper
*/
select code, zqkey, length(code) as long from bronze.zqsecret
""",
    "models/gold/daily.sql": """/*
load: replace
description: Orders and codes.
*/
select o.region, count(*) as orders, max(v.zqkey) as highest
from silver.orders o left join silver.zqzq v on v.code = o.order_id
where coalesce(v.code, '') <> 'kq9-literal'
group by o.region
""",
    "models/gold/by_region.sql": """/*
load: replace
quality: 'Rules = [IsComplete "region"]'
*/
select region, sum(amount) as amount from silver.orders group by region
""",
    "models/gold/from_customers.sql": """/*
load: replace
*/
select region, count(*) as people, max(zqsalary) as best from silver.customers group by region
""",
    "tables/clicks.yml": """table: raw.clicks
location: outside/zqclicks
format: json
columns: {{id: int, zqagent: string}}
partitions: {{zqday: string}}
""",
    "tables/hidden.yml": """table: raw.zqhidden
location: outside/zqhidden
format: json
columns: {{id: int}}
""",
    "policies/roles.yml": """
administrators: [role:steward]
roles:
  analyst: [ana]
  regional: [rex]
  describer: [dora]
  keeper: [kim]
  steward: [lena]
  compliance: [cleo]
grants:
  - to: role:analyst
    permissions: SELECT
    on: silver.customers
    except: [zqsalary]
    rows: "region = 'EU'"
  - to: role:analyst
    permissions: SELECT
    on: [silver.orders, gold.daily, gold.by_region, gold.later, gold.eyes]
  - {{to: role:analyst, permissions: SELECT, on: raw.clicks, columns: [id]}}
  - to: role:regional
    permissions: SELECT
    on: silver.customers
    columns: [customer_id, region]
    rows: "region = 'EU' and zqsalary > 0"
  - {{to: role:describer, permissions: DESCRIBE, on: [silver.orders, gold.by_region]}}
  - to: role:keeper
    permissions: [SELECT, INSERT, DELETE, ALTER, DROP]
    on: [silver.orders, gold.by_region]
  - {{to: role:compliance, permissions: SELECT, on: [bronze.*, silver.*, gold.*, quarantine.*, raw.*]}}
policies:
  masked: {{columns: {{pii: email}}, mask: redact, to: everyone, except: role:compliance}}
""",
}
LATER = """/*
load: replace
*/
select region, min(amount) as least from silver.orders group by region
"""
FLAKY = """/*
load: replace
*/
select cast(name as int) as number from silver.customers where name like 'kq9%'
"""


@dataclass(frozen=True)
class Seen:
    """What one principal may know: what of the canaries may be told to it.

    Attributes:
        names: Hidden names that it may know of.
        values: Whether hidden values may be told.
        counts: Whether hidden counts may be told.
    """

    principal: str
    names: bool = False
    values: bool = False


PRINCIPALS = (
    Seen("ana"), Seen("role:regional"), Seen("dora"), Seen("kim"), Seen("nobody"),
    Seen("lena", names=True), Seen("cleo", names=True, values=True),
)  # fmt: skip


def leaks(seen: Seen, text: str) -> set[str]:
    """Return the canaries in a text that the principal may not be told."""
    found: set[str] = set()
    if not seen.names:
        found |= set(re.findall(rf"\w*{HIDDEN_NAME}\w*", text, re.IGNORECASE))
    if not seen.values:
        found |= set(re.findall(rf"[\w@.-]*{HIDDEN_TEXT}[\w@.-]*", text, re.IGNORECASE))
        counts = (FAR_ROWS, VAULT_ROWS, ALL_PEOPLE, ALL_PEOPLE + REJECTED_ROWS, HIDDEN_SALARY)
        told = "|".join(f"{n}|{n:,}" for n in counts)
        found |= {one[0] for one in re.findall(f"({ALONE.format(told)})", text)}
        found |= set(re.findall(rf"2031-05-05|{HIDDEN_ID}", text))
    return found


def written(root: Path, *, engine: str = "duckdb") -> Path:
    """Make the lake: two runs that publish, one that fails."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            text.format(engine=engine) if "{{" in text or "{engine}" in text else text
        )
    _arrive(root / "landing" / "zqpeople", "first", SHOWN_PEOPLE, PERSON)
    _arrive(root / "landing" / "orders", "first", ORDERS, ORDER)
    _arrive(root / "landing" / "zqsecret", "first", VAULT, SECRET)
    for folder, line in (
        ("zqclicks/zqday=kq9monday", '{"id": 1, "zqagent": "kq9fox"}\n'),
        ("zqhidden", '{"id": 5551234}\n'),
    ):
        (root / "outside" / folder).mkdir(parents=True)
        (root / "outside" / folder / "a.json").write_text(line)
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "succeeded"
    # A table that the first snapshot does not have.
    (root / "models" / "gold" / "later.sql").write_text(LATER)
    with Lake.open(root) as lake:
        _arrive(root / "landing" / "zqpeople", "second", [*HIDDEN_PEOPLE, *REJECTED], PERSON)
        assert lake.pipeline.run().status == "succeeded"
        _keep(lake)
    (root / "models" / "gold" / "flaky.sql").write_text(FLAKY)
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "failed"
    (root / "models" / "gold" / "flaky.sql").unlink()
    return root


def _arrive(folder: Path, name: str, rows: list[dict[str, Any]], shape: pa.Schema) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, shape), folder / f"{name}.parquet")


EYES = """create view gold.eyes as
select region, count(*) as n, max(zqsalary) as top from silver.customers
where name <> 'kq9 1' group by region"""


def _keep(lake: Lake) -> None:
    lake.query.sql(EYES)
    lake.query.sql("create view gold.zqview as select code from silver.zqzq")
    queries = lake.catalog.named_queries
    queries.save("revenue", "select sum(amount) from silver.orders where region = ?")
    queries.save("zqcodes", "select code from silver.zqzq")
    queries.save("pay", "select zqsalary from silver.customers where name = 'kq9 1'")
    queries.save("people", "select name from silver.customers where customer_id = $id")
    lake.query.sql("select max(zqsalary) from silver.customers").to_arrow()
    for who, sql in (
        ("", "select max(zqsalary) from silver.customers"),
        ("user:ana", "select 1 as own"),
    ):
        asked = KeptExecution(
            f"asked by {who}", "service", who, "primary", sql, "queued", clock.now()
        )
        lake.catalog.query_executions.begin(asked)
