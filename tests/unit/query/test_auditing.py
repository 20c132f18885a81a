"""The audit trail of queries: a principal's and the owner's, answered, refused and unwritten."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.catalog.errors import CatalogError, UnknownTableError
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "lake.yml": "name: told\nenvironments:\n  dev: {storage: .lake}\n",
    "sources/people.yml": "table: bronze.people\npath: landing/people\nformat: csv\n",
    "landing/people/1.csv": "id,name\n1,ann\n2,bob\n",
    "policies/roles.yml": "grants: [{to: ana, permissions: SELECT, on: bronze.people}]\n",
}
ASKED = "select name from bronze.people"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with Lake.open(tmp_path) as opened:
        opened.pipeline.run()
        opened.governance.authorizer()  # notes the policies, once
        yield opened


def newest(lake: Lake) -> tuple[str, str, dict[str, Any]]:
    entry = lake.governance.audit_entries(limit=1)[0]
    return entry.kind, entry.principal, dict(entry.body)


@pytest.mark.parametrize(("caller", "told"), [(None, "operator"), ("ana", "user:ana")])
def test_who_asked_is_told_with_tables_columns_and_rows(
    lake: Lake, caller: str | None, told: str
) -> None:
    assert len(lake.query.sql(ASKED, caller=caller).rows()) == 2
    kind, principal, body = newest(lake)
    assert (kind, principal, body["sql"]) == ("query", told, ASKED)
    assert (body["rows"], body["state"]) == (2, "succeeded")
    (table,) = body["tables"]
    assert (table["table"], table["version"]) == ("bronze.people", 0)
    assert table["columns"] == ["name"]
    assert bool(body.get("policy_version")) == (caller is not None)
    assert bool(body.get("os_user")) == (caller is None)


@pytest.mark.parametrize("caller", [None, "ana"])
def test_columns_are_those_that_are_read_through_views_too(
    lake: Lake, caller: str | None
) -> None:
    lake.query.sql("create view gold.v as select id as k from bronze.people").rows()
    lake.governance.grant("ana", "SELECT", "gold.v")
    for sql, columns in (
        ("select k from gold.v", ["id"]),
        ("select count(*) as n from bronze.people", []),
        ("select people as p from bronze.people", ["id", "name"]),
    ):
        lake.query.sql(sql, caller=caller).rows()
        (table,) = newest(lake)[2]["tables"]
        assert [one for one in table["columns"] if not one.startswith("_")] == columns


@pytest.mark.parametrize(("caller", "kind"), [(None, "query"), ("ana", "denial")])
def test_what_is_refused_is_told_and_nothing_is_denied_to_the_owner(
    lake: Lake, caller: str | None, kind: str
) -> None:
    with pytest.raises(UnknownTableError):
        lake.query.sql("from bronze.poeple", caller=caller)
    found, _, body = newest(lake)
    assert (found, body["state"], body["rows"]) == (kind, "failed", 0)
    assert body["error"].startswith("LW3")


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("create table gold.t as select * from bronze.people", "query"),
        ("create view gold.v as select id from bronze.people", "view"),
        ("show tables in bronze", "query"),
        ("prepare one from select id from bronze.people", "query"),
        ("explain select id from bronze.people", "query"),
    ],
)
def test_statements_of_the_owner_are_told_once(lake: Lake, sql: str, kind: str) -> None:
    before = lake.governance.verify_audit().entries
    lake.query.sql(sql).rows()
    found, principal, body = newest(lake)
    assert (found, principal) == (kind, "operator")
    assert lake.governance.verify_audit().entries == before + 1
    assert str(body["sql"]) in sql


def test_without_a_trail_the_owner_is_answered_with_a_warning_and_a_principal_is_not(
    lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    with lake.catalog._database.writing() as session:
        session.run("ALTER TABLE audit_entries RENAME TO gone")
    with caplog.at_level(logging.WARNING):
        assert len(lake.query.sql(ASKED).rows()) == 2
    assert "not in the audit trail" in caplog.text
    with pytest.raises(CatalogError):
        lake.query.sql(ASKED, caller="ana").rows()
