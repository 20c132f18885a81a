"""The SQL service is killed, loses its catalog, its bucket or its disk, or is not alone."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from postgres_server import PASSWORD, PostgresServer, programs

from lakeworks.client import SqlService
from lakeworks.client.errors import ServiceError
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

ENDLESS = "select count(*) from range(1000000000000) a"
COUNT = "select count(*) as n from bronze.orders"
WAIT_S = 60.0


@contextmanager
def service(project: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A service in a process of its own; killed at the end, if it still runs."""
    log = (project / f"service-{time.monotonic_ns()}.log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "lakeworks", "serve", "sql", "-C", str(project), "--port", "0",
         "--processes", "2", *options],
        stderr=log, text=True,
    )  # fmt: skip
    try:
        yield _address(project, log.name, process), process
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()
            log.close()


def _address(project: Path, log: str, process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        text = Path(log).read_text(encoding="utf-8")
        found = re.search(r"SQL service of small is at (\S+)", text)
        if found:
            return found[1]
        assert process.poll() is None, text
        time.sleep(0.05)
    raise AssertionError(f"the service of {project} did not start")


def made(root: Path, lake: str) -> Path:
    (root / "sources").mkdir(parents=True)
    (root / "landing").mkdir()
    (root / "workgroups").mkdir()
    (root / "lake.yml").write_text(lake)
    (root / "sources" / "orders.yml").write_text("table: bronze.orders\npath: landing\n")
    rows = "".join(f'{{"id": {n}, "city": "c{n % 7}"}}\n' for n in range(1000))
    (root / "landing" / "orders.json").write_text(rows)
    with Lake.open(root) as lake_:
        assert lake_.pipeline.run().status == "succeeded"
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A lake with its catalog in a file."""
    pytest.importorskip("starlette", reason="the extra server is not installed")
    return made(tmp_path / "lake", "name: small\nenvironments:\n  dev: {storage: .lake}\n")


@pytest.fixture
def database(unavailable: Callable[[str], NoReturn]) -> Iterator[PostgresServer]:
    folder = programs()
    if folder is None or find_spec("psycopg") is None:
        unavailable("PostgreSQL")
    server = PostgresServer(folder)
    yield server
    server.remove()


@pytest.fixture
def shared(tmp_path: Path, database: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake with its catalog on a server."""
    pytest.importorskip("starlette", reason="the extra server is not installed")
    monkeypatch.setenv("CATALOG_PASSWORD", PASSWORD)
    url = database.url(password="SECRET").replace("SECRET", "${secret:env:CATALOG_PASSWORD}")
    lake = f"name: small\nenvironments:\n  dev:\n    storage: .lake\n    catalog: '{url}'\n"
    return made(tmp_path / "lake", lake)


def client(project: Path, url: str, *words: str) -> SqlService:
    made = subprocess.run(
        [sys.executable, "-m", "lakeworks", "token", "create", *(words or ["--owner"]), "-C",
         str(project), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return SqlService(url, token=json.loads(made.stdout)["token"])


def running(asking: SqlService, sql: str = ENDLESS) -> str:
    """Start a query and wait until it runs."""
    execution = asking.start(sql)
    deadline = time.monotonic() + WAIT_S
    while asking.get(execution)["state"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return execution


def children(process: subprocess.Popen[str]) -> list[int]:
    told = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in told.stdout.split()]


def gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}/exe").exists() for pid in pids):
            return True
        time.sleep(0.1)
    return False


def recorded(project: Path, execution: str) -> None:
    """Wait until the catalog knows of an execution's end, which it could not take before."""
    deadline = time.monotonic() + 40
    while True:
        with Lake.open(project) as lake:
            kept = lake.catalog.query_executions.get(execution)
        if kept is not None and kept.state == "succeeded":
            return
        assert time.monotonic() < deadline, kept
        time.sleep(0.5)


def test_executions_and_results_outlive_a_killed_service(project: Path) -> None:
    with service(project) as (url, process):
        asking = client(project, url)
        done = asking.start(COUNT)
        before = asking.wait(done)
        lost = running(asking)
        workers = children(process)
        process.kill()
        process.wait(10)
        assert workers
        assert gone(workers)
    with service(project) as (url, _):
        asking = client(project, url)
        assert asking.get(done) == before
        assert asking.result(done).to_pylist() == [{"n": 1000}]
        found = asking.get(lost)
        assert (found["state"], found["error"]["code"]) == ("failed", "LW816")
        assert found["reason"] == "the service that ran it ended"
        with pytest.raises(ServiceError, match="has no result, it is failed"):
            asking.result(lost)
        assert {one["execution_id"] for one in asking.recent()} == {done, lost}
        assert asking.query(COUNT).to_pylist() == [{"n": 1000}]
    with Lake.open(project) as lake:
        assert lake.catalog.integrity() == []
        assert lake.doctor() == []


def test_what_a_service_that_is_stopped_runs_has_failed(project: Path) -> None:
    with service(project) as (url, process):
        lost = running(client(project, url))
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    with service(project) as (url, _):
        found = client(project, url).get(lost)
    assert found["state"] == "failed"
    assert "the service stopped" in found["reason"]


def test_two_services_of_one_catalog_leave_each_other_alone(shared: Path) -> None:
    with service(shared) as (first, process), service(shared) as (second, _):
        here, there = client(shared, first), client(shared, second)
        done = here.start(COUNT)
        here.wait(done)
        # What one ran, the other knows; and reads where the folder of results is shared.
        assert there.get(done)["state"] == "succeeded"
        assert there.result(done).to_pylist() == [{"n": 1000}]
        mine, theirs = running(here), running(there)
        process.kill()
        process.wait(10)
        deadline = time.monotonic() + 40
        while there.get(mine)["state"] != "failed":
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert there.get(mine)["reason"] == "the service that ran it ended"
        assert there.get(theirs)["state"] == "running"
        assert there.cancel(theirs)["state"] == "cancelled"
        assert there.query(COUNT).to_pylist() == [{"n": 1000}]


def test_a_query_is_stopped_through_another_service(shared: Path) -> None:
    with service(shared) as (first, _), service(shared) as (second, _):
        here, there = client(shared, first), client(shared, second)
        execution = running(here)
        there.cancel(execution)
        with pytest.raises(ServiceError, match="it was cancelled"):
            here.wait(execution)
        assert there.get(execution)["state"] == "cancelled"


def test_a_catalog_that_goes_away_is_said_and_everything_goes_on(
    shared: Path, database: PostgresServer
) -> None:
    with service(shared) as (url, process):
        asking = client(shared, url)
        done = asking.start(COUNT)
        asking.wait(done)
        underway = asking.start(
            "select count(*) as n from range(400000000) t(a) where a % 7 = 3"
        )
        database.stop()
        with pytest.raises(ServiceError) as failed:
            asking.query("select max(id) as m from bronze.orders")
        assert "cannot be reached" in str(failed.value) or "catalog" in str(failed.value)
        assert PASSWORD not in str(failed.value)
        assert process.poll() is None
        database.start()
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                ended = asking.wait(underway)
                break
            except ServiceError:
                assert time.monotonic() < deadline, (
                    "the service does not find the catalog again"
                )
                time.sleep(0.5)
        assert ended["state"] == "succeeded"
        assert asking.query(COUNT).to_pylist() == [{"n": 1000}]
        assert asking.result(done).to_pylist() == [{"n": 1000}]
        recorded(shared, underway)
    with Lake.open(shared) as lake:
        assert lake.catalog.integrity() == []
        assert lake.doctor() == []


def test_a_bucket_for_results_that_goes_away_fails_queries_plainly(
    project: Path, bucket: str, s3_options: dict[str, str]
) -> None:
    (project / "workgroups" / "away.yml").write_text("result_location: s3://no-such-bucket/x\n")
    (project / "workgroups" / "there.yml").write_text(
        f"result_location: s3://{bucket}/results\n"
    )
    s3 = json.dumps(s3_options)
    (project / "lake.yml").write_text(
        f"name: small\nenvironments:\n  dev:\n    storage: .lake\n    s3: {s3}\n"
    )
    with service(project) as (url, _):
        asking = client(project, url)
        asking.workgroup = "away"
        with pytest.raises(ServiceError, match="no-such-bucket"):
            asking.query(COUNT)
        asking.workgroup = "there"
        assert asking.query(COUNT).to_pylist() == [{"n": 1000}]
    results = project / ".lake" / "query-results"
    assert [path for path in results.iterdir() if path.suffix in {".arrows", ".part"}] == []


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
from lakeworks.cli.main import run
run()
"""


def test_a_result_larger_than_files_may_be_fails_its_query_alone(project: Path) -> None:
    """As on a full disk, without the right to make one; see test_query_executions.py for that."""
    log = (project / "limited.log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-c", LIMITED, "serve", "sql", "-C", str(project), "--port", "0",
         "--processes", "1"],
        stderr=log, text=True,
    )  # fmt: skip
    try:
        asking = client(project, _address(project, log.name, process))
        with pytest.raises(ServiceError) as failed:
            asking.query("select md5(a::varchar) as text from range(1000000) t(a)")
        assert failed.value.told["code"] in {"LW404", "LW816"}
        results = project / ".lake" / "query-results"
        assert list(results.iterdir()) == []
        assert asking.query(COUNT).to_pylist() == [{"n": 1000}]
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(60)
        log.close()
    with Lake.open(project) as lake:
        assert lake.catalog.integrity() == []


def test_a_catalog_file_that_is_dropped_is_said_and_the_service_stays_up(project: Path) -> None:
    with service(project) as (url, process):
        asking = client(project, url)
        asking.query(COUNT)
        aside = project / ".lake" / "aside"
        aside.mkdir()
        files = list((project / ".lake").glob("catalog.db*"))
        for path in files:
            path.rename(aside / path.name)
        (project / ".lake" / "catalog.db").mkdir()
        # What an open connection still wrote into the old file would be lost.
        with pytest.raises(ServiceError, match="catalog"):
            asking.query("select max(id) as m from bronze.orders")
        assert process.poll() is None
        (project / ".lake" / "catalog.db").rmdir()
        for path in files:
            (aside / path.name).rename(path)
        assert asking.query(COUNT).to_pylist() == [{"n": 1000}]
        after = asking.start("select max(id) as m from bronze.orders")
        assert asking.wait(after)["rows"] == 1
        recorded(project, after)
    with Lake.open(project) as lake:
        assert lake.catalog.integrity() == []
