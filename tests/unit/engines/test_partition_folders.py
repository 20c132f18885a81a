"""Partition folders: found equal to the log, whatever their names' case and escapes."""

from __future__ import annotations

import pytest

from lakeworks.core.types import Field, Scalar
from lakeworks.engines.partition_folders import tell_all, value_of
from lakeworks.storage.files import DataFile

FIELDS = (Field("Day", Scalar("date")), Field("city", Scalar("string")))


@pytest.mark.parametrize(
    ("path", "partition", "equal"),
    [
        ("Day=2026-11-22/city=Bern/a.parquet", {"day": "2026-11-22", "city": "Bern"}, True),
        ("Day=2026-11-22/city=a%20b/a.parquet", {"Day": "2026-11-22", "city": "a b"}, True),
        (
            "Day=2026-11-22/city=__HIVE_DEFAULT_PARTITION__/a.parquet",
            {"Day": "2026-11-22", "city": None},
            True,
        ),
        ("Day=2026-11-22/city=Bern/a.parquet", {"Day": "2026-11-22", "city": "Basel"}, False),
        ("city=Bern/Day=2026-11-22/a.parquet", {"Day": "2026-11-22", "city": "Bern"}, False),
        ("a.parquet", {"Day": "2026-11-22", "city": "Bern"}, False),
    ],
)
def test_folders_are_held_against_the_log(
    path: str, partition: dict[str, str | None], *, equal: bool
) -> None:
    assert tell_all([DataFile(path, 1, 1, partition, {})], FIELDS) is equal


def test_a_column_is_found_in_any_case() -> None:
    assert value_of({"DAY": "1"}, "day") == "1"
    assert value_of({}, "day") is None
