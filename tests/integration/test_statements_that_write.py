"""CREATE TABLE AS, INSERT, DELETE, DROP and UNLOAD: what they write, for whom, and all or nothing."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName
from lakeworks.engines.errors import StatementRefusedError, ValueConversionError
from lakeworks.lake import Lake
from lakeworks.project.errors import ProjectError
from lakeworks.query.errors import (
    BytesLimitError,
    HiddenFailureError,
    NameTakenError,
    NotAllowedError,
    StatementSyntaxError,
)
from lakeworks.query.questions import Caller
from lakeworks.query.statements.errors import (
    MisfitError,
    UnloadLocationError,
    WriteLostError,
    WriteOptionError,
    WriteRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = [
    {"id": n, "name": f"name {n}", "email": f"p{n}@mail.example", "region": "EU" if n % 2 else "US",
     "amount": Decimal(n) / 4}
    for n in range(1, 41)
]  # fmt: skip
MODEL = """/*
load: replace
columns:
  email: {tags: {pii: email}}
*/
select id, name, email, region, amount from bronze.people
"""
POLICIES = """
roles:
  engineer: [eve]
  analyst: [ana]
  compliance: [cleo]
  writer: [wes]
data_locations:
  exports: OUT/exports
grants:
  - {to: [role:engineer, role:compliance], permissions: SELECT, on: [silver.*, gold.*]}
  - {to: [role:engineer, role:compliance], permissions: CREATE_TABLE, on: gold}
  - {to: role:analyst, permissions: SELECT, on: silver.people, except: [amount], rows: "region = 'EU'"}
  - {to: role:analyst, permissions: CREATE_TABLE, on: gold}
  - {to: role:writer, permissions: [INSERT, DESCRIBE], on: gold.*}
  - {to: role:analyst, permissions: DATA_LOCATION_ACCESS, on: location:exports}
policies:
  masked: {columns: {pii: email}, mask: email_domain, to: everyone, except: role:compliance}
"""


def made(root: Path) -> Lake:
    for folder in ("sources", "models/silver", "models/gold", "policies", "landing/people"):
        (root / folder).mkdir(parents=True)
    (root / "lake.yml").write_text("name: written\nenvironments:\n  dev: {storage: .lake}\n")
    (root / "sources/people.yml").write_text(
        "table: bronze.people\npath: landing/people\nformat: parquet\n"
    )
    (root / "models/silver/people.sql").write_text(MODEL)
    out = root.parent / f"{root.name}-out"
    (root / "policies/roles.yml").write_text(POLICIES.replace("OUT", str(out)))
    schema = pa.schema([
        ("id", pa.int32()), ("name", pa.string()), ("email", pa.string()),
        ("region", pa.string()), ("amount", pa.decimal128(10, 2)),
    ])  # fmt: skip
    pq.write_table(pa.Table.from_pylist(PEOPLE, schema), root / "landing/people/a.parquet")
    lake = Lake.open(root)
    assert lake.pipeline.run().status == "succeeded"
    return lake


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with made(tmp_path / "lake") as found:
        yield found


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "lake-out"


def rows(lake: Lake, sql: str, caller: str | None = None, **more: Any) -> list[dict[str, Any]]:
    return lake.query.sql(sql, caller=caller, **more).rows()


def count(lake: Lake, table: str, caller: str | None = None) -> int:
    return int(rows(lake, f"select count(*) as n from {table}", caller)[0]["n"])


def wrote(lake: Lake, sql: str, caller: str | None = None, **more: Any) -> int:
    (row,) = rows(lake, sql, caller, **more)
    assert list(row) == ["rows"]
    return int(row["rows"])


def test_a_table_made_of_a_query_holds_its_rows_and_is_a_table_like_any_other(
    lake: Lake,
) -> None:
    query = "select region, count(*) as n, sum(amount) as total from silver.people group by 1"
    assert wrote(lake, f"CREATE TABLE gold.by_region AS {query}") == 2
    table = lake.query.sql("select * from gold.by_region order by 1").to_arrow()
    asked = lake.query.sql(f"{query} order by 1").to_arrow()
    assert table.to_pylist() == asked.to_pylist()
    assert TableName("gold", "by_region") in lake.query.visible()
    run = lake.catalog.runs(1)[0]
    assert (run.status, run.report["steps"][0]["rows_written"]) == ("succeeded", 2)
    assert run.report["steps"][0]["reads"][0]["name"] == "silver.people"
    node = lake.lineage.graph.nodes["gold.by_region"]
    assert node.kind == "statement"
    assert ("silver.people", "amount") in lake.lineage.graph.values["gold.by_region", "total"]
    assert lake.catalog.data_catalog.find_table(TableName("gold", "by_region")) is not None
    assert [found.kind for found in lake.doctor()] == []
    wrote(lake, "INSERT INTO gold.by_region VALUES ('XX', 1, 2.5)")
    assert rows(lake, "select count(*) as n from gold.by_region@v0") == [{"n": 2}]
    assert lake.tables.optimize("gold.by_region").version is not None
    wrote(lake, "INSERT INTO gold.by_region VALUES ('YY', 1, 2.5)")
    assert count(lake, "gold.by_region") == 4


@pytest.mark.parametrize(
    "expression",
    [
        "1::tinyint", "1::smallint", "1", "1::bigint", "1.5::float", "1.5::double",
        "1.25::decimal(12,4)", "true", "'text'", "''", "'ab'::blob", "date '2026-01-02'",
        "timestamp '2026-01-02 03:04:05.678901'", "timestamptz '2026-01-02 03:04:05.678901+00'",
        "[1, 2, null]", "{'a': 1, 'b': {'c': 'x'}}", "map {'a': 1}", "null::varchar",
        "[{'a': 1.5::decimal(4,2)}]", "'ünï'", "cast('nan' as double)", "sum(1) over ()",
    ],
)  # fmt: skip
def test_values_and_types_come_back_as_the_query_gave_them(lake: Lake, expression: str) -> None:
    query = f"select {expression} as v from silver.people where id = 1"
    wrote(lake, f"create table gold.one as {query}")
    given = lake.query.sql(query).to_arrow()
    kept = lake.query.sql("select v from gold.one").to_arrow()
    assert repr(kept.to_pylist()) == repr(given.to_pylist())
    assert kept.schema == given.schema


def test_a_table_can_be_partitioned_and_made_without_rows(lake: Lake) -> None:
    wrote(
        lake,
        "create table gold.p with (format = 'parquet', partitioned_by = array['Region']) as "
        "select id, region from silver.people with data;",
    )
    version = lake.storage.table(TableName("gold", "p")).version()
    assert version.partition_columns == ("region",)
    assert len(version.files) == 2
    assert wrote(lake, "create table gold.e as select * from silver.people with no data") == 0
    assert count(lake, "gold.e") == 0
    assert wrote(lake, "insert into gold.e select * from silver.people") == 40
    wrote(lake, "create table gold.q partitioned by (region) as select * from silver.people")
    assert count(lake, "gold.q") == 40


@pytest.mark.parametrize(
    ("clause", "word"),
    [
        ("with (format = 'ORC')", "ORC"),
        ("with (external_location = 's3://b/x')", "external_location"),
        ("with (bucketed_by = array['id'])", "bucketed_by"),
        ("with (write_compression = 'GZIP')", "GZIP"),
        ("with (colour = 'red')", "colour"),
        ("with (partitioned_by = 'id')", "partitioned_by"),
    ],
)
def test_what_the_lake_cannot_keep_is_refused_by_name(
    lake: Lake, clause: str, word: str
) -> None:
    with pytest.raises(WriteOptionError, match=word):
        rows(lake, f"create table gold.x {clause} as select id from silver.people")
    assert TableName("gold", "x") not in lake.query.visible()


@pytest.mark.parametrize(
    "query", ["select id, id from silver.people", "select id, ID as id2, 1 as ID2 from silver.people",
              "select count(*) from silver.people", "select id + 1 from silver.people"]
)  # fmt: skip
def test_each_column_needs_a_name_of_its_own(lake: Lake, query: str) -> None:
    with pytest.raises(MisfitError):
        rows(lake, f"create table gold.x as {query}")


def test_a_name_that_is_taken_is_refused_and_quietly_left(lake: Lake) -> None:
    wrote(lake, "create table gold.x as select 1 as a")
    with pytest.raises(NameTakenError):
        rows(lake, "create table gold.x as select 2 as a")
    assert wrote(lake, "create table if not exists gold.x as select 2 as a, 3 as b") == 0
    assert rows(lake, "select * from gold.x") == [{"a": 1}]
    for name in ("silver.people", "quarantine.x", "other.x", "gold.x y"):
        with pytest.raises(LakeError):
            rows(lake, f"create table {name} as select 1 as a")


def test_rows_enter_by_position_or_by_name_and_only_without_loss(lake: Lake) -> None:
    wrote(
        lake, "create table gold.t as select 1::smallint as a, 'x' as b, 1.5::decimal(6,2) as c"
    )
    assert wrote(lake, "insert into gold.t values (2, 'y', 3), (3, null, 4.25)") == 2
    assert (
        wrote(lake, "insert into gold.t (C, a) select 7::double::decimal(4,1), 4::bigint") == 1
    )
    assert wrote(lake, "insert into gold.t (b) (select 'alone')") == 1
    assert wrote(lake, "insert into gold.t select * from gold.t where false") == 0
    before = lake.catalog.current_snapshot().id
    for values, told in (
        ("values (70000, 'x', 1)", "does not fit"),
        ("values (1, 'x', 1.234)", "does not fit"),
        ("values ('1', 'x', 1)", "column a is smallint"),
        ("values (1, 2, 1)", "column b is string"),
        ("values (1, 'x')", "gives 2 columns"),
        ("(a, a) values (1, 2)", "named twice"),
        ("(a, nope) values (1, 2)", "no column 'nope'"),
    ):
        with pytest.raises(MisfitError, match=told):
            rows(lake, f"insert into gold.t {values}")
    with pytest.raises(ValueConversionError):
        rows(
            lake, "insert into gold.t (b) select cast(name as int)::varchar from silver.people"
        )
    assert lake.catalog.current_snapshot().id == before
    assert sorted(
        (r["a"], r["b"], r["c"]) for r in rows(lake, "select * from gold.t where a is not null")
    ) == [(1, "x", Decimal("1.50")), (2, "y", 3), (3, None, Decimal("4.25")), (4, None, 7)]
    # Nothing of what failed lies about.
    assert [found.kind for found in lake.doctor()] == []


def test_tables_of_the_project_are_refused_with_their_file(lake: Lake) -> None:
    for statement in (
        "insert into silver.people select * from silver.people", "delete from silver.people",
        "drop table silver.people",
    ):  # fmt: skip
        with pytest.raises(WriteRefusedError, match=r"models/silver/people\.sql"):
            rows(lake, statement)
    with pytest.raises(WriteRefusedError, match=r"sources/people\.yml"):
        rows(lake, "drop table bronze.people")
    with pytest.raises(UnknownTableError):
        rows(lake, "insert into gold.nothing values (1)")


def test_rows_are_deleted_from_the_files_that_hold_them(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select * from silver.people where region = 'EU'")
    wrote(lake, "insert into gold.t select * from silver.people where region = 'US'")
    first = {file.path for file in lake.storage.table(TableName("gold", "t")).version().files}
    assert (
        wrote(lake, "delete from gold.t where id in (select 2 * id from gold.t where id < 3)")
        == 2
    )
    kept = {file.path for file in lake.storage.table(TableName("gold", "t")).version().files}
    assert len(first & kept) == 1
    assert count(lake, "gold.t") == 38
    assert wrote(lake, "delete from gold.t where id > 1000") == 0
    assert (
        wrote(lake, "delete from gold.t where amount > (select avg(amount) from gold.t)") == 19
    )
    for wrong in (
        "where id = 1; select 1",
        "where id = 1) or (true",
        "where (id = 1",
        "using x",
    ):
        with pytest.raises(StatementSyntaxError):
            rows(lake, f"delete from gold.t {wrong}")
    assert wrote(lake, "delete from gold.t") == 19
    assert count(lake, "gold.t") == 0
    assert count(lake, "gold.t@v0") == 20


def test_a_dropped_table_comes_back_by_a_rollback_and_leaves_its_name_free(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select 1 as a")
    assert wrote(lake, "drop table gold.t") == 1
    assert TableName("gold", "t") not in lake.query.visible()
    assert wrote(lake, "drop table if exists gold.t") == 0
    with pytest.raises(UnknownTableError):
        rows(lake, "drop table gold.t")
    lake.pipeline.rollback()
    assert rows(lake, "select * from gold.t") == [{"a": 1}]
    assert wrote(lake, "insert into gold.t values (2)") == 1
    wrote(lake, "drop table gold.t")
    wrote(lake, "create table gold.t as select 'x' as b, date '2026-01-01' as c")
    assert list(rows(lake, "select * from gold.t")[0]) == ["b", "c"]
    assert rows(lake, "select * from gold.t@v0") == [{"a": 1}]


def test_what_a_dropped_table_leaves_is_vacuumed(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select 1 as a")
    wrote(lake, "drop table gold.t")
    (done,) = lake.tables.vacuum("gold.t", dry_run=True)
    assert not done.skipped


def test_a_model_of_the_name_is_told_of_and_does_not_replace_the_rows(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select 1 as a")
    root = lake.project.root
    (root / "models/gold/t.sql").write_text("/*\nload: replace\n*/\nselect 2 as a\n")
    with pytest.raises(ProjectError, match="a statement"):
        Lake.check(root)
    with Lake.open(root) as later:
        report = later.pipeline.run()
        assert report.status == "failed"
        assert "LW709" in str(report.step("gold.t").error)
        assert rows(later, "select * from gold.t") == [{"a": 1}]
        with pytest.raises(WriteRefusedError):
            rows(later, "drop table gold.t")


def test_policies_may_name_what_statements_made(lake: Lake) -> None:
    wrote(lake, "create table gold.made as select 1 as a")
    rows(lake, "create view gold.seen as select a from gold.made")
    granted = "grants:\n" + "".join(
        f"  - {{to: cleo, permissions: SELECT, on: gold.{name}, columns: [{column}]}}\n"
        for name, column in (("made", "a"), ("seen", "a"), ("maid", "a"), ("seen", "b"))
    )
    (lake.project.root / "policies/made.yml").write_text(granted)
    with pytest.raises(ProjectError) as caught:
        Lake.check(lake.project.root)
    assert len(caught.value.mistakes) == 2
    assert "no table gold.maid" in str(caught.value)
    assert "gold.seen has no column 'b'" in str(caught.value)


def test_runs_of_the_project_and_statements_leave_each_other_alone(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select id, region from silver.people")
    assert lake.pipeline.run(full_refresh=True).status == "succeeded"
    assert count(lake, "gold.t") == 40
    assert wrote(lake, "insert into gold.t select id, region from silver.people") == 40


def test_tables_are_made_of_the_past_and_written_in_the_present_only(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select 1 as a")
    at = lake.catalog.current_snapshot().id
    wrote(lake, "insert into gold.t values (2)")
    assert wrote(lake, "create table gold.then as select * from gold.t", at=at) == 1
    for statement in (
        "insert into gold.t values (3)",
        "delete from gold.t",
        "drop table gold.t",
    ):
        with pytest.raises(WriteRefusedError, match="earlier"):
            rows(lake, statement, at=at)
    wrote(lake, "create table gold.v as select * from gold.t@v0")
    assert rows(lake, "select * from gold.v") == [{"a": 1}]
    assert ("gold.t", "a") in lake.lineage.graph.values["gold.v", "a"]


@pytest.mark.parametrize(
    "statement",
    [
        "explain create table gold.x as select 1 as a",
        "explain analyze insert into gold.t values (1)",
        "create or replace table gold.t as select 2 as a",
        "create temp table x as select 2 as a",
        "create external table gold.x (a int) location 's3://x/'",
        "with x as (select 1 as a) insert into gold.t select * from x",
        "select 1; drop table gold.t",
        "insert into gold.t values (1); drop table gold.t",
        "create table gold.x as select 1 as a; select 1",
        "update gold.t set a = 1",
        "truncate table gold.t",
        "copy gold.t to '/x'",
        "insert into gold.t values (1) returning a",
        "insert into gold.t values (1) on conflict do nothing",
        "insert or replace into gold.t values (1)",
        "drop table gold.t cascade",
        "create table x as select 1 as a",
        "create table a.gold.x as select 1 as a",
    ],
)
def test_what_is_no_such_statement_is_refused_and_changes_nothing(
    lake: Lake, statement: str
) -> None:
    wrote(lake, "create table gold.t as select 1 as a")
    before = lake.catalog.current_snapshot().id
    for caller in (None, "cleo"):
        with pytest.raises(LakeError):
            rows(lake, statement, caller)
    assert lake.catalog.current_snapshot().id == before


def test_comments_and_letters_do_not_hide_a_statement(lake: Lake) -> None:
    for caller in ("ana", "wes"):
        wrote(
            lake, '/* a */ Create /* b */ TABLE IF Not exists gold."T" -- c\n as select 1 as a'
        )
        with pytest.raises((NotAllowedError, UnknownTableError)):
            rows(lake, "/**/ dRop\n--x\n TABLE GOLD.T", caller)
    assert rows(lake, "select * from gold.t") == [{"a": 1}]


def test_who_may_make_tables_owns_them_and_others_see_what_the_policies_leave(
    lake: Lake,
) -> None:
    assert wrote(lake, "create table gold.mine as select * from silver.people", "ana") == 20
    assert {r["region"] for r in rows(lake, "select * from gold.mine", "ana")} == {"EU"}
    shown = rows(lake, "select * from gold.mine where id = 1")
    assert shown == [{"id": 1, "name": "name 1", "email": "***@mail.example", "region": "EU"}]
    assert wrote(lake, "insert into gold.mine (id, name) values (99, 'n')", "ana") == 1
    assert wrote(lake, "delete from gold.mine where id = 99", "ana") == 1
    with pytest.raises(NotAllowedError):
        rows(lake, "insert into gold.mine (id) values (1)", "eve")
    with pytest.raises(NotAllowedError):
        rows(lake, "drop table gold.mine", "eve")
    with pytest.raises(NotAllowedError):
        rows(lake, "create table gold.x as select 1 as a", "wes")
    with pytest.raises(UnknownTableError):
        rows(lake, "create table gold.x as select * from bronze.people", "ana")
    assert wrote(lake, "drop table gold.mine", "ana") == 21 - 1


def test_a_tag_goes_with_the_value_however_often_it_is_copied(lake: Lake) -> None:
    wrote(
        lake,
        "create table gold.a as select id, upper(email) as mail from silver.people",
        "cleo",
    )
    wrote(
        lake,
        "create table gold.b as with x as (select mail || '' as m from gold.a) select * from x",
        "cleo",
    )
    wrote(lake, "create table gold.c as select 'none' as plain", "cleo")
    assert rows(lake, "select * from gold.c", "eve") == [{"plain": "none"}]
    wrote(lake, "insert into gold.c select m from gold.b where m like 'P1@%'", "cleo")
    for table, column in (("gold.a", "mail"), ("gold.b", "m"), ("gold.c", "plain")):
        clear = {r[column] for r in rows(lake, f"select * from {table}", "cleo")}
        seen = {r[column] for r in rows(lake, f"select * from {table}", "eve")}
        assert any(text.startswith("P1@") for text in clear)
        assert not any(str(text).startswith("P") for text in seen)
    # What the tags came from may go: they stay.
    wrote(lake, "drop table gold.b", "cleo")
    wrote(lake, "drop table gold.a", "cleo")
    assert "P1@MAIL.EXAMPLE" not in str(rows(lake, "select * from gold.c", "eve"))


def test_tags_that_come_later_reach_copies_in_any_order(lake: Lake) -> None:
    wrote(lake, "create table gold.first as select 'x' as v", "cleo")
    wrote(lake, "create table gold.second as select name as v from silver.people", "cleo")
    wrote(lake, "insert into gold.first select v from gold.second", "cleo")
    wrote(lake, "insert into gold.second select v from gold.first", "cleo")
    lake.governance.tag("silver.people.name", {"pii": "email"})
    for table in ("gold.first", "gold.second"):
        assert not any(
            str(r["v"]).startswith("name") for r in rows(lake, f"select v from {table}", "eve")
        )


def test_another_table_under_the_name_tells_nothing_of_the_first(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select name as secret from silver.people", "cleo")
    wrote(lake, "drop table gold.t", "cleo")
    wrote(lake, "create table gold.t as select 1 as a", "ana")
    at = lake.catalog.snapshots(3)[-1].id
    with pytest.raises((HiddenFailureError, UnknownTableError)):
        rows(lake, "select * from gold.t@v0", "ana")
    with pytest.raises((HiddenFailureError, UnknownTableError)):
        rows(lake, "select * from gold.t", "ana", at=at)
    assert rows(lake, "select * from gold.t", "ana") == [{"a": 1}]
    # Going back gives the first one back to whoever made it, and to nobody else.
    run = lake.catalog.snapshot(at).run_id
    lake.pipeline.rollback(run)
    assert count(lake, "gold.t", "cleo") == 40
    with pytest.raises(UnknownTableError):
        rows(lake, "select * from gold.t", "ana")


def test_rows_that_are_not_seen_are_not_deleted_and_not_told_of(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select * from silver.people")
    lake.governance.grant("role:analyst", ["DELETE"], "gold.t")
    from lakeworks.governance.resources import Resource

    part = Resource(
        "table", "gold", "t", columns=("id", "email", "region"), rows="region = 'EU'"
    )
    lake.governance.grant("role:analyst", ["SELECT"], part)
    assert wrote(lake, "delete from gold.t where id in (1, 2, 3)", "ana") == 2
    assert wrote(lake, "delete from gold.t where email like 'p%'", "ana") == 0
    with pytest.raises(LakeError):
        rows(lake, "delete from gold.t where amount > 0", "ana")
    # Division by what a hidden row holds does not fail.
    assert wrote(lake, "delete from gold.t where 1 // (id - 2) > 100", "ana") == 0
    # By which its rows are found does not tell how many hidden ones stand before each.
    place = 'try_cast(substr("__lakeworks_row", 17) as bigint) is not null'
    assert wrote(lake, f"delete from gold.t where {place}", "ana") == 0
    # Whatever is smuggled into the condition names none of the rows that are hidden.
    for condition in (
        "true or id = 2", "exists (select 1 from gold.t)", "id in (select id from gold.t)",
        "columns(*)::varchar like '%'", "gold.t.region = 'EU'", "t::varchar like '%'",
    ):  # fmt: skip
        try:
            wrote(lake, f"delete from gold.t where {condition}", "ana")
        except LakeError:
            continue
    assert {r["region"] for r in rows(lake, "select region from gold.t")} == {"US"}
    assert count(lake, "gold.t") == 20
    assert wrote(lake, "delete from gold.t", "ana") == 0


def test_what_may_not_be_seen_and_what_is_not_there_are_one_error(lake: Lake) -> None:
    wrote(lake, "create table silver.hidden as select 1 as a")
    for verb in ("insert into {} values (1)", "delete from {}", "drop table {}"):
        told = []
        for name in ("silver.hidden", "silver.absent"):
            with pytest.raises(UnknownTableError) as raised:
                rows(lake, verb.format(name), "wes")
            told.append(str(raised.value).replace(name, "…"))
        assert told[0] == told[1]
    assert wrote(lake, "drop table if exists silver.hidden", "wes") == 0
    assert count(lake, "silver.hidden") == 1
    # Without the right to make tables, a name that is taken is like any other.
    told = []
    for name in ("gold.x", "gold.absent"):
        with pytest.raises(NotAllowedError) as refused:
            rows(lake, f"create table {name} as select 1 as a", "wes")
        told.append(str(refused.value).replace(name, "…"))
    assert told[0] == told[1]


def test_who_may_only_insert_inserts_and_reads_nothing(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select id, amount from silver.people")
    assert wrote(lake, "insert into gold.t (id) values (1)", "wes") == 1
    assert wrote(lake, "insert into gold.t values (1, 2.5)", "wes") == 1
    for refused in ("insert into gold.t select * from gold.t", "select * from gold.t"):
        with pytest.raises(UnknownTableError):
            rows(lake, refused, "wes")
    with pytest.raises(NotAllowedError):
        rows(lake, "delete from gold.t", "wes")
    assert count(lake, "gold.t") == 42


def test_columns_that_may_not_be_known_are_not_there_for_an_insert(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select id, amount from silver.people")
    from lakeworks.governance.resources import Resource

    part = Resource("table", "gold", "t", columns=("id",))
    lake.governance.grant("user:ina", ["SELECT"], part)
    with pytest.raises(NotAllowedError):
        rows(lake, "insert into gold.t values (1)", "ina")


def test_every_statement_of_a_principal_is_audited(lake: Lake, out: Path) -> None:
    wrote(lake, "create table gold.t as select id from silver.people", "ana")
    wrote(lake, f"unload (select id, name from silver.people) to '{out}/exports/a'", "ana")
    with pytest.raises(NotAllowedError):
        rows(lake, f"unload (select id from silver.people) to '{out}/elsewhere'", "ana")
    found = lake.governance.audit_entries(limit=4)
    assert [entry.kind for entry in found[:2]] == ["denial", "export"]
    export = dict(found[1].body)
    assert export["target"] == f"{out}/exports/a"
    assert export["rows"] == 20
    assert export["tables"][0]["table"] == "silver.people"
    created = next(dict(e.body) for e in found if dict(e.body).get("target") == "gold.t")
    assert (created["statement"], created["rows"]) == ("CREATE TABLE", 20)
    lake.catalog.query_history.flush(60)


def test_limits_of_bytes_and_time_hold(lake: Lake) -> None:
    small = Caller("", bytes_limit=10)
    for statement in (
        "create table gold.t as select * from silver.people",
        "unload (select * from silver.people) to '/nowhere/at/all'",
    ):
        with pytest.raises(BytesLimitError):
            lake.query.sql(statement, caller=small)
    with pytest.raises(LakeError, match="time limit"):
        lake.query.sql(
            "create table gold.t as select sum(a.range * b.range) as s "
            "from range(300000) a, range(300000) b",
            timeout_s=0.5,
        )
    assert TableName("gold", "t") not in lake.query.visible()


def test_a_statement_is_never_answered_from_an_earlier_answer(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select 1 as a")
    for statement in (
        "insert into gold.t values (2)", "delete from gold.t where a = 2", "drop table gold.t",
        "create table gold.u as select 1 as a", "unload (select 1 as a) to '/nowhere/u'",
    ):  # fmt: skip
        assert not lake.query.examine(statement).repeatable


def test_unload_writes_what_others_read(lake: Lake, out: Path) -> None:
    query = "select id, name, region, amount from silver.people"
    for form in ("PARQUET", "ORC"):
        assert (
            wrote(lake, f"unload ({query}) to '{out}/{form}/' with (format = '{form}')") == 40
        )
        found = ds.dataset(out / form, format=form.lower()).to_table()
        assert sorted(found.column("id").to_pylist()) == list(range(1, 41))
        assert found.column("amount").to_pylist()[0] == Decimal("0.25")
    wrote(
        lake,
        f"unload ({query}) to '{out}/parts' with (format = 'JSON', compression = 'none', "
        "partitioned_by = array['region'])",
    )
    parts = sorted(path.name for path in (out / "parts").iterdir())
    assert parts == ["region=EU", "region=US"]
    (one,) = (out / "parts" / "region=EU").iterdir()
    line = json.loads(one.read_text().splitlines()[0])
    assert line == {"id": 1, "name": "name 1", "amount": "0.25"}
    odd = "select 'a,\"b\"' as a, 'x' || chr(1) || chr(10) || chr(92) as b, null as c, '' as d"
    wrote(lake, f"unload ({odd}) to '{out}/csv' with (format = 'CSV')")
    (one,) = (out / "csv").iterdir()
    with gzip.open(one, "rt", newline="") as file:
        assert list(csv.reader(file)) == [list("abcd"), ['a,"b"', "x\x01\n\\", "", ""]]
    wrote(
        lake, f"unload ({odd}) to '{out}/text' with (format = 'TEXTFILE', compression = 'NONE')"
    )
    (one,) = (out / "text").iterdir()
    assert one.read_text() == 'a,"b"\x01x\\\x01\\n\\\\\x01\\N\x01\n'


def test_unload_needs_an_empty_place_outside_the_lake(
    lake: Lake, out: Path, tmp_path: Path
) -> None:
    (out / "full").mkdir(parents=True)
    (out / "full" / "x").write_text("x")
    storage = lake.storage.store.root
    for location in (
        f"{out}/full", f"{storage}/tables/x", f"{storage}", str(tmp_path), f"{out}/../lake/.lake/y",
        "relative/x", "file:///x", "S3://bucket/x", "s3://bucket/../x", "https://x/y", "", "/",
        f"{out}//x", "/x%2e%2e/y", "s3://Bucket_/x", f"{out}/a\x00b",
    ):  # fmt: skip
        with pytest.raises((UnloadLocationError, StatementSyntaxError)):
            rows(lake, f"unload (select 1 as a) to '{location}'")
    (out / "link").symlink_to(storage)
    with pytest.raises(UnloadLocationError):
        rows(lake, f"unload (select 1 as a) to '{out}/link/x'")
    with pytest.raises(WriteOptionError, match="AVRO"):
        rows(lake, f"unload (select 1 as a) to '{out}/x' with (format = 'AVRO')")
    with pytest.raises(LakeError):
        rows(lake, f"unload (select cast(name as int) as a from silver.people) to '{out}/x'")
    assert sorted(path.name for path in out.iterdir()) == ["full", "link"]


def test_a_principal_unloads_to_its_data_locations_only(
    lake: Lake, out: Path, tmp_path: Path
) -> None:
    query = "select id from silver.people"
    assert wrote(lake, f"unload ({query}) to '{out}/exports/ana/one'", "ana") == 20
    assert len(ds.dataset(out / "exports/ana/one").to_table()) == 20
    (out / "exports" / "link").symlink_to(tmp_path)
    for location in (
        f"{out}/exportsx", f"{out}/Exports/x", f"{out}/exports/../x", f"{out}/exports/link/x",
        f"{lake.project.root}/x", f"{lake.storage.store.root}/x", "s3://bucket/x", f"{out}",
    ):  # fmt: skip
        with pytest.raises((NotAllowedError, UnloadLocationError)):
            rows(lake, f"unload ({query}) to '{location}'", "ana")
    with pytest.raises(NotAllowedError):
        rows(lake, f"unload ({query}) to '{out}/exports/x'", "eve")
    lake.query.sql("grant data_location_access on location exports to role:engineer")
    assert wrote(lake, f"unload ({query}) to '{out}/exports/x'", "eve") == 40


def test_of_two_tables_of_one_name_at_once_one_is_made(lake: Lake) -> None:
    outcomes: list[object] = []

    def make(value: int) -> None:
        try:
            outcomes.append(wrote(lake, f"create table gold.t as select {value} as a"))
        except LakeError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=make, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(1) == 1
    assert sum(isinstance(one, NameTakenError) for one in outcomes) == 3
    assert count(lake, "gold.t") == 1


def test_inserts_at_once_all_enter(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select 0 as a")
    threads = [
        threading.Thread(target=wrote, args=(lake, f"insert into gold.t values ({n})"))
        for n in range(1, 7)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r["a"] for r in rows(lake, "select a from gold.t order by 1")] == list(range(7))


def test_whoever_waits_too_long_is_told_so(lake: Lake) -> None:
    wrote(lake, "create table gold.t as select 0 as a")
    with (
        lake.catalog.locks.hold([TableName("gold", "t")], holder="other"),
        pytest.raises(WriteLostError),
    ):
        rows(lake, "insert into gold.t values (1)", timeout_s=0.3)
    assert wrote(lake, "insert into gold.t values (1)") == 1


KILLED = """
import os, signal, sys
from lakeworks.lake import Lake
from lakeworks.pipeline import statement_tables as st
import lakeworks.query.unload_places as places

def dies(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)

point, statement = sys.argv[2], sys.argv[3]
match point:
    case "stage":
        st.TableChange.commit = dies
    case "note":
        st.commit = dies
    case "commit":
        st.TableChange._publish = dies
    case "publish":
        st.note_publication = dies
    case "files":
        places._flush = dies
with Lake.open(sys.argv[1]) as lake:
    lake.query.sql(statement).rows()
"""


@pytest.mark.parametrize("point", ["stage", "note", "commit", "publish"])
@pytest.mark.parametrize(
    ("statement", "before", "after"),
    [
        ("create table gold.n as select id from silver.people", None, 40),
        ("insert into gold.t select id from silver.people", 3, 43),
        ("delete from gold.t where a > 1", 3, 1),
    ],
)
def test_a_statement_that_is_killed_leaves_all_or_nothing(
    lake: Lake, point: str, statement: str, before: int | None, after: int
) -> None:
    wrote(lake, "create table gold.t as select * from (values (1), (2), (3)) v(a)")
    table = "gold.n" if before is None else "gold.t"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(lake.project.root), point, statement],
        check=False,
        env={**os.environ},
    )
    assert done.returncode == -signal.SIGKILL
    seen = count(lake, table) if TableName.parse(table) in lake.query.visible() else None
    assert seen == (after if point == "publish" else before)
    if point == "publish":
        return
    assert wrote(lake, statement) >= 1
    assert count(lake, table) == after
    problems = {found.kind for found in lake.doctor()}
    assert problems <= {"orphan files"}
    killed = [run for run in lake.catalog.runs() if run.status == "killed"]
    assert len(killed) == 1


def test_an_unload_that_is_killed_leaves_its_location_empty(lake: Lake, out: Path) -> None:
    statement = f"unload (select * from silver.people) to '{out}/x'"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(lake.project.root), "files", statement], check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert not (out / "x").exists()
    assert wrote(lake, statement) == 40


def test_a_query_of_the_statement_that_fails_leaves_nothing(lake: Lake) -> None:
    with pytest.raises(ValueConversionError):
        rows(lake, "create table gold.t as select cast(name as int) as a from silver.people")
    assert TableName("gold", "t") not in lake.query.visible()
    with pytest.raises(StatementRefusedError):
        rows(lake, "create table gold.t as select * from read_csv('/etc/passwd')")
    assert [found.kind for found in lake.doctor()] == []
