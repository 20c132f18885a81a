"""Queries over a lake on disk: what they see, and what they cannot reach."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lakeworks.catalog.errors import UnknownSnapshotError, UnknownTableError
from lakeworks.core.errors import LakeError, RequestError
from lakeworks.core.names import TableName
from lakeworks.engines.errors import (
    MissingFilesError,
    QueryTimeoutError,
    SqlError,
    StatementRefusedError,
)
from lakeworks.query.errors import UnqualifiedTableError
from lakeworks.storage.errors import VersionNotFoundError

if TYPE_CHECKING:
    from conftest import SmallLake


def ids(lake: SmallLake, sql: str, **options: object) -> list[int]:
    return [row["id"] for row in lake.query.sql(sql, **options).rows()]  # type: ignore[arg-type]


def test_a_query_sees_what_is_published_and_no_later_commit(lake: SmallLake) -> None:
    assert ids(lake, "select id from silver.orders") == [1, 2, 3, 4, 5, 6]


def test_a_version_of_a_table_is_read_whether_published_or_not(lake: SmallLake) -> None:
    assert ids(lake, "select orders.id from silver.orders@v0") == [1, 2]
    assert ids(lake, "select max(id) as id from silver.orders@v3") == [7]
    assert ids(
        lake, "select id from silver.orders@v1 except select id from silver.orders@v0"
    ) == [3]


def test_a_moment_shows_all_tables_as_they_were(lake: SmallLake) -> None:
    second = datetime(2026, 11, 2, 12, tzinfo=UTC)
    assert ids(lake, "select id from silver.orders", at=second) == [1, 2, 3]
    assert ids(lake, "select id from silver.orders", at=1) == [1, 2]


def test_a_table_that_did_not_exist_then_is_said_to_be_unseen(lake: SmallLake) -> None:
    with pytest.raises(UnknownTableError, match=r"readers did not see gold\.daily"):
        lake.query.sql("from gold.daily", at=1)
    with pytest.raises(UnknownSnapshotError):
        lake.query.sql("from gold.daily", at=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "sql",
    [
        "with o as (select * from silver.orders) select id from o where id = 1",
        "from silver.orders select id limit 1",
        "select o.id from silver.orders o join gold.daily d on d.id <> o.id where o.id = 1",
        "values (1) union all select id from SILVER.ORDERS where false order by 1",
        "select id from (pivot silver.orders on city in ('city 1') using max(1)) where id = 1",
        "select unnest([1]) as id;",
        "select id from range(1, 2) t(id)",
    ],
)
def test_every_form_of_a_select_is_answered(lake: SmallLake, sql: str) -> None:
    (row,) = lake.query.sql(sql).to_arrow().to_pylist()
    assert 1 in row.values()


def test_describe_summarize_and_explain_are_answered(lake: SmallLake) -> None:
    described = lake.query.sql("describe silver.orders").rows()
    assert [row["column_name"] for row in described] == ["id", "city"]
    assert len(lake.query.sql("summarize silver.orders").rows()) == 2
    explained = lake.query.sql("explain analyze select * from silver.orders").rows()
    assert "READ_PARQUET" in str(explained).upper()


def test_the_nearest_name_is_suggested_for_an_unknown_table(lake: SmallLake) -> None:
    with pytest.raises(UnknownTableError) as caught:
        lake.query.sql("select * from silver.ordes")
    assert caught.value.hint == "did you mean silver.orders?"
    with pytest.raises(UnqualifiedTableError) as unqualified:
        lake.query.sql("select * from orders")
    assert unqualified.value.hint == "did you mean silver.orders?"
    with pytest.raises(UnknownTableError):
        lake.query.sql("select * from silver.ordes@v1")


def test_a_version_that_does_not_exist_is_refused(lake: SmallLake) -> None:
    with pytest.raises(VersionNotFoundError):
        lake.query.sql("from silver.orders@v99")


def test_wrong_sql_is_refused_with_its_place(lake: SmallLake) -> None:
    with pytest.raises(SqlError) as caught:
        lake.query.sql("select id,\n  cty from silver.orders")
    assert (caught.value.line, caught.value.column) == (2, 3)
    assert "city" in caught.value.hint


@pytest.mark.parametrize(
    "sql",
    [
        "drop table silver.orders",
        "insert into silver.orders values (1, 'x')",
        "copy silver.orders to '/tmp/out.csv'",
        "explain analyze copy silver.orders to '/tmp/out.csv'",
        "explain /* /* */ select 1 */ copy silver.orders to '/tmp/out.csv'",
        "/* /* */ explain select 1 */ delete from silver.orders",
        "attach '/tmp/x.db'",
        "set enable_external_access = true",
        "pragma database_list",
        "call pragma_version()",
        "install httpfs",
        "select 1; select 2",
        "select 1; drop table silver.orders",
        "create table t as select 1",
        "show",
        "select * from read_csv('{folder}/secret.csv')",
        "select * from read_text('{folder}/secret.csv')",
        "select * from glob('{folder}/*')",
        "select * from sniff_csv('{folder}/secret.csv')",
        "select (select content from read_text('{folder}/secret.csv'))",
        "select * from read_parquet('{folder}/tables/silver/orders/*.parquet')",
        "select * from '{folder}/secret.csv'",
        "select * from query('select * from read_text(''{folder}/secret.csv'')')",
        "select * from duckdb_settings()",
        "select * from information_schema.tables",
        "",
        "-- nothing",
    ],
)
def test_whatever_is_no_query_over_tables_is_refused(lake: SmallLake, sql: str) -> None:
    with pytest.raises(RequestError):
        lake.query.sql(sql.replace("{folder}", str(lake.folder)))


def test_the_session_itself_reaches_no_other_file(lake: SmallLake) -> None:
    """What stands behind the gate: nothing is read or written even if SQL passed it."""
    orders = TableName.parse("silver.orders")
    source = lake.storage.table(orders).version(0).source(lake.storage.table_root(orders))
    with lake.engine.query_session({"silver.orders": source}) as session:
        assert session.query("select * from silver.orders").read_all().num_rows == 2
        for sql in (
            f"select * from read_csv('{lake.folder}/secret.csv')",
            f"select * from read_text('{lake.folder}/secret.csv')",
            f"select * from glob('{lake.folder}/*')",
            f"select * from read_parquet('{source.root}/*.parquet')",
            f"select * from read_parquet('{source.root}/part-1.parquet')",
            f"copy (select 1) to '{lake.folder}/out.csv'",
            f"attach '{lake.folder}/x.db'",
            "set enable_external_access = true",
            "set allowed_paths = ['/etc/passwd']",
            "load json",
        ):
            with pytest.raises(LakeError):
                session.query(sql).read_all()
    assert not (lake.folder / "out.csv").exists()


def test_a_data_file_that_is_gone_is_named(lake: SmallLake) -> None:
    daily = TableName.parse("gold.daily")
    source = lake.storage.table(daily).version(0).source(str(lake.folder / "elsewhere"))
    with pytest.raises(MissingFilesError):
        lake.engine.query_session({"gold.daily": source})


def test_a_query_over_its_time_is_stopped(lake: SmallLake) -> None:
    slow = "select sum(sqrt(a.range + b.range)) from range(10000000) a, range(10000000) b"
    with pytest.raises(QueryTimeoutError, match=r"time limit of 0\.05 s\n"):
        lake.query.sql(slow, timeout_s=0.05).rows()


def test_a_limit_stops_after_so_many_rows(lake: SmallLake) -> None:
    assert ids(lake, "select id from silver.orders order by id desc", limit=2) == [6, 5]
    assert ids(lake, "select id from silver.orders", limit=0) == []


def test_results_do_not_disturb_each_other(lake: SmallLake) -> None:
    first = lake.query.sql("select id from silver.orders@v0")
    second = lake.query.sql("select id from silver.orders@v1")
    assert second.to_arrow().num_rows == 3
    assert first.to_arrow().num_rows == 2


def test_refusals_say_what_a_query_is(lake: SmallLake) -> None:
    with pytest.raises(StatementRefusedError) as caught:
        lake.query.sql("update silver.orders set id = 1")
    assert str(caught.value).startswith(
        "a query cannot be UPDATE\n  hint: rows change by a model"
    )
