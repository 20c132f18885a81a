"""What every test shares: settings, servers that may be missing, and small lakes."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lakeworks.catalog.ledger import LedgerEntry
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import Engine
    from lakeworks.ingest.files import Ingested
    from lakeworks.ingest.pending import Pending
    from lakeworks.storage.files import DataFile

_SERVER_START_S = 120

settings.register_profile(
    "lakeworks",
    deadline=None,  # machines differ; budgets are measured in benchmarks/
    # CI judges a change by the same examples each time; every other run looks for new ones.
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("lakeworks")

# Tests run Spark on a handful of rows: its code is not worth a JVM's best compiler, which would
# take nearly half of the time. Every JVM that a test starts reads this.
# (Its cache of code is small without that compiler: once full, nothing is compiled any more.)
os.environ.setdefault(
    "JDK_JAVA_OPTIONS",
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all files with tests of Spark to one process: a JVM takes seconds and 2 GiB.

    With `--dist loadgroup`. Groups named by marks do not reach the scheduler: it is told names only.
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class OneSpark(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "spark" if _mentions_spark(config.rootpath / file) else nodeid

    return OneSpark(config, log)


@functools.cache
def _mentions_spark(file: Path) -> bool:
    return "mark.spark" in file.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def unavailable() -> Callable[[str], NoReturn]:
    """Return what to call when a server or tool is missing: it skips, but fails on CI."""

    def _unavailable(what: str) -> NoReturn:
        if os.environ.get("CI"):
            pytest.fail(f"{what} is missing, and CI must have it")
        pytest.skip(f"{what} is missing")

    return _unavailable


@pytest.fixture(autouse=True)
def secrets_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test takes for a secret is an ordinary word in the next."""
    from lakeworks.core import redaction

    monkeypatch.setattr(redaction, "_hidden", {})
    monkeypatch.setattr(redaction, "_pattern", None)


@pytest.fixture(scope="session")
def spark_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One Spark for all tests of a process: a JVM takes seconds to start."""
    if os.environ.get("CI") != "true":
        pytest.importorskip("pyspark", reason="PySpark is not installed")
        if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
            pytest.skip("Java is not installed")
    from lakeworks.engines.registry import open_engine
    from lakeworks.project.declaration import SparkSettings

    opened = open_engine(
        "spark",
        temp_directory=str(tmp_path_factory.mktemp("spark")),
        threads=2,
        memory_limit=2 * 1024**3,
        spark=SparkSettings(settings={"spark.sql.shuffle.partitions": "4"}),
    )
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def s3_endpoint(unavailable: Callable[[str], NoReturn]) -> Iterator[str]:
    """The address of moto's S3 server (conditional writes included), alive for all tests."""
    yield from _s3_server(unavailable)


@pytest.fixture
def other_s3_endpoint(unavailable: Callable[[str], NoReturn]) -> Iterator[str]:
    """The address of a second S3 server, which knows nothing of the first one's buckets."""
    yield from _s3_server(unavailable)


# Its threads take turns where they wait alone: between the condition of a conditional write and
# the write itself, moto has no lock, and two writers could win.
_MOTO = "import sys; sys.setswitchinterval(60); from moto.server import main; main()"


def _s3_server(unavailable: Callable[[str], NoReturn]) -> Iterator[str]:
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        unavailable("moto[server], an S3 server for tests,")
    # The server is handed a port that is open already, as its reloader does: one that is picked
    # and let go may be another's before the server has it.
    with socket.create_server(("127.0.0.1", 0)) as found:
        port, handle = found.getsockname()[1], str(found.fileno())
        server = subprocess.Popen(
            [sys.executable, "-c", _MOTO, "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(found.fileno(),),
            env={**os.environ, "WERKZEUG_RUN_MAIN": "true", "WERKZEUG_SERVER_FD": handle},
        )
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


@pytest.fixture
def s3_options(s3_endpoint: str) -> dict[str, str]:
    """Options of an `s3://` storage on the test server."""
    return {
        "endpoint": s3_endpoint,
        "region": "us-east-1",
        "access_key_id": "AKIATESTTESTTESTTEST",
        "secret_access_key": "a-secret-never-to-be-shown",
    }


@pytest.fixture
def bucket(s3_endpoint: str) -> str:
    """The name of a new, empty bucket."""
    return make_bucket(s3_endpoint)


def make_bucket(endpoint: str) -> str:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    request = urllib.request.Request(f"{endpoint}/{name}", method="PUT")
    with urllib.request.urlopen(request, timeout=60):  # it loads what serves buckets
        pass
    return name


@pytest.fixture
def other_bucket(other_s3_endpoint: str) -> str:
    """The name of a new, empty bucket on the second server."""
    return make_bucket(other_s3_endpoint)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SERVER_START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail("the S3 server for tests ended at once")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    pytest.fail("the S3 server for tests did not start")


ORDERS_PROJECT = {
    "lake.yml": "name: tiny\n",
    "sources/orders.yml": "table: bronze.orders\nfrom: files\npath: landing/orders\nformat: json\n",
    "models/silver/orders.sql": """/*
load: merge
key: [order_id]
latest_by: updated_at
partition_by: [month]
quality: |
  Rules = [ IsComplete "order_id", ColumnValues "amount" > 0 ]
*/
select
  order_id,
  customer_id,
  try_cast(amount as decimal(10, 2)) as amount,
  cast(updated_at as timestamp)      as updated_at,
  strftime(cast(updated_at as timestamp), '%Y-%m') as month
from bronze.orders
""",
    "models/silver/orders_history.sql": """/*
load: scd2
key: [order_id]
latest_by: updated_at
*/
select order_id, amount, cast(updated_at as timestamp) as updated_at
from bronze.orders
where order_id is not null
""",
    "models/silver/events.sql": """/*
load: append
*/
select order_id, _source_file as file from bronze.orders
""",
    "models/gold/monthly.sql": """/*
load: partitions
partition_by: [month]
*/
select month, count(*) as orders, sum(amount) as revenue from silver.orders group by month
""",
    "models/gold/customers.sql": """
select customer_id, count(*) as orders, sum(amount) as revenue
from silver.orders group by customer_id
""",
}


@pytest.fixture
def orders_project(tmp_path: Path) -> Path:
    """A folder with a project that uses every load over one source; no data has arrived."""
    return _write_orders_project(tmp_path / "tiny")


@pytest.fixture(scope="session")
def orders_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same project, to be copied and never written to."""
    return _write_orders_project(tmp_path_factory.mktemp("template") / "tiny")


def _write_orders_project(root: Path) -> Path:
    for name, text in ORDERS_PROJECT.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "landing" / "orders").mkdir(parents=True)
    return root


@pytest.fixture
def arrive(orders_project: Path) -> Callable[..., Path]:
    """Return what makes a file of orders arrive: dicts become lines, text stays as it is."""

    def _arrive(name: str, *rows: dict[str, object] | str) -> Path:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path = orders_project / "landing" / "orders" / name
        path.write_text("".join(line + "\n" for line in lines))
        return path

    return _arrive


class Intake:
    """A source's folder and all that taking its files in needs, without catalog or commits."""

    def __init__(self, folder: Path, *, engine: str = "", **declared: Any) -> None:
        from lakeworks.core.names import TableName
        from lakeworks.engines.registry import open_engine
        from lakeworks.project.declaration import Location, Source

        self.folder = folder
        self.inbox = folder / "inbox"
        self.inbox.mkdir(parents=True)
        self.source = Source(
            TableName("bronze", "t"), Location("t.yml", 1), str(self.inbox), "inbox", **declared
        )
        # LAKEWORKS_TEST_ENGINE=spark runs all tests of files on the other engine.
        name = engine or os.environ.get("LAKEWORKS_TEST_ENGINE", "duckdb")
        self.engine = open_engine(
            name, temp_directory=str(folder / "tmp"), memory_limit=2 * 1024**3, threads=2
        )
        self.known: Schema | None = None
        self.files: list[DataFile] = []
        self.rejects: list[DataFile] = []
        self._entries: dict[str, LedgerEntry] = {}
        self._batch = 0

    def put(self, name: str, content: bytes) -> Path:
        """Let a file arrive."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def last_batch(self, table: TableName) -> int:
        """Be a ledger."""
        return self._batch

    def begin_batch(self, table: TableName, entries: Sequence[LedgerEntry]) -> int:
        """Be a ledger."""
        self._batch += 1
        self._entries |= {e.source_file: replace(e, batch=self._batch) for e in entries}
        return self._batch

    def entries(self, table: TableName, *, up_to: int) -> dict[str, LedgerEntry]:
        """Be a ledger."""
        return dict(self._entries)

    def pending(self) -> Pending:
        """Return what there is to do."""
        from lakeworks.ingest.discover import discover
        from lakeworks.ingest.pending import pending

        return pending(self.source, discover(self.source), self._entries)

    def take(self, found: Pending | None = None) -> Ingested:
        """Take in what is pending, and remember it as a commit would."""
        from lakeworks.ingest.files import ingest_files
        from lakeworks.storage.files import TableSource
        from lakeworks.storage.objects import ObjectStore

        root = str(self.folder / "table")
        target = (
            TableSource(root, self.known, tuple(self.files), evolved=True)
            if self.known
            else None
        )
        with self.engine.session() as session:
            done = ingest_files(
                self.source,
                found if found is not None else self.pending(),
                session=session,
                landing=ObjectStore.open(str(self.folder / "landing")),
                staging=str(self.folder / "staging"),
                ledger=self,
                table="bronze.t",
                root=root,
                rejects_root=str(self.folder / "rejects"),
                known=self.known,
                target=target,
                run_id="run-1",
                moment="2026-01-02T03:04:05+00:00",
            )
        assert done.read == done.written + done.quarantined
        self.known = done.schema
        gone = {file.path for file in done.removed}
        self.files = [f for f in self.files if f.path not in gone] + list(done.added)
        self.rejects += done.rejected
        return done

    def rows(self, order_by: str = "all") -> list[dict[str, Any]]:
        """Return the table's rows without the system columns that a run decides."""
        left_out = {"_ingested_at", "_run_id"}
        return [
            {k: v for k, v in row.items() if k not in left_out}
            for row in self._read("table", self.files, order_by)
        ]

    def quarantine(self) -> list[dict[str, Any]]:
        """Return the rejected rows."""
        return self._read("rejects", self.rejects, "source_file, source_row, row")

    def _read(self, root: str, files: list[DataFile], order_by: str) -> list[dict[str, Any]]:
        import duckdb

        if not files:
            return []
        paths = [str(self.folder / root / file.path) for file in files]
        with duckdb.connect(config={"threads": 1}) as con:
            con.execute("SET TimeZone = 'UTC'")
            table = con.execute(
                f"SELECT * FROM read_parquet(?, union_by_name = true) ORDER BY {order_by}",
                [paths],
            ).to_arrow_table()
        return table.to_pylist()

    def close(self) -> None:
        """Free the engine."""
        self.engine.close()


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Callable[..., Intake]]:
    """Make intakes, each with a folder of its own; keywords are those of `Source`."""
    made: list[Intake] = []

    def _intake(**declared: Any) -> Intake:
        made.append(Intake(tmp_path / f"intake{len(made)}", **declared))
        return made[-1]

    yield _intake
    for one in made:
        one.close()
