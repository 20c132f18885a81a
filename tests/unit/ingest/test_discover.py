"""Which files a source has."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lakeworks.core.names import TableName
from lakeworks.ingest.discover import discover, glob_regex, split_pattern
from lakeworks.ingest.errors import SourceFolderMissingError
from lakeworks.project.declaration import Location, Source

if TYPE_CHECKING:
    from pathlib import Path


def source(path: str) -> Source:
    return Source(TableName("bronze", "t"), Location("t.yml", 1), path, path)


def names(path: str) -> list[str]:
    return [file.path for file in discover(source(path))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "a.json",
        "2026/11/b.json",
        "2026/c.csv",
        ".hidden",
        "_log/x.json",
        "d.json.tmp",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"{}")
    return tmp_path


def test_a_folder_gives_its_files_without_hidden_and_unfinished_ones(folder: Path) -> None:
    assert names(str(folder)) == ["2026/11/b.json", "2026/c.csv", "a.json"]


def test_a_glob_gives_paths_below_its_first_plain_folder(folder: Path) -> None:
    assert names(f"{folder}/**/*.json") == ["2026/11/b.json", "a.json"]
    assert names(f"{folder}/*.json") == ["a.json"]
    assert names(f"{folder}/2026/*/b.js?n") == ["11/b.json"]


def test_a_file_is_a_source_of_one(folder: Path) -> None:
    [found] = discover(source(f"{folder}/a.json"))
    assert (found.path, found.uri, found.size_bytes) == ("a.json", f"{folder}/a.json", 2)


def test_a_missing_folder_is_told_with_what_was_declared(tmp_path: Path) -> None:
    with pytest.raises(SourceFolderMissingError, match="there is no folder"):
        names(f"{tmp_path}/nowhere")


def test_links_are_followed_but_never_in_circles(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "e.json").write_bytes(b"{}")
    (folder / "link").symlink_to(outside)
    (folder / "2026" / "loop").symlink_to(folder)
    (folder / "dangling.json").symlink_to(folder / "gone")
    assert names(str(folder)) == ["2026/11/b.json", "2026/c.csv", "a.json", "link/e.json"]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**/*.json", "a.json", True),
        ("**/*.json", "x/y/a.json", True),
        ("*.json", "x/a.json", False),
        ("a[!0-9].csv", "ab.csv", True),
        ("a[!0-9].csv", "a1.csv", False),
        ("a.b", "axb", False),
    ],
)
def test_globs_match_as_in_a_shell(pattern: str, path: str, matches: bool) -> None:
    assert bool(glob_regex(pattern).fullmatch(path)) is matches


def test_the_folder_of_a_pattern_ends_before_its_first_wildcard() -> None:
    assert split_pattern("/a/b/c*/d.json") == ("/a/b", "c*/d.json")
    assert split_pattern("s3://bucket/x/**") == ("s3://bucket/x", "**")
    assert split_pattern("/a/b/") == ("/a/b", "")


def test_looking_for_files_loads_no_vendor_library() -> None:
    heavy = "{'pyarrow', 'duckdb', 'deltalake', 'obstore', 'pydantic', 'sqlglot', 'sqlalchemy'}"
    program = (
        "import sys, lakeworks.ingest.discover, lakeworks.ingest.pending; "
        f"sys.exit(bool({heavy} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
