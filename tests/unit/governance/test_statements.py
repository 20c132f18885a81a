"""GRANT and REVOKE as SQL."""

from __future__ import annotations

import pytest

from lakeworks.governance.errors import GovernanceError, GrantStatementError
from lakeworks.governance.resources import Resource
from lakeworks.governance.statements import GrantStatement, parse_grant

ORDERS = Resource("table", "silver", "orders")
SELECT = frozenset({"SELECT"})


def test_permissions_resources_and_principals_are_read() -> None:
    assert parse_grant("grant select on silver.orders to role:analyst") == GrantStatement(
        "GRANT", ((ORDERS, SELECT),), ("role:analyst",), option=False
    )
    assert parse_grant(
        "GRANT SELECT, INSERT ON TABLE silver.orders TO ROLE analyst, USER ana, GROUP g, 'user:ben' "
        "WITH GRANT OPTION;"
    ) == GrantStatement(
        "GRANT",
        ((ORDERS, frozenset({"SELECT", "INSERT"})),),
        ("role:analyst", "user:ana", "group:g", "user:ben"),
        option=True,
    )


@pytest.mark.parametrize(
    ("sql", "resource", "words"),
    [
        ("SELECT (a, \"b c\") ON silver.orders",
         Resource("table", "silver", "orders", ("a", "b c")), SELECT),
        ("SELECT EXCEPT (a) ON silver.*", Resource("table", "silver", "*", excluded=("a",)), SELECT),
        ("ALL PRIVILEGES ON DATABASE silver", Resource("database", "silver"), frozenset({"ALL"})),
        ("CREATE TABLE ON SCHEMA gold", Resource("database", "gold"), frozenset({"CREATE_TABLE"})),
        ("CREATE_DATABASE ON CATALOG", Resource("catalog"), frozenset({"CREATE_DATABASE"})),
        ("SELECT ON silver.orders WHERE country = 'to' and (a in (1) or b = 'x''y')",
         Resource("table", "silver", "orders", rows="country = 'to' and (a in (1) or b = 'x''y')"),
         SELECT),
        ("SELECT ON TABLES TAGGED (Domain IN ('sales', web) AND pii = 'None')",
         Resource("tags", tags=(("domain", ("sales", "web")), ("pii", ("none",)))), SELECT),
        ("DROP ON DATABASES TAGGED (a = b)",
         Resource("tags", tags=(("a", ("b",)),), of="databases"), frozenset({"DROP"})),
    ],
)  # fmt: skip
def test_each_kind_of_resource(sql: str, resource: Resource, words: frozenset[str]) -> None:
    assert parse_grant(f"GRANT {sql} TO ana").grants == ((resource, words),)
    assert parse_grant(f"REVOKE {sql} FROM ana").verb == "REVOKE"


def test_permissions_with_and_without_columns_are_on_different_resources() -> None:
    found = parse_grant("GRANT SELECT (a), DESCRIBE ON silver.orders TO ana").grants
    assert found == (
        (Resource("table", "silver", "orders", ("a",)), SELECT),
        (ORDERS, frozenset({"DESCRIBE"})),
    )


def test_the_option_alone_is_revoked() -> None:
    found = parse_grant("REVOKE GRANT OPTION FOR SELECT ON silver.orders FROM everyone")
    assert (found.option, found.principals) == (True, ("everyone",))
    assert parse_grant("GRANT SELECT ON silver.* TO tag:team=x").principals == ("tag:team=x",)
    share = parse_grant("GRANT SELECT ON silver.* TO 'account:123456789012/role:x'")
    assert share.principals == ("account:123456789012/role:x",)


@pytest.mark.parametrize(
    "sql",
    [
        "", "GRANT", "GRANT SELECT", "GRANT SELECT ON", "GRANT SELECT ON silver.orders",
        "GRANT SELECT ON silver.orders TO", "GRANT SELECT silver.orders TO ana",
        "GRANT SELECT ON silver.orders TO ana WITH", "GRANT SELECT ON silver.orders TO ana extra",
        "GRANT SELECT ON silver.orders TO ana; DROP TABLE x", "GRANT SELECT ( ON silver.orders TO a",
        "GRANT SELECT ON DATABASE silver.orders TO ana", "GRANT 'SELECT' ON silver.orders TO ana",
        "REVOKE SELECT ON silver.orders TO ana", "GRANT SELECT ON silver.orders FROM ana",
        "GRANT SELECT ON silver.orders TO 'ana", "GRANT SELECT ON TABLES TAGGED () TO ana",
        "GRANT SELECT ON TABLES TAGGED (a) TO ana", "SELECT 1",
    ],
)  # fmt: skip
def test_what_is_no_statement_is_refused_with_its_place(sql: str) -> None:
    with pytest.raises(GrantStatementError, match="at character"):
        parse_grant(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "GRANT SELCT ON silver.orders TO ana", "GRANT SELECT ON silver TO ana",
        "GRANT INSERT (a) ON silver.orders TO ana", "GRANT SELECT ON a.b.c TO ana",
        "GRANT SELECT ON silver.orders TO 'a b'", "GRANT SELECT ON silver.orders TO role:r/ana",
    ],
)  # fmt: skip
def test_names_that_do_not_fit_are_refused(sql: str) -> None:
    with pytest.raises(GovernanceError):
        parse_grant(sql)
