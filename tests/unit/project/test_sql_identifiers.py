"""What keeps persons apart in a model is followed; what does not is not."""

from __future__ import annotations

import pytest

from lakeworks.project.sql_identifiers import Made, identifiers_of


@pytest.mark.parametrize(
    ("expression", "made"),
    [
        ("email", "given"),
        ("lower(trim(email))", "LOWER(TRIM(given))"),
        ("cast(email as varchar)", "CAST(given AS TEXT)"),
        ("sha256(lower(o.email))", "SHA256(LOWER(given))"),
        ("'c-' || email", "'c-' || given"),
        ("coalesce(email, '')", "COALESCE(given, '')"),
    ],
)
def test_writing_a_value_otherwise_is_followed(expression: str, made: str) -> None:
    found = identifiers_of(f"select {expression} as x from bronze.orders o")
    assert found == {"x": (Made("bronze.orders", "email", made),)}


@pytest.mark.parametrize(
    "expression",
    ["split_part(email, '@', 2)", "left(email, 1)", "length(email)", "max(email)", "a || email",
     "case when a then email end", "cast(email as date)", "md5(email || a)", "1"],
)  # fmt: skip
def test_what_mixes_persons_is_not(expression: str) -> None:
    assert "x" not in identifiers_of(f"select {expression} as x from bronze.orders")


def test_queries_within_queries_and_unions_are_walked() -> None:
    found = identifiers_of(
        "with raw as (select trim(id) as one from bronze.a), low as (select lower(one) as two, * "
        "from raw) select two as x from low union all select upper(id) from bronze.b"
    )
    assert found == {
        "x": (
            Made("bronze.a", "id", "LOWER(TRIM(given))"),
            Made("bronze.b", "id", "UPPER(given)"),
        )
    }


def test_fields_of_structs_are_columns_of_their_own() -> None:
    found = identifiers_of("select payload.user_id as u from bronze.events")
    assert found == {"u": (Made("bronze.events", "payload.user_id", "given"),)}


def test_what_does_not_parse_gives_nothing() -> None:
    assert identifiers_of("select from where") == {}
