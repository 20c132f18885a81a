"""Which columns a query filters, joins and sorts by, and what its filters compare them with."""

from __future__ import annotations

import pytest

from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.project.sql_uses import query_uses

SCHEMA = Schema((
    Field("id", Scalar("bigint")), Field("city", Scalar("string")), Field("at", Scalar("timestamp")),
))  # fmt: skip
SCHEMAS = {"silver.orders": SCHEMA, "gold.daily": SCHEMA}


def compared(
    sql: str, table: str = "silver.orders"
) -> list[tuple[str, str, tuple[object, ...]]]:
    found = query_uses(sql, SCHEMAS).get(table)
    return list(found.comparisons) if found else []


def test_uses_are_told_by_kind_through_common_tables_and_joins() -> None:
    uses = query_uses(
        "with x as (select * from silver.orders where city = 'a') "
        "select d.city, count(*) from x join gold.daily d using (id) group by 1 order by d.city",
        SCHEMAS,
    )
    assert uses["silver.orders"].columns["filter"] == ("city",)
    assert uses["silver.orders"].columns["join"] == ("id",)
    assert uses["gold.daily"].columns["group"] == ("city",)


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("id = 5", [("id", "=", (5,))]),
        ("5 < ID", [("id", ">", (5,))]),
        ("o.id between -1 and 2.5", [("id", ">=", (-1,)), ("id", "<=", (2.5,))]),
        ("city in ('a', 'b') and id >= 1", [("city", "=", ("a", "b")), ("id", ">=", (1,))]),
        ("(id = 1) and (at < timestamp '2026-01-01')",
         [("id", "=", (1,)), ("at", "<", ("2026-01-01",))]),
        ("id = 1 or city = 'a'", []),
        ("not id = 1", []),
        ("id + 1 = 2", []),
        ("id = city", []),
        ("id in (1, null)", []),
    ],
)  # fmt: skip
def test_what_every_row_must_meet_is_found_and_nothing_else(
    where: str, wanted: list[object]
) -> None:
    assert compared(f"select * from silver.orders o where {where}") == wanted


def test_a_filter_behind_an_outer_join_is_the_outer_tables_only() -> None:
    sql = (
        "from silver.orders o left join gold.daily d on o.id = d.id where o.id = 1 and d.id = 2"
    )
    assert compared(f"select * {sql}") == [("id", "=", (1,))]
    assert compared(f"select * {sql}", "gold.daily") == []


def test_a_table_that_is_read_twice_has_no_filter_of_all_its_rows() -> None:
    sql = "select * from silver.orders where id = 1 union all select * from silver.orders"
    assert compared(sql) == []


def test_what_cannot_be_followed_has_no_uses() -> None:
    assert query_uses("select 1", SCHEMAS) == {}
    assert query_uses("select * from", SCHEMAS) == {}
