"""Where a version mark is one, and where it is text."""

from __future__ import annotations

import pytest

from lakeworks.catalog.errors import VersionTextError
from lakeworks.query.versions import without_versions


@pytest.mark.parametrize(
    ("sql", "rewritten"),
    [
        ("from silver.orders@v3", 'from "silver@v3".orders'),
        ("from Silver.Orders@v03 o", 'from "silver@v3".Orders o'),
        ('from "silver"."orders"@v12, x.y', 'from "silver@v12"."orders", x.y'),
        ("from/**/silver.orders@v1/**/", 'from/**/"silver@v1".orders/**/'),
        ("from a.b@v1 join a.b@v2", 'from "a@v1".b join "a@v2".b'),
    ],
)
def test_a_version_becomes_part_of_the_schema(sql: str, rewritten: str) -> None:
    assert without_versions(sql).sql == rewritten


def test_versions_are_told_by_schema() -> None:
    found = without_versions("from silver.orders@v3 join silver.orders@v4")
    assert found.versions == {"silver@v3": ("silver", 3), "silver@v4": ("silver", 4)}


@pytest.mark.parametrize(
    "sql",
    [
        "select 'silver.orders@v3'",
        "select 'it''s silver.orders@v3'",
        r"select e'\' silver.orders@v3'",
        "select $$silver.orders@v3$$, $a$ $$ silver.orders@v3 $a$",
        'select "silver.orders@v3"',
        "select 1 -- silver.orders@v3",
        "select 1 /* /* */ silver.orders@v3 */",
        "select 'me@v3.org', t.list @> [1], t.list@>[1], @v1",
        "select x@v3",
        "select a.b.c@v3",
    ],
)
def test_text_names_comments_and_operators_are_left_alone(sql: str) -> None:
    assert without_versions(sql).sql == sql
    assert without_versions(sql).versions == {}


@pytest.mark.parametrize("mark", ["@3", "@v", "@latest", "@v3x"])
def test_a_mark_that_is_no_version_is_refused(mark: str) -> None:
    with pytest.raises(VersionTextError) as caught:
        without_versions(f"from silver.orders{mark}")
    assert f"silver.orders{mark}" in str(caught.value)
