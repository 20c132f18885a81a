"""A principal's queries over external tables: filtered, masked, and pruned by what it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICIES = """
roles: {analyst: [ana], masked: [max]}
grants:
  - {to: role:analyst, permissions: SELECT, on: raw.clicks, rows: "region = 'EU'"}
  - {to: role:masked, permissions: SELECT, on: raw.clicks}
policies:
  no_region: {on: raw.clicks, columns: [region], mask: redact, to: role:masked}
"""
TABLE = """
table: raw.clicks
location: clicks
format: csv
columns: {id: int, page: string}
partitions: {region: string}
"""


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    files = {
        "lake.yml": "name: out\nenvironments:\n  dev: {storage: .lake}\n",
        "tables/clicks.yml": TABLE,
        "policies/roles.yml": POLICIES,
        "clicks/region=EU/a.csv": "1,home\n2,cart\n",
        "clicks/region=US/a.csv": "3,hidden\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with Lake.open(tmp_path) as opened:
        yield opened


def ids(lake: Lake, principal: str, where: str = "true") -> list[int]:
    sql = f"select id from raw.clicks where {where} order by id"
    return [row["id"] for row in lake.query.sql(sql, caller=principal).rows()]


def test_rows_are_filtered(lake: Lake) -> None:
    assert ids(lake, "") == [1, 2, 3]
    assert ids(lake, "ana") == [1, 2]
    assert ids(lake, "ana", "region = 'US'") == []
    with pytest.raises(UnknownTableError):
        ids(lake, "stranger")


def test_conditions_on_a_masked_partition_column_see_the_mask(lake: Lake) -> None:
    assert ids(lake, "max") == [1, 2, 3]
    assert ids(lake, "max", "region = 'EU'") == []
    assert ids(lake, "max", "region = '[redacted]'") == [1, 2, 3]
    rows = lake.query.sql("select distinct region from raw.clicks", caller="max").rows()
    assert rows == [{"region": "[redacted]"}]
