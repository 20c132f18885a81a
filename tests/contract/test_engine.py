"""What every engine must do. The laws at the end hold for any rows and any batches."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.core import events
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.errors import (
    InterruptedQueryError,
    LoadError,
    QueryTimeoutError,
    SchemaNarrowedError,
    SqlError,
    UnknownColumnError,
    UnsupportedTypeError,
    ValueConversionError,
)
from lakeworks.engines.protocol import AuditColumns, RowCheck, StageRequest
from lakeworks.engines.registry import open_engine
from lakeworks.project.declaration import SparkSettings
from lakeworks.storage.files import DataFile, TableSource
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lakeworks.engines.protocol import Engine, Staged

MOMENT = "2026-01-02T03:04:05+00:00"
QUARANTINE = Schema(
    tuple(
        Field(name, parse_type(kind))
        for name, kind in (
            ("row", "string"),
            ("rule", "string"),
            ("error", "string"),
            ("source_file", "string"),
            ("source_row", "bigint"),
            ("run_id", "string"),
            ("quarantined_at", "timestamp"),
        )
    )
)
# Spark's tasks look up whether they are still wanted after 1,000 rows of the first table: with
# many rows in the second one they would go on for a minute, and keep other tests waiting.
ENDLESS = "select count(*) from range(10000000000) a, range(1000) b"
POSITIVE = RowCheck('ColumnValues "amount" > 0', "amount > 0")


class Table:
    """A table whose commits are kept in memory: what the Delta log does, without one."""

    def __init__(self, engine: Engine, folder: str) -> None:
        self.engine = engine
        self.root = f"{folder}/table"
        self.rejects_root = f"{folder}/quarantine"
        self.source: TableSource | None = None
        self.rejects: list[DataFile] = []

    def load(self, sql: str, load: str = "append", **more: Any) -> Staged:
        """Stage and commit, and hold the engine to its accounting."""
        bound = more.pop("bound", {})
        request = StageRequest(
            sql=sql,
            table="silver.t",
            root=self.root,
            rejects_root=self.rejects_root,
            load=load,  # type: ignore[arg-type]
            run_id="run-1",
            moment=more.pop("moment", MOMENT),
            target=more.pop("target", self.source),
            **more,
        )
        with self.engine.session() as session:
            for name, source in bound.items():
                session.bind(name, source)
            staged = session.stage(request)
        self.commit(staged, request.partition_by)
        assert staged.read == staged.written + staged.quarantined + staged.superseded
        assert staged.quarantined <= sum(staged.rejected_by.values())
        assert all(0 < count <= staged.quarantined for count in staged.rejected_by.values())
        return staged

    def commit(self, staged: Staged, partition_by: Sequence[str] = ()) -> None:
        held = self.source.files if self.source else ()
        gone = {file.path for file in staged.removed}
        assert gone <= {file.path for file in held}, "only files of the table are removed"
        files = (*(f for f in held if f.path not in gone), *staged.added)
        self.source = TableSource(
            self.root, staged.schema, files, tuple(partition_by), evolved=True
        )
        self.rejects += staged.rejected

    def rows(self, columns: str = "*") -> list[dict[str, Any]]:
        assert self.source is not None
        return read(self.engine, self.source, columns)

    def rejected(self) -> list[dict[str, Any]]:
        source = TableSource(self.rejects_root, QUARANTINE, tuple(self.rejects))
        return read(self.engine, source)


def read(engine: Engine, source: TableSource, columns: str = "*") -> list[dict[str, Any]]:
    with engine.session() as session:
        session.bind("x.rows", source)
        rows = session.query(f"select {columns} from x.rows").read_all().to_pylist()
    return sorted(rows, key=repr)


def values(rows: Sequence[tuple[Any, ...]], columns: str) -> str:
    """Return a SELECT of literal rows; `columns` such as `id int, name string`."""
    named = [column.rsplit(" ", 1) for column in columns.split(", ")]
    empty = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in named)
    selects = [f"select {empty} where 1 = 0"]
    for row in rows:
        literals = (_literal(value) for value in row)
        selects.append(
            "select "
            + ", ".join(
                f"cast({value} as {kind}) as {name}"
                for value, (name, kind) in zip(literals, named, strict=True)
            )
        )
    return " union all ".join(selects)


def files_in(folder: str) -> list[str]:
    path = Path(folder)
    return sorted(file.name for file in path.iterdir()) if path.exists() else []


def _literal(value: object) -> str:
    if value is None:
        return "null"
    return "'" + str(value).replace("'", "''") + "'"


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "spark":
        yield request.getfixturevalue("spark_engine")
        return
    opened = open_engine(request.param, temp_directory=str(tmp_path / "scratch"), threads=2)
    yield opened
    opened.close()


@pytest.fixture
def table(engine: Engine, tmp_path: Path) -> Table:
    return Table(engine, str(tmp_path))


def test_append_adds_rows_and_keeps_those_that_are_there(table: Table) -> None:
    table.load(values([(1, "a")], "id int, name string"))
    staged = table.load(values([(1, "a"), (2, "b")], "id int, name string"))
    assert staged.written == 2
    assert not staged.removed
    assert [row["id"] for row in table.rows()] == [1, 1, 2]


def test_figures_are_the_one_row_of_a_select_by_column(engine: Engine) -> None:
    source = "(values (1), (2)) as t(id)"
    sql = (
        f"select count(*) as n, avg(id) as mean, sum(id) filter (id > 9) as none from {source}"
    )
    with engine.session() as session:
        assert session.figures(sql) == {"n": 2, "mean": 1.5, "none": None}
        with pytest.raises(SqlError):
            session.figures(f"select nothing from {source}")


def test_no_rows_make_no_files(table: Table) -> None:
    for load in ("append", "merge", "replace", "scd2", "partitions"):
        staged = table.load(values([], "id int, p int"), load, key=("id",), target=None)
        assert (staged.read, staged.added, staged.rejected) == (0, (), ())
        assert staged.schema.names[:2] == ("id", "p")
    assert table.rows() == []
    assert files_in(table.root) == []


def test_replace_takes_the_place_of_everything_and_of_the_schema(table: Table) -> None:
    table.load(values([(1, "a")], "id int, name string"))
    staged = table.load(values([("x",)], "other string"), "replace")
    assert staged.schema.names == ("other",)
    assert table.rows() == [{"other": "x"}]


def test_partitions_replaces_the_named_partitions_only(table: Table) -> None:
    columns = "id int, day date"
    by_day = {"partition_by": ("day",)}
    table.load(values([(1, "2026-01-01"), (2, "2026-01-02"), (3, None)], columns), **by_day)
    staged = table.load(
        values([(9, "2026-01-02"), (8, None)], columns),
        "partitions",
        replaced_partitions=({"day": "2026-01-02"}, {"day": None}),
        **by_day,
    )
    assert len(staged.removed) == 2
    assert [row["id"] for row in table.rows()] == [1, 8, 9]


def test_partition_values_reach_the_log_and_stay_in_the_rows(table: Table) -> None:
    odd = "../a b/ü=%41'\"x"
    columns = 'id int, "p q" string, amount decimal(5,2), at timestamp'
    rows = [
        (1, odd, "1.50", "2026-01-01 10:00:00.5"),
        (2, "", "1.50", "2026-01-01 10:00:00.5"),
        (3, None, None, None),
        (4, "__HIVE_DEFAULT_PARTITION__", "1.50", "2026-01-01 10:00:00.5"),
    ]
    staged = table.load(values(rows, columns), partition_by=("p q", "amount", "at"))
    assert {file.partition["p q"] for file in staged.added} == {odd, None, rows[3][1]}
    assert {file.partition["amount"] for file in staged.added} == {"1.50", None}
    assert all(".." not in file.path for file in staged.added)
    told = {row["id"]: row["p q"] for row in table.rows()}
    assert told == {1: odd, 2: None, 3: None, 4: rows[3][1]}


def test_merge_keeps_the_latest_row_of_each_key(table: Table) -> None:
    columns = "id int, name string, at int"
    merge = {"load": "merge", "key": ("id",), "latest_by": "at"}
    first = table.load(
        values([(1, "old", 1), (1, "new", 2), (2, "null loses", None), (2, "x", 0)], columns),
        **merge,
    )
    assert (first.written, first.superseded) == (2, 2)
    second = table.load(
        values([(1, "late", 1), (2, "y", 5), (3, "z", 1), (1, "new", 2)], columns), **merge
    )
    assert (second.written, second.superseded) == (2, 2)
    assert [(r["id"], r["name"]) for r in table.rows()] == [(1, "new"), (2, "y"), (3, "z")]


def test_merge_without_latest_by_lets_the_new_row_win(table: Table) -> None:
    columns = "id int, name string"
    table.load(values([(1, "b"), (2, "same")], columns), "merge", key=("id",))
    staged = table.load(values([(1, "a"), (2, "same")], columns), "merge", key=("id",))
    assert (staged.written, staged.superseded) == (1, 1)
    assert [row["name"] for row in table.rows()] == ["a", "same"]


def test_merge_rewrites_only_files_that_hold_replaced_rows(table: Table) -> None:
    columns = "id int, part int, at int"
    merge = {"load": "merge", "key": ("id",), "latest_by": "at", "partition_by": ("part",)}
    table.load(values([(i, i % 3, 1) for i in range(30)], columns), **merge)
    staged = table.load(values([(4, 1, 2)], columns), **merge)
    assert [file.partition for file in staged.removed] == [{"part": "1"}]
    assert len(table.rows()) == 30
    staged = table.load(values([(4, 2, 3), (100, 2, 1)], columns), **merge)
    assert [file.partition for file in staged.removed] == [{"part": "1"}] * len(staged.removed)
    assert [r["part"] for r in table.rows() if r["id"] == 4] == [2]


def test_merging_the_same_rows_again_changes_nothing(table: Table) -> None:
    sql = values([(1, "a", 1), (2, "b", None)], "id int, name string, at int")
    audit = AuditColumns(MOMENT, "run-1")
    for settings_ in ({"latest_by": "at"}, {}):
        table.source = None
        table.load(sql, "merge", key=("id",), audit=audit, **settings_)
        again = table.load(
            sql,
            "merge",
            key=("id",),
            audit=AuditColumns("2027-01-01T00:00:00+00:00", "run-2"),
            **settings_,
        )
        assert (again.written, again.superseded) == (0, 2)
        assert (again.added, again.removed) == ((), ())


def test_rows_without_a_whole_key_are_rejected_not_lost(table: Table) -> None:
    sql = values([(1, None, "x"), (1, 2, "y")], "a int, b int, v string")
    staged = table.load(sql, "merge", key=("a", "b"))
    assert (staged.written, staged.rejected_by) == (1, {"key": 1})
    assert table.rejected()[0]["row"] == '{"a":1,"b":null,"v":"x"}'


def test_rejected_rows_carry_the_first_rule_that_they_fail(table: Table) -> None:
    checks = (POSITIVE, RowCheck('IsComplete "name"', "name is not null"))
    sql = values(
        [(1, 5, "ok", "f1"), (2, -1, None, "f2"), (3, None, "n", "f3"), (4, 1, None, None)],
        "id int, amount int, name string, _source_file string",
    )
    staged = table.load(sql, checks=checks)
    assert staged.rejected_by == {POSITIVE.rule: 2, checks[1].rule: 2}
    told = {row["source_file"]: row for row in table.rejected()}
    assert told["f2"]["rule"] == POSITIVE.rule
    assert checks[1].rule in told["f2"]["error"]
    assert checks[1].rule not in told["f3"]["error"]
    assert told[None]["rule"] == checks[1].rule
    assert told["f2"]["run_id"] == "run-1"
    assert told["f2"]["quarantined_at"].isoformat() == MOMENT
    assert [row["id"] for row in table.rows()] == [1]


def test_a_row_that_fails_several_rules_counts_under_each_and_names_all(table: Table) -> None:
    primary = RowCheck('IsPrimaryKey "id"', "id is not null", ("id",))
    unique = RowCheck('IsUnique "mail"', unique=("mail",))
    sql = values(
        [(1, -1, "a"), (1, 5, "b"), (None, -2, "c"), (2, 5, "d"), (3, 5, "d"), (2, 5, "d")],
        "id int, amount int, mail string",
    )
    staged = table.load(sql, checks=(POSITIVE, primary, unique))
    # What is left when others were rejected stands alone: it is in the table.
    assert [(row["id"], row["mail"]) for row in table.rows()] == [(1, "b"), (3, "d")]
    assert staged.rejected_by == {POSITIVE.rule: 2, primary.rule: 4, unique.rule: 2}
    told = {
        row["row"]: (row["rule"], row["error"].split("; also ")) for row in table.rejected()
    }
    assert told == {
        '{"id":1,"amount":-1,"mail":"a"}': (
            POSITIVE.rule, [f"fails {POSITIVE.rule}", primary.rule],
        ),
        '{"id":null,"amount":-2,"mail":"c"}': (
            POSITIVE.rule, [f"fails {POSITIVE.rule}", primary.rule],
        ),
        '{"id":2,"amount":5,"mail":"d"}': (
            primary.rule, [f"fails {primary.rule}: id occurs again", unique.rule],
        ),
    }  # fmt: skip


def test_a_rejected_row_is_told_as_the_select_gave_it(table: Table) -> None:
    """In a partition column an empty string becomes null, but not in quarantine."""
    sql = values([(1, "", -1), (2, "", 1)], "id int, part string, amount int")
    table.load(sql, checks=(POSITIVE,), partition_by=("part",))
    assert table.rejected()[0]["row"] == '{"id":1,"part":"","amount":-1}'
    assert table.rows() == [{"id": 2, "part": None, "amount": 1}]


def test_a_rejected_newer_row_does_not_hide_the_good_older_one(table: Table) -> None:
    sql = values([(1, 5, 1), (1, -5, 2)], "id int, amount int, at int")
    table.load(sql, "merge", key=("id",), latest_by="at", checks=(POSITIVE,))
    assert [row["amount"] for row in table.rows()] == [5]


def test_repeated_values_of_a_unique_column_are_all_rejected(table: Table) -> None:
    unique = RowCheck('IsUnique "mail"', unique=("mail",))
    rows = [(1, "a"), (2, "a"), (3, "b"), (4, None), (5, None)]
    sql = values(rows, "id int, mail string")
    for load in ("append", "merge"):
        table.source, table.rejects = None, []
        staged = table.load(sql, load, checks=(unique,), key=("id",))
        assert staged.rejected_by == {unique.rule: 2}
        assert [row["id"] for row in table.rows()] == [3, 4, 5]
        assert {row["rule"] for row in table.rejected()} == {unique.rule}


def test_superseded_rows_do_not_count_against_a_unique_column(table: Table) -> None:
    unique = RowCheck('IsUnique "mail"', unique=("mail",))
    sql = values([(1, "a", 1), (1, "a", 2), (2, "b", 1)], "id int, mail string, at int")
    staged = table.load(sql, "merge", key=("id",), latest_by="at", checks=(unique,))
    assert (staged.written, staged.quarantined, staged.superseded) == (2, 0, 1)


def test_scd2_keeps_every_version_with_its_ends(table: Table) -> None:
    columns = "id int, city string, at int"
    scd2 = {"load": "scd2", "key": ("id",), "latest_by": "at"}
    table.load(values([(1, "Rome", 1), (1, "Rome", 2), (2, "Oslo", 1)], columns), **scd2)
    staged = table.load(
        values([(1, "Bonn", 3), (3, "Kiel", 1), (2, "Oslo", 9)], columns), **scd2
    )
    assert (staged.written, staged.superseded) == (2, 1)
    told = [
        (r["id"], r["city"], r["valid_from"], r["valid_to"], r["is_current"])
        for r in table.rows()
    ]
    assert told == [
        (1, "Bonn", 3, None, True),
        (1, "Rome", 1, 3, False),
        (2, "Oslo", 1, None, True),
        (3, "Kiel", 1, None, True),
    ]


def test_scd2_puts_a_late_version_between_its_neighbours(table: Table) -> None:
    columns = "id int, city string, at int"
    scd2 = {"load": "scd2", "key": ("id",), "latest_by": "at", "partition_by": ("is_current",)}
    table.load(values([(1, "Rome", 1), (1, "Bonn", 5)], columns), **scd2)
    table.load(values([(1, "Oslo", 3)], columns), **scd2)
    told = {r["city"]: (r["valid_from"], r["valid_to"]) for r in table.rows()}
    assert told == {"Rome": (1, 3), "Oslo": (3, 5), "Bonn": (5, None)}


def test_scd2_without_latest_by_begins_versions_at_the_run(table: Table) -> None:
    columns = "id int, city string"
    later = "2026-02-01T00:00:00+00:00"
    table.load(values([(1, "Rome")], columns), "scd2", key=("id",))
    table.load(values([(1, "Bonn")], columns), "scd2", key=("id",), moment=later)
    told = {r["city"]: (r["valid_from"].isoformat(), r["is_current"]) for r in table.rows()}
    assert told == {"Rome": (MOMENT, False), "Bonn": (later, True)}


def test_scd2_rejects_versions_without_a_beginning(table: Table) -> None:
    sql = values([(1, None), (2, 1)], "id int, at int")
    staged = table.load(sql, "scd2", key=("id",), latest_by="at")
    assert staged.rejected_by == {"latest_by": 1}


def test_audit_columns_hash_the_row_and_replace_inherited_ones(table: Table) -> None:
    sql = values([(1, "a", "bronze run")], "id int, name string, _run_id string")
    table.load(sql, audit=AuditColumns(MOMENT, "run-1"))
    (row,) = table.rows()
    assert list(row) == ["id", "name", "_processed_at", "_run_id", "_record_hash"]
    assert row["_run_id"] == "run-1"
    assert row["_processed_at"].isoformat() == MOMENT
    assert row["_record_hash"] == hashlib.sha256(b"1\x1fa\x1f1").hexdigest()


def test_rows_that_differ_have_different_hashes(table: Table) -> None:
    rows = [("a\x1fb", "c", None), ("a", "b\x1fc", None), ("", None, 1), (None, "", 1)]
    table.load(values(rows, "a string, b string, n int"), audit=AuditColumns(MOMENT, "run-1"))
    assert len({row["_record_hash"] for row in table.rows()}) == len(rows)


def test_new_columns_read_as_null_in_older_rows(table: Table) -> None:
    table.load(values([(1,)], "id int"))
    staged = table.load(values([(2, "b")], "id int, name string"))
    assert staged.schema.names == ("id", "name")
    assert table.rows() == [{"id": 1, "name": None}, {"id": 2, "name": "b"}]
    table.load(values([(3,)], "id int"))
    assert table.rows()[2] == {"id": 3, "name": None}


def test_struct_fields_that_come_later_read_as_null(table: Table) -> None:
    with table.engine.session() as session:
        first = session.describe("select 1 as id, {'a': 1} as s, [{'x': 1}] as l")
        assert str(first.fields[1].type) == "struct<a:int>"
    table.load("select 1 as id, {'a': 1} as s, [{'x': 1}] as l")
    staged = table.load("select 2 as id, {'b': 'q', 'a': 2} as s, [{'x': 2, 'y': 3}] as l")
    assert not staged.removed, "a struct's new field does not rewrite older files"
    assert table.rows() == [
        {"id": 1, "s": {"a": 1, "b": None}, "l": [{"x": 1, "y": None}]},
        {"id": 2, "s": {"a": 2, "b": "q"}, "l": [{"x": 2, "y": 3}]},
    ]


def test_a_wider_type_rewrites_the_files_that_hold_the_narrow_one(table: Table) -> None:
    table.load(values([(1, "1.5")], "id int, n decimal(5,2)"))
    before = table.source
    staged = table.load(values([(2**40, "1.125")], "id bigint, n decimal(9,3)"))
    assert before is not None
    assert staged.removed == before.files
    assert staged.written == 1
    assert [str(f.type) for f in staged.schema] == ["bigint", "decimal(9,3)"]
    assert [row["id"] for row in table.rows()] == [1, 2**40]
    assert all(file.stats["maxValues"]["id"] in {1, 2**40} for file in staged.added), (
        "rewritten files have statistics of their own"
    )


def test_a_narrowing_change_is_refused_with_the_way_out(table: Table) -> None:
    table.load(values([(1, "a")], "id int, name string"))
    with pytest.raises(SchemaNarrowedError) as caught:
        table.load(values([(1, 2)], "id int, name int"))
    assert "name is string and would be int" in caught.value.problem
    assert "lake run --full-refresh --select silver.t" in caught.value.hint


def test_settings_that_name_no_column_suggest_the_nearest(table: Table) -> None:
    sql = values([(1, 2)], "order_id int, at int")
    with pytest.raises(UnknownColumnError, match="did you mean order_id"):
        table.load(sql, "merge", key=("orderid",))
    with pytest.raises(UnknownColumnError, match="latest_by"):
        table.load(sql, "merge", key=("order_id",), latest_by="att")
    with pytest.raises(UnknownColumnError, match="partition_by"):
        table.load(sql, partition_by=("day",))
    with pytest.raises(LoadError, match="no key"):
        table.load(sql, "merge")
    with pytest.raises(LoadError, match="valid_from"):
        table.load("select 1 as id, 2 as valid_from", "scd2", key=("id",))


def test_a_load_that_fails_leaves_no_files(table: Table) -> None:
    rows = " union all ".join(f"select {i} as id" for i in range(5))
    with pytest.raises(ValueConversionError, match="not a number"):
        table.load(
            f"select id, cast(case when id = 4 then 'not a number' else '1' end as int) as n "
            f"from ({rows})"
        )
    assert files_in(table.root) == []


def test_scratch_files_are_gone_when_a_load_succeeds(table: Table) -> None:
    sql = values([(1, 5, 1), (1, 6, 2), (2, -1, 1)], "id int, amount int, at int")
    staged = table.load(sql, "merge", key=("id",), latest_by="at", checks=(POSITIVE,))
    assert files_in(table.root) == sorted(file.path for file in staged.added)


def test_delete_rewrites_only_files_with_such_rows(table: Table) -> None:
    sql = values([(i, i % 2) for i in range(10)], "id int, part int")
    table.load(sql, partition_by=("part",))
    assert table.source is not None
    with table.engine.session() as session:
        done = session.delete(table.source, table.root, "id in (1, 3) or id is null")
        nothing = session.delete(table.source, table.root, "id = 77")
    assert done.deleted_rows == 2
    assert [file.partition for file in done.removed] == [{"part": "1"}]
    assert [file.rows for file in done.added] == [3]
    assert (nothing.added, nothing.removed, nothing.deleted_rows) == ((), (), 0)


def test_an_empty_table_has_its_columns(engine: Engine) -> None:
    schema = Schema((Field("id", parse_type("bigint")), Field("s", parse_type("array<int>"))))
    assert read(engine, TableSource("/nowhere", schema, ())) == []
    with engine.session() as session:
        session.bind("silver.t", TableSource("/nowhere", schema, ()))
        assert session.describe("select * from silver.t") == schema


def test_sessions_do_not_see_each_others_tables(table: Table) -> None:
    table.load(values([(1,)], "id int"))
    assert table.source is not None
    with table.engine.session() as one, table.engine.session() as other:
        one.bind("silver.t", table.source)
        with pytest.raises(SqlError):
            other.describe("select * from silver.t")


def test_describe_says_where_the_sql_is_wrong_and_what_is_near(table: Table) -> None:
    table.load(values([(1,)], "order_id int"))
    assert table.source is not None
    with table.engine.session() as session:
        session.bind("silver.orders", table.source)
        with pytest.raises(SqlError) as caught:
            session.describe("select\n  order_id,\n  ordr_id\nfrom silver.orders")
    assert (caught.value.line, caught.value.column) == (3, 3)
    assert "order_id" in caught.value.hint


def test_a_type_that_no_table_has_names_its_column(engine: Engine) -> None:
    with engine.session() as session, pytest.raises(UnsupportedTypeError, match="'u'"):
        session.describe("select union_value(k := 1) as u")


def test_a_query_ends_at_its_time_limit_and_the_session_goes_on(engine: Engine) -> None:
    with engine.session() as session:
        session.query("select 1 as one").read_all()  # a JVM may have to start
        begin = time.monotonic()
        with pytest.raises(QueryTimeoutError, match=r"0\.2 s"):
            session.query(ENDLESS, timeout_s=0.2).read_all()
        assert time.monotonic() - begin < 60
        assert session.query("select 1 as one", timeout_s=60).read_all().to_pylist()


def test_interrupting_stops_what_runs(engine: Engine) -> None:
    with engine.session() as session:
        timer = threading.Timer(0.3, engine.interrupt)
        timer.start()
        with pytest.raises(InterruptedQueryError):
            session.query(ENDLESS).read_all()
        timer.join()


def test_lazy_frames_go_in_and_come_out(table: Table, tmp_path: Path) -> None:
    nw = pytest.importorskip("narwhals")
    table.load(values([(1, 10), (2, 20), (2, 30)], "id int, amount int"))
    assert table.source is not None
    target = Table(table.engine, str(tmp_path / "gold"))
    with table.engine.session() as session:
        session.bind("silver.t", table.source)
        frame = session.frame("silver.t")
        summed = frame.group_by("id").agg(nw.col("amount").sum().alias("total"))
        session.register("model.result", summed.join(frame, on="id", how="inner"))
        request = StageRequest(
            sql="select * from model.result",
            table="gold.t",
            root=target.root,
            rejects_root=target.rejects_root,
            load="replace",
            run_id="r",
            key=("id",),
            moment=MOMENT,
        )
        staged = session.stage(request)
    target.commit(staged)
    assert (staged.read, staged.superseded) == (3, 1)
    assert [(r["id"], r["total"]) for r in target.rows()] == [(1, 10), (2, 50)]


def test_json_rows_come_back_typed(table: Table) -> None:
    sql = values([(1, "a", "1.50")], "id int, name string, n decimal(5,2)")
    rule = RowCheck("never", "false")
    table.load(sql, checks=(rule,))
    schema = Schema(
        (
            Field("id", parse_type("int")),
            Field("n", parse_type("decimal(5,2)")),
            Field("absent", parse_type("date")),
        )
    )
    source = TableSource(table.rejects_root, QUARANTINE, tuple(table.rejects))
    with table.engine.session() as session:
        session.bind("quarantine.t", source)
        found = session.query(session.json_rows("quarantine.t", "row", schema)).read_all()
    (row,) = found.to_pylist()
    assert (row["id"], str(row["n"]), row["absent"]) == (1, "1.50", None)


def test_files_of_other_writers_take_partition_values_from_the_log(
    engine: Engine, tmp_path: Path
) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    schema = Schema((Field("id", parse_type("bigint")), Field("p", parse_type("string"))))
    files = []
    for i, (folder, value) in enumerate(
        [("p=a%20b", "a b"), ("p=__HIVE_DEFAULT_PARTITION__", None), ("elsewhere", "")]
    ):
        path = f"{folder}/file-{i}.parquet"
        (tmp_path / folder).mkdir()
        pq.write_table(pa.table({"id": [i]}), tmp_path / path)
        files.append(DataFile(path, 1, 1, {"p": value}))
    for chosen in (files[:2], files):
        source = TableSource(str(tmp_path), schema, tuple(chosen), ("p",))
        expected = [{"id": 0, "p": "a b"}, {"id": 1, "p": None}, {"id": 2, "p": None}]
        assert read(engine, source) == expected[: len(chosen)]


def test_a_load_tells_how_far_it_is(table: Table, tmp_path: Path) -> None:
    table.load("select i as id, md5(cast(i as varchar)) as h from range(3000000) as t(i)")
    assert table.source is not None
    heard: list[int] = []
    target = Table(table.engine, str(tmp_path / "out"))
    with events.listening(
        lambda event: (
            heard.append(event.data["rows"]) if event.name == "step.progress" else None
        )
    ):
        target.load("select id, sha256(h) as h from x.t", bound={"x.t": table.source})
    assert heard[-1] == 3_000_000
    assert heard == sorted(heard)


@pytest.mark.s3
def test_every_load_works_in_a_bucket_and_leaves_nothing_behind(
    bucket: str, s3_options: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("duckdb_extension_httpfs")
    fill_a_bucket("duckdb", f"s3://{bucket}/lake", s3_options, str(tmp_path))


@pytest.mark.s3
@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("spark_engine")
def test_every_load_of_spark_works_in_a_bucket_and_leaves_nothing_behind(
    bucket: str,
    s3_options: dict[str, str],
    tmp_path: Path,
    unavailable: Callable[[str], NoReturn],
) -> None:
    """In a process of its own: the JVM that tests share has no jars that reach S3."""
    told = json.dumps(["spark", f"s3://{bucket}/lake", s3_options, str(tmp_path)])
    done = subprocess.run(
        [sys.executable, __file__, told],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    if "Spark found no repository that has org.apache.hadoop" in done.stderr:
        unavailable("hadoop-aws, with which Spark reaches S3,")
    assert done.returncode == 0, done.stderr[-4000:]


def fill_a_bucket(name: str, url: str, options: dict[str, str], folder: str) -> None:
    store = ObjectStore.open(url, options)
    engine = open_engine(
        name,
        temp_directory=f"{folder}/{name}",
        s3=store.s3_settings(),
        threads=2,
        memory_limit=1024**3,
        spark=SparkSettings(settings={"spark.sql.shuffle.partitions": "2"}),
    )
    table = Table(engine, f"{store.root}/{name} x")
    kept: set[str] = set()
    columns = "id int, part string, amount int, at int"
    first = [(1, "a/b", 5, 1), (1, "a/b", 6, 2), (2, None, 1, 1), (3, "ü", -1, 1)]
    for load in ("merge", "scd2"):
        keyed = {"load": load, "key": ("id",), "latest_by": "at", "checks": (POSITIVE,)}
        keyed["partition_by"] = ("part",)
        table.source = None
        second = [(1, "c", 9, 3), (2, None, 1, 1)]
        for rows in (first, second):
            staged = table.load(values(rows, columns), **keyed)
            kept |= {file.path for file in staged.added}
        assert table.source is not None
        assert not table.load(values([], columns), **keyed).added
        with engine.session() as session:
            done = session.delete(table.source, table.root, "id = 2")
        assert done.deleted_rows == 1
        kept |= {file.path for file in done.added}
        told = {(row["id"], row["amount"]) for row in table.rows()}
        assert told == ({(1, 9), (2, 1)} | ({(1, 5), (1, 6)} if load == "scd2" else set()))
    assert len(table.rejected()) == 2
    listed = {info.path for info in store.child(f"{name} x/table").list()}
    assert listed == kept, "files that only served on the way are deleted"
    engine.close()


# Laws

KEYS = st.one_of(st.none(), st.integers(0, 3))
MOMENTS = st.one_of(st.none(), st.integers(0, 3))
ROWS = st.lists(
    st.tuples(KEYS, st.sampled_from("ab"), st.integers(-1, 2), MOMENTS), max_size=12
)
COLUMNS = "id int, name string, amount int, at int"
CUTS = st.lists(st.integers(0, 12), max_size=2)
# A load takes Spark a second, and DuckDB some milliseconds.
EXAMPLES = {"duckdb": 20, "spark": 3}


@pytest.fixture(
    scope="module",
    params=["duckdb", pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.slow])],
)
def shared(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "spark":
        yield request.getfixturevalue("spark_engine")
        return
    with tempfile.TemporaryDirectory() as scratch:
        opened = open_engine(request.param, temp_directory=f"{scratch}/s", threads=2)
        yield opened
        opened.close()


def law(**strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """Let a test hold for any rows, on each engine."""

    def on_each(test: Callable[..., None]) -> Callable[[Engine], None]:
        def hold(shared: Engine) -> None:
            def example(**drawn: Any) -> None:
                test(shared, **drawn)

            example.__qualname__ = f"{test.__qualname__}-{shared.name}"
            settings(max_examples=EXAMPLES[shared.name])(given(**strategies)(example))()

        hold.__name__, hold.__doc__ = test.__name__, test.__doc__
        return hold

    return on_each


def batches(rows: list[Any], cuts: list[int]) -> list[list[Any]]:
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    return [rows[a:b] for a, b in pairwise(edges)]


def bag(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(repr(row) for row in rows)


@law(rows=ROWS, cuts=CUTS)
def test_merging_in_batches_equals_merging_at_once(
    shared: Engine, rows: list[Any], cuts: list[int]
) -> None:
    merge = {"load": "merge", "key": ("id",), "latest_by": "at", "checks": (POSITIVE,)}
    with tempfile.TemporaryDirectory() as folder:
        once, many = Table(shared, f"{folder}/once"), Table(shared, f"{folder}/many")
        once.load(values(rows, COLUMNS), **merge, partition_by=("name",))
        for batch in batches(rows, cuts):
            many.load(values(batch, COLUMNS), **merge, partition_by=("name",))
        assert bag(many.rows()) == bag(once.rows())
        assert bag(many.rejected()) == bag(once.rejected())
        for row in rows:
            if row[0] is not None and row[2] > 0:
                assert row[0] in {kept["id"] for kept in once.rows()}


@law(rows=ROWS, cuts=CUTS)
def test_versions_loaded_in_order_equal_versions_loaded_at_once(
    shared: Engine, rows: list[Any], cuts: list[int]
) -> None:
    seen = {(row[0], row[3]): row for row in rows}
    ordered = sorted(seen.values(), key=lambda row: (row[3] is None, row[3] or 0))
    scd2 = {"load": "scd2", "key": ("id",), "latest_by": "at", "checks": (POSITIVE,)}
    with tempfile.TemporaryDirectory() as folder:
        once, many = Table(shared, f"{folder}/once"), Table(shared, f"{folder}/many")
        once.load(values(ordered, COLUMNS), **scd2)
        for batch in batches(ordered, cuts):
            many.load(values(batch, COLUMNS), **scd2)
        assert bag(many.rows()) == bag(once.rows())
        assert bag(many.rejected()) == bag(once.rejected())
        current = [row["id"] for row in many.rows() if row["is_current"]]
        assert len(current) == len(set(current))


@law(rows=ROWS, cuts=CUTS)
def test_appending_in_batches_loses_and_doubles_nothing(
    shared: Engine, rows: list[Any], cuts: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        many = Table(shared, folder)
        for batch in batches(rows, cuts):
            many.load(values(batch, COLUMNS), checks=(POSITIVE,), partition_by=("at",))
        names = ("id", "name", "amount", "at")
        good = [dict(zip(names, row, strict=True)) for row in rows if row[2] > 0]
        assert bag(many.rows()) == bag(good)
        assert len(many.rejected()) == len(rows) - len(good)


@law(rows=ROWS, cuts=CUTS)
def test_recomputing_touched_partitions_equals_computing_all(
    shared: Engine, rows: list[Any], cuts: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        once, many = Table(shared, f"{folder}/once"), Table(shared, f"{folder}/many")
        so_far: list[Any] = []
        for batch in batches(rows, cuts):
            so_far += batch
            touched = {row[3] for row in batch}
            affected = [row for row in so_far if row[3] in touched]
            many.load(
                values(affected, COLUMNS),
                "partitions",
                partition_by=("at",),
                replaced_partitions=tuple(
                    {"at": None if at is None else str(at)} for at in touched
                ),
            )
        once.load(values(rows, COLUMNS), "replace", partition_by=("at",))
        assert bag(many.rows()) == bag(once.rows())


@law(rows=ROWS)
def test_a_plain_select_over_files_gives_what_literal_rows_give(
    shared: Engine, rows: list[Any]
) -> None:
    """A plain SELECT is judged by a pass of its own; the result must not depend on it."""
    with tempfile.TemporaryDirectory() as folder:
        source = Table(shared, f"{folder}/source")
        source.load(values(rows, COLUMNS))
        loads = ("merge", "replace", "scd2") if shared.name == "duckdb" else ("merge",)
        for load in loads:
            keyed = {"load": load, "key": ("id",), "latest_by": "at", "checks": (POSITIVE,)}
            plain, other = (
                Table(shared, f"{folder}/a{load}"),
                Table(shared, f"{folder}/b{load}"),
            )
            assert source.source is not None
            bound = {"bronze.t": replace(source.source, evolved=False)}
            one = plain.load("select * from bronze.t", bound=bound, **keyed)
            two = other.load(values(rows, COLUMNS), **keyed)
            assert bag(plain.rows()) == bag(other.rows())
            assert bag(plain.rejected()) == bag(other.rejected())
            assert (one.written, one.superseded) == (two.written, two.superseded)


if __name__ == "__main__":
    fill_a_bucket(*json.loads(sys.argv[1]))
