"""What a principal may change, by which permission; and what the audit trail hears of all."""

from __future__ import annotations

from typing import Any

import pytest

from lakeworks.catalog.data_catalog.errors import EntryNotFoundError
from lakeworks.catalog.data_catalog.model import DatabaseEntry
from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.names import TableName
from lakeworks.governance.errors import NotGrantableError
from lakeworks.lake import Lake
from lakeworks.permitted.errors import NotPermittedError, OwnerOnlyError

CLICKS = TableName("raw", "clicks")


def entries(lake: Lake, kind: str) -> list[dict[str, Any]]:
    return [
        {"principal": one.principal, **one.body}
        for one in lake.governance.audit_entries(kind=kind)
    ]


def test_to_merge_files_takes_alter(own: Lake) -> None:
    with pytest.raises(NotPermittedError, match="may not ALTER"):
        own.as_principal("ana").tables.optimize("silver.orders")
    with pytest.raises(UnknownTableError, match="no table"):
        own.as_principal("kim").tables.optimize("silver.zqzq")
    done = own.as_principal("kim").tables.optimize("silver.orders", zorder=["amount"])
    assert done.version == 1
    own.governance.grant("role:describer", "ALTER", "silver.orders")
    blind = own.as_principal("dora").tables.optimize("silver.orders", zorder=["order_id"])
    assert (blind.version, blind.files_before, blind.bytes_after) == (2, None, None)


def test_to_drop_an_entry_takes_drop_and_a_declared_one_is_its_owners(own: Lake) -> None:
    data = own.as_principal("ana").catalog.data_catalog
    with pytest.raises(NotPermittedError, match="may not DROP"):
        data.delete_table(CLICKS)
    with pytest.raises(EntryNotFoundError):
        data.delete_table(TableName("raw", "zqhidden"))
    own.governance.grant("role:analyst", "DROP", "raw.clicks")
    with pytest.raises(OwnerOnlyError, match="declared by the project"):
        data.delete_table(CLICKS)


def test_a_database_is_made_by_whoever_may_and_never_with_a_location(own: Lake) -> None:
    data = own.as_principal("ana").catalog.data_catalog
    with pytest.raises(NotPermittedError, match="CREATE_DATABASE"):
        data.create_database(DatabaseEntry("fresh"))
    own.governance.grant("role:analyst", "CREATE_DATABASE", "catalog")
    with pytest.raises(OwnerOnlyError):
        data.create_database(DatabaseEntry("fresh", location="s3://elsewhere"))
    assert data.create_database(DatabaseEntry("fresh")).name == "fresh"
    with pytest.raises(NotPermittedError, match="DROP"):
        data.delete_database("fresh")
    own.governance.grant("role:analyst", "DROP", "fresh")
    data.delete_database("fresh")
    assert "fresh" not in [one.name for one in own.catalog.data_catalog.list_databases()]


def test_rejected_rows_try_again_for_who_sees_and_may_write_them(own: Lake) -> None:
    cleo = own.as_principal("cleo").pipeline
    with pytest.raises(NotPermittedError, match="INSERT"):
        cleo.replay("silver.customers")
    own.governance.grant("role:compliance", "INSERT", "silver.customers")
    with pytest.raises(NotPermittedError, match="DELETE"):
        cleo.replay("silver.customers")
    own.governance.grant("role:compliance", "DELETE", "quarantine.silver_customers")
    report = cleo.replay("silver.customers")
    assert {str(step.table) for step in report.steps} == {"silver.customers"}
    for permission, table in (
        ("SELECT", "quarantine.silver_customers"), ("INSERT", "silver.customers"),
        ("DELETE", "quarantine.silver_customers"),
    ):  # fmt: skip
        own.governance.grant("role:analyst", permission, table)
    with pytest.raises(NotPermittedError, match="whole"):
        own.as_principal("ana").pipeline.replay("silver.customers")


def test_grants_are_passed_on_in_the_principals_name(own: Lake) -> None:
    with pytest.raises(NotGrantableError):
        own.as_principal("ana").governance.grant("bea", "SELECT", "silver.orders")
    own.governance.grant("role:analyst", "SELECT", "silver.orders", grant_option=True)
    own.as_principal("ana").governance.grant("bea", "SELECT", "silver.orders")
    assert [str(one.name) for one in own.as_principal("bea").tables.list()] == ["silver.orders"]
    own.as_principal("ana").governance.revoke("bea", "SELECT", "silver.orders")
    assert own.as_principal("bea").tables.list() == []


def test_own_permissions_are_told_without_what_they_hide(lake: Lake) -> None:
    ana = lake.as_principal("ana").governance
    told = {one["on"]: one["permissions"] for one in ana.grants()}
    assert told["silver.customers, not all of it"] == ["SELECT"]
    assert told["raw.clicks, not all of it"] == ["SELECT"]
    assert told["silver.orders"] == ["SELECT"]
    access = ana.access("silver.customers")
    assert (access["rows"], access["unrestricted"], access["why"]) == ("some", False, [])
    assert {one["name"]: one["mask"] for one in access["columns"]}["email"] == "yes"
    assert [one["name"] for one in ana.people()] == ["everyone", "role:analyst", "user:ana"]


def test_the_audit_trail_is_for_administrators(lake: Lake) -> None:
    for ask in (
        lake.as_principal("ana").governance.audit_entries,
        lake.as_principal("ana").governance.verify_audit,
    ):
        with pytest.raises(NotPermittedError, match="the audit trail"):
            ask()
    assert lake.as_principal("lena").governance.audit_entries(limit=1)
    assert lake.as_principal("lena").governance.verify_audit().sound


def test_every_look_is_audited_with_what_it_was_at(own: Lake) -> None:
    ana = own.as_principal("ana")
    ana.quality.profile("silver.customers")
    with pytest.raises(UnknownTableError):
        ana.tables.show("silver.zqzq")
    with pytest.raises(NotPermittedError):
        ana.tables.optimize("silver.orders")
    own.as_principal("kim").tables.optimize("silver.orders")
    (read, *_) = entries(own, "read")
    assert read["principal"] == "user:ana"
    assert (read["action"], read["state"]) == ("quality profile", "succeeded")
    assert read["tables"] == ["silver.customers"]
    assert read["policy_version"]
    # Newest first; the lake was looked at before it was copied.
    optimized, shown, *_ = entries(own, "denial")
    assert (shown["action"], shown["tables"]) == ("show", ["silver.zqzq"])
    assert shown["error"].startswith("LW310")
    assert optimized["error"].startswith("LW807")
    changed, *_ = entries(own, "change")
    assert (changed["principal"], changed["action"]) == ("user:kim", "optimize")


def test_a_grant_counts_from_the_next_call_on(own: Lake) -> None:
    ana = own.as_principal("ana")
    assert "silver.zqzq" not in [str(one.name) for one in ana.tables.list()]
    own.governance.grant("ana", "SELECT", "silver.zqzq")
    assert "silver.zqzq" in [str(one.name) for one in ana.tables.list()]
    own.governance.revoke("ana", "SELECT", "silver.zqzq")
    assert "silver.zqzq" not in [str(one.name) for one in ana.tables.list()]


def test_what_a_view_does_not_have_is_the_owners(lake: Lake) -> None:
    ana: Any = lake.as_principal("ana")
    for name in ("care", "crawlers", "storage", "project", "engine", "privacy"):
        with pytest.raises(OwnerOnlyError, match=f"lake.{name}"):
            getattr(ana, name)


def test_sql_runs_as_the_principal(lake: Lake) -> None:
    query = lake.as_principal("ana").query
    with query.sql("select count(*) as n, max(email) as e from silver.customers") as found:
        assert found.to_arrow().to_pylist() == [{"n": 211, "e": "[redacted]"}]
    assert [name for name, _ in query.columns("silver.orders")] == [
        "order_id",
        "amount",
        "region",
    ]
    assert TableName("silver", "zqzq") not in query.visible()


def test_personal_data_is_looked_for_in_what_is_seen(lake: Lake) -> None:
    owner = {
        (str(o.table), o.suggestion.column)
        for o in lake.as_principal("cleo").governance.classify()
    }
    assert ("silver.customers", "email") in owner
    assert lake.as_principal("ana").governance.classify("silver.customers") == []
