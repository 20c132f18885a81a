"""Values of partition keys as texts that sort as their types do."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lakeworks.catalog.data_catalog.key_order import sortable
from lakeworks.catalog.data_catalog.model import HIVE_NULL

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog.partition_filter import Value


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (
            "int",
            ["-1200", "-12", "-1.5", "-1", "-0.1", "0", "0.09", "0.1", "1", "9", "10", "099"],
        ),
        ("decimal(38,10)", ["-1e30", "-1", "1e-30", "1", "1.0000000001", "1e30"]),
        ("double", ["-1.7e308", "-5e-324", "5e-324", "1.7e308"]),
        ("date", ["1999-12-31", "2026-01-02", "2026-01-10"]),
        ("timestamp", ["2026-01-01", "2026-01-01 00:00:01", "2026-01-01T00:00:01.5"]),
        ("string", ["", "10", "9", "B", "a", "é"]),
    ],
)
def test_texts_sort_as_the_values_do(kind: str, values: list[str]) -> None:
    texts = [sortable(kind, value) for value in values]
    assert None not in texts
    assert texts == sorted(map(str, texts))
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("int", "007", 7),
        ("bigint", " 7 ", Decimal("7.00")),
        ("int", "-0", 0),
        ("double", "1e2", 100.0),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("date", "2026-01-31", datetime(2026, 1, 31, 5, tzinfo=UTC)),
        ("timestamp", "2026-01-31 10:00:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("timestamp", "2026-01-31T11:00:00+01:00", "2026-01-31 10:00:00"),
        ("timestamp", "2026-01-31", date(2026, 1, 31)),
        ("boolean", "TRUE", True),
        ("string", "true", True),
        ("varchar(10)", "7", 7),
    ],
)
def test_ways_to_write_one_value_are_one_text(kind: str, one: Value, other: Value) -> None:
    assert sortable(kind, one) == sortable(kind, other) is not None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "seven"),
        ("int", ""),
        ("int", "1_000"),
        ("double", "nan"),
        ("double", "inf"),
        ("double", "1e99999"),
        ("double", "1e-99999"),
        ("date", "soon"),
        ("date", "2026-02-30"),
        ("timestamp", "2026"),
        ("string", HIVE_NULL),
        ("int", HIVE_NULL),
    ],
)
def test_what_is_no_value_of_the_type_has_no_text(kind: str, value: str) -> None:
    assert sortable(kind, value) is None
