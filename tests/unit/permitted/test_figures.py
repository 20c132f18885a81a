"""Figures that a principal is told are those of what it sees."""

from __future__ import annotations

import pytest
from canary_lake import ALL_PEOPLE, EU_ROWS, ORDER_ROWS, REJECTED_ROWS

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.names import TableName
from lakeworks.lake import Lake
from lakeworks.permitted.errors import NotPermittedError
from lakeworks.pipeline.errors import ReplayError

CUSTOMERS = TableName("silver", "customers")


def test_rows_are_counted_over_the_rows_that_are_seen(lake: Lake) -> None:
    assert lake.tables.show("silver.customers").rows == ALL_PEOPLE
    assert lake.as_principal("ana").tables.show("silver.customers").rows == EU_ROWS
    assert lake.as_principal("dora").tables.show("silver.orders").rows is None
    assert lake.as_principal("cleo").tables.show("silver.customers").rows == ALL_PEOPLE


def test_whoever_sees_a_table_whole_is_told_what_its_owner_is(lake: Lake) -> None:
    owners, seen = (
        lake.tables.show("silver.orders"),
        lake.as_principal("ana").tables.show("silver.orders"),
    )
    for name in ("rows", "size_bytes", "files", "schema", "partitions", "version", "kept"):
        assert getattr(seen, name) == getattr(owners, name)
    cleo = lake.as_principal("cleo")
    for table in ("silver.orders", "silver.customers", "gold.daily"):
        seen_score, score = cleo.quality.score(table), lake.quality.score(table)
        for name in ("rows", "score", "trend", "accuracy", "duplicates"):
            assert getattr(seen_score, name) == getattr(score, name)
        assert seen_score.left_out == ()
    assert cleo.quality.history("silver.customers") == lake.quality.history("silver.customers")
    theirs, ours = (one.quality.profile("silver.customers").columns for one in (cleo, lake))
    for name in ("name", "nulls", "distinct", "minimum", "maximum", "top_values", "patterns"):
        assert [getattr(one, name) for one in theirs] == [getattr(one, name) for one in ours]


def test_what_is_left_out_is_named(lake: Lake) -> None:
    found = lake.as_principal("ana").tables.show("silver.customers")
    assert {"size_bytes", "files", "partitions", "quarantined_rows", "score"} <= set(
        found.left_out
    )
    assert (found.size_bytes, found.files, found.partitions) == (None, None, ())
    assert (found.quarantined_rows, found.score, found.location) == (None, None, "")
    (listed,) = [one for one in lake.as_principal("ana").tables.list() if one.name == CUSTOMERS]
    assert (listed.rows, listed.left_out) == (None, ("rows", "size_bytes"))
    score = lake.as_principal("ana").quality.score("silver.customers")
    assert score.left_out == ("score", "trend", "accuracy")
    assert (score.score, score.trend, score.accuracy) == (None, (), None)


def test_a_profile_is_of_masked_values_and_filtered_rows(lake: Lake) -> None:
    found = lake.as_principal("ana").quality.profile("silver.customers")
    assert found.rows == EU_ROWS
    assert [one.name for one in found.columns] == [
        "customer_id", "name", "email", "region", "joined",
    ]  # fmt: skip
    assert found.column("email").top_values == (("[redacted]", 1.0),)
    assert found.column("region").distinct == 1
    assert found.column("customer_id").maximum == EU_ROWS


def test_suggested_rules_hold_for_what_is_seen(lake: Lake) -> None:
    rules = [one.rule for one in lake.as_principal("ana").quality.suggest("silver.customers")]
    assert 'ColumnValues "region" in ["EU"]' in rules
    assert not any("zqsalary" in rule for rule in rules)


def test_completeness_counts_the_columns_that_are_seen(lake: Lake) -> None:
    assert lake.as_principal("ana").quality.score("silver.customers").completeness == 1.0
    # A left join on a table that ana does not see left its column null.
    assert lake.as_principal("ana").quality.score("gold.daily").completeness == pytest.approx(
        2 / 3
    )


def test_statistics_are_told_of_columns_that_are_seen_as_they_are(lake: Lake) -> None:
    everything = {one.column for one in lake.entries.statistics(CUSTOMERS)}
    assert "zqsalary" in everything
    assert lake.as_principal("ana").entries.statistics(CUSTOMERS) == []
    orders = TableName("silver", "orders")
    seen = lake.as_principal("ana").entries.statistics(orders)
    assert [one.as_json() for one in seen] == [
        one.as_json() for one in lake.entries.statistics(orders)
    ]
    # Masked for nobody but kept from no row: only the masked column is left out.
    cleo = {one.column for one in lake.as_principal("cleo").entries.statistics(CUSTOMERS)}
    assert cleo == everything


def test_partitions_are_told_to_whoever_sees_every_row(lake: Lake) -> None:
    assert lake.as_principal("ana").entries.partitions(CUSTOMERS) == []
    orders = lake.as_principal("ana").entries.partitions(TableName("silver", "orders"))
    assert sorted(one.values for one in orders) == [("EU",), ("US",)]
    assert all(one.location == "" for one in orders)


def test_rejected_rows_are_those_of_a_table_with_grants_of_its_own(lake: Lake) -> None:
    (rejected,) = lake.as_principal("cleo").pipeline.quarantine()
    assert (rejected.table, rejected.rows) == ("silver.customers", REJECTED_ROWS)
    assert lake.as_principal("ana").pipeline.quarantine() == []
    with pytest.raises(ReplayError):
        lake.as_principal("ana").pipeline.quarantined_rows("silver.customers")
    rows = lake.as_principal("cleo").pipeline.quarantined_rows("silver.customers", limit=3)
    assert rows.num_rows == 3
    assert rows.equals(lake.pipeline.quarantined_rows("silver.customers", limit=3))


def test_who_may_only_describe_is_told_names_and_no_value(lake: Lake) -> None:
    dora = lake.as_principal("dora")
    found = dora.tables.show("silver.orders")
    assert found.schema.names == ("order_id", "amount", "region")
    assert (found.rows, found.kept, found.partitions, found.bookmarks) == (None, (), (), {})
    for ask in (
        dora.quality.profile,
        dora.quality.score,
        dora.quality.suggest,
        dora.quality.history,
    ):
        with pytest.raises(NotPermittedError, match="user:dora may not SELECT"):
            ask("silver.orders")
    assert dora.quality.scorecard() == []
    assert dora.entries.statistics(TableName("silver", "orders")) == []


def test_history_tells_rows_to_whoever_sees_the_table_whole(lake: Lake) -> None:
    ana = lake.as_principal("ana")
    assert [one.rows_added for one in ana.tables.history("silver.orders")] == [ORDER_ROWS]
    assert {one.rows_added for one in ana.tables.history("silver.customers")} == {None}
    with pytest.raises(UnknownTableError):
        ana.tables.history("silver.zqzq")


def test_an_earlier_version_is_described_under_the_permissions_of_now(lake: Lake) -> None:
    found = lake.as_principal("ana").tables.show("silver.customers@v0")
    assert found.version == 0
    assert found.rows is None
    assert "zqsalary" not in found.schema.names
