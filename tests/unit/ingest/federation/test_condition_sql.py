"""Conditions in the words of other systems: nothing that a caller writes ends a literal."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar
from lakeworks.engines.remote_conditions import ColumnTest, Either, Every
from lakeworks.ingest.federation.condition_sql import (
    ConditionSql,
    MySqlConditions,
    PostgresConditions,
    SqliteConditions,
)
from lakeworks.ingest.federation.connector import RemoteColumn, RemoteTable, lake_name
from lakeworks.project.catalog_declaration import FederatedCatalog
from lakeworks.project.declaration import Location

CATALOG = FederatedCatalog("crm", Location("catalogs/crm.yml", 1), "sqlite", {"crm": "main"})
KINDS = {
    "id": "integer", "name": "text", "odd": "", "when": "date", "at": "timestamp with time zone",
    "x": "double precision", "paid": "numeric", "key": "uuid", "other": "collated",
}  # fmt: skip


def table(**kinds: str) -> RemoteTable:
    columns = (RemoteColumn(Field(n, Scalar("string")), n, kind) for n, kind in kinds.items())
    return RemoteTable(TableName("crm", "t"), CATALOG, "main", "t", tuple(columns))


def postgres(condition: ColumnTest | Every | Either, *, utf8: bool = True) -> str:
    return PostgresConditions(utf8=utf8).where(condition, table(**KINDS))


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (ColumnTest("id", "=", (5,)), '"id" = 5'),
        (ColumnTest("paid", ">", (Decimal("1.50"),)), '"paid" > 1.50'),
        (ColumnTest("x", "<", (0.5,)), "\"x\" < '0.5'::float8"),
        (ColumnTest("when", "=", (date(2026, 1, 2),)), "\"when\" = DATE '2026-01-02'"),
        (ColumnTest("at", ">=", (datetime(2026, 1, 2, tzinfo=UTC),)),
         "\"at\" >= TIMESTAMPTZ '2026-01-02 00:00:00.000000+00'"),
        (ColumnTest("name", "=", ("x y",)), "\"name\" IN ('x y')"),
        (ColumnTest("name", "=", ("it's",)),
         "\"name\" IN (convert_from(decode('69742773', 'hex'), 'UTF8'))"),
        (ColumnTest("name", ">", ("b",)), '("name")::text COLLATE "C" > \'b\''),
        (ColumnTest("name", "prefix", ("ab",)), "\"name\" LIKE 'ab%'"),
        (ColumnTest("other", "=", ("b",)), "\"other\" IN ('b')"),
        (ColumnTest("odd", "is null"), '"odd" IS NULL'),
    ],
)  # fmt: skip
def test_a_test_is_written_in_postgresqls_dialect(test: ColumnTest, expected: str) -> None:
    assert postgres(test) == f" WHERE ({expected})"


@pytest.mark.parametrize(
    "test",
    [
        ColumnTest("odd", "=", (1,)), ColumnTest("name", "<>", ("a",)),
        ColumnTest("other", ">", ("a",)), ColumnTest("key", "=", ("ABC",)),
        ColumnTest("name", "prefix", ("a_b",)), ColumnTest("id", "=", (0.5,)),
        ColumnTest("absent", "=", (1,)), ColumnTest("when", "=", (datetime(2026, 1, 1, tzinfo=UTC),)),
        Either((ColumnTest("id", "=", (1,)), ColumnTest("odd", "=", (1,)))),
    ],
)  # fmt: skip
def test_what_might_be_judged_otherwise_is_not_asked(test: ColumnTest | Either) -> None:
    assert postgres(test) == ""


def test_the_order_of_texts_is_asked_of_utf8_alone() -> None:
    assert postgres(ColumnTest("name", ">", ("b",)), utf8=False) == ""


@pytest.mark.parametrize(
    "system", [PostgresConditions(utf8=True), MySqlConditions(), SqliteConditions()]
)
@given(
    text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
)
def test_no_text_ends_the_literal_that_it_stands_in(system: ConditionSql, text: str) -> None:
    for operator in ("=", "prefix", ">="):
        written = system.where(ColumnTest("name", operator, (text,)), table(**KINDS))
        # Without its literals, what is left is ours: names, operators, functions.
        left = written.split("'")
        assert len(left) % 2 == 1
        assert all("\\" not in part and part.isascii() for part in left)
        plain = "".join(left[0::2])
        assert not any(mark in plain for mark in (";", "--", "/*", "#"))


def test_letters_that_a_system_cannot_hold_are_not_asked_for() -> None:
    test = ColumnTest("name", "in", ("a", "Ä"))
    assert postgres(test, utf8=False) == ""
    assert MySqlConditions().where(test, table(name="narrow")) == ""
    assert MySqlConditions().where(test, table(name="text")) != ""
    plain = ColumnTest("name", "=", ("a",))
    assert postgres(plain, utf8=False) != ""
    assert MySqlConditions().where(plain, table(name="narrow")) != ""


def test_years_have_four_digits() -> None:
    test = ColumnTest("at", "<", (datetime(33, 4, 3, tzinfo=UTC),))
    assert "TIMESTAMPTZ '0033-04-03 00:00:00.000000+00'" in postgres(test)


def test_texts_reach_mysql_as_digits_alone() -> None:
    test = ColumnTest("name", "in", ("a'b", "c\\"))
    assert MySqlConditions().where(test, table(name="text")) == (
        " WHERE (`name` IN (_utf8mb4 X'612762', _utf8mb4 X'635c'))"
    )


def test_names_are_quoted_whatever_they_hold() -> None:
    test = ColumnTest('a"b`c', "is null")
    odd = table(**{'a"b`c': ""})
    assert PostgresConditions(utf8=True).where(test, odd) == ' WHERE ("a""b`c" IS NULL)'
    assert MySqlConditions().where(test, odd) == ' WHERE (`a"b``c` IS NULL)'


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("Orders", "orders"),
        ("order-items", "order_items"),
        ("2026 Daten!", "_2026_daten"),
        ("ü", "_"),
    ],
)
def test_remote_names_become_names_of_the_lake(remote: str, expected: str) -> None:
    assert lake_name(remote) == expected
