"""The site of a lake in a bucket: its logs are read several at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.cli.main import main
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.s3

LAKE = """name: rides
environments:
  dev:
    storage: s3://{bucket}/lake
    catalog: sqlite:///.lake/catalog.db
    s3:
      endpoint: {endpoint}
      region: us-east-1
      access_key_id: ${{LAKE_KEY}}
      secret_access_key: ${{LAKE_SECRET}}
"""
RULES = 'quality: |\n  Rules = [ IsComplete "fare" ]\n'


def test_a_lake_in_a_bucket_is_described_like_one_in_a_folder(
    tmp_path: Path,
    bucket: str,
    s3_endpoint: str,
    s3_options: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAKE_KEY", s3_options["access_key_id"])
    monkeypatch.setenv("LAKE_SECRET", s3_options["secret_access_key"])
    (tmp_path / "lake.yml").write_text(LAKE.format(bucket=bucket, endpoint=s3_endpoint))
    for folder in ("sources", "models/silver", "landing"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "landing/a.csv").write_text("id,fare\n1,2\n2,x\n")
    (tmp_path / "sources/rides.yml").write_text(
        "table: bronze.rides\npath: landing\nformat: csv\n"
    )
    for number in range(3):
        (tmp_path / f"models/silver/rides_{number}.sql").write_text(
            f"/*\nload: merge\nkey: [id]\n{RULES}*/\n"
            "select id, try_cast(fare as int) as fare from bronze.rides\n"
        )
    assert main(["run", "-C", str(tmp_path)]) == 0
    with Lake.open(tmp_path) as lake:
        facts = lake.site.facts()
        built = lake.site.build(tmp_path / "site")
    assert list(facts.tables) == sorted(facts.tables)
    silver = facts.tables["silver.rides_2"]
    assert dict(silver.facts)["Location"] == f"s3://{bucket}/lake/tables/silver/rides_2"
    assert (silver.state.rows, silver.quarantined_rows) == (1, 1)
    assert silver.reasons == (('IsComplete "fare"', 1),)
    assert len(silver.versions) == 1
    for path in built.folder.rglob("*"):
        assert not path.is_file() or s3_options["secret_access_key"] not in path.read_text()
