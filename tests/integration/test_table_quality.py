"""`lake quality`: scorecard, show, history, suggest, profile, of a lake that runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.cli.main import main
from lakeworks.lake import Lake
from lakeworks.quality import parse

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """/*
load: merge
key: [id]
freshness: 1 hour
quality: |
  Rules = [ ColumnValues "amount" > 0, RowCount > 2 labels=["severity"="warn"] ]
*/
select id, customer, amount from bronze.orders
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake that ran twice; one of its five orders is rejected, and one has no customer."""
    for folder in ("sources", "models/silver", "in"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lake.yml").write_text("name: shop\n")
    (tmp_path / "sources/orders.yml").write_text(
        "table: bronze.orders\npath: in\nformat: json\n"
    )
    (tmp_path / "models/silver/orders.sql").write_text(MODEL)
    arrive(
        tmp_path,
        {"id": 1, "customer": "a", "amount": 5},
        {"id": 2, "customer": "b", "amount": 6},
    )
    arrive(
        tmp_path,
        {"id": 3, "customer": None, "amount": 7},
        {"id": 4, "customer": "a", "amount": -1},
        {"id": 5, "customer": "b", "amount": 8},
    )
    return tmp_path


def arrive(root: Path, *rows: dict[str, Any]) -> None:
    number = len(list((root / "in").iterdir()))
    (root / f"in/{number}.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "succeeded"


def asked(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main(["quality", *words, "-C", str(root), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_scorecard_has_a_line_for_every_table(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bronze, silver = asked(root, capsys)
    assert (bronze["table"], bronze["score"], bronze["rows"]) == ("bronze.orders", None, 5)
    assert (bronze["accuracy"], bronze["fresh"], bronze["duplicates"]) == (1.0, None, None)
    assert (silver["table"], silver["rows"], silver["accuracy"]) == ("silver.orders", 4, 0.8)
    assert silver["completeness"] == pytest.approx(11 / 12)
    assert (silver["score"], silver["trend"]) == (0.0, [0.5, 0.0])
    assert (silver["fresh"], silver["duplicates"]) == (True, 0.0)


def test_the_scorecard_is_readable(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["quality", "-C", str(root)]) == 0
    out = capsys.readouterr().out
    [line] = [line for line in out.splitlines() if line.startswith("silver.orders")]
    assert "80.0%" in line
    assert "91.7%" in line
    assert "just now, in time" in line


def test_a_lake_that_never_ran_has_no_scorecard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lake.yml").write_text("name: shop\n")
    assert main(["quality", "-C", str(tmp_path)]) == 0
    assert "lake run makes tables" in capsys.readouterr().out


def test_one_table_is_shown_rule_by_rule(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = asked(root, capsys, "show", "silver.orders")
    outcomes = shown["last_result"]["outcomes"]
    assert [o["outcome"] for o in outcomes] == ["Failed", "Failed"]
    assert outcomes[0]["failure_reason"] == "1 of 3 rows were rejected"
    assert main(["quality", "show", "silver.orders", "-C", str(root)]) == 0
    assert 'ColumnValues "amount" > 0' in capsys.readouterr().out
    assert main(["quality", "show", "bronze.orders", "-C", str(root)]) == 0
    assert "has no rules" in capsys.readouterr().out


def test_history_is_of_scores_or_of_one_metric(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(root, capsys, "history", "silver.orders")
    assert [one["metrics"]["Dataset.*.RowCount"] for one in found] == [2.0, 2.0]
    words = ["quality", "history", "silver.orders", "-C", str(root), "--metric"]
    assert main([*words, "Dataset.*.RowCount"]) == 0
    assert "Dataset.*.RowCount" in capsys.readouterr().out
    assert main([*words, "Dataset.*.RowCuont"]) == 2
    assert "did you mean Dataset.*.RowCount?" in capsys.readouterr().err


def test_suggested_rules_hold_and_can_be_pasted_into_a_header(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(root, capsys, "suggest", "silver.orders")
    rules = {one["rule"] for one in found}
    assert {'IsComplete "id"', 'IsUnique "id"', 'ColumnValues "amount" > 0'} <= rules
    assert all(one["evidence"] for one in found)
    assert main(["quality", "suggest", "silver.orders", "-C", str(root)]) == 0
    parsed = parse(capsys.readouterr().out)
    assert {str(rule) for rule in parsed.rules} == rules


def test_a_profile_is_printed_or_written_as_a_page(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(root, capsys, "profile", "silver.orders")
    assert found["rows"] == 4
    assert {c["name"]: c["nulls"] for c in found["columns"]}["customer"] == 1
    page = root / "page.html"
    assert (
        main(["quality", "profile", "silver.orders", "-C", str(root), "--html", str(page)]) == 0
    )
    assert "<h1>silver.orders</h1>" in page.read_text()
    assert main(["quality", "profile", "silver.orders", "-C", str(root)]) == 0
    assert "customer" in capsys.readouterr().out


def test_a_misspelt_table_is_answered_with_the_nearest(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("show", "history", "suggest", "profile"):
        assert main(["quality", command, "silver.ordres", "-C", str(root)]) == 2
        assert "did you mean silver.orders?" in capsys.readouterr().err
