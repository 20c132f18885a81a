"""`lake quality check` outside a project: what it prints, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from lakeworks.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.csv").write_text("id,name\n1,ann\n2,\n")
    (tmp_path / "good.dqdl").write_text('Rules = [ IsComplete "id", RowCount = 2 ]')
    (tmp_path / "bad.dqdl").write_text('Rules = [ IsComplete "id", IsComplete "name" ]')
    (tmp_path / "either.dqdl").write_text(
        'Rules = [ (ColumnValues "id" = 1) or (ColumnValues "id" = 2) ]'
    )
    (tmp_path / "torn.dqdl").write_text('Rules = [ IsComplete "id" & ]')
    (tmp_path / "history.json").write_text('{"Dataset.*.RowCount": [1, 2, 3]}')
    (tmp_path / "list.json").write_text("[1]")
    return tmp_path


def check(folder: Path, rules: str, *more: str) -> int:
    path, ruleset = str(folder / "orders.csv"), str(folder / rules)
    return main(["quality", "check", path, "--rules", ruleset, *more])


def test_rules_that_all_pass_end_with_0(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(folder, "good.dqdl", "--history", str(folder / "history.json")) == 0
    assert "2 of 2 rules passed, score 1.00" in capsys.readouterr().out


def test_a_rule_that_fails_ends_with_1_and_says_why(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(folder, "bad.dqdl") == 1
    told = capsys.readouterr().out
    assert "1 of 2 rules passed" in told
    assert "Completeness is 0.5: 1 of 2 rows are null" in told


def test_json_and_junit_tell_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = folder / "report.xml"
    assert check(folder, "bad.dqdl", "--json", "--junit", str(report)) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["score"] == 0.5
    assert [o["outcome"] for o in told["outcomes"]] == ["Passed", "Failed"]
    suite = ElementTree.parse(report).getroot()[0]
    assert suite.get("tests") == "2"
    assert [case.get("name") for case in suite] == [o["rule"] for o in told["outcomes"]]
    assert suite[1][0].get("message") == told["outcomes"][1]["failure_reason"]


def test_an_option_of_glue_decides_how_composites_are_judged(folder: Path) -> None:
    assert check(folder, "either.dqdl") == 1
    assert check(folder, "either.dqdl", "--option", "compositeRuleEvaluation.method=ROW") == 0


@pytest.mark.parametrize(
    ("rules", "more", "said"),
    [
        ("torn.dqdl", (), "torn.dqdl:1:27"),
        ("none.dqdl", (), "cannot be read"),
        ("good.dqdl", ("--reference", "x"), "--reference ALIAS=PATH"),
        ("good.dqdl", ("--reference", "x=/none.parquet"), "no data at /none.parquet"),
        ("good.dqdl", ("--history", "list.json"), "JSON object"),
        ("good.dqdl", ("--option", "x"), "--option NAME=VALUE"),
        ("good.dqdl", ("--option", "x=y"), "there is no option 'x'"),
        ("good.dqdl", ("--engine", "abacus"), "there is no engine 'abacus'"),
    ],
)
def test_a_wrong_request_ends_with_2(
    folder: Path,
    rules: str,
    more: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    assert check(folder, rules, *more) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
