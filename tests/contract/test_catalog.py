"""What every catalog does, on SQLite and on a real PostgreSQL server alike."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.catalog import Catalog, Head, LedgerEntry, migrations
from lakeworks.catalog.errors import (
    CatalogBusyError,
    CatalogError,
    CatalogTooNewError,
    LockLostError,
    NamedQueryNameError,
    TableLockedError,
    UnknownNamedQueryError,
    UnknownRunError,
    UnknownSnapshotError,
    UnknownTokenError,
)
from lakeworks.catalog.quality_results import QualityResult
from lakeworks.catalog.query_history import QueryRecord, TableRead
from lakeworks.catalog.schema_registry.errors import (
    IncompatibleSchemaError,
    InvalidSchemaError,
    RegistryLimitError,
    SchemaExistsError,
    UnknownSchemaError,
    VersionNeededError,
)
from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema, Struct

if TYPE_CHECKING:
    from lakeworks.catalog.locks import LockHolder
    from lakeworks.catalog.schema_registry import SchemaRegistry

A, B, C = (TableName("silver", name) for name in "abc")
IMPORTS = "import sys; from lakeworks.catalog import Catalog"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def processes(code: str, *calls: list[str]) -> list[str]:
    """Run `code` in one process for each call, at the same time; return what each printed."""
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", f"{IMPORTS}\n{code}", *call],
            stdout=subprocess.PIPE,
            text=True,
        )
        for call in calls
    ]
    printed = [process.communicate(timeout=60)[0] for process in begun]
    assert [process.returncode for process in begun] == [0] * len(calls)
    return printed


def entry(name: str, **changes: object) -> LedgerEntry:
    plain: dict[str, object] = {
        "source_file": name, "batch": 0, "size_bytes": 10, "modified_ns": 20, "etag": "e",
        "sha256": "s", "landed_uri": f"/landing/{name}",
    }  # fmt: skip
    return LedgerEntry(**(plain | changes))  # type: ignore[arg-type]


def published(catalog: Catalog) -> dict[TableName, int]:
    return dict(catalog.current_snapshot().tables)


# --- heads


def test_a_head_comes_back_as_it_was_noted(catalog: Catalog) -> None:
    address = Struct((Field("zip", Scalar("string"), nullable=False, comment="five digits"),))
    schema = Schema((Field("id", Scalar("bigint"), comment="key"), Field("at", address)))
    head = Head(A, 7, {"lakeworks/bronze.a": 12}, "ff", 2**40, 2**41, schema, NOON)
    catalog.set_head(Head(A, 6, {}, "", 0, 0, Schema(), NOON))
    catalog.set_head(head)
    assert catalog.head(A) == head
    assert catalog.heads() == {A: head}


def test_a_dropped_head_is_unknown(catalog: Catalog) -> None:
    catalog.set_head(Head(A, 6, {}, "", 0, 0, Schema(), NOON))
    catalog.drop_head(A)
    assert catalog.head(A) is None
    assert catalog.heads() == {}


# --- snapshots


def test_before_the_first_publication_the_snapshot_is_empty(catalog: Catalog) -> None:
    assert catalog.current_snapshot().id == 0
    assert catalog.current_snapshot().tables == {}
    assert catalog.snapshots() == []


def test_publishing_changes_some_tables_and_keeps_the_others(catalog: Catalog) -> None:
    catalog.publish("r1", {A: 1, B: 4})
    snapshot = catalog.publish("r2", {B: None, C: 2})
    assert snapshot.tables == {A: 1, C: 2}
    assert catalog.current_snapshot() == snapshot
    assert (snapshot.run_id, snapshot.kind) == ("r2", "run")


def test_every_snapshot_can_be_seen_again(catalog: Catalog) -> None:
    made = [
        catalog.publish("r1", {A: 1}),
        catalog.publish("r2", {A: 2, B: 1}),
        catalog.publish("r2", {A: 2}),
        catalog.publish("r3", {A: 1, B: None}, kind="rollback"),
    ]
    assert [catalog.snapshot(snapshot.id) for snapshot in made] == made
    assert catalog.snapshots() == made[::-1]
    assert catalog.snapshots(2) == [made[3], made[2]]
    assert catalog.snapshot_of_run("r2") == made[2]


def test_a_snapshot_that_does_not_exist_is_refused_with_those_that_do(catalog: Catalog) -> None:
    catalog.publish("r1", {A: 1})
    with pytest.raises(UnknownSnapshotError, match="snapshots 1 to 1 are kept"):
        catalog.snapshot(9)


def test_a_misspelt_run_is_answered_with_the_nearest(catalog: Catalog) -> None:
    catalog.begin_run("20260301T120000Z-aaaaaaaa")
    with pytest.raises(UnknownRunError, match="did you mean 20260301T120000Z-aaaaaaaa"):
        catalog.snapshot_of_run("20260301T120000Z-aaaaaaab")
    with pytest.raises(UnknownRunError, match="did you mean"):
        catalog.run("20260301T120000Z-aaaaaaab")


def test_a_run_that_published_nothing_has_no_snapshot(catalog: Catalog) -> None:
    catalog.publish("good", {A: 1})
    catalog.begin_run("bad")
    catalog.end_run("bad", "failed", {})
    with pytest.raises(UnknownRunError, match=r"bad \(failed\) published no snapshot") as told:
        catalog.snapshot_of_run("bad")
    assert "newest first: good" in told.value.hint


def test_a_moment_finds_what_readers_saw_then(catalog: Catalog) -> None:
    for hour in range(3):
        with clock.fixed(NOON + timedelta(hours=hour)):
            catalog.publish(f"r{hour}", {A: hour})
    assert catalog.snapshot_at(NOON + timedelta(minutes=90)).tables == {A: 1}
    assert catalog.snapshot_at(NOON).tables == {A: 0}
    assert catalog.snapshot_at(NOON + timedelta(days=9)).tables == {A: 2}
    with pytest.raises(UnknownSnapshotError, match="the oldest is of 2026-03-01T12:00:00"):
        catalog.snapshot_at(NOON - timedelta(seconds=1))


def test_snapshots_are_in_the_order_of_their_times_when_a_clock_goes_back(
    catalog: Catalog,
) -> None:
    with clock.fixed(NOON):
        catalog.publish("r1", {A: 1})
    with clock.fixed(NOON - timedelta(hours=1)):
        catalog.publish("r2", {A: 2})
    assert catalog.snapshot_at(NOON).tables == {A: 2}


def test_the_snapshot_before_skips_maintenance(catalog: Catalog) -> None:
    first = catalog.publish("r1", {A: 1})
    second = catalog.publish("r2", {A: 2})
    optimized = catalog.publish("m1", {A: 3}, kind="maintenance")
    assert catalog.snapshot_before(optimized) == first
    assert catalog.snapshot_before(second) == first
    assert catalog.snapshot_before(first) is None
    assert catalog.snapshot_of_data(optimized) == second
    assert catalog.snapshot_of_data(first) == first


def test_published_versions_are_those_of_every_kept_snapshot(catalog: Catalog) -> None:
    for hour, changes in enumerate([{A: 1, B: 1}, {A: 2}, {A: 3}, {B: None}]):
        with clock.fixed(NOON + timedelta(hours=hour)):
            catalog.publish(f"r{hour}", changes)
    assert catalog.published_versions() == {A: {1, 2, 3}, B: {1}}
    # What readers still saw at that moment counts, although it was published earlier.
    seen = catalog.published_versions(since=NOON + timedelta(minutes=90))
    assert seen == {A: {2, 3}, B: {1}}
    assert catalog.published_versions(since=NOON + timedelta(days=1)) == {A: {3}}


def test_forgotten_snapshots_are_gone_and_the_rest_is_whole(catalog: Catalog) -> None:
    made = []
    for hour in range(4):
        with clock.fixed(NOON + timedelta(hours=hour)):
            made.append(catalog.publish(f"r{hour}", {A: hour, B: 1}))
    assert catalog.forget_snapshots(before=NOON + timedelta(minutes=150)) == 2
    assert catalog.snapshots() == [made[3], made[2]]
    assert catalog.published_versions() == {A: {2, 3}, B: {1}}
    with pytest.raises(UnknownSnapshotError):
        catalog.snapshot(made[1].id)
    assert catalog.forget_snapshots(before=NOON + timedelta(days=99)) == 1
    assert catalog.snapshots() == [made[3]]
    assert catalog.publish("next", {A: 9}).id > made[3].id


changes = st.dictionaries(
    st.sampled_from([A, B, C]), st.none() | st.integers(0, 50), max_size=3
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(publications=st.lists(changes, min_size=1, max_size=6))
def test_any_interleaving_of_publishers_equals_their_publications_in_order(
    catalog: Catalog, publications: list[dict[TableName, int | None]]
) -> None:
    before = catalog.current_snapshot()
    threads = [
        threading.Thread(target=catalog.publish, args=(f"p{i}", wanted))
        for i, wanted in enumerate(publications)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = catalog.snapshots(len(publications))[::-1]
    assert sorted(s.run_id for s in made) == sorted(f"p{i}" for i in range(len(publications)))
    expected = dict(before.tables)
    for snapshot in made:
        expected.update(publications[int(snapshot.run_id[1:])])  # type: ignore[arg-type]
        shown = {table: version for table, version in expected.items() if version is not None}
        assert snapshot.tables == shown


def test_publishers_in_several_processes_lose_nothing(url: str, catalog: Catalog) -> None:
    code = (
        "from lakeworks.core.names import TableName\n"
        "c = Catalog.open(sys.argv[1])\n"
        "for i in range(15): c.publish(sys.argv[2], {TableName('silver', sys.argv[2]): i})\n"
    )
    processes(code, *([url, name] for name in "abc"))
    assert published(catalog) == {A: 14, B: 14, C: 14}
    assert len(catalog.snapshots(100)) == 45


def test_many_tables_and_snapshots_stay_small_and_quick(catalog: Catalog) -> None:
    tables = [TableName("gold", f"t{i}") for i in range(500)]
    catalog.publish("first", dict.fromkeys(tables, 0))
    for version in range(1, 100):
        catalog.publish(f"r{version}", dict.fromkeys(tables[:3], version))
    begin = time.perf_counter()
    assert len(catalog.current_snapshot().tables) == 500
    assert catalog.snapshot(50).tables[tables[0]] == 49
    assert time.perf_counter() - begin < 5
    with catalog._database.reading() as session:
        rows = session.first("SELECT count(*) FROM snapshot_tables")
    assert rows == (500 + 99 * 3,)


# --- opening


def test_processes_that_open_a_new_catalog_at_once_do_not_clash(url: str) -> None:
    code = "Catalog.open(sys.argv[1]).begin_run(sys.argv[2])"
    processes(code, *([url, f"run{i}"] for i in range(5)))
    with Catalog.open(url) as catalog:
        assert {run.run_id for run in catalog.runs()} == {f"run{i}" for i in range(5)}


def test_a_catalog_of_a_later_version_is_refused(url: str, catalog: Catalog) -> None:
    with catalog._database.writing() as session:
        session.run("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogTooNewError, match=r"revision 9999.*knows up to") as told:
        Catalog.open(url)
    assert "upgrade" in told.value.hint


def test_a_healthy_catalog_has_nothing_to_say_of_its_integrity(catalog: Catalog) -> None:
    catalog.publish("r1", {A: 1})
    assert catalog.integrity() == []


def test_an_exception_undoes_the_whole_transaction(catalog: Catalog) -> None:
    with pytest.raises(ZeroDivisionError), catalog._database.writing() as session:  # noqa: PT012
        session.run("INSERT INTO ledger_batches (table_name, last_batch) VALUES ('t', 1)")
        1 / 0  # noqa: B018
    with catalog._database.reading() as session:
        assert session.all("SELECT * FROM ledger_batches") == []


def test_a_statement_that_the_database_refuses_is_a_catalog_error(catalog: Catalog) -> None:
    catalog.begin_run("r1")
    with pytest.raises(CatalogError, match="failed"):
        catalog.begin_run("r1")
    assert len(catalog.runs()) == 1


def test_a_catalog_that_another_keeps_locked_is_told_and_unchanged(
    url: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.publish("r1", {A: 1})
    monkeypatch.setattr("lakeworks.catalog.sqlite.BUSY_S", 0.1)
    monkeypatch.setattr("lakeworks.catalog.server.BUSY_S", 0.1)
    with Catalog.open(url) as other:
        with (
            catalog._database.writing(),
            pytest.raises(CatalogBusyError, match="locked by another process"),
        ):
            other.publish("r2", {A: 2})
        assert published(other) == {A: 1}
        assert other.publish("r2", {A: 2}).tables == {A: 2}


# --- runs


def test_a_run_is_known_from_its_beginning_to_its_end(catalog: Catalog) -> None:
    with clock.fixed(NOON):
        catalog.begin_run("r1")
    begun = catalog.run("r1")
    assert (begun.status, begun.ended_at, begun.pid) == ("running", None, os.getpid())
    assert [run.run_id for run in catalog.runs_under_way()] == ["r1"]
    with clock.fixed(NOON + timedelta(seconds=5)):
        catalog.end_run("r1", "succeeded", {"steps": [{"table": "silver.a"}]})
    ended = catalog.run("r1")
    assert (ended.started_at, ended.ended_at) == (NOON, NOON + timedelta(seconds=5))
    assert ended.report == {"steps": [{"table": "silver.a"}]}
    assert catalog.runs_under_way() == []


def test_a_long_report_comes_back_whole_and_takes_little_room(catalog: Catalog) -> None:
    steps = [{"table": f"silver.t{i}", "error": "ünïcode 'quoted'"} for i in range(500)]
    catalog.begin_run("r1")
    catalog.end_run("r1", "failed", {"steps": steps})
    assert catalog.run("r1").report == {"steps": steps}
    with catalog._database.reading() as session:
        (size,) = session.all("SELECT length(report) FROM runs")[0]
    assert size < len(str(steps)) / 4


def test_runs_are_listed_newest_first(catalog: Catalog) -> None:
    for hour in range(4):
        with clock.fixed(NOON + timedelta(hours=hour)):
            catalog.begin_run(f"r{hour}")
    assert [run.run_id for run in catalog.runs(3)] == ["r3", "r2", "r1"]


def test_a_run_that_was_never_begun_cannot_end(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="never begun"):
        catalog.end_run("r1", "succeeded", {})


def test_the_next_run_notes_that_the_one_before_was_killed(url: str, catalog: Catalog) -> None:
    processes("Catalog.open(sys.argv[1]).begin_run('dead')", [url])
    catalog.begin_run("alive")
    catalog.begin_run("next")
    assert {run.run_id: run.status for run in catalog.runs()} == {
        "dead": "killed", "alive": "running", "next": "running",
    }  # fmt: skip


def test_old_runs_are_forgotten_but_neither_the_newest_nor_those_of_snapshots(
    catalog: Catalog,
) -> None:
    for second, name in enumerate(("of a snapshot", "old", "under way", "newest")):
        with clock.fixed(NOON + timedelta(seconds=second)):
            catalog.begin_run(name)
            if name != "under way":
                catalog.end_run(name, "succeeded", {})
    catalog.publish("of a snapshot", {A: 1})
    assert catalog.forget_runs(before=NOON, keep=0) == 0
    later = NOON + timedelta(days=1)
    assert catalog.forget_runs(before=later, keep=2) == 1
    assert {run.run_id for run in catalog.runs()} == {"of a snapshot", "under way", "newest"}


# --- ledger


def test_batches_are_numbered_from_one_for_each_table(catalog: Catalog) -> None:
    assert catalog.ledger.last_batch(A) == 0
    assert catalog.ledger.begin_batch(A, [entry("f1")]) == 1
    assert catalog.ledger.begin_batch(A, [entry("f2")]) == 2
    assert catalog.ledger.begin_batch(B, [entry("f1")]) == 1
    assert catalog.ledger.last_batch(A) == 2


def test_a_touched_file_gets_its_new_time_while_its_content_is_the_same(
    catalog: Catalog,
) -> None:
    catalog.ledger.begin_batch(A, [entry("f1", sha256="aa"), entry("f2", sha256="bb")])
    f1, f2 = catalog.ledger.entries(A, up_to=1).values()
    catalog.ledger.touch(
        A, [replace(f1, modified_ns=77), replace(f2, modified_ns=77, sha256="other")]
    )
    assert catalog.ledger.entries(A, up_to=1) == {"f1": replace(f1, modified_ns=77), "f2": f2}


def test_the_ledger_gives_the_latest_entry_of_each_file(catalog: Catalog) -> None:
    catalog.ledger.begin_batch(A, [entry("f1"), entry("f2")])
    catalog.ledger.begin_batch(A, [entry("f1", size_bytes=11, etag="new")])
    assert catalog.ledger.entries(A, up_to=1) == {
        "f1": entry("f1", batch=1), "f2": entry("f2", batch=1),
    }  # fmt: skip
    assert catalog.ledger.entries(A, up_to=2)["f1"] == entry(
        "f1", batch=2, size_bytes=11, etag="new"
    )
    assert catalog.ledger.entries(A, up_to=0) == {}


def test_voided_batches_are_forgotten_and_their_numbers_used_again(catalog: Catalog) -> None:
    for name in ("f1", "f2", "f3"):
        catalog.ledger.begin_batch(A, [entry(name)])
    catalog.ledger.begin_batch(B, [entry("f9")])
    catalog.ledger.void_above(A, 1)
    assert set(catalog.ledger.entries(A, up_to=99)) == {"f1"}
    assert set(catalog.ledger.entries(B, up_to=99)) == {"f9"}
    assert catalog.ledger.begin_batch(A, [entry("f4")]) == 2


def test_a_new_catalog_goes_on_above_the_batches_that_a_table_already_has(
    catalog: Catalog,
) -> None:
    catalog.ledger.void_above(A, 7)
    assert catalog.ledger.begin_batch(A, [entry("f1")]) == 8


def test_a_hundred_thousand_files_are_noted_and_read_in_seconds(catalog: Catalog) -> None:
    files = [entry(f"folder/file{i}.json") for i in range(100_000)]
    begin = time.perf_counter()
    assert catalog.ledger.begin_batch(A, files) == 1
    assert len(catalog.ledger.entries(A, up_to=1)) == 100_000
    assert time.perf_counter() - begin < 60


def test_file_names_of_any_spelling_are_kept(catalog: Catalog) -> None:
    names = ["a'b", 'a"b', "tab\there", "back\\slash", "\\N", "ünï/çødé", "new\nline", "%s :x"]
    catalog.ledger.begin_batch(A, [entry(name) for name in names])
    assert set(catalog.ledger.entries(A, up_to=1)) == set(names)


# --- locks


def test_a_held_table_is_refused_with_its_holder(catalog: Catalog) -> None:
    with (
        catalog.locks.hold([A, B], holder="first"),
        pytest.raises(
            TableLockedError, match=rf"silver\.b is held by run first .*{os.getpid()}"
        ),
        catalog.locks.hold([B, C], holder="second", wait_s=0),
    ):
        pass
    with catalog.locks.hold([A, B, C], holder="third", wait_s=0) as lease:
        assert lease.tables == (A, B, C)
    assert catalog.locks.holders() == []


def test_a_refused_hold_gives_back_what_it_had_taken(catalog: Catalog) -> None:
    with catalog.locks.hold([B], holder="first"):
        with (
            pytest.raises(TableLockedError),
            catalog.locks.hold([A, B, C], holder="second", wait_s=0.1),
        ):
            pass
        assert [(lock.table, lock.run_id) for lock in catalog.locks.holders()] == [(B, "first")]


def test_a_waiter_is_told_of_the_holder_once_and_gets_the_table(catalog: Catalog) -> None:
    told: list[str] = []
    waits, got = threading.Event(), threading.Event()

    def tell(holder: LockHolder) -> None:
        told.append(holder.run_id)
        waits.set()

    def wait() -> None:
        with catalog.locks.hold([A], holder="second", wait_s=None, on_wait=tell):
            got.set()

    thread = threading.Thread(target=wait)
    with catalog.locks.hold([A], holder="first"):
        thread.start()
        assert waits.wait(60)
        time.sleep(0.3)  # long enough to be told once more
        assert not got.is_set()
    thread.join(60)
    assert got.is_set()
    assert told == ["first"]


def test_threads_of_one_process_never_take_each_others_tables(catalog: Catalog) -> None:
    inside: list[int] = []
    clashes: list[int] = []

    def work(number: int) -> None:
        for _ in range(10):
            with catalog.locks.hold([A], holder=f"t{number}"):
                inside.append(number)
                clashes.extend([number] * (len(inside) - 1))
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert clashes == []


def test_runs_that_want_the_same_tables_in_any_order_all_finish(catalog: Catalog) -> None:
    inside: list[str] = []
    seen: list[int] = []

    def work(name: str, tables: list[TableName]) -> None:
        for _ in range(5):
            with catalog.locks.hold(tables, holder=name):
                inside.append(name)
                seen.append(len(inside))
                inside.remove(name)

    orders = [[A, B, C], [C, B, A], [B, A], [B, C]]
    threads = [
        threading.Thread(target=work, args=(f"r{i}", order)) for i, order in enumerate(orders)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # Every two of them share a table, so no two may be inside at once.
    assert seen == [1] * 20


def test_a_lost_hold_is_found_by_check_and_at_the_end(catalog: Catalog) -> None:
    def lose() -> None:
        with catalog._database.writing() as session:
            session.run("DELETE FROM locks WHERE table_name = 'silver.a'")

    with pytest.raises(LockLostError), catalog.locks.hold([A, B], holder="first") as lease:  # noqa: PT012
        lease.check()
        lose()
        with pytest.raises(LockLostError, match=r"silver\.a"):
            lease.check()
    with (
        pytest.raises(LockLostError, match=r"silver\.a"),
        catalog.locks.hold([A], holder="first"),
    ):
        lose()
    assert catalog.locks.holders() == []


def test_the_error_of_the_work_is_not_hidden_by_a_lost_hold(catalog: Catalog) -> None:
    with pytest.raises(ZeroDivisionError), catalog.locks.hold([A], holder="first"):  # noqa: PT012
        with catalog._database.writing() as session:
            session.run("DELETE FROM locks")
        1 / 0  # noqa: B018


def _pretend(catalog: Catalog, **columns: object) -> None:
    """Alter the one hold as if another process had written it."""
    with catalog._database.writing() as session:
        for name, value in columns.items():
            session.run(f"UPDATE locks SET {name} = :value", value=value)


def test_a_holder_on_another_machine_is_believed_for_thirty_seconds(catalog: Catalog) -> None:
    with pytest.raises(LockLostError), catalog.locks.hold([A], holder="far"):  # noqa: PT012
        _pretend(catalog, machine="elsewhere", pid=1)
        with pytest.raises(TableLockedError), catalog.locks.hold([A], holder="b", wait_s=0):
            pass
        assert catalog.locks.stale() == []
        with catalog._database.writing() as session:
            session.run("UPDATE locks SET beat_us = beat_us - 31000000")
        assert [lock.run_id for lock in catalog.locks.stale()] == ["far"]
        with catalog.locks.hold([A], holder="b", wait_s=0):
            pass


def test_a_process_number_that_was_used_again_does_not_keep_a_hold(catalog: Catalog) -> None:
    with pytest.raises(LockLostError), catalog.locks.hold([A], holder="dead"):  # noqa: PT012
        # The process lives, but it began at another time than the holder did.
        _pretend(catalog, pid=os.getppid(), process_started="1")
        with catalog.locks.hold([A], holder="next", wait_s=0):
            pass


def test_a_hold_that_its_own_process_abandoned_is_taken_over(catalog: Catalog) -> None:
    with pytest.raises(LockLostError), catalog.locks.hold([A], holder="gone"):  # noqa: PT012
        _pretend(catalog, token="released, but the database was away")
        with catalog.locks.hold([A], holder="next", wait_s=0):
            pass


def test_the_heartbeat_keeps_the_hold_fresh(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeworks.catalog.locks.BEAT_S", 0.05)
    with catalog.locks.hold([A], holder="first"):
        before = catalog.locks.holders()[0].beat_at
        deadline = time.monotonic() + 10
        while catalog.locks.holders()[0].beat_at == before:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_holds_are_named_to_another_process(url: str, catalog: Catalog) -> None:
    code = "for l in Catalog.open(sys.argv[1]).locks.holders(): print(l.table, l.run_id)"
    with catalog.locks.hold([B, A], holder="first"):
        (printed,) = processes(code, [url])
    assert printed.splitlines() == ["silver.a first", "silver.b first"]


def result(run: str, *, at: datetime, **more: Any) -> QualityResult:
    plain: dict[str, Any] = {
        "table": A, "run_id": run, "at": at, "committed": True, "version": 3, "score": 0.5,
        "rows_read": 10, "rows_quarantined": 1,
        "outcomes": ({"rule": "RowCount > 5", "outcome": "Passed", "failure_reason": ""},),
        "metrics": {"Dataset.*.RowCount": 10.0},
    }  # fmt: skip
    return QualityResult(**(plain | more))


def test_what_rules_came_to_is_kept_and_comes_back_newest_first(catalog: Catalog) -> None:
    first = result("run-1", at=NOON)
    second = result("run-2", at=NOON + timedelta(hours=1), committed=False, version=None)
    other = result("run-1", at=NOON, table=B, metrics={"Column.x.Mean": float("inf")})
    for one in (first, second, other):
        catalog.quality_results.record(one)
    assert catalog.quality_results.of_table(A) == [second, first]
    assert catalog.quality_results.of_table(A, limit=1) == [second]
    assert catalog.quality_results.latest() == {A: second, B: other}
    assert catalog.quality_results.of_table(C) == []


def test_a_metrics_history_is_oldest_first_and_only_of_what_was_committed(
    catalog: Catalog,
) -> None:
    for hour, (rows, committed) in enumerate([(10, True), (0, False), (12, True), (14, True)]):
        figures = {"Dataset.*.RowCount": float(rows)}
        at = NOON + timedelta(hours=hour)
        catalog.quality_results.record(
            result(f"run-{hour}", at=at, committed=committed, metrics=figures)
        )
    history = catalog.quality_results.history(A)
    assert history == {"Dataset.*.RowCount": [10.0, 12.0, 14.0]}
    assert catalog.quality_results.history(A, limit=2) == {"Dataset.*.RowCount": [12.0, 14.0]}


def test_the_oldest_results_of_a_table_give_way(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeworks.catalog.quality_results.KEPT_A_TABLE", 3)
    for hour in range(5):
        catalog.quality_results.record(result(f"run-{hour}", at=NOON + timedelta(hours=hour)))
    catalog.quality_results.record(result("run-0", at=NOON, table=B))
    kept = [one.run_id for one in catalog.quality_results.of_table(A)]
    assert kept == ["run-4", "run-3", "run-2"]
    assert len(catalog.quality_results.of_table(B)) == 1


def tables_after_the_first_revision() -> list[str]:
    """Return what later migrations make, the last one's first."""
    versions = Path(migrations.__file__).parent / "versions"
    found = []
    for path in sorted(versions.glob("0*.py"))[1:]:
        found += re.findall(r'create_table\((?:\s*#[^\n]*)*\s*"(\w+)"', path.read_text())
    return found[::-1]


def test_a_catalog_of_the_first_revision_is_brought_up_to_date(
    url: str, catalog: Catalog
) -> None:
    catalog.set_head(Head(A, 7, {}, "", 0, 0, Schema(), NOON))
    with catalog._database.writing() as session:
        for later in tables_after_the_first_revision():
            session.run(f"DROP TABLE {later}")
        session.run("UPDATE alembic_version SET version_num = '0001'")
    catalog.close()
    with Catalog.open(url) as reopened:
        reopened.quality_results.record(result("run-1", at=NOON))
        assert reopened.quality_results.history(A) == {"Dataset.*.RowCount": [10.0]}
        assert reopened.heads()[A].version == 7


# The schema registry ---------------------------------------------------------------------


def order_schema(*names: str) -> str:
    fields = [{"name": name, "type": "string", "default": ""} for name in names]
    fields.append({"name": "id", "type": "long"})
    return json.dumps({"type": "record", "name": "Order", "fields": fields})


BROKEN = json.dumps(
    {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "boolean"}]}
)


@pytest.fixture
def registry(catalog: Catalog) -> SchemaRegistry:
    return catalog.schema_registry


def test_versions_are_numbered_and_found_by_number_identifier_serial_and_meaning(
    registry: SchemaRegistry,
) -> None:
    entry = registry.create_schema("orders", order_schema(), data_format="avro")
    assert (entry.registry, entry.compatibility, entry.checkpoint, entry.latest) == (
        "default-registry", "BACKWARD", 1, 1,
    )  # fmt: skip
    second = registry.register_schema_version("orders", order_schema("a"))
    assert (second.number, second.status, second.data_format) == (2, "AVAILABLE", "AVRO")
    assert registry.get_schema_version("orders") == second
    assert registry.get_schema_version_by_id(second.version_id) == second
    assert registry.get_schema_version_by_serial(second.serial) == second
    laid_out = json.dumps(json.loads(second.definition), indent=4)
    assert registry.get_schema_by_definition("orders", laid_out) == second
    assert registry.register_schema_version("orders", laid_out) == second
    assert [one.number for one in registry.list_schema_versions("orders")] == [1, 2]
    assert '+      "name": "a",' in registry.get_schema_versions_diff("orders", 1, "latest")


def test_a_version_that_breaks_the_mode_is_refused_and_leaves_nothing(
    registry: SchemaRegistry,
) -> None:
    registry.create_schema("orders", order_schema(), data_format="avro")
    with pytest.raises(IncompatibleSchemaError, match=r"BACKWARD.*\$\.id.*long.*boolean"):
        registry.register_schema_version("orders", BROKEN)
    assert [one.number for one in registry.list_schema_versions("orders")] == [1]
    with pytest.raises(InvalidSchemaError):
        registry.register_schema_version("orders", '{"type": "no such type"}')
    assert not registry.check_schema_version_validity("AVRO", "{").valid
    assert registry.check_schema_version_validity("avro", order_schema()).valid


@pytest.mark.parametrize(
    ("mode", "takes"),
    [("NONE", True), ("DISABLED", False), ("FORWARD", False), ("BACKWARD", False)],
)
def test_each_mode_takes_or_refuses_a_changed_type(
    registry: SchemaRegistry, mode: str, takes: bool
) -> None:
    registry.create_schema("o", order_schema(), data_format="avro", compatibility=mode)
    assert registry.check_compatibility("o", BROKEN).compatible is takes


def test_modes_over_all_versions_compare_from_the_checkpoint_on(
    registry: SchemaRegistry,
) -> None:
    registry.create_schema("o", order_schema(), data_format="avro", compatibility="NONE")
    registry.register_schema_version("o", BROKEN)
    registry.register_schema_version("o", order_schema("a"))
    report = registry.check_compatibility(
        "o", order_schema("a", "b"), compatibility="BACKWARD_ALL"
    )
    assert report.compared == (3, 2, 1)
    assert {one.version for one in report.breaks} == {2}
    changed = registry.update_schema("o", compatibility="FULL_ALL")
    assert (changed.compatibility, changed.checkpoint) == ("FULL_ALL", 3)
    assert registry.register_schema_version("o", order_schema("a", "b")).number == 4
    assert registry.update_schema("o", checkpoint=2).checkpoint == 2
    assert registry.check_compatibility("o", order_schema("c")).compared == (4, 3, 2)


def test_versions_that_are_needed_are_not_deleted_and_numbers_are_not_given_again(
    registry: SchemaRegistry,
) -> None:
    registry.create_schema("o", order_schema(), data_format="avro")
    for names in ("a", "ab", "abc"):
        registry.register_schema_version("o", order_schema(*names))
    with pytest.raises(VersionNeededError, match="first"):
        registry.delete_schema_versions("o", "1-2")
    registry.update_schema("o", checkpoint=3)
    with pytest.raises(VersionNeededError, match="checkpoint"):
        registry.delete_schema_versions("o", "2-4")
    assert [one.number for one in registry.list_schema_versions("o")] == [1, 2, 3, 4]
    gone = registry.get_schema_version("o", 4)
    assert registry.delete_schema_versions("o", "4") == [4]
    with pytest.raises(UnknownSchemaError):
        registry.get_schema_version_by_id(gone.version_id)
    again = registry.register_schema_version("o", order_schema("abc"))
    assert again.number == 5
    assert again.serial > gone.serial
    registry.update_schema("o", compatibility="BACKWARD_ALL", checkpoint=3)
    with pytest.raises(VersionNeededError, match="BACKWARD_ALL"):
        registry.delete_schema_versions("o", 5)


def test_metadata_keeps_several_values_of_a_key_and_ten_pairs_at_most(
    registry: SchemaRegistry,
) -> None:
    registry.create_schema("o", order_schema(), data_format="avro")
    registry.put_schema_version_metadata("o", "owner", "sales")
    registry.put_schema_version_metadata("o", "owner", "ops")
    assert set(registry.query_schema_version_metadata("o")["owner"]) == {"sales", "ops"}
    assert registry.remove_schema_version_metadata("o", "owner", "sales")
    assert not registry.remove_schema_version_metadata("o", "owner", "sales")
    for number in range(9):
        registry.put_schema_version_metadata("o", f"k{number}", "v")
    with pytest.raises(RegistryLimitError, match="at most 10"):
        registry.put_schema_version_metadata("o", "one.more", "v")
    registry.delete_schema("o")
    with pytest.raises(UnknownSchemaError):
        registry.query_schema_version_metadata("o")


def test_registries_part_names_and_take_their_schemas_with_them(
    registry: SchemaRegistry,
) -> None:
    registry.create_registry("sales", description="Ours.")
    registry.create_schema("o", order_schema(), data_format="avro", registry="sales")
    registry.create_schema("o", order_schema("a"), data_format="avro")
    assert [(one.registry, one.name) for one in registry.list_schemas()] == [
        ("default-registry", "o"), ("sales", "o"),
    ]  # fmt: skip
    with pytest.raises(SchemaExistsError):
        registry.create_schema("o", data_format="json", registry="sales")
    with pytest.raises(UnknownSchemaError, match="did you mean sales"):
        registry.list_schemas("sale")
    assert registry.update_registry("sales", description="Theirs.").description == "Theirs."
    registry.delete_registry("sales")
    assert [one.name for one in registry.list_registries()] == ["default-registry"]
    assert len(registry.list_schemas()) == 1


def test_of_versions_registered_at_once_each_fits_those_before_it(catalog: Catalog) -> None:
    registry = catalog.schema_registry
    registry.create_schema("o", order_schema(), data_format="avro", compatibility="FULL_ALL")
    refused: list[str] = []

    def add(kind: str) -> None:
        fields = [{"name": "id", "type": "long"}, {"name": "x", "type": kind, "default": 1}]
        try:
            registry.register_schema_version(
                "o", json.dumps({"type": "record", "name": "Order", "fields": fields})
            )
        except IncompatibleSchemaError:
            refused.append(kind)

    threads = [threading.Thread(target=add, args=(kind,)) for kind in ("int", "long")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [one.number for one in registry.list_schema_versions("o")] == [1, 2]


# The history of queries ------------------------------------------------------------------


def asked(number: int, *reads: TableRead, **others: Any) -> QueryRecord:
    moment = NOON + timedelta(minutes=number)
    return QueryRecord(
        f"q{number}", f"select {number}", moment, 0.25, 3, tables=reads, **others
    )


def test_a_query_is_kept_with_what_it_read_and_found_by_table_and_by_workgroup(
    catalog: Catalog,
) -> None:
    history = catalog.query_history
    first = asked(1, TableRead(A, 4, 2, 500), TableRead(B, None, 1, 20), user="ada")
    failed = asked(
        2,
        state="failed",
        error="LW401 no",
        workgroup="bi",
        principal="role/x",
        details={"k": 1},
    )
    history.record(first, failed)
    found = history.recent()
    assert [one.query_id for one in found] == ["q2", "q1"]
    assert replace(found[1], number=0) == first
    assert found[0].details == {"k": 1}
    assert found[0].bytes_scanned == 0
    assert found[1].bytes_bound == 520
    assert [one.query_id for one in history.of_table(B)] == ["q1"]
    assert history.of_table(B, since=NOON + timedelta(hours=1)) == []
    assert [one.query_id for one in history.recent(workgroup="bi")] == ["q2"]
    assert history.get("q1") == found[1]
    assert history.get("unknown") is None


def test_recording_a_query_again_updates_it(catalog: Catalog) -> None:
    history = catalog.query_history
    history.record(asked(1, TableRead(A, 1, 1, 10), state="running"))
    history.record(asked(1, TableRead(A, 1, 1, 10), state="succeeded"))
    assert [(one.state, len(one.tables)) for one in history.recent()] == [("succeeded", 1)]


def test_columns_that_were_worked_out_later_are_kept_and_summed(catalog: Catalog) -> None:
    history = catalog.query_history
    history.record(asked(1, TableRead(A, 1, 9, 900)), asked(2, TableRead(A, 2, 9, 900)))
    for one in history.unexamined():
        read = replace(
            one.tables[0], bytes_scanned=100, uses={"filter": ("x",), "sort": ("y",)}
        )
        history.examined(replace(one, tables=(read,)))
    assert history.unexamined() == []
    (read, count), *others = history.reads(since=NOON)
    assert (count, others) == (2, [])
    assert (read.bytes_bound, read.bytes_scanned) == (1800, 200)
    assert read.uses == {"filter": ("x",), "sort": ("y",)}
    assert history.get("q1").bytes_scanned == 100  # type: ignore[union-attr]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_who_ran_it_and_who_asked_for_it_tell_of_one_query_in_any_order(
    catalog: Catalog, order: tuple[int, int]
) -> None:
    ran = asked(1, TableRead(A, 4, 2, 900), user="ada")
    told = asked(1, bytes_scanned=70, details={"cost_usd": 0.1})
    for at in order:
        catalog.query_history.record((ran, told)[at])
    (found,) = catalog.query_history.recent()
    assert (found.user, found.bytes_bound, found.bytes_scanned) == ("ada", 900, 70)
    assert found.details == {"cost_usd": 0.1}


def test_what_was_measured_stays_when_columns_are_worked_out(catalog: Catalog) -> None:
    history = catalog.query_history
    history.record(
        asked(1, TableRead(A, 1, 1, 900), bytes_scanned=70), asked(2, bytes_scanned=5)
    )
    (one,) = history.unexamined()
    read = replace(one.tables[0], bytes_scanned=100, uses={})
    history.examined(replace(one, tables=(read,)))
    assert history.unexamined() == []
    assert [found.bytes_scanned for found in history.recent()] == [5, 70]


def test_old_queries_and_those_beyond_a_number_are_forgotten(catalog: Catalog) -> None:
    history = catalog.query_history
    history.record(*(asked(n, TableRead(A, n, 1, 1)) for n in range(10)))
    early = NOON + timedelta(minutes=2)
    assert history.superfluous(before=early, most=5) == 5
    assert history.prune(before=early, most=100) == 2
    assert history.prune(before=NOON, most=5) == 3
    assert [one.query_id for one in history.recent()] == ["q9", "q8", "q7", "q6", "q5"]
    assert len(history.of_table(A)) == history.count() == 5


def test_notes_from_many_threads_are_all_written(catalog: Catalog) -> None:
    history = catalog.query_history
    threads = [
        threading.Thread(
            target=lambda k=k: [history.note(asked(k * 50 + n)) for n in range(50)]
        )
        for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert history.flush(30)
    assert history.count() == 200


def test_a_note_waits_for_nobody_who_writes_the_catalog(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("sqlite", "server"):
        monkeypatch.setattr(f"lakeworks.catalog.{kind}.NOTE_BUSY_S", 20.0)
    with catalog._database.writing():
        begin = time.monotonic()
        catalog.query_history.note(asked(1))
        assert time.monotonic() - begin < 5
    catalog.query_history.flush(30)
    assert catalog.query_history.count() <= 1


# Tokens of the SQL service ---------------------------------------------------------------


def test_a_token_is_its_principals_until_it_is_revoked(url: str, catalog: Catalog) -> None:
    tokens = catalog.access_tokens
    made, text = tokens.create("user:ana", description="her notebook")
    assert text.startswith(f"lw_{made.token_id}_")
    assert tokens.holder(text) == made
    assert (made.principal, made.description, made.expires_at) == (
        "user:ana", "her notebook", None,
    )  # fmt: skip
    with Catalog.open(url) as elsewhere:
        assert elsewhere.access_tokens.holder(text) == made
        elsewhere.access_tokens.revoke(made.token_id)
    assert tokens.holder(text) is None
    assert tokens.list() == []
    with pytest.raises(UnknownTokenError, match=made.token_id):
        tokens.revoke(made.token_id)


def test_a_token_that_expired_opens_nothing_and_is_still_listed(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = catalog.access_tokens
    made, text = tokens.create("", lasts=timedelta(hours=1))
    _, lasting = tokens.create("role:analyst")
    assert made.expires_at is not None
    monkeypatch.setattr(clock, "now", lambda: made.expires_at - timedelta(microseconds=1))
    assert tokens.holder(text) == made
    monkeypatch.setattr(clock, "now", lambda: made.expires_at)
    assert tokens.holder(text) is None
    assert tokens.holder(lasting) is not None
    assert [one.expired for one in tokens.list()] == [True, False]


def test_what_is_no_token_opens_nothing_and_no_secret_is_kept(catalog: Catalog) -> None:
    tokens = catalog.access_tokens
    made, text = tokens.create("user:ana")
    other, second = tokens.create("user:bob")
    secret = text.split("_", 2)[2]
    wrong = [
        "", "lw_", text[:-1], text + "A", text.upper(), f" {text}", f"{text}\n",
        f"lw_{other.token_id}_{secret}",  # one's secret with another's name
        f"lw_{'0' * 16}_{secret}",
        f"lw_{made.token_id}_{'A' * 43}",
        f"lw_{made.token_id}' OR '1'='1_{secret}",
    ]  # fmt: skip
    assert [one for one in wrong if tokens.holder(one) is not None] == []
    with catalog._database.reading() as session:
        kept = session.all("SELECT * FROM access_tokens")
    assert secret not in str(kept)
    assert second.split("_", 2)[2] not in str(kept)
    assert [one.token_id for one in tokens.list()] == [made.token_id, other.token_id]


def test_tokens_are_never_alike(catalog: Catalog) -> None:
    made = [catalog.access_tokens.create("user:ana") for _ in range(20)]
    assert len({text for _, text in made}) == len({one.token_id for one, _ in made}) == 20


# Named queries ---------------------------------------------------------------------------


def test_a_named_query_is_kept_replaced_and_dropped(
    url: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    queries = catalog.named_queries
    kept = queries.save("sales", "select 'a''b', ? as \u00e4;", description="of a day")
    assert (kept.sql, kept.description, kept.created_at) == (
        "select 'a''b', ? as \u00e4;", "of a day", NOON,
    )  # fmt: skip
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(days=1))
    queries.save("again", "select 2")
    with Catalog.open(url) as elsewhere:
        changed = elsewhere.named_queries.save("sales", "select 3")
    assert changed == queries.get("sales")
    assert (changed.sql, changed.description) == ("select 3", "")
    assert changed.updated_at - changed.created_at == timedelta(days=1)
    assert [one.name for one in queries.list()] == ["again", "sales"]
    queries.drop("sales")
    for call in (queries.get, queries.drop):
        with pytest.raises(UnknownNamedQueryError, match="sales"):
            call("sales")
    for name in ("", "Sales", "a b", "x;drop"):
        with pytest.raises(NamedQueryNameError):
            queries.save(name, "select 1")


def test_prepared_statements_are_kept_by_workgroup_and_their_makers(
    catalog: Catalog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    prepared = catalog.prepared_statements
    kept = prepared.save("etl", "one", "select ?", dialect="athena", made_by="user:ana")
    assert kept is not None
    assert (kept.sql, kept.dialect, kept.made_by, kept.created_at) == (
        "select ?", "athena", "user:ana", NOON,
    )  # fmt: skip
    assert prepared.save("etl", "one", "select 2", made_by="user:bob") is None
    with Catalog.open(url) as elsewhere:
        changed = elsewhere.prepared_statements.save("etl", "one", "select 3", anyones=True)
    assert changed == prepared.find("etl", "one")
    assert prepared.find("primary", "one") is None
    prepared.save("primary", "one", "select 4")
    assert [(one.workgroup, one.sql) for one in prepared.list()] == [
        ("etl", "select 3"), ("primary", "select 4"),
    ]  # fmt: skip
    assert [one.sql for one in prepared.list("etl")] == ["select 3"]
    assert prepared.drop("etl", "one")
    assert not prepared.drop("etl", "one")


def test_what_statements_wrote_is_kept_and_can_be_taken_back(catalog: Catalog) -> None:
    from lakeworks.catalog.statement_writes import StatementWrite, making_of
    from lakeworks.project.lineage_facts import DerivedColumn, QueryLineage

    lineage = QueryLineage(
        (DerivedColumn("Größe", frozenset({("silver.a", "b", "identity")}), ("a gap",)),),
        tables=("silver.a",),
    )
    first = StatementWrite(
        "run-1", TableName("gold", "t"), "create", "run-1", "user:ana", "create table 'ü' …",
        clock.now().replace(microsecond=5), lineage, {"größe": {"pii": ("email", "phone")}},
    )  # fmt: skip
    second = StatementWrite(
        "run-2", TableName("gold", "t"), "insert", "run-1", "", "insert", clock.now()
    )
    writes = catalog.statement_writes
    writes.add(first)
    writes.add(second)
    assert writes.of(TableName("gold", "t")) == writes.all() == [first, second]
    assert writes.of(TableName("gold", "other")) == []
    assert making_of(second.fingerprint) == "run-1"
    assert making_of("0f" * 32) == ""
    again = replace(first, run_id="run-3", written_at=clock.now())
    writes.add(again)
    writes.add(replace(second, run_id="run-4", written_at=clock.now()))
    assert writes.different() == [first, second, again]
    writes.forget("run-4")
    writes.forget("run-3")
    writes.forget("run-2")
    assert writes.all() == [first]


def test_queries_of_models_count_as_long_as_a_snapshot_may_show_what_they_made(
    catalog: Catalog,
) -> None:
    from lakeworks.catalog.statement_writes import ModelQuery
    from lakeworks.project.lineage_facts import DerivedColumn, QueryLineage

    table, long_ago = TableName("silver", "t"), datetime(2020, 1, 1, tzinfo=UTC)
    column = DerivedColumn("x", frozenset({("bronze.s", "y", "identity")}))
    lineage = QueryLineage((column,), tables=("bronze.s",))
    writes = catalog.statement_writes
    for number, mark in enumerate("aba"):
        since = long_ago + timedelta(days=number)
        query = ModelQuery(table, mark, since, lineage, {"x": {"pii": (mark,)}})
        writes.note_queries(f"run-{number}", [query])
    assert writes.latest_queries() == {table: ("a", {"x": {"pii": ("a",)}})}
    assert [one.kept for one in writes.queries()[table]] == [True, True, True]
    catalog.publish("run-3", {table: 0})
    writes.note_queries("run-4", [ModelQuery(table, "c", clock.now(), lineage)])
    own = writes.queries()[table]
    # The last but one was there when the oldest snapshot was made.
    assert [(one.fingerprint, one.kept) for one in own] == [
        ("a", False), ("b", False), ("a", True), ("c", True),
    ]  # fmt: skip
    assert {one.lineage for one in own} == {lineage}
    assert own[1].tags == {"x": {"pii": ("b",)}}
    assert writes.all() == writes.different() == writes.of(table) == []
