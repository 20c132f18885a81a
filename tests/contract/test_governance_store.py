"""Grants, tags and the audit trail, on SQLite and on a real PostgreSQL server alike."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lakeworks.catalog import Catalog
from lakeworks.catalog.errors import CatalogError
from lakeworks.core import clock

if TYPE_CHECKING:
    from lakeworks.catalog.audit_trail import AuditTrail

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
APPEND = """
import sys
from lakeworks.catalog import Catalog
with Catalog.open(sys.argv[1]) as catalog:
    for number in range(25):
        catalog.audit_trail.append("query", sys.argv[2], {"number": number})
        catalog.grants.add(sys.argv[2], f"r{number}", ["SELECT"], by="op")
"""


@pytest.fixture
def trail(catalog: Catalog) -> AuditTrail:
    return catalog.audit_trail


def test_granting_twice_is_granting_once_and_the_option_is_added(catalog: Catalog) -> None:
    grants = catalog.grants
    grants.add("role:a", "r", ["SELECT", "INSERT"], by="op")
    grants.add("role:a", "r", ["SELECT"], by="op", grantable=["SELECT"])
    grants.add("role:a", "r", ["SELECT"], by="op")
    rows = grants.read().grants
    assert [(row.permission, row.grantable) for row in rows] == [
        ("INSERT", False),
        ("SELECT", True),
    ]


def test_revoking_takes_what_is_there_and_says_how_much(catalog: Catalog) -> None:
    grants = catalog.grants
    grants.add("role:a", "r", ["SELECT", "INSERT"], by="op", grantable=["SELECT"])
    grants.add("role:a", "r", ["SELECT"], by="user:b", grantable=["SELECT"])
    assert grants.remove("role:a", "r", ["SELECT"], by="nobody") == 0
    assert grants.remove("role:a", "r", ["SELECT"], by="user:b", option_only=True) == 1
    assert grants.remove("role:a", "r", ["SELECT"], by="user:b") == 1
    assert grants.remove("role:a", "r", ["SELECT", "DROP"]) == 1
    assert [row.permission for row in grants.read().grants] == ["INSERT"]


def test_every_change_counts_the_revision_and_nothing_else_does(catalog: Catalog) -> None:
    grants = catalog.grants
    before = grants.revision()
    grants.remove("role:a", "r", ["SELECT"])
    assert not grants.tag("silver.a", "pii", None, by="op")
    assert grants.revision() == before
    grants.add("role:a", "r", ["SELECT"], by="op")
    assert grants.tag("silver.a", "pii", "email", by="op")
    assert not grants.tag("silver.a", "pii", "email", by="op")
    assert grants.tag("silver.a", "pii", None, by="op")
    grants.remove("role:a", "r", ["SELECT"])
    assert grants.revision() == before + 4


def test_a_tag_has_one_value_a_resource(catalog: Catalog) -> None:
    catalog.grants.tag("silver.a", "pii", "email", by="op")
    catalog.grants.tag("silver.a", "pii", "name", by="user:b")
    catalog.grants.tag("silver.a", "level", "x", by="op")
    rows = catalog.grants.read().tags
    assert [(row.key, row.value, row.tagged_by) for row in rows] == [
        ("level", "x", "op"), ("pii", "name", "user:b"),
    ]  # fmt: skip


def test_entries_follow_each_other_and_are_found_by_principal_kind_and_time(
    trail: AuditTrail,
) -> None:
    with clock.fixed(NOON):
        trail.append("query", "user:ana", {"tables": ["silver.a"], "text": "ä'\"\n"})
    with clock.fixed(NOON + timedelta(hours=1)):
        trail.append("grant", "role:a/ana", {})
        trail.append("grant", "role:ab", {})
        trail.append("query", "role:a?team=eu", {})
    assert [e.seq for e in trail.entries()] == [4, 3, 2, 1]
    assert [e.seq for e in trail.entries(principal="role:a")] == [4, 2]
    assert [e.seq for e in trail.entries(kind="query", since=NOON)] == [4, 1]
    assert trail.entries(since=NOON + timedelta(minutes=1), limit=1)[0].seq == 4
    assert trail.entries(principal="user:ana")[0].body == {
        "tables": ["silver.a"], "text": "ä'\"\n",
    }  # fmt: skip
    found = trail.verify([trail.head()])
    assert (found.sound, found.entries, found.head) == (True, 4, trail.head())


@pytest.mark.parametrize(
    "change",
    ["UPDATE audit_entries SET principal = 'x'", "DELETE FROM audit_entries WHERE seq = 1"],
)
def test_the_database_itself_refuses_to_change_an_entry(catalog: Catalog, change: str) -> None:
    catalog.audit_trail.append("query", "user:ana", {})
    with pytest.raises(CatalogError), catalog._database.writing() as session:
        session.run(change)
    assert catalog.audit_trail.entries()[0].principal == "user:ana"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entries SET principal = 'user:bob' WHERE seq = 2",
        "UPDATE audit_entries SET body = '{}' WHERE seq = 1",
        "UPDATE audit_entries SET at_us = at_us + 1 WHERE seq = 3",
        "DELETE FROM audit_entries WHERE seq = 1",
        "DELETE FROM audit_entries WHERE seq = 3",
        "DELETE FROM audit_entries",
    ],
)
def test_whoever_changes_entries_against_the_databases_will_is_found_out(
    catalog: Catalog, change: str
) -> None:
    for number in range(3):
        catalog.audit_trail.append("query", "user:ana", {"number": number})
    head = catalog.audit_trail.head()
    assert catalog.audit_trail.verify([head]).sound
    unguarded = ["DROP TRIGGER audit_entries_no_update", "DROP TRIGGER audit_entries_no_delete"]
    if "postgresql" in catalog._database.where:
        unguarded = ["DROP TRIGGER audit_entries_only_added ON audit_entries"]
    with catalog._database.writing() as session:
        for statement in (*unguarded, change):
            session.run(statement)
    assert not catalog.audit_trail.verify([head]).sound


def test_an_empty_trail_is_sound(trail: AuditTrail) -> None:
    assert trail.verify().sound


def test_a_trail_without_a_head_kept_elsewhere_is_not_called_sound(trail: AuditTrail) -> None:
    trail.append("query", "user:ana", {})
    found = trail.verify()
    assert (found.breaks, found.sound) == ((), False)


def test_several_processes_write_one_unbroken_trail(url: str, catalog: Catalog) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", APPEND, url, name]) for name in ("a", "b", "c")
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    found = catalog.audit_trail.verify([catalog.audit_trail.head()])
    assert (found.sound, found.entries) == (True, 75)
    assert len(catalog.grants.read().grants) == 75
    assert catalog.grants.revision() == 75
