from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

ORDER = {"properties": {"id": {"type": "integer"}}, "required": ["id"]}
STRICTER = {"properties": {"id": {"type": "integer"}}, "required": ["id", "at"]}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lake.yml").write_text("name: r\n")
    (tmp_path / "order.json").write_text(json.dumps(ORDER))
    (tmp_path / "stricter.json").write_text(json.dumps(STRICTER))
    monkeypatch.chdir(tmp_path)
    assert main(["registry", "register", "order.json", "--schema", "orders"]) == 0
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("project")
def test_check_ends_with_1_and_every_reason_when_a_version_may_not_follow(
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    assert main(["registry", "check", "stricter.json", "--against", "orders", "--json"]) == 1
    [found] = told(capsys)["breaks"]
    assert (found["version"], found["direction"]) == (1, "BACKWARD")
    assert (found["path"], found["kind"]) == ("#/required", "property required")
    assert main(["registry", "check", "order.json", "--against", "orders"]) == 0
    assert "Compatible" in capsys.readouterr().out


def test_check_against_a_file_needs_no_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "a.avsc", tmp_path / "b.avsc"
    old.write_text('"int"')
    new.write_text('"long"')
    assert main(["registry", "check", str(new), "--against", str(old)]) == 0
    asked = ["registry", "check", str(new), "--against", str(old), "--compatibility", "full"]
    assert main(asked) == 1
    assert "FORWARD" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_register_refuses_what_breaks_and_lists_what_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["registry", "register", "stricter.json", "--schema", "orders"]) == 1
    assert "LW343" in capsys.readouterr().err
    assert main(["registry", "set", "orders", "--compatibility", "none"]) == 0
    assert main(["registry", "register", "stricter.json", "--schema", "orders"]) == 0
    capsys.readouterr()
    assert main(["registry", "list", "orders", "--json"]) == 0
    assert [one["number"] for one in told(capsys)] == [1, 2]
    assert main(["registry", "diff", "orders", "1", "2"]) == 0
    assert '+    "at"' in capsys.readouterr().out
    assert main(["registry", "show", "orders", "--version", "1"]) == 0
    assert "JSON, NONE, checkpoint 1" in capsys.readouterr().out
    assert main(["registry", "delete", "orders", "--versions", "2", "--yes"]) == 0
    assert main(["registry", "delete", "orders", "--yes"]) == 0
    capsys.readouterr()
    assert main(["registry", "list", "--json"]) == 0
    assert told(capsys) == []


def test_validate_names_the_lines_that_break_the_schema(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "rows.json").write_text('{"id": 1}\n\n{"id": "x"}\n')
    capsys.readouterr()
    assert main(["registry", "validate", "rows.json", "--schema", "orders", "--json"]) == 1
    found = told(capsys)
    assert (found["records"], found["broken"]) == (2, 1)
    assert found["faults"] == [{"line": 3, "error": '$.id: "x" is not of type "integer"'}]
    (project / "rows.json").write_text(json.dumps({"id": 2}, indent=2))
    assert main(["registry", "validate", "rows.json", "--schema", "order.json"]) == 0
    (project / "rows.json").write_text("no json")
    assert main(["registry", "validate", "rows.json", "--schema", "orders"]) == 2


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.proto", 'syntax = "proto3"; message T {}', "PROTOBUF"),
        ("a.avsc", '"string"', "AVRO"),
        ("a.json", '{"type": "record", "name": "R", "fields": []}', "AVRO"),
        ("a.json", '{"type": "object"}', "JSON"),
    ],
)
def test_the_format_is_told_by_name_and_content(
    project: Path, name: str, text: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / name).write_text(text)
    capsys.readouterr()
    assert main(["registry", "register", name, "--schema", "x", "--json"]) == 0
    assert told(capsys)["data_format"] == kind
