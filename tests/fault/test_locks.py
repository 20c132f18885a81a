"""Locks of holders that die, hang or fork: real processes, killed for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from lakeworks.catalog import Catalog
from lakeworks.catalog.errors import TableLockedError
from lakeworks.catalog.locks import EXPIRY_S
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.fault

A, B = TableName("silver", "a"), TableName("silver", "b")
HOLD = """
import sys, time
from lakeworks.catalog import Catalog
from lakeworks.core.names import TableName
catalog = Catalog.open(sys.argv[1])
catalog.begin_run(sys.argv[2])
with catalog.locks.hold([TableName("silver", t) for t in sys.argv[3:]], holder=sys.argv[2]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/catalog.db"


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with Catalog.open(url) as opened:
        yield opened


@pytest.fixture
def holding(url: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return what starts a process that holds tables, and wait until it does."""
    begun: list[subprocess.Popen[str]] = []

    def hold(run_id: str, *tables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, url, run_id, *tables],
            stdout=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in begun:
        process.kill()
        process.communicate()


def test_a_killed_holder_is_found_out_at_once(
    catalog: Catalog, holding: Callable[..., subprocess.Popen[str]]
) -> None:
    holder = holding("victim", "a", "b")
    with (
        pytest.raises(TableLockedError, match=f"victim .*process {holder.pid}"),
        catalog.locks.hold([A], holder="next", wait_s=0),
    ):
        pass
    holder.kill()
    # Nobody has asked for its end yet: it is a zombie, and dead all the same.
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    assert [lock.run_id for lock in catalog.locks.stale()] == ["victim", "victim"]
    with catalog.locks.hold([A, B], holder="next", wait_s=0):
        assert {lock.run_id for lock in catalog.locks.holders()} == {"next"}
    assert catalog.run("victim").status == "killed"


def test_a_waiter_goes_on_soon_after_the_holder_is_killed(
    catalog: Catalog, holding: Callable[..., subprocess.Popen[str]]
) -> None:
    holder = holding("victim", "a")

    def kill(_: object) -> None:
        holder.kill()
        killed.append(time.monotonic())

    killed: list[float] = []
    with catalog.locks.hold([A], holder="next", wait_s=60, on_wait=kill):
        assert (
            time.monotonic() - killed[0] < EXPIRY_S / 2
        )  # it did not wait for the lease's end


def test_a_stopped_holder_keeps_its_tables(
    catalog: Catalog, holding: Callable[..., subprocess.Popen[str]]
) -> None:
    holder = holding("sleeper", "a")
    holder.send_signal(signal.SIGSTOP)
    with catalog._database.writing() as session:
        session.run("UPDATE locks SET beat_us = beat_us - 3600000000")
    # However long it has not said so, a process of this machine that lives is alive: a laptop
    # that was asleep must not lose its run to another terminal.
    with pytest.raises(TableLockedError), catalog.locks.hold([A], holder="next", wait_s=0):
        pass


def test_an_interrupted_holder_gives_its_tables_back(
    catalog: Catalog, holding: Callable[..., subprocess.Popen[str]]
) -> None:
    holder = holding("interrupted", "a", "b")
    holder.send_signal(signal.SIGINT)
    holder.wait(60)
    assert catalog.locks.holders() == []


def test_a_waiter_that_is_killed_leaves_nothing_in_the_way(
    catalog: Catalog, url: str, holding: Callable[..., subprocess.Popen[str]]
) -> None:
    holding("first", "b")
    # It takes a, then waits for b.
    waiter = subprocess.Popen([sys.executable, "-c", HOLD, url, "waiter", "a", "b"])
    deadline = time.monotonic() + 60
    while "waiter" not in {lock.run_id for lock in catalog.locks.holders()}:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    waiter.kill()
    waiter.wait()
    with catalog.locks.hold([A], holder="next", wait_s=0):
        pass


def test_a_forked_child_neither_holds_nor_releases_its_parents_tables(catalog: Catalog) -> None:
    with catalog.locks.hold([A], holder="parent") as lease:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with catalog.locks.hold([A], holder="child", wait_s=0):
                    pass
            except TableLockedError:
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        lease.check()


def test_killed_again_and_again_the_tables_are_always_free_for_the_next(
    catalog: Catalog, url: str
) -> None:
    for number in range(8):
        process = subprocess.Popen([sys.executable, "-c", HOLD, url, f"r{number}", "a", "b"])
        time.sleep(0.05 + 0.02 * number)
        process.kill()
        process.wait()
        with catalog.locks.hold([A, B], holder="next", wait_s=5):
            pass
    assert catalog.integrity() == []
    # Who was killed before it held a table is found out by whichever run begins next.
    catalog.begin_run("last")
    assert [run.run_id for run in catalog.runs() if run.status == "running"] == ["last"]
