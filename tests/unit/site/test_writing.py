"""A site is written whole or not at all, and never over what others made."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeworks.site.errors import NotASiteError, SiteNotWrittenError
from lakeworks.site.writing import MARK, check_place, write_site

FILES = [("index.html", "one"), ("tables/a/b.html", "two")]


def _written(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARK
    }


def test_a_site_takes_the_place_of_the_one_before_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "site"
    assert write_site(folder, [("old.html", "x"), *FILES]) == (3, 7)
    assert write_site(folder, FILES) == (2, 6)
    assert _written(folder) == dict(FILES)
    assert [path.name for path in folder.parent.iterdir()] == ["site"]


def test_a_build_that_fails_leaves_the_site_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_site(folder, FILES)

    def broken() -> Iterator[tuple[str, str]]:
        yield "index.html", "new"
        raise OSError(28, "No space left on device")

    with pytest.raises(SiteNotWrittenError, match="No space left"):
        write_site(folder, broken())
    assert _written(folder) == dict(FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_mistake_while_pages_are_made_leaves_nothing_behind(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[str, str]]:
        yield "index.html", "new"
        raise KeyError("ours")

    with pytest.raises(KeyError):
        write_site(tmp_path / "site", broken())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_others_filled_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(NotASiteError, match="not empty"):
        check_place(tmp_path / "mine", [])
    (tmp_path / "file").write_text("")
    with pytest.raises(NotASiteError):
        check_place(tmp_path / "file", [])
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    with pytest.raises(NotASiteError):
        check_place(tmp_path / "link", [])


def test_an_empty_folder_and_a_site_of_ours_are_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    check_place(tmp_path / "empty", [])
    write_site(tmp_path / "site", FILES)
    check_place(tmp_path / "site", [])


def test_what_the_site_is_made_from_is_never_replaced(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    project.mkdir()
    write_site(tmp_path / "marked", FILES)
    for place in (project, tmp_path, project / ".." / "shop"):
        with pytest.raises(NotASiteError, match="holds"):
            check_place(place, [project])
    check_place(project / "site", [project])


def test_what_a_killed_build_left_is_swept_away_once_it_is_old(tmp_path: Path) -> None:
    for name, age_s in (
        (".site-0123abcd", 7_200),
        (".site-89abcdef-old", 7_200),
        (".site-00ff00ff", 0),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / MARK).write_text("")
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    (tmp_path / ".site-11112222").mkdir()  # not ours
    os.utime(tmp_path / ".site-11112222", (0, 0))
    write_site(tmp_path / "site", FILES)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"site", ".site-00ff00ff", ".site-11112222"}
