"""Decisions, carried out on real rows, equal a slow reference that looks at every cell alone.

The reference knows nothing of SQL, covers or bindings: for each row and column it asks each grant
whether it shows that cell, then each policy what is left of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.governance import Authorizer, Mask, Principal
from lakeworks.governance.policy_set import Grant, Policy, PolicySet
from lakeworks.governance.principals import Directory
from lakeworks.governance.resources import Resource
from lakeworks.governance.tags import TagState

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = TableName("silver", "orders")
TYPES = {"id": "int", "country": "string", "amount": "int", "email": "string"}
SCHEMA = Schema(tuple(Field(name, parse_type(kind)) for name, kind in TYPES.items()))
COLUMNS = tuple(TYPES)
COUNTRIES = ("DE", "FR", "D%", "o'x", "")
ROWS = [
    {
        "id": number,
        "country": (*COUNTRIES, None)[number % 6],
        "amount": (None, 1, 5, 9)[number % 4],
        "email": (None, "ana@x.de", "b@y", "12345678@z.com")[number // 3 % 4],
    }
    for number in range(24)
]
Row = dict[str, Any]
Truth = bool | None


@dataclass(frozen=True)
class Filter:
    """A filter's text, and what it is of a row: true, false, or unknown."""

    text: str
    holds: Callable[[Row, dict[str, str]], Truth]
    tags: frozenset[str] = frozenset()


def _known(value: Any, judge: Callable[[Any], bool]) -> Truth:
    return None if value is None else judge(value)


def _of(column: str, judges: list[tuple[str, Callable[[Any], bool]]]) -> list[Filter]:
    def holds(judge: Callable[[Any], bool]) -> Callable[[Row, dict[str, str]], Truth]:
        return lambda row, _: _known(row[column], judge)

    return [Filter(text, holds(judge)) for text, judge in judges]


def _atom(draw: Any) -> Filter:
    country, number = draw(st.sampled_from(COUNTRIES)), draw(st.integers(-1, 10))
    quoted = "'" + country.replace("'", "''") + "'"
    text: list[tuple[str, Callable[[Any], bool]]] = [
        (f"country = {quoted}", lambda v: v == country),
        (f"country <> {quoted}", lambda v: v != country),
        (f"Country in ('FR', {quoted})", lambda v: v in ("FR", country)),
        ("country like 'D%'", lambda v: v.startswith("D")),
    ]
    numbers: list[tuple[str, Callable[[Any], bool]]] = [
        (f"amount > {number}", lambda v: v > number),
        (f"amount between {number} and 5", lambda v: number <= v <= 5),
    ]
    of_tags = "country = session_tag('country')"
    simple = [*_of("country", text), *_of("amount", numbers)]
    return draw(
        st.sampled_from(
            [
                *simple,
                Filter("country is null", lambda r, _: r["country"] is None),
                Filter("amount is not null", lambda r, _: r["amount"] is not None),
                Filter(
                    of_tags,
                    lambda r, tags: _known(r["country"], lambda v: v == tags["country"]),
                    frozenset({"country"}),
                ),
            ]
        )
    )


@st.composite
def filters(draw: Any, depth: int = 2) -> Filter:
    shape = draw(st.sampled_from(["atom", "not", "and", "or"])) if depth else "atom"
    if shape == "atom":
        return _atom(draw)
    one = draw(filters(depth - 1))
    if shape == "not":
        return Filter(f"not ({one.text})", lambda r, t: _negated(one.holds(r, t)), one.tags)
    other = draw(filters(depth - 1))
    text, tags = f"({one.text}) {shape} ({other.text})", one.tags | other.tags
    joined = _both if shape == "and" else _either
    return Filter(text, lambda r, t: joined(one.holds(r, t), other.holds(r, t)), tags)


def _negated(value: Truth) -> Truth:
    return None if value is None else not value


def _both(one: Truth, other: Truth) -> Truth:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _either(one: Truth, other: Truth) -> Truth:
    return _negated(_both(_negated(one), _negated(other)))


IDENTITIES = (
    "user:ana",
    "role:a",
    "role:b",
    "group:g",
    "everyone",
    "tag:country=DE",
    "user:eve",
)
VALUES = ("x", "y")
expressions = st.dictionaries(
    st.sampled_from(["k", "m"]),
    st.sets(st.sampled_from([*VALUES, "*"]), min_size=1),
    min_size=1,
).map(lambda found: tuple(sorted((key, tuple(sorted(words))) for key, words in found.items())))
column_lists = st.lists(st.sampled_from(COLUMNS), unique=True, max_size=3).map(tuple)


@dataclass(frozen=True)
class Case:
    """One random lake."""

    directory: Directory
    grants: tuple[tuple[Grant, Filter | None], ...]
    policies: tuple[tuple[Policy, Filter | None], ...]
    tags: TagState
    principal: Principal


@st.composite
def grants(draw: Any) -> tuple[Grant, Filter | None]:
    rows = draw(st.none() | filters())
    text = rows.text if rows else ""
    if not draw(st.integers(0, 2)):
        resource = Resource("tags", rows=text, tags=draw(expressions))
    else:
        table = draw(st.sampled_from(["orders", "orders", "orders", "*", "other"]))
        columns = draw(column_lists)
        excluded = draw(column_lists) if not columns else ()
        resource = Resource("table", "silver", table, columns, excluded, text)
    words = draw(st.sampled_from(["SELECT", "SELECT", "SELECT", "DESCRIBE"]))
    return Grant(
        draw(st.sampled_from(("user:ana", "everyone", *IDENTITIES))),
        frozenset({words}),
        resource,
        granted_by=draw(st.sampled_from(["", "operator (root)", "role:b"])),
    ), rows


@st.composite
def policies(draw: Any) -> tuple[Policy, Filter | None]:
    rows = draw(st.none() | st.none() | filters())
    by_tags = draw(st.booleans())
    mask = draw(st.sampled_from([None, "null", "redact", "last4", "email_domain"]))
    places = ("silver", "silver.*", "silver.orders", "gold")
    on = draw(st.just(()) | st.sampled_from(places).map(lambda one: (Resource.parse(one),)))
    people = st.sets(st.sampled_from(IDENTITIES), max_size=2).map(frozenset)
    return (
        Policy(
            f"p{draw(st.integers(0, 10**6))}",
            on,
            draw(st.just(()) | st.just(()) | expressions),
            draw(expressions) if by_tags and not rows else (),
            draw(column_lists) if not by_tags and not rows else (),
            Mask(mask) if mask and not rows else None,
            rows.text if rows else "",
            not mask and not rows,
            draw(people),
            draw(people),
        ),
        rows,
    )


tag_maps = st.dictionaries(st.sampled_from(["k", "m"]), st.sampled_from(VALUES), max_size=2)


@st.composite
def cases(draw: Any) -> Case:
    members = st.sets(st.sampled_from(["user:ana", "user:eve", "group:g"])).map(
        lambda s: tuple(sorted(s))
    )
    roles = {"a": draw(members), "b": draw(members)}
    groups = {"g": ("user:ana",) if draw(st.booleans()) else ()}
    users: dict[str, dict[str, str]] = {"ana": draw(st.sampled_from([{}, {"country": "DE"}]))}
    assigned = {
        name: draw(tag_maps)
        for name in ("silver", "silver.orders", *(f"silver.orders.{c}" for c in COLUMNS))
        if draw(st.booleans())
    }
    data = {
        column: {key: frozenset({value}) for key, value in draw(tag_maps).items()}
        for column in draw(column_lists)
    }
    resolved = frozenset(c for c in COLUMNS if draw(st.integers(0, 5)))
    principal = draw(
        st.sampled_from(
            ["ana", "ana", "ana", "role:a", "role:b/ana", "role:a/ana?country=FR", "zoe"]
        )
    )
    return Case(
        Directory(users, groups, roles),
        tuple(draw(st.lists(grants(), min_size=1, max_size=5))),
        tuple(draw(st.lists(policies(), max_size=3))),
        TagState(assigned, {str(TABLE): data}, {}, {str(TABLE): resolved}),
        Principal.parse(principal),
    )


# The reference ------------------------------------------------------------------------


def acts_as(case: Case) -> tuple[set[str], dict[str, str]]:
    who, people = case.principal, case.directory
    in_group = "user:ana" in people.groups["g"]

    def member(role: str, user: str) -> bool:
        listed = people.roles[role]
        return f"user:{user}" in listed or (user == "ana" and in_group and "group:g" in listed)

    if who.kind == "role":
        if who.session and not member(who.name, who.session):
            return set(), {}
        tags = {**dict(who.tags), **people.users.get(who.session, {})}
        found = {f"role:{who.name}", "everyone"}
    elif who.name == "ana":
        tags = dict(people.users["ana"])
        found = {"user:ana", "everyone"}
        found |= {"group:g"} if in_group else set()
        found |= {f"role:{name}" for name in ("a", "b") if member(name, "ana")}
    else:
        return set(), {}
    return found | {f"tag:{k}={v}" for k, v in tags.items()}, tags


def values_of(case: Case, column: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key in ("k", "m"):
        for level in (f"silver.orders.{column}", "silver.orders", "silver"):
            if key in case.tags.assigned.get(level, {}):
                found[key] = {case.tags.assigned[level][key]}
                break
        for value in case.tags.columns[str(TABLE)].get(column, {}).get(key, ()):
            found.setdefault(key, set()).add(value)
    return found


def is_known(case: Case, column: str) -> bool:
    return column in case.tags.resolved[str(TABLE)]


def lists(resource: Resource, column: str) -> bool:
    if resource.table not in ("*", "orders") or column in resource.excluded:
        return False
    return not resource.columns or column in resource.columns


def shows(case: Case, grant: Grant, rows: Filter | None, row: Row, column: str) -> bool:
    """Whether one grant shows one cell."""
    identities, tags = acts_as(case)
    resource = grant.resource
    if grant.principal not in identities or "SELECT" not in grant.permissions:
        return False
    if resource.kind == "tags":
        have = values_of(case, column)
        if not is_known(case, column) or not all(
            key in have and ("*" in words or have[key] <= set(words))
            for key, words in resource.tags
        ):
            return False
    elif not lists(resource, column):
        return False
    if rows is None:
        return True
    return rows.tags <= tags.keys() and rows.holds(row, tags) is True


def lasting(case: Case, policies: Left) -> Case:
    """Leave out what principals granted by filters on columns that are masked or not there."""
    closed = {c for c in COLUMNS if policies.masks[c] or c not in policies.columns}
    kept = tuple(
        (grant, rows)
        for grant, rows in case.grants
        if rows is None or grant.granted_by != "role:b"
        or not any(re.search(rf"(?i)\b{column}\b", rows.text) for column in closed)
    )  # fmt: skip
    return replace(case, grants=kept)


def masked(kind: str, value: Any, column: str) -> Any:
    if TYPES[column] != "string" or kind == "null":
        return None
    if kind == "redact":
        return "[redacted]"
    if value is None:
        return None
    if kind == "last4":
        return "*" * (len(value) - 4) + value[-4:] if len(value) >= 8 else "*" * len(value)
    return "***@" + value.split("@")[1] if value.count("@") == 1 else "***"


@dataclass
class Left:
    """What policies leave: columns, the masks before them, and filters that every row passes."""

    columns: list[str]
    masks: dict[str, set[str]]
    mandatory: list[Filter]


def binds(case: Case, policy: Policy) -> bool:
    identities, _ = acts_as(case)
    if policy.exempt & identities or (policy.on and policy.on[0].database == "gold"):
        return False
    level = {
        **case.tags.assigned.get("silver", {}),
        **case.tags.assigned.get("silver.orders", {}),
    }
    tagged = all(k in level and ("*" in w or level[k] in w) for k, w in policy.tables)
    person = {"user:ana"} if case.principal.session else set()
    if person and "user:ana" in case.directory.groups["g"]:
        person.add("group:g")
    bound = identities | (person if identities else set())
    return tagged and (not policy.to or "everyone" in policy.to or bool(policy.to & bound))


def matches(case: Case, policy: Policy, column: str) -> bool:
    if not policy.columns:
        return column in policy.named
    have = values_of(case, column)
    return not is_known(case, column) or all(
        k in have and ("*" in w or have[k] & set(w)) for k, w in policy.columns
    )


def left(case: Case) -> Left:
    found = Left(list(COLUMNS), {column: set() for column in COLUMNS}, [])
    for policy, rows in case.policies:
        if not binds(case, policy):
            continue
        if rows is not None:
            found.mandatory.append(rows)
        hit = [c for c in COLUMNS if matches(case, policy, c)]
        if policy.hide:
            found.columns = [c for c in found.columns if c not in hit]
        elif policy.mask is not None:
            for column in hit:
                found.masks[column].add(policy.mask.kind)
    return found


def cell(case: Case, row: Row, column: str, masks: set[str]) -> Any:
    shown = any(shows(case, g, f, row, column) for g, f in case.grants)
    if not shown or len(masks) > 1:
        return None
    return masked(next(iter(masks)), row[column], column) if masks else row[column]


def expected(case: Case) -> tuple[list[str], list[tuple[Any, ...]]] | None:
    _, tags = acts_as(case)
    policies = left(case)
    case = lasting(case, policies)
    if not all(one.tags <= tags.keys() for one in policies.mandatory):
        return None
    visible = [
        column
        for column in policies.columns
        if any(_covers(case, grant, rows, column) for grant, rows in case.grants)
    ]
    rows = [
        row
        for row in ROWS
        if any(shows(case, g, f, row, c) for g, f in case.grants for c in COLUMNS)
        and all(one.holds(row, tags) is True for one in policies.mandatory)
    ]
    cells = [tuple(cell(case, r, c, policies.masks[c]) for c in visible) for r in rows]
    return (visible, cells) if visible else None


def _covers(case: Case, grant: Grant, rows: Filter | None, column: str) -> bool:
    """Whether a grant shows a column in some row that could be."""
    _, tags = acts_as(case)
    if rows is not None and not rows.tags <= tags.keys():
        return False
    return shows(case, grant, None, {}, column)


# The law ------------------------------------------------------------------------------

CONNECTION = duckdb.connect()
CONNECTION.execute("create table source (id int, country varchar, amount int, email varchar)")
CONNECTION.executemany(
    "insert into source values (?, ?, ?, ?)", [tuple(r.values()) for r in ROWS]
)


@settings(max_examples=600, deadline=None)
@given(cases())
def test_what_is_shown_equals_the_reference_cell_by_cell(case: Case) -> None:
    policy_set = PolicySet(
        case.directory,
        grants=tuple(grant for grant, _ in case.grants),
        policies=tuple(policy for policy, _ in case.policies),
    )
    found = Authorizer(policy_set, case.tags).access(case.principal, TABLE, SCHEMA)
    wanted = expected(case)
    if wanted is None:
        assert found is None
        return
    assert found is not None
    columns, rows = wanted
    assert [column.name for column in found.columns] == columns
    result = CONNECTION.sql(found.select_sql("source", SCHEMA))
    assert sorted(map(repr, result.fetchall())) == sorted(map(repr, rows))
    types = {name: str(kind) for name, kind in zip(result.columns, result.types, strict=True)}
    assert types == {c: {"int": "INTEGER", "string": "VARCHAR"}[TYPES[c]] for c in columns}
    whole = columns == list(COLUMNS) and rows == [tuple(row.values()) for row in ROWS]
    assert not found.unrestricted or whole
