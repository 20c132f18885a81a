"""A project runs on a real Spark Connect server, whose Python has never heard of Lakeworks."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from lakeworks.lake import Lake
from lakeworks.project.templates import write_template
from lakeworks.samples import generate_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakeworks.core.names import TableName

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(1200)]

START_S = 240
OF_A_RUN = {"_ingested_at", "_run_id", "run_id", "quarantined_at", "_processed_at"}
# Imported by every Python of the server: hides Lakeworks but for what a client sends, and, when
# asked to, DuckDB.
HIDING = """
import importlib.machinery, os, sys

class Hiding:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "duckdb" and os.path.exists({switch!r}):
            raise ModuleNotFoundError("No module named 'duckdb'", name=name)
        if name == "lakeworks":
            sent = [p for p in sys.path if p.endswith(".zip")]
            found = importlib.machinery.PathFinder.find_spec(name, sent)
            if found is None:
                raise ModuleNotFoundError("No module named 'lakeworks'", name=name)
            return found

sys.meta_path.insert(0, Hiding)
"""


class Server:
    """A Spark Connect server on this machine.

    Attributes:
        without_duckdb: While this file exists, the server's Python has no DuckDB.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.without_duckdb = folder / "without-duckdb"
        self.port = 0
        hiding = folder / "hiding"
        hiding.mkdir()
        (hiding / "sitecustomize.py").write_text(HIDING.format(switch=str(self.without_duckdb)))
        home = Path(str(find_spec("pyspark").origin)).parent
        conf = {
            "spark.driver.memory": "1g",
            "spark.ui.enabled": "false",
            "spark.python.worker.reuse": "false",
            "spark.sql.shuffle.partitions": "4",
            "spark.connect.grpc.binding.address": "127.0.0.1",
            # It takes a free port and tells it: one that is picked for it and let go may be
            # another's before the server has it.
            "spark.connect.grpc.binding.port": "0",
        }
        words = [str(home / "bin/spark-submit"), "--master", "local[2]"]
        for name, value in conf.items():
            words += ["--conf", f"{name}={value}"]
        words += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
        environ = {
            **os.environ,
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": str(hiding),
        }
        with (folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*words, "spark-internal"],
                env=environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Come back when it listens."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            told = (self.folder / "server.log").read_text(errors="replace")
            if found := re.search(r"Spark Connect server started at: \S+:(\d+)\n", told):
                self.port = int(found[1])
                return
            time.sleep(0.2)
        pytest.fail((self.folder / "server.log").read_text(errors="replace")[-3000:])

    def kill(self) -> None:
        """End it and its Pythons."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]
) -> Iterator[Server]:
    for module in ("pyspark", "grpc", "grpc_status", "pandas", "zstandard"):
        if find_spec(module) is None:
            unavailable(f"pyspark[connect] ({module})")
    if shutil.which("java") is None:
        unavailable("Java")
    made = Server(tmp_path_factory.mktemp("connect"))
    try:
        made.wait()
        yield made
    finally:
        made.kill()


def lake(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own: a process has one kind of Spark."""
    return subprocess.run(
        [sys.executable, "-m", "lakeworks", words[0], "-C", str(project), *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


def declare(project: Path, port: int, **settings: str) -> None:
    told = json.dumps({"spark.sql.shuffle.partitions": "2", **settings})
    (project / "lake.yml").write_text(
        f"name: tiny\nenvironments:\n  here:\n    storage: {project}/here\n"
        f"  read:\n    storage: {project}/there\n"
        f"  there:\n    storage: {project}/there\n    engine: spark\n"
        f"    spark:\n      remote: sc://127.0.0.1:{port}\n      settings: {told}\n"
    )


def rows(project: Path, environment: str, table: str) -> list[Any]:
    columns = {
        "bronze.orders": "* exclude (_run_id, _ingested_at)",
        "silver.orders_history": "order_id, amount, updated_at",
        "quarantine.silver_orders": "rule, source_file, source_row, row",
        # The last is computed by the embedded engine, in the server's tasks.
        "gold.monthly": "*, reverse(cast(month as varchar)) as back",
    }
    sql = f"select {columns.get(table, '*')} from {table}"
    done = lake(project, "query", sql, "--env", environment, "--json")
    assert done.returncode == 0, done.stderr
    return sorted(json.dumps(row, sort_keys=True) for row in json.loads(done.stdout))


def test_files_models_loads_rules_and_queries_run_on_a_server(
    orders_project: Path, arrive: Callable[..., Path], server: Server
) -> None:
    declare(orders_project, server.port)
    arrive(
        "1.json",
        *({"order_id": f"o{n % 7}", "customer_id": f"c{n % 3}", "amount": n - 2,
           "updated_at": f"2026-0{n % 3 + 1}-01T00:00:0{n}"} for n in range(9)),
        "{torn",
    )  # fmt: skip
    for environment in ("there", "here"):
        done = lake(orders_project, "run", "--env", environment, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
    assert "Exception" not in done.stderr
    for table in (
        "bronze.orders",
        "quarantine.silver_orders",
        "silver.orders_history",
        "gold.monthly",
    ):
        made = rows(orders_project, "read", table)
        assert made == rows(orders_project, "here", table)
        assert made
    # The last table once more, by a query that the server answers.
    assert rows(orders_project, "there", table) == made


def test_the_shop_on_a_server_is_the_shop_embedded(tmp_path: Path, server: Server) -> None:
    shop = tmp_path / "shop"
    write_template(shop, "shop")
    generate_shop(shop / "landing", orders=60, seed=5)
    declare(shop, server.port)
    for environment in ("here", "there"):
        done = lake(shop, "run", "--env", environment, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
    with (
        Lake.open(shop, environment="here") as here,
        Lake.open(shop, environment="read") as there,
    ):
        names = list(here.storage.tables())
        assert list(there.storage.tables()) == names
        for name in names:
            found, expected = (told(one, name) for one in (there, here))
            assert found == expected, str(name)


def told(opened: Lake, name: TableName) -> list[str]:
    """Return a table's types and rows, without what differs from run to run."""
    table = opened.query.sql(f"select * from {name}").to_arrow()
    table = table.select([n for n in table.column_names if n not in OF_A_RUN])
    return [str(table.schema), *sorted(repr(plain(row)) for row in table.to_pylist())]


def plain(value: Any) -> Any:
    """Return a value that equals itself; sums of doubles depend on their order."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in OF_A_RUN}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.9g}")
    return value


def test_a_server_whose_python_lacks_a_package_is_told_which(
    orders_project: Path, arrive: Callable[..., Path], server: Server
) -> None:
    declare(orders_project, server.port)
    arrive("1.json", {"order_id": "o1", "amount": 1, "updated_at": "2026-01-01T00:00:00"})
    server.without_duckdb.touch()
    try:
        done = lake(orders_project, "run", "--env", "there", "--select", "bronze.orders")
    finally:
        server.without_duckdb.unlink()
    assert done.returncode == 1, done.stdout
    assert "LW443" in done.stdout + done.stderr
    assert "has no 'duckdb'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_only_a_start_takes_is_refused_by_name(
    orders_project: Path, arrive: Callable[..., Path], server: Server
) -> None:
    declare(orders_project, server.port, **{"spark.sql.warehouse.dir": "/elsewhere"})
    arrive("1.json", {"order_id": "o1", "amount": 1, "updated_at": "2026-01-01T00:00:00"})
    done = lake(orders_project, "run", "--env", "there", "--select", "bronze.orders")
    assert done.returncode == 1, done.stdout + done.stderr
    assert (
        "spark.sql.warehouse.dir cannot be set over Spark Connect" in done.stdout + done.stderr
    )


def test_a_server_that_dies_in_mid_run_is_told_as_it_is(
    orders_project: Path, tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    if find_spec("grpc_status") is None or shutil.which("java") is None:
        unavailable("pyspark[connect] with Java")
    server = Server(tmp_path)
    try:
        server.wait()
        declare(orders_project, server.port)
        # Written for everyone, so that no second engine has a say.
        (orders_project / "models/gold/customers.sql").write_text(
            "select count(*) as n from range(10000000000) a, range(1000) b\n"
        )
        words = [
            "run",
            "-C",
            str(orders_project),
            "--env",
            "there",
            "--select",
            "gold.customers",
        ]
        job = subprocess.Popen(
            [sys.executable, "-m", "lakeworks", *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        log = tmp_path / "server.log"
        deadline = time.monotonic() + START_S
        while "Running task" not in log.read_text(errors="replace"):
            assert job.poll() is None, job.stdout.read() if job.stdout else ""
            assert time.monotonic() < deadline, "the query never began"
            time.sleep(0.2)
        server.kill()
        told, _ = job.communicate(timeout=300)
    finally:
        server.kill()
    assert job.returncode == 1, told
    assert "[LW445]" in told
    assert "the Spark Connect server went away in mid-run" in told
    assert "Traceback" not in told


def test_a_server_that_is_not_there_is_told_in_seconds(
    orders_project: Path, arrive: Callable[..., Path], unavailable: Callable[[str], NoReturn]
) -> None:
    if find_spec("grpc_status") is None:
        unavailable("pyspark[connect]")
    arrive("1.json", {"order_id": "o1", "amount": 1, "updated_at": "2026-01-01T00:00:00"})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]  # taken, and nobody listens
        declare(orders_project, port)
        begin = time.monotonic()
        done = lake(orders_project, "run", "--env", "there", "--select", "bronze.orders")
        assert time.monotonic() - begin < 120  # left alone, pyspark tries for ten minutes
    assert done.returncode == 1, done.stdout
    told = done.stdout + done.stderr
    assert f"no Spark Connect server answers at sc://127.0.0.1:{port}" in told
    assert "Traceback" not in told
    assert "Warning" not in told
