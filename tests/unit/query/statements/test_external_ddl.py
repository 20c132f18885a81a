"""Athena's DDL over external tables: what it makes, and who may say so about which places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName
from lakeworks.lake import Lake
from lakeworks.query.errors import NameTakenError, NotAllowedError, StatementSyntaxError
from lakeworks.query.statements.errors import ExternalDdlError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICIES = """
roles: {engineer: [ed], analyst: [ana], reader: [rob]}
data_locations: {drop: OPEN}
grants:
  - {to: role:engineer, permissions: CREATE_DATABASE, on: catalog}
  - {to: role:engineer, permissions: [CREATE_TABLE, DESCRIBE, DROP], on: [raw, made]}
  - {to: role:engineer, permissions: DATA_LOCATION_ACCESS, on: location:drop}
  - {to: role:analyst, permissions: [CREATE_TABLE], on: raw}
"""
SALES = "1,EU,10.5\n2,US,20.5\n"


@pytest.fixture(scope="module")
def open_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("open").resolve()
    for day in (1, 2):
        place = folder / f"sales/day=2026-01-0{day}"
        place.mkdir(parents=True)
        (place / "a.csv").write_text(SALES)
    (folder / "secret.csv").write_text("9,XX,99.5\n")
    return folder


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, open_folder: Path) -> Iterator[Lake]:
    root = tmp_path_factory.mktemp("ddl").resolve()
    (root / "policies").mkdir()
    (root / "sources").mkdir()
    (root / "landing").mkdir()
    (root / "landing/a.json").write_text('{"id": 1, "secret": "x"}\n')
    (root / "sources/a.yml").write_text("table: bronze.a\npath: landing\n")
    (root / "lake.yml").write_text("name: ddl\nenvironments:\n  dev: {storage: .lake}\n")
    (root / "policies/all.yml").write_text(POLICIES.replace("OPEN", str(open_folder)))
    with Lake.open(root) as opened:
        assert opened.pipeline.run().status == "succeeded"
        opened.query.sql("CREATE DATABASE IF NOT EXISTS raw").close()
        yield opened


def asked(lake: Lake, sql: str, who: str = "", **more: Any) -> list[tuple[Any, ...]]:
    with lake.query.sql(sql, caller=who, dialect="athena", **more) as found:
        return [tuple(row.values()) for row in found.rows()]


def sales(folder: Path, name: str = "raw.sales") -> str:
    return f"""CREATE EXTERNAL TABLE {name} (
  id int COMMENT 'the order''s', `region` string, amount decimal(10, 2)
)
COMMENT 'What was sold'
PARTITIONED BY (day string)
ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LINES TERMINATED BY '\\n'
STORED AS TEXTFILE
LOCATION '{folder}/sales/'
TBLPROPERTIES ('skip.header.line.count' = '0')"""


def test_a_table_of_files_is_made_filled_changed_and_dropped(
    lake: Lake, open_folder: Path
) -> None:
    asked(lake, sales(open_folder))
    assert asked(lake, "SELECT count(*) FROM raw.sales") == [(0,)]
    asked(lake, "ALTER TABLE raw.sales ADD PARTITION (day = '2026-01-01')")
    assert str(asked(lake, "SELECT sum(amount) / 2 FROM raw.sales")[0][0]) == "15.50"
    assert asked(lake, "SELECT count(*), count(DISTINCT region) FROM raw.sales") == [(2, 2)]
    assert asked(lake, "MSCK REPAIR TABLE raw.sales") == [(1,)]
    assert asked(lake, "SHOW PARTITIONS raw.sales") == [
        ("day=2026-01-01",), ("day=2026-01-02",),
    ]  # fmt: skip
    assert asked(lake, "SELECT id / 2 FROM raw.sales WHERE day = '2026-01-02' AND id = 2") == [
        (1,)
    ]
    asked(lake, "ALTER TABLE raw.sales DROP PARTITION (day = '2026-01-01')")
    assert asked(lake, "SELECT count(*) FROM raw.sales") == [(2,)]
    asked(lake, "ALTER TABLE raw.sales ADD COLUMNS (note string, more array<int>)")
    assert ("note", "string", "") in asked(lake, "SHOW COLUMNS IN raw.sales")
    asked(lake, "ALTER TABLE raw.sales SET TBLPROPERTIES ('comment' = 'x')")
    assert ("comment", "x") in asked(lake, "SHOW TBLPROPERTIES raw.sales")
    text = "\n".join(row[0] for row in asked(lake, "SHOW CREATE TABLE raw.sales"))
    assert "CREATE EXTERNAL TABLE raw.sales" in text
    assert f"LOCATION '{open_folder}/sales/'" in text
    with pytest.raises(NameTakenError):
        asked(lake, sales(open_folder))
    asked(lake, sales(open_folder).replace("TABLE raw", "TABLE IF NOT EXISTS raw"))
    asked(lake, "DROP TABLE raw.sales")
    with pytest.raises(UnknownTableError):
        asked(lake, "SELECT * FROM raw.sales")
    assert (open_folder / "sales/day=2026-01-01/a.csv").read_text() == SALES


def test_what_show_create_tells_makes_the_table_again(lake: Lake, open_folder: Path) -> None:
    asked(lake, sales(open_folder, "raw.first"))
    text = "\n".join(row[0] for row in asked(lake, "SHOW CREATE TABLE raw.first"))
    before = lake.catalog.data_catalog.get_table(TableName.parse("raw.first"))
    asked(lake, "DROP TABLE raw.first")
    asked(lake, text)
    after = lake.catalog.data_catalog.get_table(TableName.parse("raw.first"))
    assert after.storage == before.storage
    assert after.partition_keys == before.partition_keys
    assert after.parameters == before.parameters
    asked(lake, "DROP TABLE raw.first")


def test_databases_come_and_go(lake: Lake, open_folder: Path) -> None:
    asked(lake, "CREATE DATABASE made COMMENT 'for tests'", "ed")
    with pytest.raises(ExternalDdlError, match="there already"):
        asked(lake, "CREATE SCHEMA made", "ed")
    asked(lake, "CREATE SCHEMA IF NOT EXISTS made", "ed")
    asked(lake, sales(open_folder, "made.sales"), "ed")
    with pytest.raises(ExternalDdlError, match="CASCADE"):
        asked(lake, "DROP DATABASE made", "ed")
    asked(lake, "DROP DATABASE made CASCADE", "ed")
    asked(lake, "DROP DATABASE IF EXISTS made", "ed")
    with pytest.raises(ExternalDdlError, match="no database"):
        asked(lake, "DROP SCHEMA made")
    with pytest.raises(ExternalDdlError, match="tables of the lake"):
        asked(lake, "DROP DATABASE bronze CASCADE")


def test_whoever_makes_a_table_may_do_all_with_it_and_others_nothing(
    lake: Lake, open_folder: Path
) -> None:
    asked(lake, sales(open_folder, "raw.eds"), "ed")
    asked(lake, "MSCK REPAIR TABLE raw.eds", "ed")
    assert asked(lake, "SELECT count(*) FROM raw.eds", "ed") == [(4,)]
    for statement in (
        "DROP TABLE raw.eds", "MSCK REPAIR TABLE raw.eds", "SELECT * FROM raw.eds",
        "ALTER TABLE raw.eds ADD COLUMNS (x int)", "SHOW CREATE TABLE raw.eds",
    ):  # fmt: skip
        with pytest.raises(UnknownTableError) as hidden:
            asked(lake, statement, "rob")
        with pytest.raises(UnknownTableError) as absent:
            asked(lake, statement.replace("eds", "edz"), "rob")
        assert str(hidden.value) == str(absent.value).replace("edz", "eds")
    asked(lake, "DROP TABLE raw.eds", "ed")
    asked(lake, sales(open_folder, "raw.eds"))
    with pytest.raises(LakeError):
        asked(lake, "SELECT * FROM raw.eds", "ed")  # another table of that name
    asked(lake, "DROP TABLE raw.eds")


@pytest.mark.parametrize(
    "place", ["{root}/.lake", "{root}/landing", "{root}", "/", "/etc", "{open}/../", "{open}x",
              "s3://bucket/x", "file://{open}", "{open}/sales/../../", "{root}/.lake/tables"],
)  # fmt: skip
def test_a_principal_reads_no_other_place(lake: Lake, open_folder: Path, place: str) -> None:
    at = place.format(root=lake.project.root, open=open_folder)
    statement = f"CREATE EXTERNAL TABLE raw.x (a string) STORED AS TEXTFILE LOCATION '{at}'"
    with pytest.raises((NotAllowedError, ExternalDdlError)):
        asked(lake, statement, "ed")


def test_no_partition_property_or_link_leads_elsewhere(lake: Lake, open_folder: Path) -> None:
    asked(lake, sales(open_folder, "raw.led"), "ed")
    root = lake.project.root
    with pytest.raises(NotAllowedError):
        asked(
            lake,
            f"ALTER TABLE raw.led ADD PARTITION (day = '1') LOCATION '{root}/landing'",
            "ed",
        )
    with pytest.raises(NotAllowedError):
        asked(lake, "ALTER TABLE raw.led SET TBLPROPERTIES ('storage.location.template' = '/etc')",
              "ed")  # fmt: skip
    asked(lake, f"ALTER TABLE raw.led ADD PARTITION (day = '../..{open_folder}')", "ed")
    assert asked(lake, "SELECT count(*) FROM raw.led", "ed") == [(0,)]
    link = open_folder / "link"
    link.symlink_to(root / "landing")
    with pytest.raises(NotAllowedError):
        asked(lake, sales(link, "raw.linked"), "ed")
    link.unlink()
    asked(lake, "DROP TABLE raw.led", "ed")


def test_permissions_are_asked_for_each_step(lake: Lake, open_folder: Path) -> None:
    with pytest.raises(NotAllowedError, match="you may not read"):
        asked(lake, sales(open_folder, "raw.anas"), "ana")
    with pytest.raises(NotAllowedError):
        asked(lake, sales(open_folder, "other.x"), "ed")
    with pytest.raises(NotAllowedError):
        asked(lake, "CREATE DATABASE mine", "ana")
    with pytest.raises(NotAllowedError):
        asked(lake, "DROP DATABASE raw CASCADE", "ana")
    with pytest.raises(NotAllowedError):
        asked(lake, f"CREATE DATABASE placed LOCATION '{open_folder}'", "ed")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE EXTERNAL TABLE raw.x (a int)",
        "CREATE EXTERNAL TABLE raw.x (a strange) LOCATION '/x'",
        "CREATE EXTERNAL TABLE raw.x (a int) CLUSTERED BY (a) INTO 4 BUCKETS LOCATION '/x'",
        "CREATE EXTERNAL TABLE raw.x (a int) STORED AS RCFILE LOCATION '/x'",
        "CREATE EXTERNAL TABLE x (a int) LOCATION '/x'",
        "ALTER TABLE raw.x RENAME PARTITION (a = 1) TO PARTITION (a = 2)",
        "ALTER TABLE raw.x CHANGE COLUMN a b int",
        "ALTER TABLE raw.x REPLACE COLUMNS (a int)",
        "MSCK REPAIR raw.x",
        "DROP DATABASE",
        "CREATE EXTERNAL TABLE raw.x (a int) LOCATION '/x'; SELECT 1",
    ],
)
def test_ddl_that_does_not_work_is_refused_where_it_stands(lake: Lake, sql: str) -> None:
    with pytest.raises(StatementSyntaxError):
        asked(lake, sql)


def test_a_serdes_properties_keep_their_capitals(lake: Lake, open_folder: Path) -> None:
    quoted = open_folder / "quoted"
    quoted.mkdir()
    (quoted / "a.csv").write_text("1;%a;b%\n")
    made = (
        "CREATE EXTERNAL TABLE raw.quoted (id string, name string) "
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        "WITH SERDEPROPERTIES ('separatorChar' = ';', 'quoteChar' = '%') "
        f"STORED AS TEXTFILE LOCATION '{quoted}'"
    )
    asked(lake, made)
    assert asked(lake, "SELECT name FROM raw.quoted") == [("a;b",)]
    asked(lake, "DROP TABLE raw.quoted")


def test_what_nothing_reads_is_refused(lake: Lake, open_folder: Path) -> None:
    odd = sales(open_folder, "raw.odd").replace(
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LINES TERMINATED BY '\\n'",
        "ROW FORMAT SERDE 'com.example.Serde'",
    )
    with pytest.raises(ExternalDdlError):
        asked(lake, odd)
    with pytest.raises(ExternalDdlError, match="no external table"):
        asked(lake, "ALTER TABLE bronze.a ADD COLUMNS (x int)")
    with pytest.raises(ExternalDdlError, match="own storage"):
        asked(lake, f"CREATE EXTERNAL TABLE raw.x (a int) LOCATION '{lake.project.root}/.lake'")
