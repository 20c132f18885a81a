"""Every kind of file that a crawler recognises is queried straight after the crawl."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from lakeworks.lake import Lake

ROWS = [{"id": number, "name": f"n{number}", "price": number * 1.5} for number in range(1, 7)]
HALVES = ROWS[:3], ROWS[3:]
APACHE = '10.0.0.{} - - [10/Oct/2000:13:55:36 -0700] "GET /{} HTTP/1.0" 200 {} "-" "curl/8"\n'


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def csv(rows: list[dict[str, Any]], delimiter: str = ",", quote: str = "") -> bytes:
    def cell(value: object) -> str:
        return f"{quote}{value}{quote}" if isinstance(value, str) else str(value)

    header = delimiter.join(rows[0])
    body = "\n".join(delimiter.join(map(cell, row.values())) for row in rows)
    return f"{header}\n{body}\n".encode()


def columnar(kind: Any, rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    kind.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def avro(rows: list[dict[str, Any]]) -> bytes:
    import fastavro

    fields = [("id", "long"), ("name", "string"), ("price", "double")]
    schema = {
        "type": "record",
        "name": "r",
        "fields": [{"name": name, "type": kind} for name, kind in fields],
    }
    sink = io.BytesIO()
    fastavro.writer(sink, schema, rows)
    return sink.getvalue()


def xml(rows: list[dict[str, Any]]) -> bytes:
    inner = "".join(
        f'<row id="{r["id"]}"><name>{r["name"]}</name><price>{r["price"]}</price></row>'
        for r in rows
    )
    return f"<rows>{inner}</rows>".encode()


def with_umlauts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "name": f"{row['name']}ä"} for row in rows]


WRITTEN: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "json lines": lines,
    "json array": lambda rows: json.dumps(rows, indent=1).encode(),
    "json gzip": lambda rows: gzip.compress(lines(rows)),
    "csv": csv,
    "csv semicolon": lambda rows: csv(rows, ";"),
    "csv tab": lambda rows: csv(rows, "\t"),
    "csv quoted": lambda rows: csv(rows, ",", '"'),
    "csv gzip": lambda rows: gzip.compress(csv(rows)),
    "csv latin": lambda rows: csv(with_umlauts(rows)).decode().encode("latin-1"),
    "parquet": lambda rows: columnar(parquet, rows),
    "orc": lambda rows: columnar(orc, rows),
    "avro": avro,
    "xml": xml,
}  # fmt: skip


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.joinpath("lake.yml").write_text("name: crawled\n")
        root.joinpath("crawlers").mkdir()
        self.declare()

    def declare(self, **said: Any) -> None:
        values = {"database": "raw", "targets": ["land"], **said}
        self.root.joinpath("crawlers/all.yml").write_text(json.dumps(values))

    def write(self, path: str, content: bytes) -> None:
        place = self.root / "land" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def crawl(self) -> list[str]:
        with Lake.open(self.root) as lake:
            report = lake.crawlers.crawl("all")
            assert report.status == "succeeded", report.error
            return [str(table.name) for table in report.tables]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with Lake.open(self.root) as lake:
            return lake.query.sql(sql).to_arrow().to_pylist()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_is_crawled_is_queried(project: Project, kind: str) -> None:
    if kind == "avro":
        pytest.importorskip("duckdb_extension_avro")
    for number, half in enumerate(HALVES):
        project.write(f"things/day={number}/x", WRITTEN[kind](half))
    assert project.crawl() == ["raw.things"]
    names = {"csv latin": "ä"}.get(kind, "")
    id_column = "_id" if kind == "xml" else "id"
    found = project.rows(
        f"select {id_column} as id, name, price, day from raw.things order by id"
    )
    assert found == [
        {**row, "name": f"{row['name']}{names}", "day": str(int(row["id"] > 3))} for row in ROWS
    ]
    pruned = project.rows("select count(*) as n from raw.things where day = '1'")
    assert pruned == [{"n": 3}]


def test_columns_that_came_later_are_null_before(project: Project) -> None:
    project.write("t/day=1/x.json", lines([{"id": 1, "n": "a", "p": 1.5}]))
    project.write("t/day=2/x.json", lines([{"id": 2**40, "n": "b", "p": 2, "new": [1]}]))
    assert project.crawl() == ["raw.t"]
    assert project.rows('select id, n, p, "new" from raw.t order by id') == [
        {"id": 1, "n": "a", "p": 1.5, "new": None},
        {"id": 2**40, "n": "b", "p": 2.0, "new": [1]},
    ]


def test_names_in_capitals_are_read(project: Project) -> None:
    project.write("t/x.json", lines([{"OrderId": 1, "Place": {"ZipCode": "01"}}]))
    project.crawl()
    (row,) = project.rows("select orderid, place.ZipCode as zip from raw.t")
    assert row == {"orderid": 1, "zip": "01"}


def test_files_of_different_kinds_in_one_folder_are_queried_apart(project: Project) -> None:
    project.write("mix/a.json", lines(ROWS))
    project.write("mix/b.csv", csv(ROWS))
    assert project.crawl() == ["raw.a_json", "raw.b_csv"]
    for table in ("raw.a_json", "raw.b_csv"):
        assert project.rows(f"select count(*) as n, sum(id) as s from {table}") == [
            {"n": 6, "s": 21}
        ]


def test_files_at_several_depths_are_one_table(project: Project) -> None:
    project.write("t/x.json", lines(HALVES[0]))
    project.write("t/old/y.json", lines(HALVES[1]))
    assert project.crawl() == ["raw.t"]
    assert project.rows("select count(*) as n from raw.t") == [{"n": 6}]


def test_what_a_crawl_left_out_its_queries_leave_out(project: Project) -> None:
    project.declare(targets=[{"path": "land", "exclusions": ["**.bad", "t/old*/**"]}])
    project.write("t/day=1/x.json", lines(HALVES[0]))
    project.write("t/day=2/y.json", lines(HALVES[1]))
    project.write("t/day=2/z.bad", b"\0\1\2{")
    assert project.crawl() == ["raw.t"]
    assert project.rows("select count(*) as n from raw.t") == [{"n": 6}]


def test_a_web_servers_log_is_queried(project: Project) -> None:
    text = "".join(APACHE.format(n, f"page{n}", n * 100) for n in range(1, 4))
    project.write("log/access.log", text.encode())
    assert project.crawl() == ["raw.log"]
    assert project.rows("select clientip, request, bytes from raw.log order by clientip") == [
        {"clientip": f"10.0.0.{n}", "request": f"/page{n}", "bytes": str(n * 100)}
        for n in range(1, 4)
    ]


def test_an_applications_own_log_is_queried(project: Project) -> None:
    project.declare(
        classifiers=[
            {
                "grok": {
                    "name": "app",
                    "classification": "app",
                    "grok_pattern": "^%{TIMESTAMP_ISO8601:at} %{LEVEL:level} "
                    "%{INT:ms:long} %{GREEDYDATA:message}$",
                    "custom_patterns": "LEVEL [A-Z]+",
                }
            }
        ]
    )  # fmt: skip
    project.write(
        "app/x.log", b"2024-01-02T03:04:05 INFO 12 up\n2024-01-02T03:04:06 WARN 7 low\n"
    )
    assert project.crawl() == ["raw.app"]
    assert project.rows(
        "select level, sum(ms) as ms from raw.app group by level order by 1"
    ) == [
        {"level": "INFO", "ms": 12},
        {"level": "WARN", "ms": 7},
    ]


def test_elements_that_a_json_path_selects_are_queried(project: Project) -> None:
    project.declare(classifiers=[{"json": {"name": "items", "json_path": "$.items[*]"}}])
    project.write("api/page1.json", json.dumps({"page": 1, "items": HALVES[0]}).encode())
    project.write("api/page2.json", json.dumps({"page": 2, "items": HALVES[1]}).encode())
    assert project.crawl() == ["raw.api"]
    assert project.rows("select count(*) as n, sum(id) as s from raw.api") == [
        {"n": 6, "s": 21}
    ]


def test_csv_that_a_classifier_describes_is_queried(project: Project) -> None:
    form = {
        "name": "tilde", "delimiter": "~", "quote_symbol": "'", "contains_header": "absent",
        "header": ["id", "name"], "custom_datatypes": ["int", "string"], "serde": "open_csv_serde",
    }  # fmt: skip
    project.declare(classifiers=[{"csv": form}])
    project.write("t/x.txt", b"1~'a~b'\n2~c\n")
    assert project.crawl() == ["raw.t"]
    assert project.rows("select id, name from raw.t order by id") == [
        {"id": 1, "name": "a~b"},
        {"id": 2, "name": "c"},
    ]
