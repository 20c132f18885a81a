"""Fields of structs and shares between accounts, cell by cell, against a slow reference."""

from __future__ import annotations

from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.governance import Authorizer, Principal
from lakeworks.governance.policy_set import Grant, PolicySet
from lakeworks.governance.resources import Resource

TABLE = TableName("silver", "t")
SCHEMA = Schema(
    (
        Field("id", parse_type("int")),
        Field("s", parse_type("struct<a:int,b:struct<c:int,d:int>>")),
    )
)
LEAVES = (("id",), ("s", "a"), ("s", "b", "c"), ("s", "b", "d"))
NAMES = ("id", "s", "s.a", "S.B", "s.b.c", "s.b.d")
ROWS: list[tuple[int, dict[str, Any] | None]] = [
    (n, None if n == 3 else {"a": n * 10, "b": None if n == 4 else {"c": n, "d": -n}})
    for n in range(6)
]
FILTERS = {"": lambda _: True, "id < 3": lambda n: n < 3, "id > 1": lambda n: n > 1}
CONNECTION = duckdb.connect()
CONNECTION.execute("create table t (id int, s struct(a int, b struct(c int, d int)))")
CONNECTION.executemany("insert into t values (?, ?)", ROWS)
ACCOUNT, READER = "account:123456789012", "account:123456789012/role:r"
SELECT = frozenset({"SELECT"})

resources = st.tuples(
    st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple),
    st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
    st.sampled_from(sorted(FILTERS)),
).map(lambda t: Resource("table", "silver", "t", t[0], () if t[0] else t[1], t[2]))
shown_by = st.lists(resources, min_size=1, max_size=3)


def within(leaf: tuple[str, ...], name: str) -> bool:
    path = tuple(name.lower().split("."))
    return leaf[: len(path)] == path


def shows(resource: Resource, leaf: tuple[str, ...], number: int) -> bool:
    if resource.columns and not any(within(leaf, name) for name in resource.columns):
        return False
    if any(within(leaf, name) for name in resource.excluded):
        return False
    return FILTERS[resource.rows](number)


def told(number: int, value: Any, seen: set[tuple[str, ...]], path: tuple[str, ...]) -> Any:
    """Return a value with null for what is not seen of it."""
    if path in LEAVES:
        return value if path in seen else None
    if value is None or not any(leaf[: len(path)] == path for leaf in seen):
        # A struct of nulls would tell that it is not null.
        return None
    return {key: told(number, inner, seen, (*path, key)) for key, inner in value.items()}


def check(grants: list[Grant], who: str, sees: Any) -> None:
    """Hold what a principal gets to `sees(leaf, number)`, and `sees(leaf, None)` for ever."""
    found = Authorizer(PolicySet(grants=tuple(grants))).access(
        Principal.parse(who), TABLE, SCHEMA
    )
    columns = [
        n for n in ("id", "s") if any(leaf[0] == n and sees(leaf, None) for leaf in LEAVES)
    ]
    if not columns:
        assert found is None
        return
    assert found is not None
    assert [column.name for column in found.columns] == columns
    expected = []
    for number, struct in ROWS:
        seen = {leaf for leaf in LEAVES if sees(leaf, number)}
        if seen:
            row = {
                "id": told(number, number, seen, ("id",)),
                "s": told(number, struct, seen, ("s",)),
            }
            expected.append(tuple(row[name] for name in columns))
    result = CONNECTION.sql(found.select_sql("t", SCHEMA)).fetchall()
    assert sorted(map(repr, result)) == sorted(map(repr, expected))


@settings(max_examples=250, deadline=None)
@given(shown_by)
def test_fields_of_structs_unite_cell_by_cell(granted: list[Resource]) -> None:
    def sees(leaf: tuple[str, ...], number: int | None) -> bool:
        at = range(6) if number is None else [number]
        return any(shows(one, leaf, n) for one in granted for n in at)

    check([Grant("user:ana", SELECT, one) for one in granted], "ana", sees)


@settings(max_examples=250, deadline=None)
@given(shown_by, shown_by)
def test_what_an_account_passes_on_is_what_it_was_given_and_no_more(
    passed: list[Resource], shared: list[Resource]
) -> None:
    everywhere = any(shows(_all_rows(one), ("id",), 0) for one in shared if not one.rows)

    def judges_no_more(one: Resource, share: Resource) -> bool:
        # Rows that are chosen by a column tell of it, so it has to be shared as well.
        by_share = one.rows in ("", share.rows) or shows(_all_rows(share), ("id",), 0)
        return by_share or everywhere

    def sees(leaf: tuple[str, ...], number: int | None) -> bool:
        pairs = [(p, s) for p in passed for s in shared if judges_no_more(p, s)]
        if number is None:
            # Whether a column is there at all does not hang on whether filters ever meet.
            pairs, number = [(_all_rows(p), _all_rows(s)) for p, s in pairs], 0
        return any(shows(p, leaf, number) and shows(s, leaf, number) for p, s in pairs)

    grants = [Grant(ACCOUNT, SELECT, one, grantable=SELECT) for one in shared]
    grants += [Grant(READER, SELECT, one, granted_by=ACCOUNT) for one in passed]
    check(grants, READER, sees)


def _all_rows(resource: Resource) -> Resource:
    return Resource("table", "silver", "t", resource.columns, resource.excluded)
