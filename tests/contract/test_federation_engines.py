"""Tables of other systems give equal rows on both engines, to their owner and to principals."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.core.errors import LakeError
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.usefixtures("spark_engine")]

LAKE = """name: both
environments:
  embedded: {storage: .lake, threads: 2}
  cluster:
    storage: .lake
    engine: spark
    threads: 2
    memory_limit: 2GB
    spark: {settings: {spark.sql.shuffle.partitions: 4}}
"""
FILES = {
    "lake.yml": LAKE,
    "catalogs/crm.yml": "type: sqlite\npath: crm.db\ndatabases: {crm: main}\n",
    "catalogs/files.yml": "type: parquet\nlocation: exports\ndatabases: {files: ''}\n",
    "policies/roles.yml": """
roles: {analyst: [ana]}
grants:
  - {to: role:analyst, permissions: SELECT, on: crm.people, except: [paid], rows: "region = 'EU'"}
  - {to: role:analyst, permissions: SELECT, on: files.*}
lf_tags: {pii: [email]}
tagged: {crm.people.email: {pii: email}}
policies:
  masked: {columns: {pii: email}, mask: email_domain, to: everyone}
""",
    "models/silver/people.sql": """/*
load: replace
*/
select p.id, p.paid, f.total from crm.people p left join files.totals f on f.id = p.id
""",
}
QUERIES = (
    "SELECT * FROM crm.people ORDER BY id",
    "SELECT name, length(email) AS n FROM crm.people WHERE id IN (1, 3) ORDER BY 1",
    "SELECT count(*) AS n, max(born) AS b FROM crm.people",
    """SELECT p.name, t.total FROM crm.people p JOIN files.totals t ON t.id = p.id
    WHERE t.total > 1 ORDER BY 1""",
    "SELECT id FROM crm.people WHERE email = 'a@x.example'",
    "SELECT region, sum(id) AS s FROM crm.people WHERE name LIKE 'a%' OR id > 2 GROUP BY 1",
    "SELECT a.id FROM crm.people a JOIN crm.people b ON a.id = b.id + 1 ORDER BY 1",
    "SELECT paid FROM crm.people ORDER BY 1",
    "SELECT * FROM crm.absent",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("both")
    with sqlite3.connect(root / "crm.db") as con:
        con.execute(
            "CREATE TABLE people (id INTEGER, name TEXT, email TEXT, region TEXT, born DATE, "
            "seen DATETIME, paid DECIMAL(8,2), ok BOOLEAN, weight REAL, raw BLOB)"
        )
        con.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
            (1, "ann", "a@x.example", "EU", "1990-01-02", "2026-01-01 10:00:00", 1.5, 1, 0.5, b"a"),
            (2, "bob", "b@x.example", "US", None, None, None, 0, None, None),
            (3, "ärg", None, "EU", "2000-12-31", "2026-01-01 10:00:00.25", 20, None, -1.25, b""),
        ])  # fmt: skip
    con.close()
    (root / "exports" / "totals").mkdir(parents=True)
    pq.write_table(
        pa.table({"id": [1, 2, 3], "total": [1, 2, 3]}), root / "exports/totals/a.parquet"
    )
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def told(lake: Lake, sql: str, caller: str | None) -> list[dict[str, Any]] | str:
    try:
        with lake.query.sql(sql, caller=caller) as result:
            found: list[dict[str, Any]] = result.to_arrow().to_pylist()
            return found
    except LakeError as error:
        return error.code


def test_both_engines_give_equal_rows_and_refusals(root: Path) -> None:
    asked = [(sql, caller) for sql in QUERIES for caller in (None, "ana")]
    with Lake.open(root, environment="embedded") as lake:
        embedded = {one: told(lake, *one) for one in asked}
    with Lake.open(root, environment="cluster") as lake:
        cluster = {one: told(lake, *one) for one in asked}
    assert cluster == embedded
    assert embedded[QUERIES[0], "ana"][0]["email"] != "a@x.example"  # type: ignore[index]
    assert embedded[QUERIES[-2], "ana"] == "LW401"


def test_both_engines_make_equal_tables_of_them(root: Path) -> None:
    found = []
    for environment in ("embedded", "cluster"):
        with Lake.open(root, environment=environment) as lake:
            report = lake.pipeline.run(full_refresh=True)
            assert report.status == "succeeded", report
            found.append(told(lake, "SELECT * FROM silver.people ORDER BY id", None))
    assert found[0] == found[1]
    assert len(found[0]) == 3
