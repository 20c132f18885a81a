from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakeworks.catalog import Catalog, LedgerEntry, revisions, sqlite
from lakeworks.catalog.errors import (
    CatalogBusyError,
    CatalogCorruptError,
    CatalogFullError,
    CatalogReadOnlyError,
    CatalogUnavailableError,
    CatalogUrlError,
)
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDERS = TableName("silver", "orders")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lake" / "catalog.db"


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    with Catalog.open(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="lw-catalog-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def nobody() -> Iterator[None]:
    """Do as a user without rights: permissions do not bind root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_new_catalog_makes_its_folder_and_writes_durably(
    path: Path, catalog: Catalog
) -> None:
    assert path.exists()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    with catalog._database._connection() as own:  # type: ignore[attr-defined]
        full, enforced = 2, 1
        assert own.execute("PRAGMA synchronous").fetchone() == (full,)
        assert own.execute("PRAGMA foreign_keys").fetchone() == (enforced,)
        assert own.execute("PRAGMA busy_timeout").fetchone()[0] >= 5_000


def test_opening_a_catalog_again_needs_neither_sqlalchemy_nor_alembic(
    path: Path, catalog: Catalog
) -> None:
    catalog.publish("r1", {ORDERS: 1})
    code = (
        "import sys; from lakeworks.catalog import Catalog\n"
        f"c = Catalog.open('sqlite:///{path}')\n"
        "c.heads(), c.current_snapshot(), c.locks.holders(), c.ledger\n"
        "print(sorted({'sqlalchemy', 'alembic', 'pyarrow', 'subprocess'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_revision_in_the_code_is_the_newest_migration() -> None:
    from alembic.script import ScriptDirectory

    from lakeworks.catalog.migrate import SCRIPTS

    assert ScriptDirectory(str(SCRIPTS)).get_heads() == [revisions.CURRENT]


def test_a_migration_that_fails_leaves_no_table(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.runtime.migration import MigrationContext

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MigrationContext, "stamp", stop)
    with pytest.raises(KeyboardInterrupt):
        Catalog.open(f"sqlite:///{path}")
    monkeypatch.undo()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    Catalog.open(f"sqlite:///{path}").close()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "mysql://x/y",
        "x",
    ],
)
def test_other_urls_are_refused_with_the_right_spelling(url: str) -> None:
    with pytest.raises(CatalogUrlError, match=r"sqlite:///path/to/catalog\.db"):
        Catalog.open(url)


def test_a_path_with_spaces_and_marks_is_taken_as_it_is(tmp_path: Path) -> None:
    odd = tmp_path / "a b#c%20d" / "catalog.db"
    Catalog.open(f"sqlite:///{odd}").close()
    assert odd.exists()


def test_a_relative_path_is_taken_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Catalog.open("sqlite:///here.db").close()
    assert (tmp_path / "here.db").exists()


def test_a_file_that_is_no_catalog_is_named_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database at all, " * 100)
    with pytest.raises(
        CatalogCorruptError, match=r"catalog\.db is damaged or is not a catalog"
    ):
        Catalog.open(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"not a database")


def test_damage_inside_the_file_is_found(path: Path) -> None:
    with Catalog.open(f"sqlite:///{path}") as catalog:
        entries = [LedgerEntry(f"f{i}", 0, 1, 2, "", "s" * 64, "/x") for i in range(5_000)]
        catalog.ledger.begin_batch(ORDERS, entries)
    # Of the entries: before them lies what describes the tables.
    first = path.stat().st_size // 4096 * 2 // 3
    with path.open("r+b") as file:
        for page in range(first, first + 40):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    with Catalog.open(f"sqlite:///{path}") as catalog:
        assert catalog.integrity() != []
        with pytest.raises(CatalogCorruptError):
            catalog.ledger.entries(ORDERS, up_to=1)


def test_a_folder_in_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(CatalogUnavailableError, match="cannot be opened"):
        Catalog.open(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_refused(open_folder: Path) -> None:
    with nobody(), pytest.raises(CatalogUnavailableError, match="Permission denied"):
        Catalog.open(f"sqlite:///{open_folder}/lake/catalog.db")


def test_a_catalog_in_a_read_only_folder_can_be_read_but_not_written(open_folder: Path) -> None:
    url = f"sqlite:///{open_folder}/catalog.db"
    with Catalog.open(url) as catalog:
        catalog.publish("r1", {ORDERS: 3})
    open_folder.chmod(0o555)
    try:
        with nobody(), Catalog.open(url) as catalog:
            assert catalog.current_snapshot().tables == {ORDERS: 3}
            with pytest.raises(CatalogReadOnlyError, match="read-only"):
                catalog.publish("r2", {ORDERS: 4})
    finally:
        open_folder.chmod(0o755)


def test_a_reader_without_rights_sees_what_a_writer_does_meanwhile(open_folder: Path) -> None:
    url = f"sqlite:///{open_folder}/catalog.db"
    with Catalog.open(url) as writer:
        writer.publish("r1", {ORDERS: 1})
    with nobody():
        reader = Catalog.open(url)
        assert reader.current_snapshot().tables == {ORDERS: 1}
    with Catalog.open(url) as writer:
        writer.publish("r2", {ORDERS: 2})
        with nobody():
            assert reader.current_snapshot().tables == {ORDERS: 2}
    with nobody():
        assert reader.current_snapshot().tables == {ORDERS: 2}
        with pytest.raises(CatalogReadOnlyError):
            reader.publish("r3", {ORDERS: 3})
    reader.close()


def test_a_folder_that_becomes_read_only_is_told_and_loses_nothing(open_folder: Path) -> None:
    with Catalog.open(f"sqlite:///{open_folder}/catalog.db") as catalog:
        catalog.publish("r1", {ORDERS: 3})
        with catalog._database.writing() as session:
            session.run("PRAGMA query_only = 1")
        with pytest.raises(CatalogReadOnlyError):
            catalog.publish("r2", {ORDERS: 4})


def test_a_file_that_is_taken_away_is_told_and_not_made_anew(
    path: Path, catalog: Catalog
) -> None:
    before = catalog.grants.revision()
    aside = path.with_name("aside.db")
    path.rename(aside)
    for _ in range(2):
        with pytest.raises(CatalogUnavailableError, match="gone"):
            catalog.grants.revision()
    assert not path.exists()
    aside.rename(path)
    assert catalog.grants.revision() == before


def test_what_is_written_goes_into_the_file_that_was_put_in_its_place(
    path: Path, catalog: Catalog
) -> None:
    catalog.grants.add("user:ana", "{}", ["SELECT"], by="operator")
    with sqlite3.connect(path) as own, sqlite3.connect(path.with_name("copy.db")) as copy:
        own.backup(copy)
    own.close()
    copy.close()
    path.with_name("copy.db").replace(path)
    catalog.grants.add("user:bob", "{}", ["SELECT"], by="operator")
    with Catalog.open(f"sqlite:///{path}") as again:
        assert {row.principal for row in again.grants.read().grants} == {"user:ana", "user:bob"}


def test_a_full_disk_is_told_and_undone(catalog: Catalog) -> None:
    catalog.publish("r1", {ORDERS: 1})
    with catalog._database.reading() as session:
        (pages,) = session.all("PRAGMA page_count")[0]
        session.all(f"PRAGMA max_page_count = {pages}")
    entries = [LedgerEntry(f"f{i}", 0, 1, 2, "", "s" * 64, "/x") for i in range(5_000)]
    with pytest.raises(CatalogFullError, match="no space is left"):
        catalog.ledger.begin_batch(ORDERS, entries)
    assert catalog.ledger.last_batch(ORDERS) == 0
    assert catalog.ledger.begin_batch(ORDERS, entries) == 1


def test_a_file_that_another_program_keeps_locked_is_told(
    path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.1)
    catalog.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CatalogBusyError, match="locked by another process"):
        catalog.publish("r1", {ORDERS: 1})
    other.rollback()
    other.close()
    assert catalog.publish("r1", {ORDERS: 1}).id == 1


def test_a_forked_child_has_connections_of_its_own(catalog: Catalog) -> None:
    catalog.publish("parent", {ORDERS: 1})
    child = os.fork()
    if child == 0:
        status = 1
        try:
            catalog.publish("child", {ORDERS: 2})
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert catalog.publish("parent again", {}).tables == {ORDERS: 2}
    assert catalog.integrity() == []


def test_a_closed_catalog_keeps_no_file_open(path: Path, catalog: Catalog) -> None:
    catalog.publish("r1", {ORDERS: 1})
    catalog.close()
    opened = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}  # noqa: PTH208
    assert not any(name.startswith(str(path)) for name in opened)
    assert not path.with_name("catalog.db-wal").exists()
