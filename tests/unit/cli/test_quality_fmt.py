"""`lake quality fmt`: what it changes, what it prints, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lakeworks.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

RULES = 'Rules = [\nIsComplete   "a"\n]\n'
FORMATTED = 'Rules = [\n  IsComplete "a"\n]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.dqdl").write_text(RULES)
    (tmp_path / "b.dqdl").write_text(FORMATTED)
    (tmp_path / "c.txt").write_text(RULES)
    (tmp_path / ".lake").mkdir()
    (tmp_path / ".lake" / "d.dqdl").write_text(RULES)
    (tmp_path / "models").mkdir()
    model = b"/*\r\nquality: |\r\n  Rules=[ A ]\r\n*/\r\nselect  1\r\n"
    (tmp_path / "models" / "m.sql").write_bytes(model)
    return tmp_path


def test_rulesets_of_a_folder_are_laid_out_and_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quality", "fmt", str(folder)]) == 0
    assert (folder / "a.dqdl").read_text() == FORMATTED
    assert (folder / ".lake" / "d.dqdl").read_text() == RULES
    assert (folder / "c.txt").read_text() == RULES
    model = b"/*\r\nquality: |\r\n  Rules = [ A ]\r\n*/\r\nselect  1\r\n"
    assert (folder / "models" / "m.sql").read_bytes() == model
    out, err = capsys.readouterr()
    assert [line.split("/")[-1] for line in out.splitlines()] == ["a.dqdl", "m.sql"]
    assert "3 files, 2 changed" in err
    assert main(["quality", "fmt", "--check", str(folder)]) == 0


def test_check_changes_nothing_and_ends_with_1(folder: Path) -> None:
    assert main(["quality", "fmt", "--check", str(folder / "a.dqdl")]) == 1
    assert (folder / "a.dqdl").read_text() == RULES


def test_diff_shows_the_lines_that_would_change(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quality", "fmt", "--diff", str(folder / "a.dqdl")]) == 0
    assert '-IsComplete   "a"\n+  IsComplete "a"' in capsys.readouterr().out
    assert (folder / "a.dqdl").read_text() == RULES


def test_json_lists_what_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quality", "fmt", "--json", str(folder / "a.dqdl")]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "changed": [str(folder / "a.dqdl")],
        "files": 1,
    }


def test_a_mistake_is_told_with_its_place_and_other_files_are_laid_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "0.dqdl").write_text("Rules = [ A ( ]")
    (folder / "1.dqdl").write_text("Rules = [ A ")
    assert main(["quality", "fmt", str(folder)]) == 2
    err = capsys.readouterr().err
    assert "0.dqdl:1:13" in err
    assert "1.dqdl:1:13" in err
    assert (folder / "a.dqdl").read_text() == FORMATTED


@pytest.mark.parametrize("name", ["none.dqdl", "c.txt"])
def test_a_file_that_holds_no_ruleset_is_refused(folder: Path, name: str) -> None:
    assert main(["quality", "fmt", str(folder / name)]) == 2


def test_a_file_that_is_not_utf_8_is_refused(folder: Path) -> None:
    (folder / "e.dqdl").write_bytes(b"# \xff")
    assert main(["quality", "fmt", str(folder / "e.dqdl")]) == 2
