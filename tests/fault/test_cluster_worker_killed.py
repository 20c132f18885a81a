"""A real standalone cluster loses a worker in mid-run; the tables are those of a quiet run.

What runs is what `lake submit` starts everywhere: the packed project, the packed Lakeworks and
`cluster_job.py`, by `spark-submit`, on a master and two workers of one core each.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import pytest

from lakeworks.core.names import TableName
from lakeworks.lake import Lake
from lakeworks.project.templates import write_template
from lakeworks.samples import generate_shop

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(900)]

WAIT_S = 300
LASTING_S = 2
SELECTED = "+gold.daily_sales"
_OF_A_RUN = {"_ingested_at", "_run_id", "run_id", "quarantined_at", "_processed_at"}
LAKE = """\
name: shop
environments:
  here:
    storage: {root}/here
  cluster:
    engine: spark
    storage: {root}/lake
    catalog: sqlite:///{root}/lake/catalog.db
    memory_limit: 1GB
    submit:
      to: spark-submit
      code: {root}/code
      master: {master}
      conf:
        spark.executor.memory: 768m
        spark.executor.cores: '1'
        spark.dynamicAllocation.enabled: 'false'
        spark.sql.shuffle.partitions: '4'
        spark.ui.enabled: 'false'
        spark.pyspark.python: {python}
  read_plain:
    storage: {root}/plain
  plain:
    engine: spark
    storage: {root}/plain
    memory_limit: 1GB
    spark:
      master: {master}
      settings:
        spark.executor.memory: 768m
        spark.executor.cores: '1'
        spark.dynamicAllocation.enabled: 'false'
        spark.sql.shuffle.partitions: '2'
        spark.ui.enabled: 'false'
        spark.pyspark.python: {python}
"""


class Cluster:
    """A master and workers, each a process group of its own, dead when the block ends."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder = folder
        self.home = Path(str(find_spec("pyspark").origin)).parent
        self.master = ""
        self._started: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self._count = workers

    def __enter__(self) -> Self:
        try:
            host = "127.0.0.1"
            # The master takes a free port and tells it: one that is picked for it and let go may
            # be another's before the master has it.
            self._start("master.Master", "--host", host, "--port", "0", "--webui-port", "0")
            wait_until(lambda: bool(self._addresses()), "the master")
            (self.master,) = self._addresses()
            for number in range(self._count):
                work = str(self.folder / f"work-{number}")
                worker = self._start(
                    "worker.Worker", "--cores", "1", "--memory", "1g", "--host", host,
                    "--webui-port", "0", "--work-dir", work, self.master,
                )  # fmt: skip
                self.workers.append(worker)
            wait_until(
                lambda: self._told().count("Registering worker") == self._count, "workers"
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            kill_group(process)

    def lose_a_worker(self) -> None:
        """Kill a worker that runs an executor, and the executor with it."""
        running = [
            number
            for number in range(self._count)
            if list((self.folder / f"work-{number}").glob("app-*/*/stderr"))
        ]
        assert len(running) == self._count, "every worker runs an executor"
        kill_group(self.workers[running[0]])

    def lose_executors(self, job: subprocess.Popen[str]) -> None:
        """Kill the executor of a task that lasts until its job ends; leave its worker alone."""
        # A query begins with short tasks; where one of these lasted, its end may have come before
        # the kill did, and the query goes on elsewhere.
        lost: set[str] = set()
        while self._waited_for_a_long_task(job, lost):
            lost |= self._running_tasks()
            for status in Path("/proc").glob("[0-9]*/status"):
                with contextlib.suppress(OSError):
                    parent = int(status.read_text().partition("PPid:")[2].split()[0])
                    if parent == self.workers[0].pid:
                        os.kill(int(status.parent.name), signal.SIGKILL)

    def _waited_for_a_long_task(self, job: subprocess.Popen[str], lost: set[str]) -> bool:
        since: dict[str, float] = {}

        def is_at_it() -> bool:
            now, running = time.monotonic(), self._running_tasks() - lost
            for task in running:
                since.setdefault(task, now)
            return any(now - since[task] > LASTING_S for task in running)

        wait_until(lambda: job.poll() is not None or is_at_it(), "a task that lasts")
        return job.poll() is None

    def _running_tasks(self) -> set[str]:
        running: set[str] = set()
        for log in sorted(self.folder.glob("work-*/app-*/*/stderr")):
            text = log.read_text(errors="replace")
            ended = re.findall(r"(?:Finished task|Exception in task).*\(TID (\d+)\)", text)
            begun = set(re.findall(r"Running task .*\(TID (\d+)\)", text)) - set(ended)
            running |= {f"{log.parent} {task}" for task in begun}
        return running

    def _start(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"daemon-{len(self._started)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [str(self.home / "bin/spark-class"), f"org.apache.spark.deploy.{kind}", *words],
                env={
                    **os.environ,
                    "SPARK_HOME": str(self.home),
                    "SPARK_LOCAL_IP": "127.0.0.1",
                    "SPARK_DAEMON_MEMORY": "256m",
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def _addresses(self) -> list[str]:
        return re.findall(r"Starting Spark master at (spark://[\d.]+:\d+)\n", self._told())

    def _told(self) -> str:
        return (self.folder / "daemon-0.log").read_text(errors="replace")


def kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"waited too long: {what}"
        time.sleep(0.05)


def contents(project: Path, environment: str, tables: list[TableName]) -> dict[str, list[str]]:
    """Every table's rows without what differs from run to run, in a fixed order."""
    found: dict[str, list[str]] = {}
    with Lake.open(project, environment=environment) as lake:
        for table in tables:
            rows = lake.query.sql(f"select * from {table}").rows()
            kept = [{k: v for k, v in row.items() if k not in _OF_A_RUN} for row in rows]
            found[str(table)] = sorted(
                json.dumps(row, default=str, sort_keys=True) for row in kept
            )
    return found


@pytest.fixture
def project(tmp_path: Path, unavailable: Callable[[str], NoReturn]) -> Path:
    if find_spec("pyspark") is None or shutil.which("java") is None:
        unavailable("Spark with Java")
    written = tmp_path / "shop"
    write_template(written, "shop")
    generate_shop(tmp_path / "landing", orders=300, seed=3)
    for source in (written / "sources").glob("*.yml"):
        text = source.read_text().replace("path: landing/", f"path: {tmp_path}/landing/")
        source.write_text(text)
    return written


def submitted(project: Path) -> subprocess.Popen[bytes]:
    words = ["submit", "-C", str(project), "--env", "cluster", "--json", "--select", SELECTED]
    out = (project.parent / "out.json").open("wb")
    err = (project.parent / "spark.log").open("wb")
    with out, err:
        return subprocess.Popen(
            [sys.executable, "-m", "lakeworks", *words],
            env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"},
            stdout=out,
            stderr=err,
            start_new_session=True,
        )


def test_a_worker_killed_in_mid_run_costs_no_row(project: Path, tmp_path: Path) -> None:
    with Cluster(tmp_path, workers=2) as cluster:
        (project / "lake.yml").write_text(
            LAKE.format(root=tmp_path, master=cluster.master, python=sys.executable)
        )
        job = submitted(project)
        log = tmp_path / "spark.log"
        try:
            bronze = tmp_path / "lake/tables/bronze"
            begun = lambda: any(bronze.glob("*/_delta_log/*.json"))  # noqa: E731
            wait_until(lambda: begun() or job.poll() is not None, "the first commit")
            assert job.poll() is None, log.read_text()[-4000:]
            cluster.lose_a_worker()
            job.wait(WAIT_S * 2)
        finally:
            kill_group(job)
    told = log.read_text(errors="replace")
    assert job.returncode == 0, told[-4000:]
    assert "Lost executor" in told, "the worker was lost before the run ended"
    done: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
    assert done["status"] == "succeeded"
    steps = done["result"]["steps"]
    assert [step["status"] for step in steps] == ["succeeded"] * len(steps)
    tables = [TableName.parse(step["table"]) for step in steps]
    with Lake.open(project, environment="here") as lake:
        assert lake.pipeline.run(SELECTED).status == "succeeded"
    tables += [
        TableName.parse(f"quarantine.{table.database}_{table.table}")
        for table, step in zip(tables, steps, strict=True)
        if step["rows_quarantined"]
    ]
    assert contents(project, "cluster", tables) == contents(project, "here", tables)


def test_a_plain_run_computes_on_the_cluster(project: Path, tmp_path: Path) -> None:
    selected = ["--select", "+silver.products"]
    with Cluster(tmp_path, workers=1) as cluster:
        (project / "lake.yml").write_text(
            LAKE.format(root=tmp_path, master=cluster.master, python=sys.executable)
        )
        done = subprocess.run(
            [sys.executable, "-m", "lakeworks", "run", "-C", str(project), "--env", "plain",
             "--json", *selected],
            capture_output=True, text=True, check=False, timeout=WAIT_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert list(tmp_path.glob("work-0/app-*/*/stderr")), (
            "an executor of the worker computed"
        )
    tables = [TableName("bronze", "products"), TableName("silver", "products")]
    with Lake.open(project, environment="here") as lake:
        assert lake.pipeline.run("+silver.products").status == "succeeded"
    found = contents(project, "read_plain", tables)
    assert found == contents(project, "here", tables)
    assert all(found.values())


# Prints one line for each of three runs and queries; the last one never ends by itself.
LOSING = """
import sys
from lakeworks.core.errors import LakeError
from lakeworks.engines.registry import open_engine
from lakeworks.lake import Lake
from lakeworks.project.declaration import SparkSettings
from pyspark import SparkContext

project, folder, master, other_python = sys.argv[1:]
for python in (None, other_python):
    if python:
        SparkContext._active_spark_context.pythonExec = python
    with Lake.open(project, environment="plain") as lake:
        (step,) = lake.pipeline.run("bronze.products").steps
        print(" ".join(step.error.split()), flush=True)
engine = open_engine("spark", temp_directory=folder, spark=SparkSettings(master=master))
with engine.session() as session:
    print("endless", flush=True)
    try:
        session.query("select count(*) from range(10000000000) a, range(1000) b").read_all()
    except LakeError as error:
        print(f"[{error.code}] {error}", flush=True)
"""


def test_machines_that_lack_python_or_are_lost_are_told_as_they_are(
    project: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    older.mkdir()
    (older / "sitecustomize.py").write_text(
        "import collections, sys\n"
        "kind = collections.namedtuple('v', 'major minor micro releaselevel serial')\n"
        "sys.version_info = kind(3, 9, 1, 'final', 0)\n"
    )
    python = tmp_path / "python3.9"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={older}:$PYTHONPATH exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with Cluster(tmp_path, workers=1) as cluster:
        told = LAKE.format(root=tmp_path, master=cluster.master, python="/nowhere/python7")
        once = "        spark.task.maxFailures: '1'\n        spark.ui.enabled"
        (project / "lake.yml").write_text(told.replace("        spark.ui.enabled", once))
        words = [str(project), str(tmp_path / "scratch"), cluster.master, str(python)]
        job = subprocess.Popen(
            [sys.executable, "-c", LOSING, *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        assert job.stdout is not None
        try:
            lines = [job.stdout.readline() for _ in range(3)]
            assert lines[0].startswith("[LW443]"), lines
            assert "have no Python called '/nowhere/python7'" in lines[0]
            ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
            assert f"Python of Spark's machines is 3.9, and this one is {ours}" in lines[1]
            assert lines[2] == "endless\n", job.stdout.read()
            cluster.lose_executors(job)
            rest = job.stdout.read()
        finally:
            kill_group(job)
            job.stdout.close()
    assert rest.startswith("[LW445] Spark lost the machines that computed"), rest
    # Spark's reason is told: the exit code, or of a worker too busy to send it in time, the loss.
    assert "137" in rest or "disassociated" in rest, rest
    assert "memoryOverhead" in rest
    assert "Traceback" not in rest
    assert "\tat " not in rest
