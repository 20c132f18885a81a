"""Names that a principal is told: tables, columns, lineage, runs, entries, queries, schemas."""

from __future__ import annotations

import pytest

from lakeworks.catalog.data_catalog.errors import EntryNotFoundError
from lakeworks.catalog.errors import (
    UnknownNamedQueryError,
    UnknownRunError,
    UnknownTableError,
)
from lakeworks.catalog.schema_registry.errors import UnknownSchemaError
from lakeworks.core.names import TableName
from lakeworks.lake import Lake
from lakeworks.permitted.lineage import GAP
from lakeworks.pipeline.errors import UnknownNodeError
from lakeworks.query.errors import NoPermissionsError

ANA = ["gold.by_region", "gold.daily", "gold.later", "silver.customers", "silver.orders"]
REST = ["raw.clicks", "silver.customers", "silver.orders"]


def test_tables_are_those_that_may_be_known_of(lake: Lake) -> None:
    assert [str(one.name) for one in lake.as_principal("ana").tables.list()] == ANA
    assert [str(one.name) for one in lake.as_principal("dora").tables.list()] == [
        "gold.by_region", "silver.orders",
    ]  # fmt: skip
    assert lake.as_principal("nobody").tables.list() == []
    # A lake administrator knows of everything, and sees no value of it.
    assert len(lake.as_principal("lena").tables.list()) == len(lake.tables.list())


def test_a_lake_without_policies_has_no_views(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("open")
    (root / "lake.yml").write_text("name: open\nenvironments:\n  dev: {storage: .lake}\n")
    with Lake.open(root) as opened, pytest.raises(NoPermissionsError):
        opened.as_principal("ana")


def test_what_is_hidden_is_cut_from_lineage_and_the_gap_is_told(lake: Lake) -> None:
    ana = lake.as_principal("ana")
    view = ana.lineage.view("gold.daily", directions=["up"])
    assert set(view.nodes) == {"gold.daily", "silver.orders"}
    assert view.unresolved["gold.daily"] == (GAP,)
    column = ana.lineage.view("gold.daily.highest", directions=["up"])
    assert column.edges == []
    assert column.unresolved == {"gold.daily.highest": (GAP,)}
    assert {one for one, _ in column.influences} == {"silver.orders"}


def test_a_path_through_what_is_seen_is_told_as_to_the_owner(lake: Lake) -> None:
    ana, owner = lake.as_principal("ana"), lake.lineage
    seen = ana.lineage.view("gold.by_region.amount", directions=["up"], depth=1)
    assert seen.edges == owner.view("gold.by_region.amount", directions=["up"], depth=1).edges
    assert [one.table for one in ana.lineage.impact("silver.orders", "amount")] == [
        "gold.by_region", "gold.later",
    ]  # fmt: skip


def test_lineage_of_a_hidden_column_is_that_of_an_absent_one(lake: Lake) -> None:
    ana = lake.as_principal("ana").lineage
    with pytest.raises(UnknownNodeError) as hidden:
        ana.find("silver.customers.zqsalary")
    with pytest.raises(UnknownNodeError) as absent:
        ana.find("silver.customers.zqsalaxx")
    assert str(hidden.value).replace("zqsalary", "c") == str(absent.value).replace(
        "zqsalaxx", "c"
    )


def test_tags_keep_their_values_and_lose_origins_that_are_hidden(lake: Lake) -> None:
    tags = lake.as_principal("role:analyst").lineage.tags
    (origin,) = tags["silver.customers"]["email"]["pii"]
    assert (origin.value, origin.table, origin.column) == ("email", "silver.customers", "email")
    assert "zqsalary" not in tags["silver.customers"]
    assert "bronze.people" not in tags


def test_search_finds_and_ranks_by_what_may_be_known(lake: Lake) -> None:
    ana, owner = lake.as_principal("ana").catalog.data_catalog, lake.catalog.data_catalog
    assert str(ana.search("orders")[0].table) == "silver.orders"
    # By the column zqsalary alone.
    assert "silver.customers" in {str(one.table) for one in owner.search("zqsalary")}
    assert ana.search("zqsalary") == []
    assert ana.search("zqkeeper") == []
    (hit,) = ana.search("customers zqsalary")
    assert not hit.complete
    assert all(one.column != "zqsalary" for one in hit.matches)
    assert len(ana.search("o", limit=1)) == 1


def test_entries_tell_names_types_and_tags_and_no_place(lake: Lake) -> None:
    entry = lake.as_principal("ana").catalog.data_catalog.get_table(
        TableName("silver", "customers")
    )
    assert [one.name for one in entry.columns] == [
        "customer_id", "name", "email", "joined", "region",
    ]  # fmt: skip
    assert entry.storage.location == ""
    assert set(entry.parameters) == {"classification"}
    assert entry.columns[2].tags == {"pii": "email"}
    clicks = lake.as_principal("ana").catalog.data_catalog.get_table(TableName("raw", "clicks"))
    assert [one.name for one in clicks.columns] == ["id"]
    assert clicks.partition_keys == ()


def test_databases_are_those_with_something_to_know(lake: Lake) -> None:
    ana = lake.as_principal("ana").catalog.data_catalog
    assert [one.name for one in ana.list_databases()] == ["gold", "raw", "silver"]
    with pytest.raises(EntryNotFoundError, match="no database 'bronze'"):
        ana.get_database("bronze")
    assert lake.as_principal("nobody").catalog.data_catalog.list_databases() == []


def test_pages_of_tables_are_full_pages_of_what_may_be_known(lake: Lake) -> None:
    ana = lake.as_principal("ana").catalog.data_catalog
    first = ana.list_tables(limit=2)
    assert [str(one.name) for one in first] == ["gold.by_region", "gold.daily"]
    rest = ana.list_tables(after=str(first[-1].name), limit=9)
    assert [str(one.name) for one in rest] == ["gold.eyes", "gold.later", *REST]


def test_runs_are_told_by_the_tables_that_may_be_known(lake: Lake) -> None:
    ana = lake.as_principal("ana").catalog
    newest = ana.runs(1)[0]
    # What failed is a table that was never published: it may not be known of.
    assert lake.catalog.runs(1)[0].status == "failed"
    assert newest.status == "nothing to do"
    assert {step["table"] for step in newest.report["steps"]} == set(ANA)
    assert newest.host == ""
    steps = {step["table"]: step for step in ana.runs(9)[-1].report["steps"]}
    assert steps["silver.orders"]["rows_written"] == 43
    assert steps["silver.customers"]["rows_written"] is None
    assert steps["gold.daily"]["reads"] == [
        {"name": "silver.orders", "version": 0, "since": None}
    ]
    assert {one for run in ana.snapshots() for one in map(str, run.tables)} == set(ANA)


def test_a_run_that_touched_nothing_known_is_not_there(lake: Lake) -> None:
    nobody = lake.as_principal("nobody").catalog
    assert nobody.runs() == []
    assert nobody.snapshots() == []
    with pytest.raises(UnknownRunError):
        nobody.run(lake.catalog.runs(1)[0].run_id)


def test_named_queries_are_those_that_could_be_asked(lake: Lake) -> None:
    names = {
        who: [one.name for one in lake.as_principal(who).catalog.named_queries.list()]
        for who in ("ana", "dora", "role:regional", "cleo")
    }
    assert names["ana"] == ["people", "revenue"]
    assert names["dora"] == names["role:regional"] == []
    assert names["cleo"] == ["pay", "people", "revenue", "zqcodes"]
    with pytest.raises(UnknownNamedQueryError):
        lake.as_principal("ana").catalog.named_queries.get("pay")


def test_a_schema_of_records_is_there_for_who_knows_its_table_whole(lake: Lake) -> None:
    lake.catalog.schema_registry.create_schema(
        "unused", '{"type": "string"}', data_format="AVRO"
    )
    assert lake.as_principal("cleo").catalog.schema_registry.list_schemas() == []
    (kept,) = lake.as_principal("lena").catalog.schema_registry.list_schemas()
    assert kept.name == "unused"
    registry = lake.as_principal("ana").catalog.schema_registry
    for ask in (
        registry.get_schema,
        registry.list_schema_versions,
        registry.get_schema_version,
    ):
        with pytest.raises(UnknownSchemaError, match="has no schema 'unused'"):
            ask("unused")


def test_the_site_tells_what_may_be_known_and_shows_sql_of_what_is_seen(lake: Lake) -> None:
    ana = lake.as_principal("ana").site.facts()
    assert set(ana.tables) == {*ANA, "raw.clicks", "gold.eyes"}
    assert ana.tables["gold.eyes"].code is None
    assert ana.tables["gold.by_region"].code is not None
    assert ana.tables["gold.daily"].code is None
    assert ana.tables["silver.orders"].code is None
    assert ana.tables["silver.orders"].state.rows == 43
    assert ana.tables["silver.customers"].state.rows is None
    assert ana.tables["silver.customers"].partitions == ()
    assert ana.seen_by == "user:ana"
    regional = lake.as_principal("role:regional").site.facts()
    assert [one.name for one in regional.tables["silver.customers"].columns] == [
        "customer_id", "region",
    ]  # fmt: skip
    owner = lake.site.facts()
    cleo = lake.as_principal("cleo").site.facts()
    assert cleo.tables["gold.daily"].code == owner.tables["gold.daily"].code
    assert cleo.tables["silver.customers"].quality == owner.tables["silver.customers"].quality


def test_which_tables_there_were_once_is_not_told(lake: Lake) -> None:
    first = lake.catalog.snapshots()[-1].created_at
    ana = lake.as_principal("ana").tables
    assert ana.show("silver.orders", at=first).version == 0
    with pytest.raises(UnknownTableError) as refused:
        ana.show("gold.later", at=first)
    assert "zq" not in str(refused.value)
    with pytest.raises(UnknownTableError, match="readers did not see"):
        lake.tables.show("gold.later", at=first)


def test_queries_that_were_asked_are_ones_own_and_an_administrators_to_see(lake: Lake) -> None:
    asked = {
        who: [one.sql for one in lake.as_principal(who).catalog.query_executions.recent()]
        for who in ("ana", "dora", "lena")
    }
    assert asked["ana"] == ["select 1 as own"]
    assert asked["dora"] == []
    assert len(asked["lena"]) == 2
