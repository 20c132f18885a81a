"""Identifiers that others have too: nobody is erased or handed out with the person unasked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lakeworks.lake import Lake
from lakeworks.privacy.errors import SharedIdentifierError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "lake.yml": "name: told\nenvironments:\n  dev: {storage: .lake}\n",
    "sources/people.yml": (
        "table: bronze.people\npath: landing/people\nformat: csv\ntypes: {id: int}\n"
    ),
    "landing/people/1.csv": (
        "id,name,phone\n1,Ann Weber,100\n2,Ann Weber,200\n3,Bob Frey,300\n,Ann Weber,\n"
    ),
}


@pytest.fixture
def lake(tmp_path: Path, identifier: str) -> Iterator[Lake]:
    subject = f"subjects: {{person: {{column: id, identifiers: [bronze.people.{identifier}]}}}}"
    for name, text in {**FILES, "policies/privacy.yml": subject}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with Lake.open(tmp_path) as opened:
        opened.pipeline.run()
        yield opened


def people(lake: Lake) -> list[int | None]:
    return [row["id"] for row in lake.query.sql("select id from bronze.people").rows()]


@pytest.mark.parametrize("identifier", ["phone"])
def test_an_identifier_of_the_persons_own_leads_on(lake: Lake) -> None:
    assert lake.privacy.erase("person=1").state == "done"
    assert sorted(people(lake), key=str) == [2, 3, None]


@pytest.mark.parametrize("identifier", ["name"])
def test_one_that_others_have_is_refused_before_anything_is_changed(lake: Lake) -> None:
    with pytest.raises(SharedIdentifierError, match=r"bronze\.people\.name \(1 row") as error:
        lake.privacy.erase("person=1")
    assert "--shared" in error.value.hint
    assert len(people(lake)) == 4
    assert lake.privacy.erasures() == []
    looked = lake.privacy.erase("person=1", dry_run=True)
    assert "1 row" in dict(looked.unidentified)["bronze.people.name"]


@pytest.mark.parametrize("identifier", ["name"])
def test_who_says_that_they_are_one_person_is_believed(lake: Lake) -> None:
    report = lake.privacy.erase("person=1", shared=True)
    assert report.state == "done"
    assert "bronze.people.name" not in dict(report.unidentified)
    assert people(lake) == [3]


@pytest.mark.parametrize("identifier", ["name"])
def test_others_are_not_handed_out_either(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(SharedIdentifierError):
        lake.privacy.export("person=1", tmp_path / "out")
    done = lake.privacy.export("person=1", tmp_path / "both", shared=True)
    (file,) = (one.file for one in done.files if one.place == "bronze.people")
    rows = json.loads((tmp_path / "both" / file).read_text())
    assert len(rows) == 3
