"""Executions in real processes: limits, kills, a full disk, a lost catalog, many clients."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core.errors import LakeError
from lakeworks.lake import Lake
from lakeworks.project.workgroups import Workgroup
from lakeworks.query.executions.errors import (
    NotSucceededError,
    ResultGoneError,
    UnknownExecutionError,
    UnknownWorkgroupError,
    WorkgroupRefusesError,
)
from lakeworks.query.executions.limits import Limits
from lakeworks.query.executions.pool import QueryPool
from lakeworks.query.executions.records import QueryRequest
from lakeworks.query.executions.results import ResultPlaces, ResultStore
from lakeworks.query.executions.service import QueryExecutions
from lakeworks.server.query_worker import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lakeworks.query.executions.records import QueryExecution

ENDLESS = "select count(*) from range(1000000000000) a"
GROUPS = {
    "primary": Workgroup("primary", reuse_s=3_600),
    "small": Workgroup("small", bytes_limit=10, concurrent=1, queued=1, timeout_s=1.0),
    "closed": Workgroup("closed", enabled=False),
    "tight": Workgroup("tight", memory_bytes=2**20),
    "crowded": Workgroup("crowded", concurrent=1, queued=1),
    "brief": Workgroup("brief", cpu_s=2.0),
    "ours": Workgroup("ours", principals=("ana",)),
    "metered": Workgroup("metered", bytes_per={"hour": 1}, budget_usd=0.00001),
}
MEMORY_BYTES = 256 * 2**20


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("executions")
    (root / "sources").mkdir()
    (root / "landing").mkdir()
    (root / "lake.yml").write_text("name: small\nenvironments:\n  dev: {storage: .lake}\n")
    (root / "sources" / "orders.yml").write_text("table: bronze.orders\npath: landing\n")
    rows = "".join(f'{{"id": {n}, "city": "c{n % 7}"}}\n' for n in range(1000))
    (root / "landing" / "orders.json").write_text(rows)
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "succeeded"
    return root


class Served:
    """One service over the project, with its pool in reach."""

    def __init__(
        self,
        project: Path,
        results: Path,
        processes: int = 2,
        places: dict[str, str] | None = None,
        options: dict[str, str] | None = None,
        through: tuple[str, ...] = (),
    ) -> None:
        self.lake = Lake.open(project)
        started = [*through, *command(project, None, memory_bytes=MEMORY_BYTES, threads=1)]
        self.pool = QueryPool(
            started,
            processes=processes,
            memory_bytes=MEMORY_BYTES + 512 * 2**20,
            concurrent=lambda: {name: group.concurrent for name, group in GROUPS.items()},
        )
        catalog = self.lake.catalog
        self.executions = QueryExecutions(
            Limits(
                GROUPS,
                usage=catalog.query_usage,
                records=catalog.query_executions,
                waiting=self.pool.waiting,
            ),
            examine=lambda asked: self.lake.query.examine(asked.sql, asked.principal),
            records=catalog.query_executions,
            history=catalog.query_history,
            results=ResultPlaces(results, places or {}, options),
            pool=self.pool,
        )

    def run(self, sql: str, **more: Any) -> QueryExecution:
        asked = QueryRequest(sql, **more)
        return self.executions.wait(self.executions.start(asked), timeout_s=60)

    def close(self) -> None:
        self.executions.close()
        self.lake.close()


@pytest.fixture(scope="module")
def served(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    opened = Served(project, tmp_path_factory.mktemp("results"))
    yield opened
    opened.close()


def test_a_query_gives_its_rows_and_its_accounts(served: Served) -> None:
    done = served.run("select city, count(*) as n from bronze.orders group by all order by all")
    assert (done.state, done.rows, done.columns) == (
        "succeeded", 7, (("city", "string"), ("n", "int64")),
    )  # fmt: skip
    assert done.scanned_bytes > 0
    assert done.cost_usd == pytest.approx(0.00005)
    rows = served.executions.result(done.execution_id).read_all().to_pylist()
    assert rows[0] == {"city": "c0", "n": 143}
    assert served.lake.catalog.query_history.flush(60)
    kept = served.lake.catalog.query_history.get(done.execution_id)
    assert kept is not None
    assert (kept.state, kept.rows, kept.workgroup) == ("succeeded", 7, "primary")


def test_an_equal_question_is_answered_by_the_earlier_result(served: Served) -> None:
    first = served.run("select max(id) as m from bronze.orders")
    again = served.run(" select max(id) as m from bronze.orders ")
    assert (first.reused, again.reused, again.scanned_bytes, again.cost_usd) == (
        False, True, 0, 0.0,
    )  # fmt: skip
    rows = served.executions.result(again.execution_id).read_all().to_pylist()
    assert rows == [{"m": 999}]
    for sql in ("select now() as t", "select random() as r", "select current_date as d"):
        assert not served.run(sql).reused
        assert not served.run(sql).reused
    limited = served.run("select max(id) as m from bronze.orders", limit=1)
    assert not limited.reused


def test_views_are_made_and_filled_by_processes_and_no_earlier_text_answers(
    served: Served,
) -> None:
    def answer(sql: str) -> tuple[list[dict[str, Any]], bool]:
        done = served.run(sql)
        assert done.state == "succeeded", done.reason
        rows = served.executions.result(done.execution_id).read_all().to_pylist()
        return rows, done.reused

    served.run("create view silver.some as select id from bronze.orders where id < 2")
    asked = "select count(*) as n from silver.some"
    assert answer(asked) == ([{"n": 2}], False)
    assert answer(asked) == ([{"n": 2}], True)
    served.run(
        "create or replace view silver.some as select id from bronze.orders where id < 3"
    )
    assert answer(asked) == ([{"n": 3}], False)
    served.run("drop view silver.some")
    assert served.run("create view silver.some as select 1 as id").state == "succeeded"
    assert answer(asked) == ([{"n": 1}], False)
    served.run("create materialized view gold.kept as select id from silver.some")
    assert answer("select * from gold.kept") == ([{"id": 1}], False)
    for statement in ("drop materialized view gold.kept", "drop view silver.some"):
        assert served.run(statement).state == "succeeded"


def test_what_is_wrong_at_first_sight_is_said_before_anything_waits(served: Served) -> None:
    for sql in ("select * from bronze.order", "selec 1", "drop table bronze.orders"):
        with pytest.raises(LakeError):
            served.executions.start(QueryRequest(sql))


def test_a_query_that_fails_says_why_and_the_next_one_runs(served: Served) -> None:
    failed = served.run("select cast(city as int) from bronze.orders")
    assert (failed.state, failed.error["code"]) == ("failed", "LW402")
    with pytest.raises(NotSucceededError):
        served.executions.result(failed.execution_id)
    assert served.run("select 1 as one").state == "succeeded"


def test_a_running_query_is_cancelled_at_once(served: Served) -> None:
    execution = served.executions.start(QueryRequest(ENDLESS))
    while served.executions.get(execution).state != "running":
        time.sleep(0.01)
    begin = time.monotonic()
    assert served.executions.cancel(execution).state == "cancelled"
    assert time.monotonic() - begin < 20
    assert served.run("select 2 as two").state == "succeeded"


def test_time_and_memory_end_a_query_and_nothing_else(served: Served) -> None:
    late = served.run(ENDLESS, workgroup="small")
    assert (late.state, late.error["code"]) == ("failed", "LW406")
    large = served.run("select list(repeat('x', 1000000) || a) from range(100000000) t(a)")
    assert large.state == "failed"
    assert large.error["code"] in {"LW403", "LW816"}
    assert served.run("select 3 as three").state == "succeeded"


def test_a_workgroup_bounds_the_memory_of_its_queries_alone(served: Served) -> None:
    large = served.run(ENDLESS, workgroup="tight")
    assert (large.state, large.error["code"]) == ("failed", "LW816")
    assert "more than 1 MiB of memory" in large.reason
    assert served.run("select 5 as five").state == "succeeded"


def test_a_workgroup_bounds_the_processor_time_of_each_of_its_queries(served: Served) -> None:
    long = served.run(ENDLESS, workgroup="brief")
    assert (long.state, long.error["code"]) == ("failed", "LW816")
    assert "more than 2 s of processor time" in long.reason
    # Each query has its own: what the process took before does not count.
    for _ in range(3):
        assert served.run("select 5 as five", workgroup="brief").state == "succeeded"


def test_a_killed_process_fails_its_query_alone(served: Served) -> None:
    execution = served.executions.start(QueryRequest(ENDLESS))
    while not served.pool.running_pids():
        time.sleep(0.01)
    for pid in served.pool.running_pids():
        os.kill(pid, signal.SIGKILL)
    ended = served.executions.wait(execution, timeout_s=30)
    assert (ended.state, ended.error["code"]) == ("failed", "LW816")
    assert "SIGKILL" in ended.reason
    assert served.run("select 4 as four").state == "succeeded"


def test_what_keeps_processes_from_starting_fails_no_query_once_it_is_over(
    project: Path, tmp_path: Path
) -> None:
    tried, over = tmp_path / "tried", tmp_path / "over"
    script = f'touch {tried}; test -e {over} && exec "$@"'
    opened = Served(project, tmp_path / "results", 1, through=("sh", "-c", script, "sh"))
    try:
        while not tried.exists():
            time.sleep(0.01)
        time.sleep(1.5)  # until the pool has given up for the time being
        over.touch()
        assert opened.run("select 1 as one").state == "succeeded"
    finally:
        opened.close()


def test_workgroups_refuse_what_is_beyond_them(served: Served) -> None:
    start = served.executions.start
    with pytest.raises(UnknownWorkgroupError, match="primery"):
        start(QueryRequest("select 1", workgroup="primery"))
    with pytest.raises(WorkgroupRefusesError, match="disabled"):
        start(QueryRequest("select 1", workgroup="closed"))
    with pytest.raises(UnknownWorkgroupError):
        start(QueryRequest("select 1", workgroup="ours", principal="bob"))
    over = served.run("select count(*) from bronze.orders", workgroup="small")
    assert over.error["code"] == "LW812"
    waiting = [start(QueryRequest(ENDLESS, workgroup="crowded"))]
    while served.executions.get(waiting[0]).state == "queued":
        time.sleep(0.01)
    waiting.append(start(QueryRequest(ENDLESS, workgroup="crowded")))
    with pytest.raises(WorkgroupRefusesError, match="wait already"):
        start(QueryRequest(ENDLESS, workgroup="crowded"))
    for one in waiting:
        served.executions.cancel(one)
    done = served.run("select count(*) from bronze.orders", workgroup="metered")
    assert done.error["code"] == "LW812"


def test_a_callers_execution_is_nobody_elses(served: Served) -> None:
    done = served.run("select 5 as five")
    with pytest.raises(UnknownExecutionError):
        served.executions.get(done.execution_id, principal="mallory")
    for wrong in ("../../etc/passwd", "x" * 32, ""):
        with pytest.raises(UnknownExecutionError):
            served.executions.get(wrong)
        with pytest.raises(ResultGoneError):
            ResultStore(str(served.lake.project.root)).path(wrong)


def test_two_hundred_clients_are_all_served(served: Served) -> None:
    states: list[str] = []

    def client(number: int) -> None:
        principal_free = f"select count(*) as n from bronze.orders where id > {number}"
        states.append(served.run(principal_free).state)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert states == ["succeeded"] * 200


def test_a_lost_catalog_is_said_and_the_service_goes_on(served: Served, project: Path) -> None:
    catalog, aside = project / ".lake" / "catalog.db", project / ".lake" / "aside.db"
    served.run("select count(*) as n from bronze.orders where id = 1")
    served.lake.catalog.close()
    for suffix in ("", "-wal", "-shm"):
        if (found := catalog.with_name(f"catalog.db{suffix}")).exists():
            found.rename(aside.with_name(f"aside.db{suffix}"))
    catalog.mkdir()
    try:
        with pytest.raises(LakeError):
            served.executions.start(QueryRequest("select count(*) as n from bronze.orders"))
    finally:
        catalog.rmdir()
        for suffix in ("", "-wal", "-shm"):
            if (found := aside.with_name(f"aside.db{suffix}")).exists():
                found.rename(catalog.with_name(f"catalog.db{suffix}"))
    assert served.run("select count(*) as n from bronze.orders where id = 2").rows == 1


@pytest.fixture
def small_disk(tmp_path: Path, unavailable: Callable[[str], None]) -> Iterator[Path]:
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and shutil.which("sudo") is None:
        unavailable("the right to mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        [*as_root, "mount", "-t", "tmpfs", "-o", "size=1m,mode=1777", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        unavailable("the right to mount a small file system")
    yield disk
    subprocess.run([*as_root, "umount", "-l", str(disk)], check=True)


@pytest.mark.fault
def test_a_full_result_disk_is_said_plainly(project: Path, small_disk: Path) -> None:
    served = Served(project, small_disk / "results", processes=1)
    try:
        full = served.run("select md5(a::varchar) as text from range(1000000) t(a)")
        assert (full.state, full.error["code"]) == ("failed", "LW404")
        assert not list((small_disk / "results").iterdir())
        assert served.run("select 6 as six").state == "succeeded"
    finally:
        served.close()
