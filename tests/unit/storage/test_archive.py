"""Arrivals go to the archive and come back byte for byte, whatever happens in between."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.storage.archive import Archive
from lakeworks.storage.archive_errors import ArchiveDamagedError
from lakeworks.storage.archive_manifest import EXPIRED, Arrival
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDERS = TableName("bronze", "orders")
MARCH = Arrival(ORDERS, date(2026, 3, 1), 4)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FILES = {
    "a.json": b'{"x": 1}\n' * 5_000,
    "deep/b.json.gz": gzip.compress(os.urandom(3_000)),
    "empty.csv": b"",
    "manifests": b"a name like one of ours" * 99,
}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    made = ObjectStore.open(str(tmp_path / "lake"))
    for name, data in FILES.items():
        made.put(f"landing/{MARCH.folder}/{name}", data)
    return made


def landed(store: ObjectStore) -> dict[str, bytes]:
    prefix = f"landing/{MARCH.folder}/"
    return {e.path.removeprefix(prefix): store.get(e.path) for e in store.list("landing")}


def archived(store: ObjectStore) -> set[str]:
    return {entry.path for entry in store.list("archive")}


def test_an_arrival_moves_with_its_manifest_and_leaves_nothing_behind(
    store: ObjectStore,
) -> None:
    archive = Archive(store)
    assert list(archive.landed()) == list(archive.landed(ORDERS)) == [MARCH]
    with clock.fixed(NOON):
        manifest = archive.move(MARCH, "GLACIER")
    assert landed(store) == {}
    assert list(archive.landed()) == []
    assert archive.manifests() == [manifest]
    assert archive.manifests(TableName("bronze", "other")) == []
    assert (manifest.storage_class, manifest.at) == ("GLACIER", NOON)
    packed = {one.path: one.packed for one in manifest.files}
    assert packed == {
        "a.json": True,
        "deep/b.json.gz": False,
        "empty.csv": False,
        "manifests": True,
    }
    assert manifest.stored_bytes < manifest.size_bytes == sum(map(len, FILES.values()))
    assert MARCH.age_days(NOON) == 92


def test_what_comes_back_is_what_arrived_and_stays_for_its_days(store: ObjectStore) -> None:
    archive = Archive(store)
    with clock.fixed(NOON):
        manifest = archive.move(MARCH, "DEEP_ARCHIVE")
        kept = archive.restore(manifest, keep_for=timedelta(days=2))
        assert landed(store) == FILES
        assert archive.is_settled(kept)
        archive.settle(kept)
        assert landed(store) == FILES
    with clock.fixed(NOON + timedelta(days=3)):
        (late,) = archive.manifests()
        assert not archive.is_settled(late)
        archive.settle(late)
        assert landed(store) == {}
        archive.restore(late, keep_for=timedelta(days=1))
        assert landed(store) == FILES


def test_from_class_to_class_only_one_copy_stays(store: ObjectStore) -> None:
    archive = Archive(store)
    archive.move(MARCH, "GLACIER_IR")
    second = archive.move(MARCH, "DEEP_ARCHIVE")
    assert not any("GLACIER_IR" in path for path in archived(store))
    archive.restore(second, keep_for=timedelta(days=1))
    assert landed(store) == FILES


def test_what_expires_is_gone_but_named(store: ObjectStore) -> None:
    archive = Archive(store)
    archive.move(MARCH, "GLACIER")
    gone = archive.expire(MARCH)
    assert gone.expired
    assert {one.path for one in gone.files} == set(FILES)
    assert archived(store) == {f"archive/manifests/{MARCH.folder}.json"}
    assert archive.move(MARCH, "GLACIER").storage_class == EXPIRED


def test_straight_from_the_landing_zone_it_expires_too(store: ObjectStore) -> None:
    assert Archive(store).expire(MARCH).size_bytes == sum(map(len, FILES.values()))
    assert landed(store) == {}


def test_an_archived_file_that_changed_never_comes_back_as_if_it_had_not(
    store: ObjectStore,
) -> None:
    archive = Archive(store)
    manifest = archive.move(MARCH, "GLACIER")
    place = f"archive/GLACIER/{MARCH.folder}/deep/b.json.gz"
    store.put(place, store.get(place)[:-1] + b"!")
    with pytest.raises(ArchiveDamagedError, match=r"deep/b\.json\.gz"):
        archive.restore(manifest, keep_for=timedelta(days=1))
    assert "deep/b.json.gz" not in landed(store)
    store.delete([place])
    with pytest.raises(ArchiveDamagedError, match="is gone"):
        archive.restore(manifest, keep_for=timedelta(days=1))


def test_a_copy_that_reads_otherwise_keeps_the_original(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(store)
    plain = archive._store.write_stream

    def torn(path: str, chunks: object) -> None:
        plain(path, [b"".join(chunks)[:-3]] if "b.json" in path else chunks)  # type: ignore[arg-type]

    monkeypatch.setattr(archive._store, "write_stream", torn)
    with pytest.raises(ArchiveDamagedError):
        archive.move(MARCH, "GLACIER")
    assert landed(store) == FILES
    assert archive.manifests() == []


@pytest.mark.parametrize("writes", range(18))
def test_stopped_after_any_write_the_next_pass_ends_it(store: ObjectStore, writes: int) -> None:
    """Every write and deletion of a move to one class and on to another is a place to die."""
    archive = Archive(store)
    left = writes

    class Stop(Exception):  # noqa: N818
        pass

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            if left == 0:
                raise Stop
            left -= 1
            return work(*arguments, **named)

        return call

    for one in (archive._store, archive._landing):
        for name in ("put", "write_stream", "delete", "delete_tree"):
            setattr(one, name, counted(getattr(one, name)))
    stopped = False
    try:
        archive.move(MARCH, "GLACIER_IR")
        archive.move(MARCH, "GLACIER")
    except Stop:
        stopped = True
    assert stopped == (writes < 17)
    fresh = Archive(store)
    fresh.sweep(ORDERS)
    manifest = fresh.move(MARCH, "GLACIER")
    assert fresh.strays(ORDERS) == []
    assert landed(store) == {}
    fresh.restore(manifest, keep_for=timedelta(days=1))
    assert landed(store) == FILES


def test_folders_that_are_not_ours_are_left_alone(store: ObjectStore) -> None:
    store.put("landing/notes/readme.txt", b"mine")
    store.put("landing/bronze.orders/2026-13-45/x/a", b"mine")
    assert list(Archive(store).landed()) == [MARCH]
