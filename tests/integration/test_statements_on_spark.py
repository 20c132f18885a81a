"""Statements that write give the same tables, and the same refusals, on either engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable

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
POLICIES = """
roles: {analyst: [ana]}
grants:
  - {to: role:analyst, permissions: CREATE_TABLE, on: gold}
  - {to: role:analyst, permissions: SELECT, on: gold.shared, rows: "a < 3"}
  - {to: role:analyst, permissions: DELETE, on: gold.shared}
"""
FIRST = """create table gold.t with (partitioned_by = array['day']) as select * from (values
(1, 'x', 1.5::decimal(6,2), date '2026-01-01', true, [1, 2], {'k': 1, 's': 'v'}),
(2, null, 2.25::decimal(6,2), date '2026-01-02', false, [], null),
(3, 'ü', null, null, null, null, {'k': 2, 's': null})) v(a, b, c, day, ok, many, one)"""
MOMENTS = """create table gold.moments as select timestamp '2026-01-02 03:04:05.678901' as w,
timestamptz '2026-01-02 03:04:05+00' as z, 'ab'::blob as raw, 1.5::float as f, 2.5::double as d,
1::tinyint as ti, 1::bigint as bi"""
STATEMENTS = (
    (FIRST, None),
    ("create table gold.e as select * from gold.t with no data", None),
    ("insert into gold.e select * from gold.t", None),
    ("insert into gold.e (a, day) values (4::bigint, date '2026-02-01'), (5, null)", None),
    ("insert into gold.e (a) values (99999999999)", None),
    ("insert into gold.e (c) values (1.234)", None),
    ("insert into gold.e (b) values (1)", None),
    ("insert into gold.e values (1)", None),
    ("delete from gold.e where a in (select a from gold.t where a > 1) and b is null", None),
    ("delete from gold.e where day is null and a = 5", None),
    ("delete from gold.e where a > 100", None),
    ("create table gold.shared as select a, b from gold.t", None),
    ("delete from gold.shared where b is not null", "ana"),
    ("delete from gold.shared", "ana"),
    ("create table gold.hers as select a * 2 as twice, count(*) as n from gold.shared group by 1",
     "ana"),
    ("insert into gold.hers values (7, 7)", "ana"),
    ("create table gold.gone as select 1 as a", None),
    ("drop table gold.gone", None),
    ("create table gold.t as select 1 as a", None),
    (MOMENTS, None),
)  # fmt: skip


def lived(root: Path, engine: str) -> tuple[list[str], dict[str, list[str]]]:
    """Give every statement to one engine; return what each came to, and the tables."""
    for folder in ("models", "policies"):
        (root / folder).mkdir(parents=True)
    (root / "lake.yml").write_text(LAKE)
    (root / "policies/roles.yml").write_text(POLICIES)
    with Lake.open(root, environment=engine) as lake:
        came = [outcome(lake, sql, caller) for sql, caller in STATEMENTS]
    with Lake.open(root, environment="embedded") as lake:
        return came, {str(name): listed(lake, name) for name in lake.query.visible()}


def outcome(lake: Lake, sql: str, caller: str | None) -> str:
    try:
        return repr(lake.query.sql(sql, caller=caller).rows())
    except LakeError as error:
        return f"{error.code} {error.problem}"


def listed(lake: Lake, name: TableName) -> list[str]:
    table = lake.query.sql(f"select * from {name}").to_arrow()
    return [str(table.schema), *sorted(repr(row) for row in table.to_pylist())]


def test_both_engines_write_the_same(tmp_path: Path) -> None:
    embedded, tables = lived(tmp_path / "embedded", "embedded")
    cluster, others = lived(tmp_path / "cluster", "cluster")
    told = [
        f"{STATEMENTS[i][0]}: {one} / {other}"
        for i, (one, other) in enumerate(zip(embedded, cluster, strict=True))
        if one != other
    ]
    assert told == []
    assert tables == others
    assert set(tables) == {"gold.e", "gold.hers", "gold.moments", "gold.shared", "gold.t"}


def test_a_table_is_written_by_one_engine_and_changed_by_the_other(
    tmp_path: Path,
) -> None:
    lived(tmp_path / "lake", "embedded")

    def ask(engine: str) -> Callable[[str], Any]:
        def asked(sql: str) -> Any:
            with Lake.open(tmp_path / "lake", environment=engine) as lake:
                return lake.query.sql(sql).rows()

        return asked

    spark, duck = ask("cluster"), ask("embedded")
    assert spark("insert into gold.t select * from gold.t") == [{"rows": 3}]
    assert duck("delete from gold.t where a = 1") == [{"rows": 2}]
    assert spark("delete from gold.t where a = 2") == [{"rows": 2}]
    assert duck("select a, count(*) as n from gold.t group by 1") == [{"a": 3, "n": 2}]
