"""A lake with canaries, which principals see parts of, and lakes that hold no more than these parts.

What hides in the first cannot leak from the second: whatever a principal asks, both must answer alike.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.errors import LakeError
from lakeworks.core.names import quote_identifier
from lakeworks.engines.errors import SqlError, StatementRefusedError, ValueConversionError
from lakeworks.governance.errors import NotGrantableError
from lakeworks.lake import Lake
from lakeworks.query.errors import (
    HiddenFailureError,
    NameTakenError,
    NotAllowedError,
    StatementSyntaxError,
    UnqualifiedTableError,
    ViewDefinitionError,
    ViewUnreadableError,
)

if TYPE_CHECKING:
    from pathlib import Path

ATHENA = "/* athena */"  # stands before a script in that dialect
MARK = "7q3z9"  # a part of every hidden text, and of no script
HIDDEN_NUMBERS = ("987654", "876543")
PEOPLE: list[dict[str, Any]] = [
    {
        "customer_id": 1, "name": "ann", "email": "ann@visible.example", "ssn": f"111-{MARK}",
        "region": "EU", "joined": "2026-01-01", "salary": Decimal("100.50"), "größe": 160,
        "tags": ["a", "b"], "address": {"street": "Main Street 1", "city": "Aachen"},
    },
    {
        "customer_id": 2, "name": f"hidden-bob-{MARK}", "email": f"bob-{MARK}@hidden.example",
        "ssn": f"222-{MARK}", "region": "US", "joined": "2026-02-02",
        "salary": Decimal("987654.32"), "größe": 170, "tags": [f"hidden-{MARK}"],
        "address": {"street": f"Hidden Street {MARK}", "city": f"Boston-{MARK}"},
    },
    {
        "customer_id": 3, "name": "cy", "email": "cy@visible.example", "ssn": f"333-{MARK}",
        "region": "EU", "joined": "2026-03-03", "salary": Decimal("300.75"), "größe": 180,
        "tags": None, "address": {"street": None, "city": "Berlin"},
    },
    {
        "customer_id": 4, "name": f"hidden-dee-{MARK}", "email": f"dee-{MARK}@hidden.example",
        "ssn": None, "region": None, "joined": None, "salary": Decimal("876543.21"),
        "größe": None, "tags": [], "address": None,
    },
]  # fmt: skip
ORDERS = [
    {"order_id": f"o{n}", "customer_id": n % 5, "amount": Decimal(n), "region": "EU"}
    for n in range(1, 9)
]
VAULT = [{"customer_id": n, "code": f"vault-{MARK}-{n}"} for n in range(3)]
DAILY = [{"day": "2026-01-01", "amount": Decimal("12.50")}]
PERSON = pa.schema([
    ("customer_id", pa.int32()), ("name", pa.string()), ("email", pa.string()),
    ("ssn", pa.string()), ("region", pa.string()), ("joined", pa.string()),
    ("salary", pa.decimal128(10, 2)), ("größe", pa.int32()), ("tags", pa.list_(pa.string())),
    ("address", pa.struct([("street", pa.string()), ("city", pa.string())])),
])  # fmt: skip
SHAPES = {
    "people": PERSON,
    "orders": pa.schema([
        ("order_id", pa.string()), ("customer_id", pa.int32()),
        ("amount", pa.decimal128(10, 2)), ("region", pa.string()),
    ]),
    "vault": pa.schema([("customer_id", pa.int32()), ("code", pa.string())]),
    "days": pa.schema([("day", pa.string()), ("amount", pa.decimal128(10, 2))]),
}  # fmt: skip
CUSTOMERS = """/*
load: replace
columns:
  email: {tags: {pii: email}}
  ssn: {tags: {pii: ssn}}
*/
select * exclude (_source_file, _ingested_at, _run_id, _rescued)
  replace (cast(joined as timestamp) as joined)
from bronze.people
order by customer_id
"""
PLAIN = """/*
load: replace
*/
select * exclude (_source_file, _ingested_at, _run_id, _rescued) from bronze.%s
order by all
"""
POLICIES = """
roles:
  analyst: [ana]
  regional: [rex]
  engineer: [eve]
  business: [ben]
  compliance: [cleo]
grants:
  - to: role:analyst
    permissions: SELECT
    on: silver.customers
    except: [salary]
    rows: "region = 'EU'"
  - {to: role:analyst, permissions: SELECT, on: [silver.orders, gold.daily]}
  - to: role:regional
    permissions: SELECT
    on: silver.customers
    columns: [customer_id, name, region]
    rows: "region = 'EU'"
  - to: role:regional
    permissions: SELECT
    on: silver.customers
    columns: [customer_id, region]
    rows: customer_id = 2
  - to: role:analyst
    permissions: SELECT
    on: [silver.seen, silver.mails, silver.pay, silver.stacked, silver.casts, silver.vault_view,
         silver.of_ana]
  - to: role:analyst
    permissions: SELECT
    on: silver.narrow
    columns: [customer_id, region]
    rows: customer_id <> 1
  - to: role:regional
    permissions: SELECT
    on: [silver.seen, silver.stacked, silver.casts, silver.of_rex]
  - {to: role:engineer, permissions: SELECT, on: [silver.*, gold.*]}
  - {to: role:business, permissions: SELECT, on: gold.*}
  - {to: role:compliance, permissions: SELECT, on: [silver.*, gold.*]}
policies:
  masked_email: {columns: {pii: email}, mask: email_domain, to: everyone, except: role:compliance}
  masked_ssn: {columns: {pii: ssn}, mask: "null", to: everyone, except: role:compliance}
"""


# In a reference: someone whose filters pass every row, so that queries are guarded there too.
WHOLE = {
    "people": "silver.customers, rows: \"region is null or region = 'EU' or region <> 'EU'\"",
    "orders": "silver.orders, rows: \"region is null or region = 'EU' or region <> 'EU'\"",
    "days": "gold.daily, rows: \"day is null or day = '' or day <> ''\"",
}


# As many as the tables allow; what a role may not see of one, its reference does not have either.
VIEWS = {
    "seen": "select customer_id, name, region from silver.customers",
    "mails": "select customer_id, email from silver.customers",
    "pay": "select customer_id, salary from silver.customers",
    "stacked": "select name, count(*) as v from silver.seen group by name",
    "casts": "select customer_id, region, cast(name as int) as n from silver.seen "
             "where region <> 'EU'",
    "narrow": "select customer_id, name, region from silver.customers",
    "vault_view": "select code from bronze.vault",
}  # fmt: skip
# What a grant on a view itself leaves of it.
NARROWED = {
    "ana": {
        "narrow": "select customer_id, region from silver.customers where customer_id <> 1"
    },
}


@dataclass
class Role:
    """One principal, and a lake that holds only what it may see."""

    principal: str
    reference: Lake


def domain(email: str | None) -> str | None:
    return None if email is None else f"***@{email.partition('@')[2]}"


def masked(person: dict[str, Any]) -> dict[str, Any]:
    return {**person, "email": domain(person["email"]), "ssn": None}


def without(person: dict[str, Any], *columns: str) -> dict[str, Any]:
    return {name: value for name, value in person.items() if name not in columns}


EU = [one for one in PEOPLE if one["region"] == "EU"]
VISIBLE: dict[str, dict[str, list[dict[str, Any]]]] = {
    "ana": {
        "people": [without(masked(one), "salary") for one in EU],
        "orders": ORDERS, "days": DAILY,
    },
    "rex": {
        "people": [
            {key: one[key] for key in ("customer_id", "name", "region")} for one in EU
        ] + [{"customer_id": 2, "name": None, "region": "US"}],
    },
    "eve": {"people": [masked(one) for one in PEOPLE], "orders": ORDERS, "days": DAILY},
    "ben": {"days": DAILY},
    "cleo": {"people": PEOPLE, "orders": ORDERS, "days": DAILY},
    "nobody": {},
}  # fmt: skip

# All of the table that a role may see.
VIEWS |= {
    f"of_{role}": f"select {', '.join(quote_identifier(one) for one in tables['people'][0])} "
                  "from silver.customers"
    for role, tables in VISIBLE.items()
    if "people" in tables
}  # fmt: skip


MODELS = {
    "people": ("silver", "customers"), "orders": ("silver", "orders"), "days": ("gold", "daily"),
}  # fmt: skip


def written(root: Path, tables: dict[str, list[dict[str, Any]]], *, governed: bool) -> Lake:
    """Make a lake of these tables, in two runs, so that there are versions."""
    for folder in ("sources", "models/silver", "models/gold", "policies"):
        (root / folder).mkdir(parents=True)
    (root / "lake.yml").write_text("name: attacked\nenvironments:\n  dev: {storage: .lake}\n")
    granted = [
        f"  - {{to: whole, permissions: SELECT, on: {WHOLE[name]}}}"
        for name in tables
        if name in WHOLE
    ]
    if granted:
        views = ", ".join(f"silver.{name}" for name in VIEWS)
        granted.append(f"  - {{to: whole, permissions: SELECT, on: [{views}]}}")
    whole = "\n".join(["users: {whole: {}}", "grants:", *granted]) if granted else ""
    (root / "policies" / "roles.yml").write_text(POLICIES if governed else whole)
    for name, rows in tables.items():
        path = root / "sources" / f"{name}.yml"
        path.write_text(f"table: bronze.{name}\npath: landing/{name}\nformat: parquet\n")
        if name in MODELS:
            layer, table = MODELS[name]
            sql = CUSTOMERS if "joined" in _columns(name, rows) else PLAIN % name
            (root / "models" / layer / f"{table}.sql").write_text(sql)
    lake = Lake.open(root)
    for half in (0, 1) if tables else ():
        _arrive(root / "landing", tables, half)
        report = lake.pipeline.run()
        assert report.status == "succeeded", report
    return lake


def _arrive(landing: Path, tables: dict[str, list[dict[str, Any]]], half: int) -> None:
    for name, rows in tables.items():
        (landing / name).mkdir(parents=True, exist_ok=True)
        part = [row for row in rows if _half(name, row) == half]
        table = pa.Table.from_pylist(part, _shape(name, rows))
        pq.write_table(table, landing / name / f"{half}.parquet")


def _half(name: str, row: dict[str, Any]) -> int:
    """Which run a row comes with; of a person, whatever else the role may see."""
    return int(row["customer_id"] > 2) if name == "people" else 0


def _columns(name: str, rows: list[dict[str, Any]]) -> list[str]:
    return list(rows[0]) if rows else SHAPES[name].names


def _shape(name: str, rows: list[dict[str, Any]]) -> pa.Schema:
    kept = _columns(name, rows)
    return pa.schema([field for field in SHAPES[name] if field.name in kept])


def make_views(lake: Lake, texts: dict[str, str]) -> None:
    """Make those views that a lake has the tables and columns for."""
    for name, text in texts.items():
        with suppress(SqlError, UnknownTableError, ViewUnreadableError):
            lake.query.sql(f"create view silver.{name} as {text}").close()


@dataclass
class Outcome:
    """What came of a query: rows, or an error."""

    rows: Counter[str] | None
    error: LakeError | None

    @property
    def text(self) -> str:
        return json.dumps(sorted(self.rows)) if self.rows is not None else str(self.error)


def asked(lake: Lake, sql: str, principal: str | None, timeout_s: float = 20) -> Outcome:
    """Ask a lake as somebody; None is its owner."""
    try:
        dialect = "athena" if sql.startswith(ATHENA) else "duckdb"
        with lake.query.sql(
            sql, caller=principal, timeout_s=timeout_s, dialect=dialect
        ) as result:
            names = result.columns
            rows = Counter(repr((names, tuple(row.values()))) for row in result.rows())
    except LakeError as error:
        return Outcome(None, error)
    return Outcome(rows, None)


REFUSED = (
    StatementRefusedError, SqlError, UnknownTableError, UnqualifiedTableError, HiddenFailureError,
    NameTakenError, NotAllowedError, NotGrantableError, StatementSyntaxError,
    ViewDefinitionError, ViewUnreadableError,
)  # fmt: skip
# Equal data may give another answer, or the answer names the engine's own state.
UNCOMPARED = re.compile(r"\b(?:sample|tablesample|explain|summarize|show)\b", re.IGNORECASE)


def leak(found: Outcome, script: str, role: Role, visible: str) -> str:
    """Say how an outcome differs from what a lake without hidden things gives, if it does."""
    for mark in (MARK, *HIDDEN_NUMBERS):
        if mark in found.text and mark not in visible and mark not in script:
            return f"it shows {mark}"
    if isinstance(found.error, HiddenFailureError) and "cannot be read" not in found.text:
        return f"it fails with a reason that is hidden: {found.error.__context__!r}"
    if isinstance(found.error, REFUSED) or UNCOMPARED.search(script):
        return ""
    reference = asked(role.reference, script, None)
    if isinstance(reference.error, ValueConversionError):
        # It fails on what may be seen. Which of the visible rows an engine meets is its own.
        return ""
    if isinstance(found.error, ValueConversionError):
        # The other way round: where the reference is guarded, it meets such a row as well.
        reference = asked(role.reference, script, "whole")
    if found.rows is not None and reference.rows is not None:
        return "" if found.rows == reference.rows else f"the reference: {reference.text[:300]}"
    same = type(found.error) is type(reference.error)
    return "" if same else f"the reference: {reference.text[:300]}"
