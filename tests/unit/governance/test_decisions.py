"""What is granted unites, what policies say intersects, and all else is not there."""

from __future__ import annotations

from typing import Any

import pytest

from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.governance import Authorizer, Mask, Principal, TableAccess
from lakeworks.governance.policy_set import CellsFilter, Grant, Hybrid, Policy, PolicySet
from lakeworks.governance.principals import Directory
from lakeworks.governance.resources import Resource
from lakeworks.governance.tags import TagState

ORDERS = TableName("silver", "orders")
QUARANTINE = ORDERS.quarantine
SCHEMA = Schema(
    tuple(
        Field(name, parse_type(kind))
        for name, kind in (
            ("id", "int"),
            ("email", "string"),
            ("country", "string"),
            ("address", "struct<city:string,geo:struct<lat:double,lon:double>>"),
        )
    )
)
REJECTS = Schema(tuple(Field(n, parse_type("string")) for n in ("row", "rule", "error")))
PEOPLE = Directory(
    {"ana": {"country": "DE"}},
    {"bi": ("user:ben", "group:all"), "all": ("user:zoe",)},
    {
        "analyst": ("user:ana", "group:bi"),
        "compliance": ("user:carl",),
        "admin": ("user:lena",),
    },
)
RESOLVED = {
    str(ORDERS): frozenset(f.name for f in SCHEMA),
    str(QUARANTINE): frozenset(REJECTS.names),
}
PII = {"email": {"pii": frozenset({"email"})}}
TAGS = TagState(
    columns={str(ORDERS): PII, str(QUARANTINE): {"row": PII["email"], "error": PII["email"]}},
    resolved=RESOLVED,
)
SELECT = frozenset({"SELECT"})


def on(text: str = "silver.orders", **more: Any) -> Resource:
    base = Resource.parse(text)
    return Resource(base.kind, base.database, base.table, **more)


def grant(to: str, resource: Resource | None = None, *words: str, **more: Any) -> Grant:
    return Grant(to, frozenset(words) or SELECT, resource or on(), **more)


def authorizer(*grants: Grant, tags: TagState = TAGS, **more: Any) -> Authorizer:
    more.setdefault("directory", PEOPLE)
    return Authorizer(PolicySet(grants=grants, **more), tags)


def seen(
    decides: Authorizer, who: str, table: TableName = ORDERS, schema: Schema = SCHEMA
) -> TableAccess | None:
    return decides.access(Principal.parse(who), table, schema)


def names(found: TableAccess | None) -> list[str]:
    return [column.name for column in found.columns] if found else []


def test_nobody_sees_what_was_not_granted_to_it() -> None:
    decides = authorizer(grant("role:analyst"))
    assert seen(decides, "carl") is None
    assert seen(decides, "nobody") is None
    assert seen(decides, "role:nothing") is None


@pytest.mark.parametrize("who", ["ana", "ben", "zoe", "role:analyst", "role:analyst/zoe"])
def test_roles_reach_members_of_groups_of_groups_and_sessions(who: str) -> None:
    found = seen(authorizer(grant("role:analyst")), who)
    assert found is not None
    assert found.unrestricted


def test_a_session_of_a_role_that_the_user_is_no_member_of_sees_nothing() -> None:
    assert seen(authorizer(grant("role:analyst")), "role:analyst/carl") is None


def test_a_session_has_the_grants_of_its_role_alone() -> None:
    decides = authorizer(grant("user:ana"), grant("role:analyst", on(columns=("id",))))
    assert names(seen(decides, "role:analyst/ana")) == ["id"]


def test_an_administrator_knows_of_the_table_and_reads_nothing() -> None:
    decides = authorizer(grant("role:analyst"), administrators=frozenset({"role:admin"}))
    lena = Principal.parse("lena")
    assert seen(decides, "lena") is None
    described = decides.access(lena, ORDERS, SCHEMA, action="DESCRIBE")
    assert names(described) == list(SCHEMA.names)
    assert described is not None
    assert described.row_filter == "false"


def test_a_list_of_columns_does_not_take_in_columns_that_come_later_and_all_but_some_does() -> (
    None
):
    wider = Schema((*SCHEMA.fields, Field("extra", parse_type("int"))))
    listed = authorizer(
        grant("ana", on(columns=("id",))), grant("user:ana", on(columns=("id",)))
    )
    but = authorizer(grant("user:ana", on(excluded=("email",))))
    assert names(seen(listed, "ana", schema=wider)) == ["id"]
    assert names(seen(but, "ana", schema=wider)) == ["id", "country", "address", "extra"]


def test_a_column_to_be_left_out_that_is_not_there_hides_the_table() -> None:
    assert seen(authorizer(grant("user:ana", on(excluded=("emial",)))), "ana") is None


def test_rows_unite_by_or_and_columns_by_cell() -> None:
    found = seen(
        authorizer(
            grant("user:ana", on(columns=("id", "country"))),
            grant("user:ana", on(columns=("email",), rows="country = 'DE'")),
        ),
        "ana",
    )
    assert found is not None
    assert found.row_filter is None
    assert {c.name: c.cell_condition for c in found.columns} == {
        "id": None,
        "email": "(\"country\" = 'DE')",
        "country": None,
    }


def test_fields_of_a_struct_are_shown_each_as_it_was_granted() -> None:
    found = seen(authorizer(grant("user:ana", on(columns=("id", "address.geo.lat")))), "ana")
    assert found is not None
    fields = {one.path[1:]: one.shown for one in found.columns[1].fields}
    assert fields == {("city",): False, ("geo", "lat"): True, ("geo", "lon"): False}


@pytest.mark.parametrize(
    "rows",
    ["nope = 1", "id = 'x'", "id = country", "lower(country) = 'de'", "country like 1", "id ="],
)
def test_a_filter_that_does_not_fit_or_parse_shows_nothing(rows: str) -> None:
    assert seen(authorizer(grant("user:ana", on(rows=rows))), "ana") is None


def test_a_filter_that_asks_for_a_session_tag_shows_nothing_without_it() -> None:
    decides = authorizer(grant("role:analyst", on(rows="not country = session_tag('country')")))
    assert seen(decides, "role:analyst") is None
    assert seen(decides, "role:analyst/ben") is None
    found = seen(decides, "role:analyst/ana")
    assert found is not None
    assert found.row_filter == "(not (\"country\" = 'DE'))"


def test_declared_tags_of_a_user_win_over_those_that_a_session_claims() -> None:
    found = seen(
        authorizer(grant("role:analyst", on(rows="country = session_tag('country')"))),
        "role:analyst/ana?country=US",
    )
    assert found is not None
    assert "'DE'" in (found.row_filter or "")


def test_a_session_tag_cannot_break_out_of_its_quotes() -> None:
    found = seen(
        authorizer(grant("role:analyst", on(rows="country = session_tag('team')"))),
        "role:analyst?team=x%27%20or%201%3D1",
    )
    assert found is not None
    assert found.row_filter == "(\"country\" = 'x'' or 1=1')"


def test_a_data_cells_filter_counts_for_its_own_table_only() -> None:
    cells = CellsFilter("de", "silver.orders", "country = 'DE'", excluded=("email",))
    decides = authorizer(grant("user:ana", on(cells="de")), filters={"de": cells})
    found = seen(decides, "ana")
    assert names(found) == ["id", "country", "address"]
    assert seen(authorizer(grant("user:ana", on(cells="de"))), "ana") is None
    other = authorizer(grant("user:ana", on("silver.x", cells="de")), filters={"de": cells})
    assert seen(other, "ana", TableName("silver", "x")) is None


# Tags ---------------------------------------------------------------------------------


def tagged(**expression: str) -> Resource:
    pairs = {key: tuple(value.split("|")) for key, value in expression.items()}
    return Resource("tags", tags=tuple(sorted(pairs.items())))


def test_tags_are_inherited_and_overridden_from_database_to_table_to_column() -> None:
    tags = TagState(
        assigned={"silver": {"level": "open"}, "silver.orders.email": {"level": "secret"}},
        resolved=RESOLVED,
    )
    decides = authorizer(grant("user:ana", tagged(level="open")), tags=tags)
    assert names(seen(decides, "ana")) == ["id", "country", "address"]
    decides = authorizer(grant("user:ana", tagged(level="secret|other")), tags=tags)
    assert names(seen(decides, "ana")) == ["email"]


def test_keys_of_an_expression_are_joined_by_and_its_values_by_or() -> None:
    tags = TagState(assigned={"silver": {"a": "1", "b": "2"}}, resolved=RESOLVED)
    assert seen(authorizer(grant("user:ana", tagged(a="1|9", b="2")), tags=tags), "ana")
    assert not seen(authorizer(grant("user:ana", tagged(a="1", b="3")), tags=tags), "ana")
    assert not seen(authorizer(grant("user:ana", tagged(a="1", c="3")), tags=tags), "ana")


def test_grants_on_tags_and_on_names_unite() -> None:
    tags = TagState(assigned={"silver.orders.email": {"level": "open"}}, resolved=RESOLVED)
    decides = authorizer(
        grant("user:ana", tagged(level="open")),
        grant("user:ana", on(columns=("id",))),
        tags=tags,
    )
    assert names(seen(decides, "ana")) == ["id", "email"]


def test_a_column_of_two_values_needs_both_granted_and_is_bound_by_either() -> None:
    both = {"email": {"pii": frozenset({"email", "name"})}}
    tags = TagState(columns={str(ORDERS): both}, resolved=RESOLVED)
    assert not seen(authorizer(grant("user:ana", tagged(pii="email")), tags=tags), "ana")
    assert seen(authorizer(grant("user:ana", tagged(pii="email|name")), tags=tags), "ana")
    hides = Policy("p", columns=(("pii", ("name",)),), hide=True)
    decides = authorizer(grant("user:ana"), tags=tags, policies=(hides,))
    assert "email" not in names(seen(decides, "ana"))


def test_a_column_of_unknown_origin_is_bound_by_every_policy_and_reached_by_no_grant_on_tags() -> (
    None
):
    tags = TagState(assigned={"silver": {"level": "open"}}, resolved={})
    assert seen(authorizer(grant("user:ana", tagged(level="open")), tags=tags), "ana") is None
    masks = Policy("p", columns=(("pii", ("email",)),), mask=Mask("null"))
    found = seen(authorizer(grant("user:ana"), tags=tags, policies=(masks,)), "ana")
    assert found is not None
    assert all(column.mask is not None for column in found.columns)


# Policies -----------------------------------------------------------------------------

MASKS = Policy("emails", columns=(("pii", ("*",)),), mask=Mask("redact"),
               exempt=frozenset({"role:compliance"}))  # fmt: skip


def test_a_policy_binds_whatever_was_granted_by_whomever() -> None:
    owner = grant("user:ana", None, "ALL", grantable=frozenset({"ALL"}))
    found = seen(authorizer(owner, grant("user:carl"), policies=(MASKS,)), "ana")
    assert found is not None
    assert [c.mask is not None for c in found.columns] == [False, True, False, False]
    exempt = seen(authorizer(owner, grant("user:carl"), policies=(MASKS,)), "carl")
    assert exempt is not None
    assert exempt.unrestricted


def test_except_counts_even_where_to_names_another_role_of_the_principal() -> None:
    people = Directory({}, {}, {"analyst": ("user:ana",), "compliance": ("user:ana",)})
    policy = Policy("p", columns=(("pii", ("*",)),), hide=True,
                    to=frozenset({"role:analyst"}), exempt=frozenset({"role:compliance"}))  # fmt: skip
    found = seen(authorizer(grant("user:ana"), directory=people, policies=(policy,)), "ana")
    assert found is not None
    assert found.unrestricted


def test_a_policy_on_a_group_binds_its_members_in_sessions_of_roles_too() -> None:
    policy = Policy("p", named=("email",), hide=True, to=frozenset({"group:bi"}))
    decides = authorizer(grant("role:analyst"), policies=(policy,))
    assert "email" not in names(seen(decides, "role:analyst/zoe"))
    assert "email" in names(seen(decides, "role:analyst/ana"))


def test_what_did_not_fit_a_hidden_column_is_hidden_with_it() -> None:
    wider = Schema((*SCHEMA.fields, Field("_rescued", parse_type("string"))))
    tags = TagState(resolved={str(ORDERS): frozenset(wider.names)})
    but = authorizer(grant("user:ana", on(excluded=("email",))), tags=tags)
    assert names(seen(but, "ana", schema=wider)) == ["id", "country", "address"]
    policy = Policy("p", named=("email",), mask=Mask("null"))
    found = seen(
        authorizer(grant("user:ana"), tags=tags, policies=(policy,)), "ana", schema=wider
    )
    assert found is not None
    assert [c.name for c in found.columns if c.mask] == ["email", "_rescued"]


def test_two_policies_that_mask_one_column_differently_leave_null() -> None:
    other = Policy("other", named=("EMAIL",), mask=Mask("last4"))
    found = seen(authorizer(grant("user:ana"), policies=(MASKS, other)), "ana")
    assert found is not None
    assert found.columns[1].mask is not None
    assert found.columns[1].mask.kind == "null"


def test_mandatory_filters_are_joined_by_and_with_what_was_granted() -> None:
    policies = (
        Policy("a", rows="id > 1"),
        Policy("b", on=(Resource.parse("silver"),), rows="id < 9"),
    )
    decides = authorizer(grant("user:ana", on(rows="country = 'DE'")), policies=policies)
    found = seen(decides, "ana")
    assert found is not None
    assert found.row_filter == '(("country" = \'DE\') and ("id" > 1) and ("id" < 9))'


def test_a_mandatory_filter_that_does_not_fit_hides_the_table() -> None:
    assert (
        seen(authorizer(grant("user:ana"), policies=(Policy("a", rows="nope = 1"),)), "ana")
        is None
    )


def test_matched_stands_for_each_tagged_column() -> None:
    policy = Policy("a", columns=(("pii", ("email",)),), rows="matched like '%.de'")
    found = seen(authorizer(grant("user:ana"), policies=(policy,)), "ana")
    assert found is not None
    assert found.row_filter == "(\"email\" like '%.de')"


def test_quarantine_is_bound_by_the_policies_of_its_table() -> None:
    everything = grant("user:ana", Resource.parse("quarantine.*"))
    found = seen(authorizer(everything, policies=(MASKS,)), "ana", QUARANTINE, REJECTS)
    assert found is not None
    assert {c.name for c in found.columns if c.mask} == {"row", "error"}
    named = Policy("n", on=(on(),), named=("email",), hide=True)
    assert names(
        seen(authorizer(everything, policies=(named,)), "ana", QUARANTINE, REJECTS)
    ) == ["rule"]
    rows = Policy("r", on=(on(),), rows="id > 1")
    assert seen(authorizer(everything, policies=(rows,)), "ana", QUARANTINE, REJECTS) is None


def test_a_policy_on_one_table_that_names_a_column_it_has_not_hides_the_table() -> None:
    policy = Policy("n", on=(on(),), named=("emial",), hide=True)
    assert seen(authorizer(grant("user:ana"), policies=(policy,)), "ana") is None


# Hybrid access and shares -------------------------------------------------------------


def test_in_hybrid_access_only_who_opted_in_is_held_to_grants() -> None:
    hybrid = (Hybrid((on(),), frozenset({"role:analyst"})),)
    decides = authorizer(grant("user:x"), hybrid=hybrid, policies=(MASKS,))
    assert seen(decides, "ana") is None
    found = seen(decides, "lena")
    assert found is not None
    assert found.columns[1].mask is not None
    assert seen(decides, "nobody") is None
    assert seen(decides, "account:123456789012/role:x") is None


A, B = "account:123456789012", "account:210987654321"


def test_a_share_cannot_be_widened_by_who_passes_it_on() -> None:
    share = grant(A, on(columns=("id", "country"), rows="country = 'DE'"), grantable=SELECT)
    passed = grant(f"{A}/role:x", granted_by=A)
    found = seen(authorizer(share, passed), f"{A}/role:x")
    assert names(found) == ["id", "country"]
    assert found is not None
    assert found.row_filter == "(\"country\" = 'DE')"
    assert seen(authorizer(passed), f"{A}/role:x") is None
    without = grant(A, on())
    assert seen(authorizer(without, passed), f"{A}/role:x") is None


def test_what_an_account_passes_on_is_not_chosen_by_columns_that_are_not_shared() -> None:
    passed = grant(f"{A}/role:x", on(columns=("id",), rows="country = 'DE'"), granted_by=A)
    for columns in (("id", "country"), ("id",)):
        share = grant(A, on(columns=columns), grantable=SELECT)
        found = seen(authorizer(share, passed), f"{A}/role:x")
        assert names(found) == (["id"] if "country" in columns else [])


def test_no_principal_grants_rows_by_values_that_the_reader_sees_masked_or_not_at_all() -> None:
    rows = on(columns=("id",), rows="email like 'a%'")
    hides = Policy("hides", columns=(("pii", ("email",)),), hide=True)
    for policy in (MASKS, hides):
        for by, sees in (("user:lena", []), ("operator (root)", ["id"]), ("", ["id"])):
            decides = authorizer(grant("user:x", rows, granted_by=by), policies=(policy,))
            assert names(seen(decides, "x")) == sees
            assert names(seen(decides, "carl")) == []
    # Who sees the values may be given rows by them, and so may who has another grant.
    unbound = grant("role:compliance", rows, granted_by="user:lena")
    assert names(seen(authorizer(unbound, policies=(MASKS,)), "carl")) == ["id"]
    both = grant("user:x", rows, granted_by="user:lena"), grant("user:x", on(columns=("id",)))
    found = seen(authorizer(*both, policies=(MASKS,)), "x")
    assert found is not None
    assert (names(found), found.row_filter) == (["id"], None)
    assert any("shows nothing" in why for why in found.why)


def test_everyone_is_everyone_of_this_lake_and_policies_bind_other_accounts_too() -> None:
    decides = authorizer(grant("everyone"), grant(f"{A}/role:x", on(columns=("email",))),
                         policies=(MASKS,))  # fmt: skip
    assert seen(decides, f"{B}/role:x") is None
    found = seen(decides, f"{A}/role:x")
    assert names(found) == ["email"]
    assert found is not None
    assert found.columns[0].mask is not None
    assert seen(decides, "ana") is not None


def test_only_members_with_a_session_tag_have_what_is_granted_to_it() -> None:
    decides = authorizer(grant("tag:country=DE"))
    assert seen(decides, "ana") is not None
    assert seen(decides, "ben") is None


# What may be done, and the version ----------------------------------------------------


def test_all_on_a_table_is_every_permission_on_it_and_none_on_its_database() -> None:
    decides = authorizer(grant("user:ana", Resource.parse("silver.*"), "ALL"))
    ana = Principal.parse("ana")
    for action in ("SELECT", "DESCRIBE", "INSERT", "DELETE", "ALTER", "DROP"):
        assert decides.may(ana, action, ORDERS).allowed
    assert not decides.may(ana, "CREATE_TABLE", ORDERS).allowed
    assert not decides.may(ana, "DROP", "silver").allowed
    assert decides.may(ana, "DESCRIBE", "silver").allowed
    assert not decides.may(ana, "INSERT", "gold.x").allowed


def test_all_on_a_database_is_nothing_on_its_tables() -> None:
    decides = authorizer(grant("user:ana", Resource.parse("silver"), "ALL"))
    ana = Principal.parse("ana")
    assert decides.may(ana, "CREATE_TABLE", "silver").allowed
    assert not decides.may(ana, "SELECT", ORDERS).allowed
    assert seen(decides, "ana") is None


def test_some_columns_allow_no_writing() -> None:
    decides = authorizer(grant("user:ana", on(columns=("id",))))
    ana = Principal.parse("ana")
    assert decides.may(ana, "SELECT", ORDERS).allowed
    assert not decides.may(ana, "INSERT", ORDERS).allowed


def test_what_was_passed_on_may_no_more_than_the_share() -> None:
    passed = grant(f"{A}/role:x", None, "INSERT", granted_by=A)
    who = Principal.parse(f"{A}/role:x")
    share = grant(A, None, "SELECT", grantable=SELECT)
    assert not authorizer(share, passed).may(who, "INSERT", ORDERS).allowed
    wide = grant(A, None, "INSERT", "SELECT", grantable=frozenset({"INSERT", "SELECT"}))
    assert authorizer(wide, passed).may(who, "INSERT", ORDERS).allowed


def test_the_operator_is_bound_by_nothing_and_is_never_made_from_text() -> None:
    found = authorizer(policies=(MASKS,)).access(Principal.operator(), ORDERS, SCHEMA)
    assert found is not None
    assert found.unrestricted
    assert Principal.parse("operator").kind == "user"


def test_the_version_changes_with_what_concerns_the_principal_and_with_nothing_else() -> None:
    ana = Principal.parse("ana")
    base = authorizer(grant("user:ana")).policy_version(ana)
    assert authorizer(grant("user:ana")).policy_version(ana) == base
    assert authorizer(grant("user:ana"), grant("user:carl")).policy_version(ana) == base
    assert authorizer(grant("user:ana"), grant("role:analyst")).policy_version(ana) != base
    assert authorizer(grant("user:ana"), policies=(MASKS,)).policy_version(ana) != base
    other = TagState(assigned={"silver": {"a": "b"}}, resolved=RESOLVED)
    assert authorizer(grant("user:ana"), tags=other).policy_version(ana) != base
    tagged_session = Principal.parse("role:analyst?x=1")
    plain = Principal.parse("role:analyst")
    decides = authorizer(grant("role:analyst"))
    assert decides.policy_version(tagged_session) != decides.policy_version(plain)


def test_explanations_name_where_each_grant_and_policy_is_declared() -> None:
    decides = authorizer(grant("user:ana", at="policies/g.yml:3"), policies=(MASKS,))
    told = decides.explain(Principal.parse("ana"), ORDERS, SCHEMA)
    assert any("policies/g.yml:3" in line for line in told)
    assert any("emails" in line for line in told)
    assert "not known" in decides.explain(Principal.parse("nobody"), ORDERS, SCHEMA)[0]
