"""Glue's partition expressions: what is read, and how mistakes are told."""

from __future__ import annotations

import pytest

from lakeworks.catalog.data_catalog import AllOf, AnyOf, Comparison, Negation, PartitionFilter
from lakeworks.catalog.data_catalog.errors import PartitionFilterError
from lakeworks.catalog.data_catalog.expression import parsed


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("year=2026", Comparison.of("year", "=", "2026")),
        ("2025 < year", Comparison.of("year", ">", "2025")),
        ("'a' >= k", Comparison.of("k", "<=", "a")),
        ("k != -1.5e3", Comparison.of("k", "<>", "-1.5e3")),
        ("day = 07", Comparison.of("day", "=", "07")),
        ("k = true", Comparison("k", "=", (True,))),
        ("name = 'O''Hara'", Comparison.of("name", "=", "O'Hara")),
        ('"or" = 1', Comparison.of("or", "=", "1")),
        ("`a``b` = 1", Comparison.of("a`b", "=", "1")),
        ("date >= date '2026-01-31'", Comparison.of("date", ">=", "2026-01-31")),
        ("t < timestamp '2026-01-31 10:00:00'", Comparison.of("t", "<", "2026-01-31 10:00:00")),
        ("k IS NOT NULL", Comparison.of("k", "is not null")),
        ("k not like 'x%'", Negation(Comparison.of("k", "like", "x%"))),
        ("k Not In (1, 'b')", Negation(Comparison.of("k", "in", "1", "b"))),
        (
            "a = 1 or b = 2 and not c between 3 and 4",
            AnyOf(
                (
                    Comparison.of("a", "=", "1"),
                    AllOf(
                        (
                            Comparison.of("b", "=", "2"),
                            Negation(Comparison.of("c", "between", "3", "4")),
                        )
                    ),
                )
            ),
        ),
        ("  ", AllOf(())),
    ],
)
def test_expressions_are_read(text: str, read: PartitionFilter) -> None:
    assert parsed(text) == read


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("year = ", "a value is expected: a number, or text in single quotes, at character 7"),
        ("year = 'x", '"\'" is not expected, at character 8'),
        ("(year = 1", "')' is expected, at character 10"),
        ("year between 1 or 2", "'and' is expected, at character 16"),
        ("year = 1 region = 2", "'region' is not expected here, at character 10"),
        ("year", "a comparison is expected"),
        ("5 = 5", "a partition key is expected, at character 5"),
        ("and = 1", "a partition key is expected, at character 1"),
        ("year in ()", "a value is expected"),
        (
            "upper(k) = 'A'",
            "a comparison is expected: =, <, in, between, like, …, at character 6",
        ),
        ("a = 1; drop table x", "';' is not expected, at character 6"),
        ("(" * 200 + "a = 1" + ")" * 200, "nested too deeply"),
        ("not " * 200 + "a = 1", "nested too deeply"),
        ("a = " + "1" * 2048, "2052 letters; at most 2048"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, problem: str) -> None:
    with pytest.raises(PartitionFilterError) as told:
        parsed(text)
    assert problem in told.value.problem


def test_the_place_is_pointed_at() -> None:
    with pytest.raises(PartitionFilterError) as told:
        parsed("year = 2026 und x = 1")
    lines = told.value.problem.splitlines()
    assert lines[1].index("und") == lines[2].index("^")
