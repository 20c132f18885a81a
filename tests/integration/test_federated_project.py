"""Catalogs in whole projects: checked, listed, read by models, their tags carried along."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.catalog.data_catalog.errors import EntryNotFoundError
from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.errors import RequestError
from lakeworks.core.names import TableName
from lakeworks.engines.errors import MissingExtensionError
from lakeworks.lake import Lake
from lakeworks.project.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "lake.yml": "name: shop\n",
    "catalogs/crm.yml": "type: sqlite\npath: crm.db\ndatabases: {crm: main}\n",
    "models/silver/people.sql": "/*\nload: replace\n*/\nselect id, email from crm.people\n",
    "policies/roles.yml": """
roles: {analyst: [ana]}
grants: [{to: role:analyst, permissions: SELECT, on: [silver.*, crm.people]}]
lf_tags: {pii: [email]}
tagged: {crm.people.email: {pii: email}}
policies:
  masked: {columns: {pii: email}, mask: email_domain, to: everyone}
""",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with sqlite3.connect(tmp_path / "crm.db") as con:
        con.execute("CREATE TABLE people (id INTEGER, email TEXT)")
        con.execute("INSERT INTO people VALUES (1, 'ann@a.example'), (2, NULL)")
    con.close()
    return tmp_path


def rows(lake: Lake, sql: str, caller: str | None = None) -> list[dict[str, Any]]:
    with lake.query.sql(sql, caller=caller) as result:
        found: list[dict[str, Any]] = result.to_arrow().to_pylist()
        return found


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    told = [sys.executable, "-m", "lakeworks", "-C", str(root), *words]
    return subprocess.run(told, capture_output=True, text=True, check=False)


def test_a_model_makes_a_table_of_another_systems_rows(root: Path) -> None:
    Lake.check(root)
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "succeeded"
        with sqlite3.connect(root / "crm.db") as con:
            con.execute("INSERT INTO people VALUES (3, 'cy@a.example')")
        con.close()
        report = lake.pipeline.run()
        assert [step.rows_written for step in report.steps] == [3]
        assert len(rows(lake, "SELECT * FROM silver.people")) == 3
        assert len(rows(lake, "SELECT * FROM silver.people@v0")) == 2


def test_tags_on_a_column_elsewhere_follow_what_derives_from_it(root: Path) -> None:
    with Lake.open(root) as lake:
        lake.pipeline.run()
        for table in ("silver.people", "crm.people"):
            seen = rows(lake, f"SELECT email FROM {table} WHERE id = 1", "ana")
            assert seen == [{"email": "***@a.example"}]


def test_a_statement_writes_what_its_caller_sees(root: Path) -> None:
    roles = root / "policies" / "roles.yml"
    roles.write_text(roles.read_text().replace(
        "crm.people]}]", "crm.people]}, {to: role:analyst, permissions: CREATE_TABLE, on: gold}]"
    ))  # fmt: skip
    with Lake.open(root) as lake:
        made = "CREATE TABLE gold.hers AS SELECT email FROM crm.people WHERE id = 1"
        rows(lake, made, "ana")
        assert rows(lake, "SELECT email FROM gold.hers") == [{"email": "***@a.example"}]


@pytest.mark.parametrize(
    ("change", "code", "problem"),
    [
        (("crm.people", "crm.peple"), "LW122", "catalogs/crm.yml shows no table crm.peple"),
        (("email from", "mail from"), "LW401", 'column "mail"'),
        (("replace", "append"), "LW124", "load: append and reads crm.people"),
    ],
)
def test_what_is_wrong_with_reading_elsewhere_is_told_with_its_line(
    root: Path, change: tuple[str, str], code: str, problem: str
) -> None:
    path = root / "models" / "silver" / "people.sql"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ProjectError) as raised:
        Lake.check(root)
    [mistake] = raised.value.mistakes
    assert mistake.at.file == "models/silver/people.sql"
    assert mistake.code == code
    assert problem in mistake.problem


def test_a_check_does_not_need_the_other_system(root: Path) -> None:
    (root / "crm.db").unlink()
    Lake.check(root)
    found = command(root, "run")
    assert found.returncode == 1
    assert "LW621" in found.stdout + found.stderr


def test_catalogs_are_listed_shown_and_tested(root: Path) -> None:
    listed = json.loads(command(root, "catalogs", "list", "--json").stdout)
    assert [one["catalog"] for one in listed] == ["crm"]
    shown = json.loads(command(root, "catalogs", "show", "crm", "--json").stdout)
    assert shown == [{"table": "crm.people", "columns": {"id": "bigint", "email": "string"}}]
    [tested] = json.loads(command(root, "catalogs", "test", "--json").stdout)
    assert tested["answers"] is True
    assert tested["tables"] == ["crm.people"]
    (root / "crm.db").unlink()
    gone = command(root, "catalogs", "test")
    assert gone.returncode == 1
    assert "LW621" in gone.stdout
    assert "catalogs/crm.yml" in gone.stderr
    assert "LW625" in command(root, "catalogs", "show", "crn").stderr


def test_tables_elsewhere_stand_in_listings(root: Path) -> None:
    with Lake.open(root) as lake:
        assert [str(one) for one in lake.query.visible("ana")] == ["crm.people"]
        assert rows(lake, "SHOW TABLES IN crm", "ana") == [{"tab_name": "people"}]
        assert lake.query.columns("crm.people", "ana") == [
            ("id", "bigint"),
            ("email", "string"),
        ]


def test_what_speaks_with_a_server_is_named_where_it_is_missing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "catalogs" / "pg.yml").write_text(
        "type: postgresql\nhost: 127.0.0.1\ndatabase: x\ndatabases: {pg: public}\n"
    )
    monkeypatch.setattr("lakeworks.engines.duckdb.extensions.extension_path", lambda _: None)
    with Lake.open(root) as lake, pytest.raises(MissingExtensionError) as raised:
        rows(lake, "SELECT * FROM pg.t")
    assert "lakeworks[federation]" in str(raised.value)


def test_folders_of_parquet_in_a_bucket_are_tables(
    root: Path, bucket: str, s3_options: dict[str, str]
) -> None:
    from lakeworks.storage.objects import ObjectStore

    store = ObjectStore.open(f"s3://{bucket}", s3_options)
    for year in (2025, 2026):
        pq.write_table(pa.table({"day": [f"{year}-01-01"], "n": [year]}), root / "a.parquet")
        data = (root / "a.parquet").read_bytes()
        store.put(f"exports/shop/Daily Sales/year={year}/a.parquet", data)
        store.put(f"exports/shop/_tmp/year={year}/a.parquet", data)
    settings = "".join(f"      {key}: {value}\n" for key, value in s3_options.items())
    (root / "lake.yml").write_text(
        f"name: shop\nenvironments:\n  dev:\n    s3:\n{settings}      allow_http: true\n"
    )
    (root / "catalogs" / "files.yml").write_text(
        f"type: parquet\nlocation: s3://{bucket}/exports\ndatabases: {{files: shop}}\n"
        "columns: {daily_sales: {year: int}}\n"
    )
    (root / "policies" / "more.yml").write_text(
        "grants: [{to: role:analyst, permissions: SELECT, on: files.daily_sales, rows: n > 2025}]\n"
    )
    with Lake.open(root) as lake:
        whole = "SELECT * FROM files.daily_sales ORDER BY n"
        assert [row["year"] for row in rows(lake, whole)] == [2025, 2026]
        assert [row["year"] for row in rows(lake, whole, "ana")] == [2026]
        with lake.query.sql(f"{whole.replace('ORDER', 'WHERE year = 2026 ORDER')}") as one:
            one.to_arrow()
            pruned = one.scanned_bytes
        with lake.query.sql(whole) as both:
            both.to_arrow()
            assert both.scanned_bytes == 2 * pruned
        joined = "SELECT s.n FROM files.daily_sales s JOIN crm.people p ON p.id + 2024 = s.n"
        assert sorted(row["n"] for row in rows(lake, joined)) == [2025, 2026]
        assert "files.daily_sales" in [str(name) for name in lake.query.visible()]
        with pytest.raises(UnknownTableError):
            rows(lake, "SELECT * FROM files.absent")


def test_a_misspelt_name_is_answered_with_one_that_its_caller_may_see(root: Path) -> None:
    with sqlite3.connect(root / "crm.db") as con:
        con.execute("CREATE TABLE peoples_pay (id INTEGER)")
    con.close()

    def told(lake: Lake, name: str, caller: str | None = None) -> str:
        with pytest.raises(RequestError) as raised:
            rows(lake, f"SELECT * FROM {name}", caller)
        return raised.value.hint

    with Lake.open(root) as lake:
        assert told(lake, "crm.peple", "ana") == "did you mean crm.people?"
        assert told(lake, "crm.peoples_pa", "ana") == "did you mean crm.people?"
        assert told(lake, "crm.peoples_pay", "ana") == told(lake, "crm.peoples_pax", "ana")
        assert told(lake, "crm.peoples_pa") == "did you mean crm.peoples_pay?"
    with Lake.open(root) as lake:
        lake.federation.refresh()
    (root / "crm.db").unlink()
    with Lake.open(root) as lake:
        for caller in ("ana", None):
            assert told(lake, "crn.people", caller) == "did you mean crm.people?"
            assert told(lake, "people", caller) == "did you mean crm.people?"


def test_the_data_catalog_has_tables_elsewhere_without_asking_for_them_again(
    root: Path,
) -> None:
    with sqlite3.connect(root / "crm.db") as con:
        con.execute("CREATE TABLE pay (id INTEGER, salary INTEGER)")
    con.close()
    before = command(root, "catalog", "tables")
    assert "lake catalogs refresh crm" in before.stderr
    [made] = json.loads(command(root, "catalogs", "refresh", "--json").stdout)
    assert (made["answers"], made["changed"]) == (True, 2)
    with sqlite3.connect(root / "crm.db") as con:
        con.execute("ALTER TABLE pay ADD COLUMN bonus INTEGER")
    con.close()
    again = command(root, "catalogs", "refresh")
    assert again.stdout.split()[-5:] == ["crm", "sqlite", "2", "tables", "1"]
    (root / "crm.db").rename(root / "away.db")
    gone = command(root, "catalogs", "refresh")
    assert gone.returncode == 1
    assert "LW621" in gone.stdout
    with Lake.open(root) as lake:
        data = lake.catalog.data_catalog
        shown = {str(one.name): one for one in data.list_tables()}
        assert set(shown) == {"crm.people", "crm.pay"}
        assert [c.name for c in shown["crm.pay"].columns] == ["id", "salary", "bonus"]
        assert shown["crm.pay"].storage.location == "main.pay"
        assert shown["crm.pay"].parameters == {
            "classification": "sqlite", "connectionName": "crm",
        }  # fmt: skip
        assert [str(hit.table) for hit in data.search("bonus")] == ["crm.pay"]
        seen = lake.as_principal("ana").catalog.data_catalog
        assert [str(one.name) for one in seen.list_tables()] == ["crm.people"]
        assert seen.get_table(TableName("crm", "people")).storage.location == ""
        assert seen.search("bonus") == []
        with pytest.raises(EntryNotFoundError) as hidden:
            seen.get_table(TableName("crm", "pay"))
        with pytest.raises(EntryNotFoundError) as absent:
            seen.get_table(TableName("crm", "pax"))
        assert str(hidden.value).replace("crm.pay", "crm.pax") == str(absent.value)
    described = command(root, "show", "crm.people", "--as", "ana")
    assert "federated" in described.stdout
    assert "email" in described.stdout


def test_tables_that_no_catalog_shows_any_more_leave_the_data_catalog(root: Path) -> None:
    with Lake.open(root) as lake:
        lake.federation.refresh("crm")
        lake.federation.tables("crm")
        assert [str(one) for one in lake.catalog.data_catalog.table_names()] == ["crm.people"]
    (root / "catalogs" / "crm.yml").write_text(
        "type: sqlite\npath: crm.db\ndatabases: {crm: main}\ntables: {exclude: [people]}\n"
    )
    (root / "models" / "silver" / "people.sql").unlink()
    with Lake.open(root) as lake:
        assert lake.catalog.data_catalog.table_names() == []
