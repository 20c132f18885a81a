"""What a folder holds, whatever state it is in."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from lakeworks.core.exclusions import Exclusions
from lakeworks.crawlers.errors import TargetMissingError
from lakeworks.crawlers.listing import Listing, list_target, shown


def listing(root: Path, *exclusions: str) -> Listing:
    return list_target(str(root), Exclusions(exclusions), {})


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")


def test_files_come_in_order_of_path_with_their_sizes(tmp_path: Path) -> None:
    write(tmp_path, "b/c", "a", "b/a/x")
    assert listing(tmp_path).objects == [("a", 1), ("b/a/x", 1), ("b/c", 1)]


def test_hidden_and_unfinished_files_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "_SUCCESS", ".a/b", "x.tmp", "_temporary/y", "z~", "a")
    found = listing(tmp_path)
    assert found.objects == [("a", 1)]
    assert found.hidden == 5


def test_excluded_files_are_counted(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "b/a.csv", "b/a.json")
    found = listing(tmp_path, "**.csv")
    assert (found.objects, found.excluded) == ([("b/a.json", 1)], 2)


def test_a_delta_table_is_found_by_its_log_and_not_entered(tmp_path: Path) -> None:
    write(tmp_path, "t/_delta_log/0.json", "t/x.parquet", "a")
    found = listing(tmp_path)
    assert (found.objects, found.delta) == ([("a", 1)], ["t"])
    assert listing(tmp_path / "t").delta == [""]


def test_a_folder_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(TargetMissingError):
        listing(tmp_path / "nothing")
    write(tmp_path, "a.csv")
    with pytest.raises(TargetMissingError, match="is a file"):
        listing(tmp_path / "a.csv")


def test_links_are_followed_once_and_never_in_a_circle(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    write(root, "a/x")
    write(other, "y")
    (root / "loop").symlink_to(root)
    (root / "a" / "up").symlink_to("..")
    (root / "b").symlink_to(other)
    (root / "c").symlink_to(other)
    (other / "back").symlink_to(root)
    found = listing(root)
    assert [path for path, _ in found.objects] == ["a/x", "b/y"]
    assert sorted(path for path, _ in found.skipped) == ["a/up", "b/back", "c", "loop"]


def test_a_folder_of_links_to_each_other_does_not_explode(tmp_path: Path) -> None:
    for one in range(12):
        write(tmp_path, f"d{one}/x")
    for one in range(12):
        for other in range(12):
            (tmp_path / f"d{one}" / f"l{other}").symlink_to(tmp_path / f"d{other}")
    assert len(listing(tmp_path).objects) == 12


def test_what_is_no_file_is_told_of(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # a socket's path may not be long
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        reasons = dict(listing(tmp_path).skipped)
    assert reasons == {
        "pipe": "it is no regular file",
        "socket": "it is no regular file",
        "dangling": "it is a link to nothing",
    }


def test_names_that_are_no_text_are_shown_and_not_crawled(tmp_path: Path) -> None:
    (tmp_path / "a\nb").write_text("x")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")).write_text("x")
    found = listing(tmp_path)
    assert found.objects == []
    assert sorted(path for path, _ in found.skipped) == ["\\xff\\xfe", "a\\nb"]
    assert all(shown(path).isprintable() for path, _ in found.skipped)


def test_a_folder_that_must_not_be_read_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a/x", "b/y")
    real = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = listing(tmp_path)
    assert found.objects == [("b/y", 1)]
    assert found.skipped == [("a", "it cannot be listed: Permission denied")]


def test_a_tree_deeper_than_the_stack_is_walked(tmp_path: Path) -> None:
    # The longest path that the system takes as one.
    deep = "/".join(["d"] * 1_500)
    for depth in range(100, 1_600, 100):
        (tmp_path / "/".join(["d"] * depth)).mkdir(parents=True)
    (tmp_path / deep / "x").write_text("x")
    try:
        assert listing(tmp_path).objects == [(f"{deep}/x", 1)]
    finally:  # pytest's own cleaning is not made for this
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)
