"""Grants at run time: who may make them, that they count at once, and that all is audited."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lakeworks import Lake
from lakeworks.catalog.audit_trail import Head
from lakeworks.catalog.store import Head as TableHead
from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.governance import Principal
from lakeworks.governance.errors import (
    DeclaredGrantError,
    ExpressionError,
    GovernanceError,
    NotGrantableError,
    PrincipalError,
    ResourceError,
    TagError,
)
from lakeworks.governance.resources import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ORDERS = TableName("bronze", "orders")
SCHEMA = Schema(tuple(Field(n, parse_type("string")) for n in ("id", "email", "country")))
SHARED, OTHER = "account:123456789012", "account:210987654321"
POLICIES = """\
administrators: role:admin
roles: {admin: [lena], analyst: [ana], reader: [rob]}
lf_tags: {pii: [email, none]}
grants:
  - {to: role:reader, permissions: SELECT, on: bronze.orders, columns: [id]}
  - to: account:123456789012
    permissions: SELECT
    on: bronze.orders
    except: [email]
    grant_option: true
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Lake]:
    def made(policies: str) -> Lake:
        for folder in ("sources", "policies", "landing"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "lake.yml").write_text("name: shop\n")
        (tmp_path / "sources" / "orders.yml").write_text(
            "table: bronze.orders\npath: landing\nformat: json\n"
            "columns: {email: {tags: {pii: email}}}\n"
        )
        if policies:
            (tmp_path / "policies" / "all.yml").write_text(policies)
        lake = Lake.open(tmp_path)
        lake.catalog.set_head(TableHead(ORDERS, 0, {}, "", 0, 0, SCHEMA, clock.now()))
        return lake

    return made


@pytest.fixture
def lake(make: Callable[[str], Lake]) -> Iterator[Lake]:
    with make(POLICIES) as opened:
        yield opened


def seen(lake: Lake, who: str) -> list[str]:
    found = lake.governance.authorizer().access(Principal.parse(who), ORDERS, SCHEMA)
    return [column.name for column in found.columns] if found else []


def audited(lake: Lake) -> list[tuple[str, str]]:
    entries = reversed(lake.governance.audit_entries())
    return [(one.kind, one.principal) for one in entries if one.kind != "policy"]


def test_a_lake_without_policies_is_open_to_its_owner_and_to_nobody_else(
    make: Callable[[str], Lake],
) -> None:
    with make("") as lake:
        assert not lake.governance.governs
        authorizer = lake.governance.authorizer()
        assert not authorizer.governs
        found = authorizer.access(Principal.operator(), ORDERS, SCHEMA)
        assert found is not None
        assert found.unrestricted
        assert seen(lake, "ana") == []
        lake.governance.grant("ana", "SELECT", "bronze.*")
        assert lake.governance.governs
        assert seen(lake, "ana") == ["id", "email", "country"]


def test_a_grant_counts_at_once_and_its_revocation_too(lake: Lake) -> None:
    assert seen(lake, "ana") == []
    lake.governance.grant("role:analyst", "SELECT", "bronze.orders")
    assert seen(lake, "ana") == ["id", "email", "country"]
    with Lake.open(lake.project.root) as other:
        other.governance.revoke("role:analyst", "SELECT", "bronze.orders")
    assert seen(lake, "ana") == []
    assert audited(lake) == [("grant", "operator"), ("revoke", "operator")]
    assert lake.governance.audit_entries()[0].body["os_user"]


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("bronze.order", "did you mean bronze.orders"),
        ("bronze.orders.mail", "did you mean email"),
    ],
)
def test_tags_on_what_is_not_there_are_refused(lake: Lake, named: str, meant: str) -> None:
    with pytest.raises(ResourceError, match=meant):
        lake.governance.tag(named, {"pii": "email"})
    lake.governance.tag(named, {"pii": None})


def test_data_tags_and_assigned_tags_reach_decisions(lake: Lake) -> None:
    lake.governance.grant("ana", "SELECT", Resource("tags", tags=(("pii", ("email",)),)))
    assert seen(lake, "ana") == ["email"]
    lake.governance.tag("bronze.orders.country", {"PII": "Email"}, by=Principal.parse("lena"))
    assert seen(lake, "ana") == ["email", "country"]
    lake.governance.tag("bronze.orders.country", {"pii": None})
    assert seen(lake, "ana") == ["email"]
    assert [kind for kind, _ in audited(lake)] == ["grant", "tag", "tag"]


@pytest.mark.parametrize(
    ("who", "to", "resource"),
    [
        ("rob", "ana", Resource.parse("bronze.orders")),
        ("ana", "ana", Resource.parse("bronze.orders")),
        (SHARED, "role:analyst", Resource("table", "bronze", "orders", ("id",))),
        (SHARED, f"{OTHER}/role:x", Resource("table", "bronze", "orders", ("id",))),
        (SHARED, f"{SHARED}/role:x", Resource("table", "bronze", "orders", ("email",))),
        (SHARED, f"{SHARED}/role:x", Resource.parse("bronze.orders")),
        (SHARED, f"{SHARED}/role:x", Resource.parse("bronze.*")),
    ],
)
def test_who_lacks_the_grant_option_on_all_of_it_may_not_grant(
    lake: Lake, who: str, to: str, resource: Resource
) -> None:
    with pytest.raises(NotGrantableError):
        lake.governance.grant(to, "SELECT", resource, by=Principal.parse(who))
    assert audited(lake) == [("denial", who if who.startswith("account") else f"user:{who}")]


def test_a_share_is_passed_on_within_its_columns_and_shrinks_with_it(lake: Lake) -> None:
    account, role = "account:123456789012", "account:123456789012/role:x"
    lake.governance.grant(
        role,
        "SELECT",
        Resource("table", "bronze", "orders", ("id",)),
        by=Principal.parse(account),
    )
    assert seen(lake, role) == ["id"]
    lake.governance.grant(account, "SELECT", "bronze.*", grant_option=True)
    lake.governance.grant(role, "SELECT", "bronze.*", by=Principal.parse(account))
    assert seen(lake, role) == ["id", "email", "country"]
    lake.governance.revoke(account, "SELECT", "bronze.*", option_only=True)
    assert seen(lake, role) == ["id", "country"]


def test_the_grant_option_reaches_as_far_as_its_own_grant(lake: Lake) -> None:
    columns = Resource("table", "bronze", "orders", ("id", "country"))
    lake.governance.grant("ana", "SELECT", columns, grant_option=True)
    ana = Principal.parse("ana")
    lake.governance.execute("GRANT SELECT (country) ON bronze.orders TO USER zoe", by=ana)
    assert seen(lake, "zoe") == ["country"]
    with pytest.raises(NotGrantableError):
        lake.governance.execute("GRANT SELECT (email) ON bronze.orders TO USER zoe", by=ana)
    with pytest.raises(GovernanceError):
        lake.governance.execute("REVOKE SELECT (id) ON bronze.orders FROM USER ana", by=ana)
    lake.governance.execute("REVOKE SELECT (country) ON bronze.orders FROM USER zoe", by=ana)
    assert seen(lake, "zoe") == []


def test_who_passes_on_rows_holds_the_columns_that_choose_them(lake: Lake) -> None:
    given = lake.governance.grant
    orders = Resource.parse("bronze.orders")
    given("ana", "SELECT", replace(orders, columns=("id", "country")), grant_option=True)
    ana = Principal.parse("ana")
    given("zoe", "SELECT", replace(orders, columns=("id",), rows="country = 'DE'"), by=ana)
    with pytest.raises(NotGrantableError):
        given("zoe", "SELECT", replace(orders, columns=("id",), rows="email like 'a%'"), by=ana)
    tagged = Resource("tags", tags=(("pii", ("none",)),))
    given("ana", "SELECT", tagged, grant_option=True)
    given("zoe", "SELECT", tagged, by=ana)
    with pytest.raises(NotGrantableError):
        given("zoe", "SELECT", replace(tagged, rows="email like 'a%'"), by=ana)
    filtered = replace(orders, columns=("id",), rows="email like 'a%'")
    given("ana", "SELECT", filtered, grant_option=True)
    given("zoe", "SELECT", filtered, by=ana)


def test_an_administrator_grants_and_revokes_what_anyone_granted(lake: Lake) -> None:
    lena = Principal.parse("lena")
    lake.governance.grant("ana", "SELECT", "bronze.*", by=lena)
    lake.governance.revoke("ana", "SELECT", "bronze.*", by=Principal.parse("role:admin/lena"))
    assert audited(lake) == [("grant", "user:lena"), ("revoke", "role:admin/lena")]


def test_what_a_file_declares_is_revoked_in_the_file(lake: Lake) -> None:
    with pytest.raises(DeclaredGrantError, match=r"policies/all\.yml:5"):
        lake.governance.revoke(
            "role:reader", "SELECT", Resource("table", "bronze", "orders", ("id",))
        )
    with pytest.raises(GovernanceError, match="was not granted"):
        lake.governance.revoke("ana", "SELECT", "bronze.orders")


def test_names_that_are_not_there_are_refused(lake: Lake) -> None:
    grant = lake.governance.grant
    with pytest.raises(PrincipalError):
        grant("role:analist", "SELECT", "bronze.*")
    with pytest.raises(ResourceError, match=r"did you mean bronze\.orders"):
        grant("ana", "SELECT", "bronze.ordres")
    with pytest.raises(ExpressionError, match="no column 'total'"):
        grant("ana", "SELECT", Resource("table", "bronze", "orders", rows="total > 3"))
    for later in ("quarantine.bronze_orders", "bronze.orders"):
        grant("ana", "SELECT", later)
    with pytest.raises(ResourceError, match="email"):
        grant("ana", "SELECT", Resource("table", "bronze", "orders", excluded=("emial",)))
    with pytest.raises(TagError):
        grant("ana", "SELECT", Resource("tags", tags=(("pi", ("x",)),)))
    with pytest.raises(TagError):
        lake.governance.tag("bronze.orders", {"pii": "mail"})
    with pytest.raises(GovernanceError):
        grant("ana", "SELECT", Resource("table", "bronze", "orders", rows="id = email"))
    with pytest.raises(GovernanceError):
        lake.governance.tag("bronze.orders", {"pii": "email"}, by=Principal.parse("ana"))


def test_tables_of_files_elsewhere_have_the_tags_that_are_declared_for_them(
    make: Callable[[str], Lake], tmp_path: Path
) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "clicks.yml").write_text(
        "table: raw.clicks\nlocation: landing/clicks\nformat: csv\n"
        "columns: {id: bigint, who: {type: string, tags: {pii: email}}}\n"
    )
    schema = Schema(tuple(Field(n, parse_type("string")) for n in ("id", "who", "more")))
    masks = "policies: {p: {columns: {pii: '*'}, mask: redact}}\n"
    with make(POLICIES + masks) as lake:
        lake.governance.grant("ana", "SELECT", "raw.*")
        decides = lake.governance.authorizer()
        found = decides.access(Principal.parse("ana"), TableName("raw", "clicks"), schema)
        assert found is not None
        assert [c.name for c in found.columns if c.mask] == ["who"]
        other = decides.access(Principal.parse("ana"), TableName("raw", "other"), schema)
        assert other is not None
        assert all(c.mask for c in other.columns)


def test_who_makes_a_table_has_all_permissions_on_it(lake: Lake) -> None:
    ana = Principal.parse("role:analyst/ana")
    lake.governance.created(ana, "gold.mine")
    authorizer = lake.governance.authorizer()
    assert authorizer.may(Principal.parse("role:analyst"), "DROP", "gold.mine").allowed
    assert not authorizer.may(ana, "DROP", "gold.other").allowed


def test_a_change_of_the_files_is_audited_once(make: Callable[[str], Lake]) -> None:
    for text, entries in ((POLICIES, 1), (POLICIES, 1), (POLICIES + "hybrid: []\n", 1),
                          (POLICIES.replace("rob", "eve"), 2)):  # fmt: skip
        with make(text) as lake:
            lake.governance.authorizer()
            lake.governance.authorizer()
            assert len(lake.governance.audit_entries(kind="policy")) == entries


def test_the_trail_is_verified_with_the_head_that_this_machine_keeps(lake: Lake) -> None:
    lake.governance.grant("ana", "SELECT", "bronze.*")  # entry 2: entry 1 notes the policies
    head = lake.governance.audit("query", Principal.parse("ana"), {"tables": ["bronze.orders"]})
    assert lake.governance.verify_audit().sound
    assert lake.governance.verify_audit([head]).marks == 2
    assert not lake.governance.verify_audit([Head(9, "0" * 64)]).sound
    with lake.catalog._database.writing() as session:
        session.run("DROP TRIGGER audit_entries_no_delete")
        session.run("DELETE FROM audit_entries WHERE seq = 2")
    assert lake.governance.verify_audit().breaks


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_project_that_cannot_be_written_keeps_no_head_and_fails_at_nothing(
    lake: Lake,
) -> None:
    folder = lake.project.root / ".lake"
    folder.chmod(0o500)
    try:
        lake.governance.audit("query", Principal.parse("ana"), {})
    finally:
        folder.chmod(0o700)
    assert not lake.governance.verify_audit().sound
