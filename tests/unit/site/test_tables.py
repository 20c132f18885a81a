"""What the site says of a table: nothing that is data, and what is not known is not guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lakeworks.cli.main import main
from lakeworks.lake import Lake
from lakeworks.site.declared import without_user
from lakeworks.site.facts import SiteFacts
from lakeworks.site.gather import _note
from lakeworks.site.tables import _by_value, _rule

FILES = {
    "lake.yml": "name: rides\n",
    "landing/rides.csv": "id,city,fare\n1,Bern,12\n2,Basel,8\nx,Bern,9\n",
    "sources/rides.yml": (
        "table: bronze.rides\npath: landing\nformat: csv\ncolumns: {city: {tags: {pii: place}}}\n"
    ),
    "models/silver/rides.sql": (
        "/*\nload: merge\nkey: [id]\npartition_by: [city]\n"
        'quality: |\n  Rules = [ IsComplete "id" ]\n*/\n'
        "select try_cast(id as int) as id, city, cast(fare as int) as fare from bronze.rides\n"
    ),
    "models/gold/cities.sql": "select city, sum(fare) as fares from silver.rides group by city\n",
    "models/gold/later.sql": "select * from gold.cities\n",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _declared(tmp_path_factory.mktemp("facts") / "rides")


def _declared(folder: Path) -> Path:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def _facts(root: Path) -> SiteFacts:
    with Lake.open(root) as lake:
        return lake.site.facts()


def test_a_lake_that_never_ran_is_described_as_declared(tmp_path: Path) -> None:
    facts = _facts(_declared(tmp_path / "rides"))
    assert facts.as_of is None
    silver = facts.tables["silver.rides"]
    assert silver.remarks[0] == "Declared, and not built yet."
    assert [column.name for column in silver.columns] == ["id", "city", "fare"]
    assert silver.state.rows is None


def test_a_lake_that_ran_tells_its_figures_and_hides_tagged_partitions(root: Path) -> None:
    assert main(["run", "-C", str(root)]) == 0
    silver = _facts(root).tables["silver.rides"]
    assert (silver.state.rows, silver.state.version, silver.state.published) == (2, 0, True)
    assert silver.quarantined_rows == 1
    assert silver.reasons == (('IsComplete "id"', 1),)
    assert {part.value for part in silver.partitions} == {"city=hidden"}
    assert [(one.tag, one.table) for one in silver.columns[1].tags] == [("pii", "bronze.rides")]
    assert silver.columns[0].role == ("key",)
    assert silver.quality is not None
    assert [rule.figure for rule in silver.quality.rules] == ["1 of 3 rows were rejected"]
    assert silver.code is not None
    assert silver.code.text.startswith("select try_cast")
    assert "load: merge" in silver.code.header


def test_reasons_are_counted_once_and_kept(root: Path) -> None:
    main(["run", "-C", str(root)])
    first = _facts(root).tables["quarantine.silver_rides"].reasons
    with Lake.open(root) as lake:
        again = lake.site.facts().tables["quarantine.silver_rides"].reasons
        assert "engine" not in lake._services.__dict__  # nothing was read
    assert first == again == (('IsComplete "id"', 1),)


def test_queries_are_counted_by_table(root: Path) -> None:
    main(["run", "-C", str(root)])
    with Lake.open(root) as lake:
        for _ in range(3):
            lake.query.sql("select * from silver.rides where city = 'Zebra'").to_arrow()
        assert lake.catalog.query_history.flush(10)
        facts = lake.site.facts()
    assert facts.tables["silver.rides"].asked == 3
    assert facts.tables["gold.cities"].asked == 0
    assert facts.asked_since is not None


def test_a_model_that_changed_or_went_is_told(root: Path) -> None:
    main(["run", "-C", str(root)])
    (root / "models/gold/later.sql").unlink()
    (root / "models/gold/cities.sql").write_text("select city from silver.rides\n")
    tables = _facts(root).tables
    assert "declares it no longer" in tables["gold.later"].remarks[0]
    assert "changed since the last run" in tables["gold.cities"].remarks[0]


@pytest.mark.parametrize(
    ("outcome", "figure"),
    [
        ({"outcome": "Failed", "failure_reason": "3 of 10 rows were rejected"},
         "3 of 10 rows were rejected"),
        ({"outcome": "Failed", "failure_reason": "value 'Zebra' is not in the list"}, ""),
        ({"outcome": "Failed", "failure_reason": "12 of 99 rows were rejected: 'Zebra'"}, ""),
        ({"outcome": "Failed", "failure_reason": "Minimum 7.5",
          "evaluated_metrics": {"Column.x.Minimum": 7.5, "Column.x.Completeness": 0.5}},
         "Completeness 0.5"),
        ({"outcome": "Passed", "evaluated_metrics": {"Column.x.Completeness": 1.0}}, ""),
    ],
)  # fmt: skip
def test_outcomes_tell_of_rows_and_never_quote_one(
    outcome: dict[str, Any], figure: str
) -> None:
    assert _rule({"rule": "R", **outcome}).figure == figure


@pytest.mark.parametrize(
    ("status", "reason", "error", "told"),
    [
        ("succeeded", "5 files read", "", "5 files read"),
        ("failed", "", "[LW431] cannot cast 'Zebra' to INT", "LW431"),
        ("failed", "", "ValueError: 'Zebra'", "failed unexpectedly"),
        ("blocked", "", "silver.rides failed", "silver.rides failed"),
    ],
)
def test_of_an_error_only_its_code_is_told(
    status: str, reason: str, error: str, told: str
) -> None:
    assert _note(status, reason, error) == told


def test_addresses_lose_their_user() -> None:
    assert without_user("s3://key:secret@bucket/a@b") == "s3://bucket/a@b"
    assert without_user("https://host/a?x=1") == "https://host/a?x=1"
    assert without_user("landing/a@b") == "landing/a@b"


def test_partitions_are_in_the_order_of_their_values() -> None:
    values = [("10",), ("9",), (None,), ("x",), ("9" * 5_000,), ("²",)]
    assert sorted(values, key=_by_value)[:3] == [(None,), ("9",), ("10",)]
