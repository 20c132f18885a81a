from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.duckdb.parquet_io import copy_out, select_schema
from lakeworks.engines.errors import (
    DuplicateColumnError,
    SqlError,
    UnsupportedTypeError,
    ValueConversionError,
)
from lakeworks.engines.written import free_name
from lakeworks.storage.files import OWN_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("set timezone = 'UTC'")
        yield opened


def test_files_lie_flat_under_names_of_their_own(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    select = "select i, i % 3 as p from range(9) as t(i)"
    root = str(tmp_path / "it's {new} [x]")
    once = copy_out(con, select, root, partition_by=("P",))
    again = copy_out(con, select, root, partition_by=("p",))
    names = {written.file.path for written in (*once, *again)}
    assert len(names) == 6
    assert all(re.fullmatch(OWN_FILE, name) for name in names)
    assert names == {path.name for path in Path(root).iterdir()}
    assert [w.file.partition for w in once] != [{}]
    assert {w.file.partition["p"] for w in once} == {"0", "1", "2"}
    for written in once:
        path = Path(root) / written.file.path
        assert path.stat().st_size == written.file.size_bytes
        assert written.file.rows == 3


def test_statistics_are_typed_and_nested(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    select = """
    select 7 as i, 1.25::decimal(10, 2) as d, 12345678901234567.89::decimal(38, 2) as wide,
      date '2026-01-02' as day, timestamptz '2026-01-02 03:04:05.678901' as at,
      timestamp '2026-01-02 03:04:05.678901' as wall, 0.1::float as f, 'nan'::double as nan,
      'inf'::double as inf, 'infinity'::date as never, timestamp '0044-03-15 (BC) 12:00:00' as bc,
      true as b, 'x'::blob as raw, [1] as l, map {'a': 1} as m, null::int as nothing,
      {'in "q"': {'x': 'v'}} as s, repeat('z', 40) as long, repeat('ü', 300) as longer
    """
    (written,) = copy_out(con, select, str(tmp_path))
    stats = written.file.stats
    assert stats["numRecords"] == 1
    least, most, nulls = (stats[k] for k in ("minValues", "maxValues", "nullCount"))
    assert least == {
        "i": 7,
        "d": 1.25,
        "day": "2026-01-02",
        "at": "2026-01-02T03:04:05.678Z",
        "wall": "2026-01-02T03:04:05.678",
        "f": 0.10000000149011612,
        "s": {'in "q"': {"x": "v"}},
        "long": "z" * 32,
    }
    assert most["at"] == "2026-01-02T03:04:05.679Z"
    assert most["long"] == "z" * 32 + "\U0010ffff"
    assert set(most) == set(least)
    assert nulls["nothing"] == 1
    assert nulls["s"] == {'in "q"': {"x": 0}}
    assert not {"l", "m"} & set(nulls), "a list's null count is not that of its elements"


def test_the_last_millisecond_does_not_round_into_the_next_second(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    select = "select timestamp '2026-01-02 03:04:59.999900' as at"
    (written,) = copy_out(con, select, str(tmp_path))
    assert written.file.stats["maxValues"] == {"at": "2026-01-02T03:04:59.999900"}


def test_no_rows_write_no_file(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    empty = "select 1 as a, 2 as p where false"
    assert copy_out(con, empty, str(tmp_path)) == []
    assert copy_out(con, empty, str(tmp_path), partition_by=("p",)) == []
    assert list(tmp_path.iterdir()) == []


def test_the_dividing_column_is_not_written_and_may_be_called_anything(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    select = "select i, i as __divide, i as __part0, i % 2 = 0 as kind from range(4) as t(i)"
    found = copy_out(
        con, select, str(tmp_path), partition_by=("__part0",), divide_by="kind", main="true"
    )
    assert sorted((w.divided or "", w.file.rows) for w in found) == [
        ("false", 2),
        ("true", 1),
        ("true", 1),
    ]
    described = con.execute(f"describe select * from '{tmp_path}/*.parquet'").fetchall()
    assert [row[0] for row in described] == ["i", "__divide", "__part0"]
    assert free_name(["A", "a_"], "a") == "a__"


def test_rows_are_cast_to_what_a_table_can_hold(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    schema = Schema((Field("b", parse_type("bigint")), Field("a", parse_type("string"))))
    copy_out(con, "select 1 as a, 2::utinyint as b", str(tmp_path), schema=schema)
    described = con.execute(f"describe select * from '{tmp_path}/*.parquet'").fetchall()
    assert [row[:2] for row in described] == [("b", "BIGINT"), ("a", "VARCHAR")]


def test_a_sum_beyond_64_bits_fails_instead_of_losing_digits(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    select = "select sum(9223372036854775807) as total from range(2)"
    with pytest.raises(ValueConversionError, match=r"INT64|BIGINT"):
        copy_out(con, select, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_a_table_is_refused_before_anything_is_written(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    root = str(tmp_path / "new")
    with pytest.raises(DuplicateColumnError, match="A"):
        copy_out(con, "select 1 as a, 2 as A", root)
    with pytest.raises(UnsupportedTypeError, match="partitioned by l"):
        copy_out(con, "select [1] as l", root, partition_by=("l",))
    with pytest.raises(SqlError, match="line 2, column 3"):
        select_schema(con, "select\n  nothing")
    assert not Path(root).exists()
