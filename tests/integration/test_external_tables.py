"""External tables from declaration to answer: catalog, partitions, queries, models, checks."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from lakeworks import Lake
from lakeworks.catalog.data_catalog import (
    Column,
    PartitionEntry,
    SerDe,
    StorageDescriptor,
    TableEntry,
)
from lakeworks.catalog.data_catalog.errors import ProjectionError, UnreadableTableError
from lakeworks.catalog.data_catalog.formats import JSON_SERDE, LAZY_SIMPLE_SERDE
from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core import events
from lakeworks.core.names import TableName
from lakeworks.engines.errors import SqlError
from lakeworks.project.errors import ProjectError
from lakeworks.query.errors import ExternalVersionError
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAKE = """\
name: shop
environments:
  dev: {storage: .lake, catalog: 'sqlite:///.lake/catalog.db', engine: duckdb}
  spark: {storage: .spark, catalog: 'sqlite:///.spark/catalog.db', engine: spark}
"""
CLICKS = """\
table: raw.clicks
location: landing/clicks
format: json
columns: {user_id: bigint, page: string}
partitions: {year: int, region: string}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "lake.yml").write_text(LAKE)
    for year, region, user in ((2025, "eu", 1), (2025, "us", 2), (2026, "eu", 3)):
        folder = tmp_path / f"landing/clicks/year={year}/region={region}"
        folder.mkdir(parents=True)
        (folder / "a.json").write_text(json.dumps({"userId": 0, "User_Id": user, "page": "/"}))
    return tmp_path


def declare(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def rows(lake: Lake, sql: str) -> list[dict[str, Any]]:
    return lake.query.sql(sql).rows()


def test_partitions_are_found_in_folders(root: Path) -> None:
    declare(root, "tables/clicks.yml", CLICKS)
    with Lake.open(root) as lake:
        found = rows(lake, "select user_id, year, region from raw.clicks order by 1")
    assert found == [
        {"user_id": 1, "year": 2025, "region": "eu"},
        {"user_id": 2, "year": 2025, "region": "us"},
        {"user_id": 3, "year": 2026, "region": "eu"},
    ]


def test_a_partition_that_is_not_asked_for_is_not_opened(root: Path) -> None:
    declare(root, "tables/clicks.yml", CLICKS)
    (root / "landing/clicks/year=2025/region=us/b.json").write_text("{broken")
    with Lake.open(root) as lake:
        found = rows(lake, "select user_id from raw.clicks where region = 'eu' and year > 2025")
    assert found == [{"user_id": 3}]


def test_projected_partitions_that_do_not_exist_are_empty(root: Path) -> None:
    told = (
        "projection: {year: {type: integer, range: [2000, 2050]}, region: {type: injected}}\n"
    )
    declare(root, "tables/clicks.yml", CLICKS + told)
    with Lake.open(root) as lake:
        found = rows(
            lake, "select user_id from raw.clicks where region in ('eu', 'asia') order by 1"
        )
        assert found == [{"user_id": 1}, {"user_id": 3}]
        with pytest.raises(ProjectionError, match="injected"):
            lake.query.sql("select user_id from raw.clicks")
        assert rows(lake, "describe raw.clicks")[0]["column_name"] == "user_id"


def test_a_declaration_becomes_an_entry_with_versions(root: Path) -> None:
    declare(root, "tables/clicks.yml", CLICKS)
    name = TableName("raw", "clicks")
    with Lake.open(root) as lake:
        rows(lake, "select 1 from raw.clicks")
        first = lake.catalog.data_catalog.get_table(name)
    declare(
        root, "tables/clicks.yml", CLICKS.replace("page: string", "page: string, ip: string")
    )
    with Lake.open(root) as lake:
        rows(lake, "select ip from raw.clicks")
        second = lake.catalog.data_catalog.get_table(name)
        rows(lake, "select ip from raw.clicks")
        third = lake.catalog.data_catalog.get_table(name)
    assert first.storage.serde.library == JSON_SERDE
    assert second.version == first.version + 1 == third.version
    assert second.reason == "declared in tables/clicks.yml"


def test_entries_of_the_catalog_are_queried_without_a_declaration(root: Path) -> None:
    name = TableName("raw", "imported")
    places = [root / f"landing/clicks/year={y}/region=eu" for y in (2025, 2026)]
    with Lake.open(root) as lake:
        catalog = lake.catalog.data_catalog
        catalog.put_table(
            TableEntry(
                name,
                storage=StorageDescriptor(
                    (Column("user_id", "bigint"),),
                    str(root / "landing/clicks"),
                    serde=SerDe(library=JSON_SERDE),
                ),
                partition_keys=(Column("year", "string"),),
            )
        )
        catalog.put_partitions(
            name,
            [
                PartitionEntry((str(2025 + n),), StorageDescriptor(location=f"{place}/"))
                for n, place in enumerate(places)
            ],
        )
        assert rows(lake, "select * from raw.imported where year = '2026'") == [
            {"user_id": 3, "year": "2026"}
        ]


def test_one_of_very_many_partitions_touches_one_folder(root: Path) -> None:
    name = TableName("raw", "many")
    with Lake.open(root) as lake:
        catalog = lake.catalog.data_catalog
        catalog.put_table(
            TableEntry(
                name,
                storage=StorageDescriptor(
                    (Column("user_id", "bigint"),), str(root), serde=SerDe(library=JSON_SERDE)
                ),
                partition_keys=(Column("n", "int"),),
            )
        )
        there = root / "landing/clicks/year=2026/region=eu"
        catalog.put_partitions(
            name,
            [
                PartitionEntry(
                    (str(n),), StorageDescriptor(location=str(there if n == 77 else root / "x"))
                )
                for n in range(20_000)
            ],
        )
        entry = lake._services.external.find(name)
        assert entry is not None
        sql = "select * from raw.many where n = 77"
        source = lake._services.external.needed(sql, {"raw.many": entry})["raw.many"]
        assert [file.uri for file in source.files] == [str(there / "a.json")]
        assert rows(lake, sql) == [{"user_id": 3, "n": 77}]


@pytest.mark.parametrize(
    ("format_", "write"), [("parquet", pq.write_table), ("orc", orc.write_table)]
)
def test_files_that_say_their_columns_need_no_declared_ones(
    format_: str, write: Callable[..., None], root: Path
) -> None:
    (root / "landing/typed").mkdir()
    table = pa.table({"Id": pa.array([1, 2], pa.int32()), "s": [{"q": 1.5}, None]})
    write(table, str(root / "landing/typed/a"))
    declare(root, "tables/t.yml", f"table: raw.t\nlocation: landing/typed\nformat: {format_}\n")
    with Lake.open(root) as lake:
        assert rows(lake, "select id, s.q as q from raw.t order by 1") == [
            {"id": 1, "q": 1.5},
            {"id": 2, "q": None},
        ]


def test_without_files_columns_cannot_be_known(root: Path) -> None:
    declare(root, "tables/t.yml", "table: raw.t\nlocation: landing/none\nformat: parquet\n")
    with Lake.open(root) as lake, pytest.raises(UnreadableTableError, match="no files yet"):
        lake.query.sql("select * from raw.t")


def test_external_tables_have_no_versions(root: Path) -> None:
    declare(root, "tables/clicks.yml", CLICKS)
    with Lake.open(root) as lake:
        with pytest.raises(ExternalVersionError, match="@v3"):
            lake.query.sql("select * from raw.clicks@v3")
        with pytest.raises(ExternalVersionError, match="external table"):
            lake.query.sql("select * from raw.clicks", at=0)


def test_check_tells_what_is_wrong_and_what_is_in_doubt(root: Path) -> None:
    declare(root, "tables/clicks.yml", CLICKS.replace("landing/clicks", "landing/clikcs"))
    doubts = []
    with events.listening(
        lambda event: doubts.append(event) if event.name == "check.doubt" else None
    ):
        Lake.check(root)
    assert "landing/clikcs holds no files" in str(doubts[0].data)
    told = "projection: {year: {type: integer, range: [2020, NOW]}, region: {type: injected}}\n"
    declare(root, "tables/clicks.yml", CLICKS + told)
    declare(
        root, "models/silver/m.sql", "/*\nload: replace\n*/\nselect user_idd from raw.clicks\n"
    )
    with pytest.raises(ProjectError) as error:
        Lake.check(root)
    assert "tables/clicks.yml:1: projection.year.range of raw.clicks" in str(error.value)


def test_a_misspelt_column_of_an_external_table_is_found_by_check(root: Path) -> None:
    declare(root, "tables/clicks.yml", CLICKS)
    declare(
        root, "models/silver/m.sql", "/*\nload: replace\n*/\nselect user_idd from raw.clicks\n"
    )
    with pytest.raises(ProjectError, match="user_idd"):
        Lake.check(root)


@pytest.mark.parametrize("environment", ["dev", pytest.param("spark", marks=pytest.mark.spark)])
def test_a_model_reads_an_external_table_whole_at_every_run(
    root: Path, environment: str
) -> None:
    declare(root, "tables/clicks.yml", CLICKS)
    model = "/*\nload: replace\n*/\nselect year, count(*) as n from raw.clicks group by year\n"
    declare(root, "models/silver/years.sql", model)
    with Lake.open(root, environment=environment) as lake:
        lake.pipeline.run()
        (root / "landing/clicks/year=2026/region=eu/b.json").write_text('{"user_id": 4}\n')
        report = lake.pipeline.run()
        found = rows(lake, "select * from silver.years order by year")
    assert report.steps[0].reason == "raw.clicks lies outside the lake: read whole"
    assert found == [{"year": 2025, "n": 2}, {"year": 2026, "n": 2}]


def test_the_lineage_begins_at_the_files(root: Path) -> None:
    declare(root, "tables/clicks.yml", CLICKS)
    declare(
        root, "models/silver/m.sql", "/*\nload: replace\n*/\nselect page as p from raw.clicks\n"
    )
    with Lake.open(root) as lake:
        graph = lake.lineage.graph
    assert graph.nodes["raw.clicks"].kind == "source"
    assert "landing/clicks" in graph.nodes


def test_a_run_puts_every_declared_table_into_the_catalog(root: Path) -> None:
    declare(root, "tables/clicks.yml", CLICKS)
    declare(root, "tables/none.yml", "table: raw.none\nlocation: landing/x\nformat: orc\n")
    with Lake.open(root) as lake:
        lake.pipeline.run()
        names = [str(one) for one in lake.catalog.data_catalog.table_names()]
    assert names == ["raw.clicks"]


def test_a_table_that_is_no_longer_declared_is_gone(root: Path) -> None:
    declare(root, "tables/clicks.yml", CLICKS)
    with Lake.open(root) as lake:
        lake.pipeline.run()
        assert lake.query.sql("select count(*) as n from raw.clicks").rows() == [{"n": 3}]
    (root / "tables/clicks.yml").unlink()
    with Lake.open(root) as lake:
        with pytest.raises(UnknownTableError):
            lake.query.sql("select * from raw.clicks")
        assert lake.catalog.data_catalog.table_names() == []


def test_openlineage_tells_the_files_that_were_read(root: Path) -> None:
    (root / "lake.yml").write_text(
        LAKE.replace("engine: duckdb}", "engine: duckdb, openlineage: {file: events.jsonl}}")
    )
    declare(root, "tables/clicks.yml", CLICKS)
    declare(root, "models/silver/m.sql", "/*\nload: replace\n*/\nselect page from raw.clicks\n")
    with Lake.open(root) as lake:
        lake.pipeline.run()
    told = [json.loads(line) for line in (root / "events.jsonl").read_text().splitlines()]
    inputs = [one for event in told for one in event.get("inputs", ())]
    assert str(root / "landing/clicks") in {one["name"] for one in inputs}
    figures = [one["inputFacets"]["inputStatistics"] for one in inputs if "inputFacets" in one]
    assert {figure["fileCount"] for figure in figures} == {3}


def test_a_bucket_beside_a_lake_in_a_folder(
    root: Path, bucket: str, s3_options: dict[str, str]
) -> None:
    store = ObjectStore.open(f"s3://{bucket}", s3_options)
    for day in ("2026-01-01", "2026-01-02"):
        store.put(f"logs/{day}/a.json", json.dumps({"n": 1, "day": day}).encode())
    store.put("logs/2026-01-02/_temporary/b.json", b"{broken")
    store.put("typed/a.orc", _orc(n=[1, 2]))
    told = "".join(f"      {key}: {value}\n" for key, value in s3_options.items())
    lake = f"    engine: duckdb\n    s3:\n      allow_http: true\n{told}"
    head = "name: shop\nenvironments:\n  dev:\n    storage: .lake\n    catalog: sqlite:///.lake/c.db\n"
    (root / "lake.yml").write_text(head + lake)
    declare(
        root,
        "tables/logs.yml",
        f"table: raw.logs\nlocation: s3://{bucket}/logs\nformat: json\ncolumns: {{n: int}}\n"
        "partitions: {day: date}\nprojection:\n"
        "  day: {type: date, format: yyyy-MM-dd, range: [2026-01-01, 2026-01-31]}\n"
        f"location_template: s3://{bucket}/logs/{{day}}\n",
    )
    declare(root, "tables/t.yml", f"table: raw.t\nlocation: s3://{bucket}/typed\nformat: orc\n")
    with Lake.open(root) as opened:
        found = rows(opened, "select n, day from raw.logs where day > date '2026-01-01'")
        typed = rows(opened, "select sum(n) as n from raw.t")
    assert found == [{"n": 1, "day": date(2026, 1, 2)}]
    assert typed == [{"n": 3}]


def test_a_principal_sees_of_an_external_table_what_it_was_granted(root: Path) -> None:
    declare(root, "tables/clicks.yml", CLICKS)
    declare(
        root,
        "policies/people.yml",
        "roles:\n  analyst: {}\ngrants:\n"
        "  - {to: role:analyst, on: raw.clicks, permissions: [SELECT], columns: [page, region]}\n",
    )
    with Lake.open(root) as lake:
        rows(lake, "select 1 from raw.clicks")
        sql = "select * from raw.clicks where region = 'us'"
        seen = lake.query.sql(sql, caller="role:analyst").rows()
        with pytest.raises(SqlError):
            lake.query.sql("select user_id from raw.clicks", caller="role:analyst")
        with pytest.raises(UnknownTableError):
            lake.query.sql("select * from raw.other", caller="role:analyst")
    assert seen == [{"page": "/", "region": "us"}]


def _orc(**columns: Any) -> bytes:
    target = io.BytesIO()
    orc.write_table(pa.table(columns), target)
    return target.getvalue()


def test_a_partition_that_is_written_otherwise_is_not_read_by_its_tables_columns(
    root: Path,
) -> None:
    name = TableName("raw", "moved")
    for year, line in ((2025, "1,x"), (2026, "y,2")):
        (root / f"moved/{year}").mkdir(parents=True)
        (root / f"moved/{year}/a.csv").write_text(line + "\n")
    columns = (Column("n", "int"), Column("s", "string"))
    with Lake.open(root) as lake:
        catalog = lake.catalog.data_catalog
        serde = SerDe(library=LAZY_SIMPLE_SERDE, parameters={"field.delim": ","})
        storage = StorageDescriptor(columns, str(root / "moved"), serde=serde)
        catalog.put_table(
            TableEntry(name, storage=storage, partition_keys=(Column("year", "int"),))
        )
        catalog.put_partitions(
            name,
            [
                PartitionEntry(
                    (str(y),), replace(storage, columns=c, location=f"{root}/moved/{y}")
                )
                for y, c in ((2025, columns), (2026, columns[::-1]))
            ],
        )
        assert rows(lake, "select n, s from raw.moved where year = 2025") == [
            {"n": 1, "s": "x"}
        ]
        with pytest.raises(UnreadableTableError, match=r"partition 2026 .* other columns"):
            lake.query.sql("select n, s from raw.moved")


def test_what_a_crawler_found_is_queried(root: Path) -> None:
    declare(root, "crawlers/all.yml", "database: found\ntargets: [data]\n")
    declare(
        root, "data/orders/year=2025/a.csv", 'id,name,amount\n1,"Tea, green",2.50\n2,Cup,3\n'
    )
    declare(root, "data/orders/year=2026/a.csv", "id,name,amount\n3,Pot,7.25\n")
    declare(
        root,
        "data/inv/a.xml",
        '<inv><row id="1"><n>A</n></row><row id="2"><n>B</n></row></inv>',
    )
    declare(root, "data/web/a.json", '{"userId": 1, "n": {"Deep": 1.5}}\n')
    with Lake.open(root) as lake:
        lake.crawlers.crawl("all")
        orders = rows(
            lake, "select id, name, amount from found.orders where year = '2025' order by 1"
        )
        inventory = rows(lake, "select n from found.inv order by 1")
        web = rows(lake, "select userid, n.deep as deep from found.web")
    assert [row["name"] for row in orders] == ["Tea, green", "Cup"]
    assert inventory == [{"n": "A"}, {"n": "B"}]
    assert web == [{"userid": 1, "deep": 1.5}]


def test_folders_of_other_values_are_not_entered(root: Path) -> None:
    declare(
        root,
        "tables/t.yml",
        "table: raw.t\nlocation: landing/t\nformat: csv\ncolumns: {n: int}\n"
        "partitions: {region: string, year: int}\n",
    )
    declare(root, "landing/t/region=eu/year=2026/a.csv", "1\n")
    declare(root, "landing/t/region=us/other=2026/a.csv", "2\n")
    with Lake.open(root) as lake:
        assert rows(lake, "select n from raw.t where region = 'eu'") == [{"n": 1}]
        with pytest.raises(UnreadableTableError, match="other=2026"):
            lake.query.sql("select n from raw.t")
