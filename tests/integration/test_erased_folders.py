"""A person whom the name of a folder tells: their files give nothing back when they are read again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["json", "csv"])
def lake(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lake]:
    kind: str = request.param
    (tmp_path / "lake.yml").write_text("name: told\n")
    for folder in ("sources", "policies"):
        (tmp_path / folder).mkdir()
    (tmp_path / "sources/visits.yml").write_text(
        f"table: bronze.visits\npath: visits\nformat: {kind}\npartitions: {{id: int}}\n"
    )
    (tmp_path / "policies/privacy.yml").write_text("subjects: {person: {column: id}}\n")
    for number in ("007", "8"):
        place = tmp_path / "visits" / f"id={number}" / f"a.{kind}"
        place.parent.mkdir(parents=True)
        page = f"page {number}"
        place.write_text(
            f"page\n{page}\n" if kind == "csv" else json.dumps({"page": page}) + "\n"
        )
    with Lake.open(tmp_path) as opened:
        opened.pipeline.run()
        yield opened


def visitors(lake: Lake) -> list[int]:
    return [
        row["id"] for row in lake.query.sql("select id from bronze.visits order by id").rows()
    ]


def test_what_landed_in_a_folder_of_theirs_is_emptied_and_read_again_gives_nothing(
    lake: Lake, tmp_path: Path
) -> None:
    assert visitors(lake) == [7, 8]
    assert lake.privacy.erase("person=7", dry_run=True).state == "dry run"

    report = lake.privacy.erase("person=7")

    assert report.state == "done"
    landed = {
        path.parent.name: path.stat().st_size
        for path in (tmp_path / ".lake" / "landing").rglob("a.*")
    }
    assert landed["id=007"] == 0
    assert landed["id=8"] > 0
    assert visitors(lake) == [8]
    (told,) = (one for one in report.elsewhere if "id=007" in one)
    assert str(tmp_path / "visits") in told or "visits/id=007" in told
    assert lake.pipeline.run("bronze.visits", full_refresh=True).status == "succeeded"
    assert visitors(lake) == [8]
