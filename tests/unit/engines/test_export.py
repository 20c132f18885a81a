"""Exports: whole files or none, the same bytes each time, in every format."""

from __future__ import annotations

import csv
import gzip
import json
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq
import pytest

from lakeworks.engines.duckdb.export import Export, export, export_all

if TYPE_CHECKING:
    from pathlib import Path

SQL = "select i, 'a,\"' || i as text from range(3) as t(i)"


def test_json_lines_hold_one_object_a_row(tmp_path: Path) -> None:
    done = export(SQL, tmp_path / "deep/er/a.json", format="json")
    rows = [json.loads(line) for line in done.path.read_text().splitlines()]
    assert rows == [{"i": i, "text": f'a,"{i}'} for i in range(3)]
    assert (done.rows, done.size_bytes) == (3, done.path.stat().st_size)


def test_a_json_array_is_one_document(tmp_path: Path) -> None:
    done = export(SQL, tmp_path / "a.json", format="json_array")
    assert [row["i"] for row in json.loads(done.path.read_text())] == [0, 1, 2]


def test_csv_quotes_what_needs_it_and_has_a_header(tmp_path: Path) -> None:
    done = export(SQL, tmp_path / "a.csv", format="csv")
    with done.path.open() as text:
        assert [row["text"] for row in csv.DictReader(text)] == [f'a,"{i}' for i in range(3)]


def test_lines_are_written_as_they_are(tmp_path: Path) -> None:
    sql = """select unnest(['{"torn": "x', 'a "quoted", line', '']) as line"""
    done = export(sql, tmp_path / "a.log", format="lines")
    assert done.path.read_text() == '{"torn": "x\na "quoted", line\n\n'


def test_gzip_holds_the_same_text_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    sql = "select i, md5(i::varchar) as text from range(200000) as t(i)"
    plain = export(sql, tmp_path / "a.csv", format="csv")
    first, second = (
        export(sql, tmp_path / f"{name}.csv.gz", format="csv", gzip=True) for name in "bc"
    )
    assert gzip.decompress(first.path.read_bytes()) == plain.path.read_bytes()
    assert first.path.read_bytes() == second.path.read_bytes()


def test_parquet_keeps_types_and_is_never_gzipped(tmp_path: Path) -> None:
    done = export(
        "select 1.50::decimal(9, 2) as d", tmp_path / "a", format="parquet", gzip=True
    )
    assert str(pq.read_schema(done.path).field("d").type) == "decimal128(9, 2)"


def test_a_select_that_fails_half_way_leaves_neither_file_nor_scratch(tmp_path: Path) -> None:
    kept = tmp_path / "a.csv"
    kept.write_text("before")
    failing = "select if(i < 250000, i, error('stop')::bigint) as i from range(300000) as t(i)"
    with pytest.raises(duckdb.Error, match="stop"):
        export(failing, kept, format="csv", gzip=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert kept.read_text() == "before"


def test_many_files_are_reported_in_the_order_asked_for(tmp_path: Path) -> None:
    asked = [
        Export(f"select * from range({n})", tmp_path / f"{n}.csv", "csv") for n in (9, 0, 5, 1)
    ]
    seen = []
    done = export_all(asked, workers=3, on_done=lambda one: seen.append(one.path))
    assert [one.rows for one in done] == [9, 0, 5, 1]
    assert sorted(seen) == sorted(one.path for one in asked)
