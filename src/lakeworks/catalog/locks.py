"""Who may write which table: leases that end when their holder dies.

A holder on this machine is dead when its process is gone, which is found out at once; one on
another machine is dead when it has not said for 30 seconds that it lives, by the database's
clock. Tables are taken in order of their names, so that two runs never wait for each other.
"""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lakeworks.catalog import runs
from lakeworks.catalog.errors import CatalogError, LockLostError, TableLockedError
from lakeworks.catalog.moments import from_microseconds
from lakeworks.catalog.processes import Process, is_alive, this_process
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from lakeworks.catalog.database import Database, Session

BEAT_S = 5.0
EXPIRY_S = 30.0
_EXPIRY = timedelta(seconds=EXPIRY_S)
_FIRST_LOOK_S = 0.02
_LAST_LOOK_S = 0.5
_COLUMNS = (
    "table_name",
    "run_id",
    "host",
    "machine",
    "pid",
    "process_started",
    "token",
    "since_us",
    "beat_us",
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM locks"

# A lease of this process that is not here was abandoned: its release failed.
_live_tokens: set[str] = set()


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a table.

    Attributes:
        token: Names the hold itself: one run may hold different tables from several threads.
        beat_at: When the holder last said that it lives, by the database's clock.
    """

    table: TableName
    run_id: str
    process: Process
    token: str
    since: datetime
    beat_at: datetime

    @property
    def host(self) -> str:
        """The name of the holder's machine."""
        return self.process.host

    @property
    def pid(self) -> int:
        """The number of the holder's process."""
        return self.process.pid


class Lease:
    """Tables that are held now. `check` before anything that must not happen twice."""

    def __init__(self, database: Database, run_id: str) -> None:
        self.run_id = run_id
        self.tables: tuple[TableName, ...] = ()
        self.token = secrets.token_hex(8)
        self._database = database
        self._ended = threading.Event()
        self._beating: threading.Thread | None = None
        # Before the first row is written: another thread must not take it for abandoned.
        _live_tokens.add(self.token)

    def check(self) -> None:
        """Make sure that every table is still held.

        Raises:
            LockLostError: another run took this one for dead.
        """
        with self._database.reading() as session:
            rows = session.all(
                "SELECT table_name FROM locks WHERE token = :token", token=self.token
            )
        lost = {str(table) for table in self.tables} - {row[0] for row in rows}
        if lost:
            raise LockLostError.lost(sorted(lost))

    def take(self, tables: tuple[TableName, ...]) -> LockHolder | None:
        """Take as many of `tables` as are free, in order; return who holds the next one."""
        here = this_process()
        with self._database.writing() as session:
            now_us = session.now_us()
            free, holder = _free(session, tables, now_us)
            session.insert_many(
                "locks",
                _COLUMNS,
                [
                    (
                        str(table), self.run_id, here.host, here.machine, here.pid,
                        here.started, self.token, now_us, now_us,
                    )
                    for table in free
                ],
            )  # fmt: skip
        self.tables += free
        if self._beating is None and self.tables:
            self._beating = threading.Thread(
                target=self._beat, name=f"lease of {self.run_id}", daemon=True
            )
            self._beating.start()
        return holder

    def release(self) -> int:
        """Give every table back; return how many were still held."""
        self._ended.set()
        if self._beating is not None:
            self._beating.join()
        try:
            with self._database.writing() as session:
                return session.run("DELETE FROM locks WHERE token = :token", token=self.token)
        finally:
            _live_tokens.discard(self.token)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            # A beat that fails may succeed five seconds later; whether the lease was lost
            # meanwhile is what `check` asks the database.
            try:
                with self._database.writing() as session:
                    session.run(
                        "UPDATE locks SET beat_us = :now WHERE token = :token",
                        now=session.now_us(),
                        token=self.token,
                    )
            except CatalogError:
                continue


class Locks:
    """The locks of one lake's tables. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def hold(
        self,
        tables: Iterable[TableName],
        *,
        holder: str,
        wait_s: float | None = None,
        on_wait: Callable[[LockHolder], None] | None = None,
    ) -> Iterator[Lease]:
        """Hold tables inside the block.

        Args:
            tables: All of them; taken in order of their names, kept while waiting for the next.
            holder: The run's identifier, for whoever has to wait.
            wait_s: How long to wait for another holder: 0 not at all, None for as long as it
                takes.
            on_wait: Told once of each holder that is waited for.

        Raises:
            TableLockedError: another run holds a table and `wait_s` has passed.
            LockLostError: at the end of the block, when a table had been lost.
        """
        lease = Lease(self._database, holder)
        try:
            self._take_all(lease, tuple(sorted(set(tables))), wait_s, on_wait)
            yield lease
        except BaseException:
            lease.release()
            raise
        held = lease.release()
        if held < len(lease.tables):
            raise LockLostError.lost(str(table) for table in lease.tables)

    def holders(self) -> list[LockHolder]:
        """Return who holds what, dead holders included, in order of the tables' names."""
        with self._database.reading() as session:
            return [_holder(row) for row in session.all(f"{_SELECT} ORDER BY table_name")]

    def stale(self) -> list[LockHolder]:
        """Return the holds whose holder is dead; whoever wants the table next takes it over."""
        with self._database.reading() as session:
            now_us = session.now_us()
            found = [_holder(row) for row in session.all(f"{_SELECT} ORDER BY table_name")]
        return [holder for holder in found if _is_dead(holder, now_us)]

    def _take_all(
        self,
        lease: Lease,
        names: tuple[TableName, ...],
        wait_s: float | None,
        on_wait: Callable[[LockHolder], None] | None,
    ) -> None:
        deadline = None if wait_s is None else time.monotonic() + wait_s
        told: set[str] = set()
        while (holder := lease.take(names[len(lease.tables) :])) is not None:
            if deadline is not None and time.monotonic() >= deadline:
                raise TableLockedError.held(
                    holder.table,
                    holder.run_id,
                    host=holder.host,
                    pid=holder.pid,
                    since=holder.since.isoformat(timespec="seconds"),
                )
            if on_wait is not None and holder.token not in told:
                told.add(holder.token)
                on_wait(holder)
            self._wait_for(holder, deadline)

    def _wait_for(self, holder: LockHolder, deadline: float | None) -> None:
        """Return when `holder` is gone or dead, or at `deadline`; writes nothing meanwhile."""
        look_s = _FIRST_LOOK_S
        while deadline is None or time.monotonic() < deadline:
            left_s = look_s if deadline is None else deadline - time.monotonic()
            time.sleep(max(0.0, min(look_s, left_s)))
            look_s = min(look_s * 1.5, _LAST_LOOK_S)
            with self._database.reading() as session:
                row = session.first(
                    f"{_SELECT} WHERE table_name = :table", table=str(holder.table)
                )
                now_us = session.now_us()
            if row is None:
                return
            current = _holder(row)
            if current.token != holder.token or _is_dead(current, now_us):
                return


def _free(
    session: Session, tables: tuple[TableName, ...], now_us: int
) -> tuple[tuple[TableName, ...], LockHolder | None]:
    """Return the leading tables that nobody holds, and who holds the next; evict the dead."""
    held = {row[0]: _holder(row) for row in session.all(_SELECT)} if tables else {}
    for count, table in enumerate(tables):
        holder = held.get(str(table))
        if holder is None:
            continue
        if not _is_dead(holder, now_us):
            return tables[:count], holder
        session.run("DELETE FROM locks WHERE table_name = :table", table=str(table))
        if is_alive(holder.process) is False:
            runs.mark_killed(session, holder.run_id)
    return tables, None


def _is_dead(holder: LockHolder, now_us: int) -> bool:
    if holder.process == this_process():
        return holder.token not in _live_tokens
    alive = is_alive(holder.process)
    if alive is not None:
        return not alive
    return from_microseconds(now_us) - holder.beat_at > _EXPIRY


def _holder(row: tuple[Any, ...]) -> LockHolder:
    return LockHolder(
        table=TableName.parse(row[0]),
        run_id=row[1],
        process=Process(host=row[2], machine=row[3], pid=row[4], started=row[5]),
        token=row[6],
        since=from_microseconds(row[7]),
        beat_at=from_microseconds(row[8]),
    )
