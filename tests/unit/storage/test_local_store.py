"""A folder as a store: durable, hidden temporaries, errors that say what to do, cold start."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from lakeworks.storage.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    DiskFullError,
    ReadOnlyStorageError,
    StorageError,
    StorageRequestError,
)
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("url", ["relative/folder", "http://x/y", "", "gs://bucket", "/a\0b"])
def test_only_absolute_folders_and_s3_are_storage(url: str) -> None:
    with pytest.raises(StorageRequestError, match="not a storage URL"):
        ObjectStore.open(url)


def test_opening_makes_nothing_until_something_is_written(tmp_path: Path) -> None:
    store = ObjectStore.open(str(tmp_path / "new/"))
    assert store.root == str(tmp_path / "new")
    assert list(store.list()) == []
    assert not store.exists("x")
    assert not (tmp_path / "new").exists()
    store.put("a/b/c", b"1")
    assert (tmp_path / "new/a/b/c").read_bytes() == b"1"
    assert store.local_path("a/b/c") == tmp_path / "new/a/b/c"
    assert store.local_path("") == tmp_path / "new"


def test_a_write_is_on_disk_before_it_has_a_name_and_its_name_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real = {"fsync": os.fsync, "link": os.link, "replace": os.replace}

    def fsync(handle: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        steps.append(f"flush {kind}")
        real["fsync"](handle)

    monkeypatch.setattr(os, "fsync", fsync)
    for name in ("link", "replace"):
        monkeypatch.setattr(
            os, name, lambda *a, name=name: (steps.append(name), real[name](*a))[1]
        )
    store = ObjectStore.open(str(tmp_path))
    store.put_if_absent("commit", b"1")
    assert steps == ["flush file", "link", "flush folder"]
    steps.clear()
    store.put("other", b"1")
    assert steps == ["flush file", "replace", "flush folder"]


@pytest.mark.parametrize(
    ("number", "kind", "hint"),
    [
        (errno.ENOSPC, DiskFullError, "free some space"),
        (errno.EDQUOT, DiskFullError, "free some space"),
        (errno.EROFS, ReadOnlyStorageError, "mount it for writing"),
        (errno.EACCES, AccessDeniedError, "give this user access"),
        (errno.EIO, StorageError, "check the storage"),
    ],
)
def test_what_the_system_refuses_is_told_with_path_and_way_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[StorageError],
    hint: str,
) -> None:
    store = ObjectStore.open(str(tmp_path))

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    for write in (store.put, store.put_if_absent):
        with pytest.raises(kind) as caught:
            write("folder/file", b"x")
        assert type(caught.value) is kind
        assert f"{tmp_path}/folder/file" in caught.value.problem
        assert hint in caught.value.hint
    monkeypatch.undo()
    assert list(store.list(unfinished=True)) == []


def test_a_file_system_without_hard_links_is_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StorageError, match="no hard links"):
        ObjectStore.open(str(tmp_path)).put_if_absent("a", b"")


def test_a_quota_that_really_runs_out_loses_nothing_that_was_there(tmp_path: Path) -> None:
    code = """
        import resource, signal, sys
        from lakeworks.storage.errors import DiskFullError
        from lakeworks.storage.objects import ObjectStore
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = ObjectStore.open(sys.argv[1])
        store.put("kept", b"old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        for write in (store.put, store.put_if_absent):
            name = "kept" if write == store.put else "new"
            try:
                write(name, b"x" * 1_000_000)
            except DiskFullError:
                continue
            sys.exit("no error")
        assert store.get("kept") == b"old"
        assert [found.path for found in store.list(unfinished=True)] == ["kept"]
    """
    done = _python(code, str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_temporary_files_of_a_killed_write_are_listed_only_on_demand(tmp_path: Path) -> None:
    store = ObjectStore.open(str(tmp_path))
    store.put("a", b"1")
    (tmp_path / ".tmp-1-abc").write_bytes(b"half")
    assert [found.path for found in store.list()] == ["a"]
    assert [found.path for found in store.list(unfinished=True)] == [".tmp-1-abc", "a"]


def test_links_to_folders_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x").write_bytes(b"1")
    (tmp_path / "root/in").mkdir(parents=True)
    (tmp_path / "root/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/in/up").symlink_to(tmp_path / "root")
    (tmp_path / "root/in/dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "root/in/y").write_bytes(b"2")
    store = ObjectStore.open(str(tmp_path / "root"))
    assert [found.path for found in store.list()] == ["in/y", "link/x"]


def test_a_dangling_link_is_not_overwritten_by_a_commit(tmp_path: Path) -> None:
    (tmp_path / "taken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AlreadyExistsError):
        ObjectStore.open(str(tmp_path)).put_if_absent("taken", b"x")


def test_a_table_in_a_folder_is_read_and_committed_without_any_vendor_library(
    tmp_path: Path,
) -> None:
    code = """
        import sys
        from lakeworks.core.types import Field, Schema, Scalar
        from lakeworks.storage.layout import Storage
        from lakeworks.storage.log import Commit
        from lakeworks.core.names import TableName
        table = Storage.open(sys.argv[1]).table(TableName("silver", "orders"))
        table.commit(Commit(0, "create", schema=Schema((Field("a", Scalar("int")),))))
        assert table.version(table.latest_version(at_least=0)).version == 0
        heavy = {"pyarrow", "deltalake", "obstore", "duckdb", "sqlalchemy"} & set(sys.modules)
        assert not heavy, heavy
    """
    done = _python(code, str(tmp_path))
    assert done.returncode == 0, done.stderr


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
