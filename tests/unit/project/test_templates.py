"""New projects from templates: right as they are written, and never over anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.project.errors import TemplateRefusedError
from lakeworks.project.loader import load_project
from lakeworks.project.templates import lake_name, template_names, write_template

if TYPE_CHECKING:
    from pathlib import Path


def test_empty_template_is_a_project_without_mistakes(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "place"
    written = write_template(folder, "empty", name="my_lake")
    assert written[0] == folder / "lake.yml"
    assert all(path.is_file() for path in written)
    project = load_project(folder, variables={})
    assert project.name == "my_lake"
    assert len(project.sources) == 1
    assert {model.table.database for model in project.models.values()} == {"silver", "gold"}


def test_hidden_files_are_written_too(tmp_path: Path) -> None:
    write_template(tmp_path, "empty", name="x")
    assert ".lake/" in (tmp_path / ".gitignore").read_text()


@pytest.mark.parametrize(
    ("folder", "name"),
    [("shop", "shop"), ("My Shop-2", "my_shop_2"), ("2026", "lake_2026"), ("ß", "lake"),
     ("x" * 200, "x" * 64)],
)  # fmt: skip
def test_lake_is_named_after_its_folder(tmp_path: Path, folder: str, name: str) -> None:
    assert lake_name(tmp_path / folder) == name
    write_template(tmp_path / folder, "empty")
    assert load_project(tmp_path / folder, variables={}).name == name


def test_folder_that_holds_a_project_is_refused(tmp_path: Path) -> None:
    write_template(tmp_path, "empty", name="x")
    (tmp_path / "lake.yml").write_text("name: mine\n")
    with pytest.raises(TemplateRefusedError, match="already holds a lake"):
        write_template(tmp_path, "empty", name="y")
    assert (tmp_path / "lake.yml").read_text() == "name: mine\n"


def test_file_in_the_way_is_kept_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "events.yml").write_text("mine")
    with pytest.raises(TemplateRefusedError, match=r"events\.yml is already there"):
        write_template(tmp_path, "empty", name="x")
    assert not (tmp_path / "lake.yml").exists()
    assert (tmp_path / "sources" / "events.yml").read_text() == "mine"


def test_gitignore_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")
    written = write_template(tmp_path, "empty", name="x")
    assert (tmp_path / ".gitignore").read_text() == "mine"
    assert tmp_path / ".gitignore" not in written


def test_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(TemplateRefusedError):
        write_template(tmp_path / "x", "empty", name="x")


def test_unknown_template_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(TemplateRefusedError, match="did you mean empty"):
        write_template(tmp_path, "emty", name="x")
    assert "empty" in template_names()


@pytest.mark.parametrize("name", ["", "My Lake", "../x", "a'b", "x: y"])
def test_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TemplateRefusedError, match="cannot name a lake"):
        write_template(tmp_path, "empty", name=name)
    assert list(tmp_path.iterdir()) == []
