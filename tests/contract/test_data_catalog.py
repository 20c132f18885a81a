"""What the data catalog does, on SQLite and on a real PostgreSQL server alike."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from lakeworks.catalog import Catalog
from lakeworks.catalog.data_catalog import (
    AllOf,
    AnyOf,
    Column,
    Comparison,
    DatabaseEntry,
    DataCatalog,
    Negation,
    PartitionEntry,
    StorageDescriptor,
    TableEntry,
)
from lakeworks.catalog.data_catalog.column_statistics import ColumnStatistics
from lakeworks.catalog.data_catalog.errors import (
    EntryChangedError,
    EntryExistsError,
    EntryNotFoundError,
    EntryRefusedError,
    PartitionFilterError,
)
from lakeworks.catalog.data_catalog.expression import parsed
from lakeworks.catalog.data_catalog.managed import Declared, Published
from lakeworks.catalog.data_catalog.model import HIVE_NULL, with_tags
from lakeworks.catalog.data_catalog.views import View, ViewColumn
from lakeworks.catalog.migrate import SCRIPTS
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.project.declaration import ColumnNote

CLICKS = TableName("raw", "clicks")
ORDERS = TableName("silver", "orders")


@pytest.fixture
def data(catalog: Catalog) -> DataCatalog:
    return catalog.data_catalog


def clicks(**changes: Any) -> TableEntry:
    entry = TableEntry(
        CLICKS,
        description="Clicks of the web shop",
        owner="web team",
        storage=StorageDescriptor(
            columns=(
                Column("user_id", "bigint"),
                Column("page", "string", "The page's address"),
            ),
            location="s3://raw/clicks",
        ),
        partition_keys=(Column("year", "int"), Column("region", "string")),
        parameters={"classification": "csv"},
    )
    return replace(entry, **changes)


def part(year: object, region: str = "eu") -> PartitionEntry:
    values = (str(year), region)
    return PartitionEntry(values, StorageDescriptor(location="/".join(values)))


# --- databases


def test_a_database_is_made_read_changed_and_deleted(data: DataCatalog) -> None:
    made = data.create_database(DatabaseEntry("Raw", "What came", parameters={"a": "b"}))
    assert (made.name, made.description, dict(made.parameters)) == (
        "raw",
        "What came",
        {"a": "b"},
    )
    assert data.get_database("RAW") == made
    data.update_database(replace(made, description="What arrived"))
    assert [one.description for one in data.list_databases()] == ["What arrived"]
    data.delete_database("raw")
    assert data.list_databases() == []


def test_a_database_exists_once_and_a_misspelt_one_is_answered_with_the_nearest(
    data: DataCatalog,
) -> None:
    data.create_database(DatabaseEntry("marketing"))
    with pytest.raises(EntryExistsError, match="database marketing"):
        data.create_database(DatabaseEntry("Marketing"))
    with pytest.raises(EntryNotFoundError, match="did you mean marketing"):
        data.get_database("marketng")


def test_a_deleted_database_takes_its_tables_along(data: DataCatalog) -> None:
    data.put_table(clicks())
    data.put_partitions(CLICKS, [part(2026)])
    data.delete_database("raw")
    assert data.table_names() == []
    assert data.search("clicks") == []
    assert data.put_table(clicks()).version == 0
    assert data.partitions(CLICKS) == []


# --- tables and versions


def test_a_table_comes_back_as_it_was_put(data: DataCatalog) -> None:
    made = data.put_table(clicks(), by="ann", reason="first look")
    assert (made.version, made.updated_by, made.reason) == (0, "ann", "first look")
    assert made.created_at == made.updated_at is not None
    assert made.columns == clicks().columns
    assert made.classification == "csv"
    assert data.get_table(TableName("RAW", "Clicks")) == made
    assert data.find_table(TableName("raw", "nothing")) is None


def test_a_table_needs_a_database_unless_it_is_put(data: DataCatalog) -> None:
    with pytest.raises(EntryNotFoundError, match="no database 'raw'"):
        data.create_table(clicks())
    data.put_table(clicks())
    assert [one.name for one in data.list_databases()] == ["raw"]
    with pytest.raises(EntryExistsError, match=r"table raw\.clicks"):
        data.create_table(clicks())


def test_every_change_makes_a_version_with_who_and_why(data: DataCatalog) -> None:
    data.put_table(clicks(), by="ann", reason="made")
    wider = replace(
        clicks().storage, columns=(*clicks().storage.columns, Column("at", "timestamp"))
    )
    data.put_table(clicks(storage=wider), by="bob", reason="the time")
    data.update_table(clicks(storage=wider, description="Clicks"), by="cid", reason="shorter")
    told = [(one.version, one.by, one.reason) for one in data.versions(CLICKS)]
    assert told == [(2, "cid", "shorter"), (1, "bob", "the time"), (0, "ann", "made")]
    assert [len(one.entry.storage.columns) for one in data.versions(CLICKS)] == [3, 3, 2]
    assert data.version(CLICKS, 1).entry.description == "Clicks of the web shop"
    assert data.version(CLICKS, 2).entry == data.get_table(CLICKS)
    ages = [one.at for one in data.versions(CLICKS)]
    assert ages == sorted(ages, reverse=True)


def test_putting_what_is_there_changes_nothing(data: DataCatalog) -> None:
    made = data.put_table(clicks(), reason="made")
    assert data.put_table(clicks(), reason="again") == made
    assert data.put_table(made, reason="again") == made
    assert len(data.versions(CLICKS)) == 1


def test_many_tables_are_put_at_once_or_none(data: DataCatalog) -> None:
    other = clicks(name=TableName("raw", "taps"), description="Taps")
    # The same table twice: the later entry changes the earlier.
    assert data.put_tables([clicks(), other, clicks(description="Later")], reason="all") == 3
    assert [one.version for one in data.versions(CLICKS)] == [1, 0]
    assert [hit.table for hit in data.search("later")] == [CLICKS]
    assert data.put_tables([clicks(description="Later"), other]) == 0
    with pytest.raises(EntryRefusedError):
        data.put_tables([clicks(description="Never"), clicks(name=TableName("raw", ""))])
    assert data.get_table(CLICKS).description == "Later"
    shouted = TableName("RAW", "Clicks")
    parts = {CLICKS: [part(1), part(2)], shouted: [part(2)], other.name: [part(3)]}
    assert data.put_partitions_of(parts) == 3
    assert (data.count_partitions(CLICKS), data.count_partitions(other.name)) == (2, 1)
    with pytest.raises(EntryNotFoundError):
        data.put_partitions_of({CLICKS: [part(9)], TableName("raw", "no"): [part(1)]})
    assert data.count_partitions(CLICKS) == 2


def test_statistics_alone_make_no_version(data: DataCatalog) -> None:
    made = data.put_table(clicks(), by="ann", reason="made")
    counted = {**made.parameters, "recordCount": "7", "sizeKey": "99"}
    told = data.put_table(replace(made, parameters=counted), by="crawler", reason="counted")
    assert (told.version, told.updated_by, told.reason) == (0, "ann", "made")
    assert told.parameters["recordCount"] == "7"
    changed = data.put_table(replace(told, parameters={**counted, "delimiter": ";"}))
    assert changed.version == 1


def test_an_update_from_an_old_version_is_refused_and_changes_nothing(
    data: DataCatalog,
) -> None:
    read = data.put_table(clicks())
    data.update_table(replace(read, description="Hers"), by="ann", version=read.version)
    with pytest.raises(EntryChangedError, match="at version 0, but is at 1, by ann") as told:
        data.update_table(replace(read, description="His"), version=read.version)
    assert told.value.retryable
    assert data.get_table(CLICKS).description == "Hers"
    assert len(data.versions(CLICKS)) == 2


def test_an_update_that_skips_the_archive_keeps_no_earlier_entry(data: DataCatalog) -> None:
    data.put_table(clicks())
    updated = data.update_table(clicks(description="New"), skip_archive=True)
    assert updated.version == 1
    assert [one.version for one in data.versions(CLICKS)] == [1]
    with pytest.raises(EntryNotFoundError, match="no version 0"):
        data.version(CLICKS, 0)


def test_an_archived_version_can_be_deleted_and_the_present_one_cannot(
    data: DataCatalog,
) -> None:
    data.put_table(clicks())
    data.put_table(clicks(description="New"))
    data.delete_version(CLICKS, 0)
    assert [one.version for one in data.versions(CLICKS)] == [1]
    with pytest.raises(EntryNotFoundError, match="no version 1"):
        data.delete_version(CLICKS, 1)


def test_tables_are_listed_by_pages(data: DataCatalog) -> None:
    names = [f"t{number:02}" for number in range(7)]
    for name in reversed(names):
        data.put_table(clicks(name=TableName("raw", name)))
    data.put_table(clicks(name=TableName("other", "t00")))
    first = data.list_tables("raw", limit=3)
    second = data.list_tables("raw", limit=3, after=first[-1].name.table)
    assert [one.name.table for one in (*first, *second)] == names[:6]
    assert len(data.list_tables()) == 8
    assert data.table_names()[0] == TableName("other", "t00")


def test_unknown_keys_of_an_entry_survive_storage(data: DataCatalog) -> None:
    extra = {"Retention": 0, "FutureKey": {"deep": [1, None, {"x": "ü"}]}}
    assert data.put_table(clicks(extra=extra)).extra == extra


def test_names_that_only_glue_takes_are_kept(data: DataCatalog) -> None:
    name = TableName("my-data", "2026 clicks.v2 ☂")
    assert data.put_table(clicks(name=name)).name == name
    assert data.get_table(name).name == name


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": TableName("raw", "")}, "1 to 255 letters"),
        ({"name": TableName("raw", "x" * 256)}, "1 to 255 letters"),
        ({"name": TableName("raw", "a\nb")}, "none of them a control"),
        ({"description": "x" * 2049}, "description has 2049 letters"),
        ({"storage": StorageDescriptor(columns=(Column("year", "int"),))}, "year comes twice"),
        ({"partition_keys": (Column("p"),)}, "partition key p has no type"),
        (
            {"storage": StorageDescriptor(columns=(Column("a", "int", "x" * 256),))},
            r"clicks\.a: its comment has 256",
        ),
    ],
)
def test_what_glue_would_not_take_is_refused(
    data: DataCatalog, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(EntryRefusedError, match=told):
        data.put_table(clicks(**changes))
    assert data.table_names() == []


def test_texts_that_no_database_takes_are_kept_all_the_same(data: DataCatalog) -> None:
    odd = {"classification": "c\0s\ud800v", "key\0": "\udfff"}
    assert data.put_table(clicks(parameters=odd), reason="why\0").parameters == odd
    with pytest.raises(EntryRefusedError, match="null"):
        data.put_partitions(CLICKS, [PartitionEntry(("2026", "a\0b"))])
    with pytest.raises(EntryRefusedError, match="location holds what is no letter"):
        data.put_partitions(
            CLICKS, [replace(part(1), storage=StorageDescriptor(location="\0"))]
        )
    with pytest.raises(EntryRefusedError, match="at most 1024 letters"):
        data.put_partitions(CLICKS, [PartitionEntry(("2026", "a" * 1025))])


# --- partitions


def test_partitions_come_back_in_the_order_of_their_typed_keys(data: DataCatalog) -> None:
    data.put_table(clicks())
    years = [10, 9, 2026, -3, 100]
    data.put_partitions(CLICKS, [part(year) for year in years])
    found = data.partitions(CLICKS)
    assert [int(one.values[0]) for one in found] == sorted(years)
    assert found[0].location == "-3/eu"
    assert data.partition(CLICKS, ("9", "eu")).location == "9/eu"
    assert data.count_partitions(CLICKS) == 5


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("year = 2020", ["2020 eu", "2020 us"]),
        ("year = '02020'", ["2020 eu", "2020 us"]),
        ("year > 999 and region = 'us'", ["2020 us"]),
        ("not (year > 999 and region = 'us')", ["7 null", "999 eu", "2020 eu"]),
        ("year in (999, 5)", ["999 eu"]),
        ("year not in (999, 5)", ["7 null", "2020 eu", "2020 us"]),
        ("year between 1000 and 3000 and region like 'e%'", ["2020 eu"]),
        ("region like '_s' or year < 1000", ["7 null", "999 eu", "2020 us"]),
        ("region not like 'u%'", ["999 eu", "2020 eu"]),
        ("region is null", ["7 null"]),
        ("region is not null and year <> 999", ["2020 eu", "2020 us"]),
        ("region <> 'us'", ["999 eu", "2020 eu"]),
        ("region = 'E%'", []),
        ("", ["7 null", "999 eu", "2020 eu", "2020 us"]),
    ],
)
def test_expressions_prune_by_the_types_of_the_keys(
    data: DataCatalog, expression: str, kept: list[str]
) -> None:
    data.put_table(clicks())
    data.put_partitions(CLICKS, [part(2020), part(2020, "us"), part(999), part(7, HIVE_NULL)])
    found = data.partitions(CLICKS, where=parsed(expression))
    told = [" ".join(one.values).replace(HIVE_NULL, "null") for one in found]
    assert told == kept


def test_filters_are_built_by_hand_as_well(data: DataCatalog) -> None:
    data.put_table(clicks())
    data.put_partitions(CLICKS, [part(y, r) for y in range(2000, 2030) for r in ("eu", "us")])
    many = tuple(range(1000, 2003))
    where = AllOf(
        (
            AnyOf((Comparison.of("year", "in", *many), Comparison.of("YEAR", ">", 2028))),
            Negation(Comparison.of("region", "=", "us")),
        )
    )
    found = [one.values[0] for one in data.partitions(CLICKS, where=where)]
    assert found == ["2000", "2001", "2002", "2029"]
    assert data.partitions(CLICKS, where=AnyOf(())) == []


def test_a_filter_that_does_not_fit_the_keys_is_refused(data: DataCatalog) -> None:
    data.put_table(clicks())
    with pytest.raises(PartitionFilterError, match="'yaer' is no partition key") as told:
        data.partitions(CLICKS, where=parsed("yaer = 2026"))
    assert "did you mean year" in told.value.hint
    with pytest.raises(PartitionFilterError, match="'soon' is no int"):
        data.partitions(CLICKS, where=parsed("year = 'soon'"))


def test_partitions_are_unique_by_their_values(data: DataCatalog) -> None:
    data.put_table(clicks())
    assert data.create_partitions(CLICKS, [part(2026), part(2027)]) == 2
    with pytest.raises(EntryExistsError, match="2026"):
        data.create_partitions(CLICKS, [part(2028), part(2026)])
    with pytest.raises(EntryExistsError, match="2028"):
        data.create_partitions(CLICKS, [part(2028), part(2028)])
    assert data.count_partitions(CLICKS) == 2
    with pytest.raises(EntryRefusedError, match="1 values where 2 belong"):
        data.put_partitions(CLICKS, [PartitionEntry(("2026",))])


def test_putting_partitions_replaces_those_that_are_there_and_keeps_their_age(
    data: DataCatalog,
) -> None:
    data.put_table(clicks())
    data.put_partitions(CLICKS, [part(2026)])
    before = data.partition(CLICKS, ("2026", "eu"))
    moved = replace(part(2026), storage=StorageDescriptor(location="s3://elsewhere"))
    assert data.put_partitions(CLICKS, [moved, part(2027)]) == 2
    after = data.partition(CLICKS, ("2026", "eu"))
    assert (after.location, after.created_at) == ("s3://elsewhere", before.created_at)


def test_partitions_with_columns_and_parameters_of_their_own_come_back_whole(
    data: DataCatalog,
) -> None:
    data.put_table(clicks())
    entry = PartitionEntry(
        ("2026", 'a"b/☂'),
        StorageDescriptor(columns=(Column("old", "int"),), location="x", compressed=True),
        parameters={"recordCount": "3"},
        extra={"LastAccessTime": 0.0},
    )
    data.put_partitions(CLICKS, [entry, part(2027)])
    found = data.partition(CLICKS, entry.values)
    assert replace(found, created_at=None) == entry
    assert data.partition(CLICKS, ("2027", "eu")).storage.columns == ()


def test_partitions_are_deleted_by_values_or_all(data: DataCatalog) -> None:
    data.put_table(clicks())
    data.put_partitions(CLICKS, [part(year) for year in range(2000, 2010)])
    gone = [("2000", "eu"), ("2001", "eu"), ("1999", "eu")]
    assert data.delete_partitions(CLICKS, gone) == 2
    assert data.count_partitions(CLICKS) == 8
    assert data.delete_partitions(CLICKS) == 8
    with pytest.raises(EntryNotFoundError, match="no partition '2005', 'eu'"):
        data.partition(CLICKS, ("2005", "eu"))


def test_partitions_come_by_pages_that_together_are_all(data: DataCatalog) -> None:
    data.put_table(clicks())
    data.put_partitions(CLICKS, [part(y, r) for y in range(2000, 2020) for r in ("eu", "us")])
    for where in (None, parsed("year > 2004"), parsed("region like '%u' and year < 2015")):
        expected = {one.values for one in data.partitions(CLICKS, where=where)}
        found: list[tuple[str, ...]] = []
        while page := data.partitions_page(
            CLICKS, where=where, after=found[-1] if found else None, limit=7
        ):
            assert len(page) <= 7
            found += [one.values for one in page]
        assert len(found) == len(expected)
        assert set(found) == expected


def test_partitions_are_found_by_keys_whose_types_changed(data: DataCatalog) -> None:
    read = data.put_table(clicks())
    data.put_partitions(CLICKS, [part(9), part(10)])
    made = data.partition(CLICKS, ("9", "eu")).created_at
    assert len(data.partitions(CLICKS, where=parsed("year > 9"))) == 1
    texts = (Column("year", "string"), Column("region", "string"))
    data.put_table(replace(read, partition_keys=texts))
    found = data.partitions(CLICKS, where=parsed("year >= '9'"))
    assert [(one.values, one.created_at) for one in found] == [(("9", "eu"), made)]
    with pytest.raises(EntryRefusedError, match="its 2 partitions have other keys"):
        data.update_table(replace(read, partition_keys=texts[:1]))
    assert len(data.get_table(CLICKS).partition_keys) == 2
    data.delete_partitions(CLICKS)
    assert data.put_table(replace(read, partition_keys=texts[:1])).version == 2


def test_keys_beyond_those_that_are_indexed_prune_too(data: DataCatalog) -> None:
    keys = tuple(Column(f"p{number}", "int") for number in range(8))
    data.put_table(clicks(partition_keys=keys))
    data.put_partitions(CLICKS, [PartitionEntry((*"1234567", str(last))) for last in range(20)])
    found = data.partitions(CLICKS, where=parsed("p7 >= 18 and p0 = 1"))
    assert [one.values[-1] for one in found] == ["18", "19"]


# --- statistics


def test_column_statistics_are_kept_beside_the_versions(data: DataCatalog) -> None:
    data.put_table(clicks())
    told = ColumnStatistics(
        "user_id", "bigint", "LONG", {"NumberOfNulls": 1, "MaximumValue": 7}
    )
    data.update_column_statistics(CLICKS, [told])
    data.update_column_statistics(CLICKS, [replace(told, data={"NumberOfNulls": 2})])
    data.put_partitions(CLICKS, [part(2026)])
    data.update_column_statistics(CLICKS, [told], partition=("2026", "eu"))
    (found,) = data.column_statistics(CLICKS, ["USER_ID"])
    assert found.data == {"NumberOfNulls": 2}
    assert found.analyzed_at is not None
    assert data.column_statistics(CLICKS, partition=("2026", "eu"))[0].data == told.data
    assert data.get_table(CLICKS).version == 0
    data.delete_column_statistics(CLICKS, "user_id")
    assert data.column_statistics(CLICKS) == []
    with pytest.raises(EntryRefusedError, match="no column 'nothing'"):
        data.update_column_statistics(CLICKS, [replace(told, column="nothing")])
    with pytest.raises(EntryNotFoundError, match="nothing is known"):
        data.delete_column_statistics(CLICKS, "user_id")


# --- search


def shop(data: DataCatalog) -> None:
    def table(name: str, *columns: Column, **said: Any) -> None:
        data.put_table(
            TableEntry(
                TableName.parse(name), storage=StorageDescriptor(columns=columns), **said
            )
        )

    table("crm.customers", Column("id", "bigint"), Column("e_mail", "string", "Where we write"))
    table("crm.contacts", Column("customerEmail", "string"), Column("phone", "string"))
    table("web.signups", Column("addr", "string", "The customer's email address"))
    table("web.visits", Column("visitor", "string", parameters=with_tags({}, {"pii": "email"})))
    table("fin.invoices", Column("total", "decimal(10,2)"), owner="Zoë Müller")
    table("fin.orders", Column("customer_id", "bigint"), description="What customers ordered")


def test_search_finds_names_columns_comments_tags_and_owners_best_first(
    data: DataCatalog,
) -> None:
    shop(data)
    found = data.search("customer email")
    assert [str(one.table) for one in found if one.complete] == ["crm.contacts", "web.signups"]
    assert str(found[2].table) in {"crm.customers", "fin.orders", "web.visits"}
    assert found[0].matches[0].column == "customerEmail"
    (owned,) = data.search("muller")
    assert (str(owned.table), owned.matches[0].where) == ("fin.invoices", "owner")
    assert [str(one.table) for one in data.search("pii")] == ["web.visits"]
    assert str(data.search("Custom")[0].table) == "crm.customers"
    assert data.search("  %'; --") == data.search("nothing of this") == []
    assert len(data.search("customer", limit=2)) == 2


def test_search_finds_tags_that_follow_data_where_they_are_given(data: DataCatalog) -> None:
    shop(data)
    visits, orders_ = TableName("web", "visits"), TableName("fin", "orders")
    inherited = {orders_: {"customer_id": {"pii": {"person"}}}, TableName("no", "such"): {}}
    found = data.search("pii", tags=inherited)
    assert [one.table for one in found] == [visits, orders_]
    assert found[1].matches[0].column == "customer_id"
    assert data.search("pii person", tags=inherited)[0].table == orders_


def test_search_follows_changes_and_deletions(data: DataCatalog) -> None:
    data.put_table(clicks())
    data.put_table(clicks(description="Taps"))
    assert data.search("shop") == []
    assert [one.description for one in data.search("taps")] == ["Taps"]
    data.delete_table(CLICKS)
    assert data.search("taps") == []


# --- the lake's own tables


def orders(*columns: str, location: str = "/lake/orders", **said: Any) -> Published:
    schema = Schema(tuple(Field(name, Scalar("string")) for name in columns))
    return Published(ORDERS, schema, location, Declared(**said), lambda: ("year",))


def test_a_publication_keeps_the_entry_current_with_who_and_why(data: DataCatalog) -> None:
    note = {"email": ColumnNote("Lower-cased.", {"pii": "email"})}
    said: dict[str, Any] = {"description": "Orders", "owner": "ann", "tags": {"tier": "gold"}}
    first = orders("id", "email", "year", columns=note, **said)
    assert data.note_published([first], by="ann", reason="run r1") == 1
    made = data.get_table(ORDERS)
    assert (made.version, made.updated_by, made.reason) == (0, "ann", "run r1")
    assert (made.classification, made.managed, made.owner) == ("delta", True, "ann")
    assert [c.name for c in made.storage.columns] == ["id", "email"]
    assert [c.name for c in made.partition_keys] == ["year"]
    assert (made.columns[1].comment, made.columns[1].tags) == ("Lower-cased.", {"pii": "email"})
    assert made.tags == {"tier": "gold"}
    assert data.note_published([first], reason="run r2") == 0
    assert data.note_published([orders("id", "year", **said)], by="bob", reason="run r3") == 1
    assert [(v.version, v.by, v.reason) for v in data.versions(ORDERS)] == [
        (1, "bob", "run r3"),
        (0, "ann", "run r1"),
    ]
    assert data.versions(ORDERS)[1].entry.managed
    assert data.note_published([], gone=[ORDERS]) == 1
    assert data.find_table(ORDERS) is None


def test_what_others_noted_of_a_managed_table_outlasts_a_publication(
    data: DataCatalog,
) -> None:
    data.note_published([orders("id", "year", tags={"old": "1"})])
    made = data.get_table(ORDERS)
    data.put_table(
        replace(made, parameters={**made.parameters, "recordCount": "7", "by": "me"})
    )
    data.note_published([orders("id", "more", "year")])
    parameters = data.get_table(ORDERS).parameters
    assert (parameters["recordCount"], parameters["by"]) == ("7", "me")
    assert data.get_table(ORDERS).tags == {}


def test_a_long_comment_is_cut_to_what_glue_takes_and_kept_whole_beside(
    data: DataCatalog,
) -> None:
    whole = "word " * 100
    data.note_published([orders("id", columns={"id": ColumnNote(whole)})])
    column = data.get_table(ORDERS).columns[0]
    assert len(column.comment) == 255
    assert column.parameters["lakeworks.comment"] == whole


def test_a_column_that_glue_would_refuse_does_not_stop_a_publication(data: DataCatalog) -> None:
    assert data.note_published([orders("a\nb", "x" * 300, "nul\0l", "year")]) == 1
    names = [column.name for column in data.get_table(ORDERS).columns]
    assert names == ["a\nb", "x" * 300, "nul\0l", "year"]


def test_whoever_keeps_entries_fresh_is_told_what_is_looked_at(url: str) -> None:
    asked: list[tuple[str | None, str | None]] = []
    with Catalog.open(url) as catalog:
        catalog.keep_fresh(lambda database, table: asked.append((database, table)))
        catalog.data_catalog.find_table(TableName("RAW", "Clicks"))
        catalog.data_catalog.list_tables("raw")
        catalog.data_catalog.search("x")
    assert asked == [("raw", "clicks"), ("raw", None), (None, None)]


# --- several processes

UPDATE = """
import sys, time, json
from dataclasses import replace
from lakeworks.catalog import Catalog
from lakeworks.catalog.data_catalog.errors import EntryChangedError
from lakeworks.core.names import TableName
with Catalog.open(sys.argv[1]) as catalog:
    data = catalog.data_catalog
    read = data.get_table(TableName("raw", "clicks"))
    print("read", flush=True)
    sys.stdin.readline()
    try:
        data.update_table(replace(read, description=sys.argv[2]), by=sys.argv[2], version=read.version)
        print("won", flush=True)
    except EntryChangedError as error:
        print("told", error.code, flush=True)
"""


def test_of_two_processes_that_update_one_table_one_wins_and_the_other_is_told(
    url: str, data: DataCatalog
) -> None:
    data.put_table(clicks())
    both = [
        subprocess.Popen(
            [sys.executable, "-c", UPDATE, url, who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for who in ("ann", "bob")
    ]
    for one in both:
        assert one.stdout is not None
        assert one.stdout.readline() == "read\n"
    for one in both:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    told = {who: one.communicate(timeout=60)[0] for who, one in zip("ab", both, strict=True)}
    assert sorted(told.values()) == ["told LW352\n", "won\n"]
    winner = next(who for who, said in told.items() if said == "won\n")
    assert data.get_table(CLICKS).description.startswith(winner)
    assert len(data.versions(CLICKS)) == 2


ADD = """
import sys
from lakeworks.catalog import Catalog
from lakeworks.catalog.data_catalog import PartitionEntry
from lakeworks.core.names import TableName
with Catalog.open(sys.argv[1]) as catalog:
    for year in range(50):
        catalog.data_catalog.put_partitions(
            TableName("raw", "clicks"), [PartitionEntry((str(year), r)) for r in ("eu", sys.argv[2])]
        )
"""


def test_two_processes_that_add_the_same_partitions_lose_and_double_none(
    url: str, data: DataCatalog
) -> None:
    data.put_table(clicks())
    both = [subprocess.Popen([sys.executable, "-c", ADD, url, who]) for who in ("a", "b")]
    assert [one.wait(timeout=60) for one in both] == [0, 0]
    assert data.count_partitions(CLICKS) == 150


def test_a_catalog_of_the_third_revision_gets_its_tables(url: str) -> None:
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        scripts = ScriptDirectory(str(SCRIPTS))
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            for script in reversed(list(scripts.iterate_revisions("0003", "base"))):
                script.module.upgrade()
        context.stamp(scripts, "0003")
    engine.dispose()
    with Catalog.open(url) as opened:
        opened.schema_registry.create_registry("kept")
        assert opened.data_catalog.table_names() == []
        assert opened.data_catalog.put_table(clicks()).version == 0


def test_an_entry_exports_to_json_that_json_can_write(data: DataCatalog) -> None:
    from lakeworks.catalog.data_catalog.glue_json import partition_to_json, table_to_json

    made = data.put_table(clicks())
    data.put_partitions(CLICKS, [part(2026)])
    told = json.loads(json.dumps(table_to_json(made)))
    assert (told["Name"], told["DatabaseName"], told["VersionId"]) == ("clicks", "raw", "0")
    (found,) = data.partitions(CLICKS)
    assert json.loads(json.dumps(partition_to_json(found, CLICKS)))["Values"] == ["2026", "eu"]


TOTALS = TableName("gold", "totals")


def totals(**changes: Any) -> View:
    view = View(
        TOTALS,
        "select sum(o) from silver.orders",
        (
            ViewColumn("total", "decimal(38,2)", "sum(o)"),
            ViewColumn("at", "timestamp_ntz", "at"),
        ),
        description="What was sold",
        owner="user:ana",
        reads=(ORDERS,),
    )
    return replace(view, **changes)


def test_a_view_is_kept_with_its_versions_and_found(
    catalog: Catalog, data: DataCatalog
) -> None:
    made = data.put_view(totals(), by="ana")
    found = data.find_view(TOTALS)
    assert found == replace(totals(), version=0, number=made.number)
    assert data.views() == [found]
    assert catalog.view_names() == {TOTALS: False}
    assert [hit.table for hit in data.search("sold")] == [TOTALS]
    with pytest.raises(EntryExistsError):
        data.put_view(totals())
    data.put_view(totals(text="select 1", version=0), replacing=True)
    with pytest.raises(EntryChangedError):
        data.put_view(totals(text="select 2", version=0), replacing=True)
    earlier = data.find_view(TOTALS, version=0)
    assert earlier is not None
    assert earlier.text == totals().text
    assert data.find_view(TOTALS, version=7) is None
    data.drop_view(TOTALS)
    assert data.find_view(TOTALS) is None
    with pytest.raises(EntryNotFoundError):
        data.drop_view(TOTALS)
    again = data.put_view(totals())
    assert again.number != made.number


def test_a_view_is_no_table_and_a_table_no_view(data: DataCatalog) -> None:
    data.create_database(DatabaseEntry("raw"))
    data.create_table(clicks())
    assert data.find_view(CLICKS) is None
    with pytest.raises(EntryExistsError):
        data.put_view(totals(name=CLICKS), replacing=True)
    with pytest.raises(EntryNotFoundError):
        data.drop_view(CLICKS)
    with pytest.raises(EntryRefusedError, match="409,600"):
        data.put_view(totals(text="x" * 500_000))


def test_a_change_of_a_view_lets_decisions_be_taken_anew(catalog: Catalog) -> None:
    before = catalog.grants.stamp()
    catalog.data_catalog.put_view(totals())
    catalog.data_catalog.put_view(totals(text="select 3"), replacing=True)
    assert catalog.grants.revision() == before[0] + 2


def test_a_materialised_view_stays_one_through_publications(data: DataCatalog) -> None:
    kept = totals(materialized=True, definer="user:ana", partitioned_by=("a,b",))
    data.put_view(kept)
    schema = Schema((Field("total", Scalar("bigint")),))
    said = Declared(description="What was sold", owner="user:ana")
    data.note_published([Published(TOTALS, schema, "/lake/totals", said, lambda: ())])
    found = data.find_view(TOTALS)
    assert found is not None
    assert (found.text, found.definer, found.partitioned_by) == (
        kept.text, "user:ana", ("a,b",),
    )  # fmt: skip
    assert found.columns == kept.columns
    assert data.get_table(TOTALS).managed
    assert data.managed_tables() == [TOTALS]
    data.note_published([], gone=[TOTALS])
    assert data.find_view(TOTALS) is not None
