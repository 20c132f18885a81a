"""Spark's own Delta reader and writer share tables with both of our engines, in both directions.

Spark runs in one process of its own, with Delta's jars as `delta: true` fetches them: the JVM
that other tests share was started without.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
import pytest

from lakeworks.core.names import TableName
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakeworks.core.types import Schema

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(600)]

NO_JARS = "Spark found no repository that has io.delta"
# Reads requests, one a line, and answers each by one line of JSON.
SPARK = """
import json, sys
import pyarrow as pa
from lakeworks.core.errors import LakeError
from lakeworks.engines.protocol import StageRequest
from lakeworks.engines.registry import open_engine
from lakeworks.lake import Lake
from lakeworks.project.declaration import SparkSettings
from lakeworks.storage.log import Commit, TableLog
from lakeworks.storage.objects import ObjectStore

SETTINGS = SparkSettings(delta=True, settings={"spark.sql.shuffle.partitions": "4"})
ENGINES = {}

def keep(table, place):
    with pa.OSFile(place, "wb") as file, pa.ipc.new_file(file, table.schema) as out:
        out.write_table(table)

def ours(engine, asked):
    "Read a table by an engine of Lakeworks, and, if asked to, merge rows into it."
    log = TableLog(ObjectStore.open(asked["root"]))
    now = log.version()
    with engine.session() as session:
        session.bind("x.t", now.source(asked["root"]))
        keep(session.query("select * from x.t").read_all(), asked["out"])
        if "sql" not in asked:
            return {}
        done = session.stage(StageRequest(
            sql=asked["sql"], table="x.t", root=asked["root"], rejects_root=asked["root"] + "-r",
            load="merge", key=("id",), run_id="r", moment="2026-01-02T03:04:05+00:00",
            target=now.source(asked["root"]), partition_by=now.partition_columns))
    assert done.schema == now.schema
    log.commit(Commit(now.version + 1, "merge", done.added, done.removed))
    return {"written": done.written}

def answer(asked):
    if asked["do"] == "start":
        for name in ("duckdb", "spark"):
            ENGINES[name] = open_engine(name, temp_directory=f"{asked['folder']}/{name}",
                threads=2, memory_limit=2**30, spark=SETTINGS)
        with ENGINES["spark"].session() as session:
            session.query("select 1 as one").read_all()
        return {}
    if asked["do"] == "ours":
        return ours(ENGINES[asked["engine"]], asked)
    if asked["do"] == "run":
        with Lake.open(asked["project"], environment=asked["environment"]) as lake:
            report = lake.pipeline.run()
            return {str(step.table): [step.status, step.rows_written, str(step.error or "")]
                    for step in report.steps}
    from pyspark.sql import SparkSession
    spark = SparkSession.builder.getOrCreate()
    if asked["do"] == "read":
        rows = spark.read.format("delta").load(asked["root"])
        keep(rows.toArrow(), asked["out"])
        detail = spark.sql(f"describe detail delta.`{asked['root']}`").first()
        return {"types": rows.dtypes, "partition_columns": list(detail["partitionColumns"])}
    spark.sql(asked["sql"]).collect()
    return {}

for line in sys.stdin:
    try:
        told = answer(json.loads(line))
    except LakeError as error:
        told = {"failed": str(error)}
    except Exception as error:
        told = {"failed": type(error).__name__ + ": " + str(error)[:2000]}
    print(json.dumps(told), flush=True)
"""
ENVIRONMENTS = """name: tiny
environments:
  embedded: {storage: .lake, threads: 2}
  cluster:
    storage: .lake
    engine: spark
    threads: 2
    memory_limit: 1GB
    spark: {delta: true, settings: {spark.sql.shuffle.partitions: 4}}
"""
# Every type of the lake, nulls in each, and partition values that are hard to spell in a path.
KINDS = """/*
load: replace
partition_by: [part]
*/
select order_id,
  case customer_id when 'c1' then 'a/b c%20' when 'c2' then 'ü=é' end as part,
  amount is null as truth, cast(length(order_id) as tinyint) as tiny,
  cast(length(order_id) as smallint) as small, cast(length(order_id) as int) as whole,
  cast(length(order_id) as bigint) as large, cast(try_cast(amount as double) as float) as real,
  try_cast(amount as double) as precise, try_cast(amount as decimal(12, 3)) as money,
  cast(order_id as blob) as bytes, cast(updated_at as date) as day,
  cast(updated_at as timestamp) as wall, cast(updated_at as timestamptz) as moment,
  case when order_id is not null then [order_id, null, 'x'] end as listed,
  {'a': length(order_id), 'b': [{'c': order_id, 'd': cast(1.5 as decimal(5, 1))}]} as nested
from bronze.orders
"""
FIRST = [
    {"order_id": "o1", "customer_id": "c1", "amount": 10.5, "updated_at": "2026-01-01T10:00:00"},
    {"order_id": "o2", "customer_id": "c2", "amount": 3, "updated_at": "2026-02-01T10:00:00.5"},
    {"order_id": "o3", "customer_id": "c1", "amount": -4, "updated_at": "2026-02-02T10:00:00"},
    {"order_id": None, "customer_id": None, "amount": 1, "updated_at": "2026-02-03T10:00:00"},
    {"order_id": "o5", "customer_id": "c3", "amount": None, "updated_at": None},
    '{"order_id": "torn',
]  # fmt: skip
SECOND = [
    {"order_id": "o1", "customer_id": "c1", "amount": 11, "updated_at": "2026-03-05T10:00:00"},
    {"order_id": "o4", "customer_id": "c2", "amount": 2.25, "updated_at": "2026-03-01T10:00:00",
     "channel": {"name": "web", "visits": [1, 2]}},
]  # fmt: skip


class Spark:
    """A process with Spark and Delta, that does what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = (folder / "stderr").open("w+b")
        self._process = subprocess.Popen(
            [sys.executable, "-c", SPARK],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip

    def __call__(self, do: str, **told: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **told}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, (self.folder / "stderr").read_text()[-3000:]
        found: dict[str, Any] = json.loads(line)
        return found

    def read(self, root: str) -> tuple[dict[str, str], list[str], pa.Table]:
        """Return a table's types, partition columns and rows as Delta's reader gives them."""
        out = self.folder / "out.arrow"
        told = self("read", root=root, out=str(out))
        assert "failed" not in told, told["failed"]
        return dict(told["types"]), told["partition_columns"], pa.ipc.open_file(out).read_all()

    def ours(self, engine: str, root: str, **sql: str) -> pa.Table:
        """Return a table's rows as an engine of ours gives them, then merge those of `sql`."""
        out = self.folder / "ours.arrow"
        told = self("ours", engine=engine, root=root, out=str(out), **sql)
        assert "failed" not in told, told["failed"]
        return pa.ipc.open_file(out).read_all()

    def sql(self, text: str) -> None:
        """Run a statement of Spark's own SQL."""
        told = self("sql", sql=text)
        assert told == {}, told["failed"]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._log.close()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="module")
def spark(
    tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]
) -> Iterator[Spark]:
    if find_spec("pyspark") is None:
        unavailable("PySpark")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        unavailable("Java")
    started = Spark(tmp_path_factory.mktemp("delta"))
    try:
        told = started("start", folder=str(started.folder))
        if NO_JARS in told.get("failed", ""):
            unavailable("Delta's jars for Spark")
        assert told == {}
        yield started
    finally:
        started.close()


@pytest.fixture(params=["embedded", "cluster"])
def engine(request: pytest.FixtureRequest) -> str:
    """The environment whose engine writes."""
    return str(request.param)


@pytest.fixture
def project(orders_project: Path) -> Path:
    (orders_project / "lake.yml").write_text(ENVIRONMENTS)
    (orders_project / "models/silver/kinds.sql").write_text(KINDS)
    for model in ("gold/customers", "gold/monthly", "silver/events"):
        (orders_project / f"models/{model}.sql").unlink()
    return orders_project


def arrive(project: Path, name: str, rows: list[Any]) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (project / "landing/orders" / name).write_text("\n".join(lines) + "\n")


def run(project: Path, engine: str, spark: Spark) -> dict[str, tuple[str, int]]:
    """Run the project by either engine; Spark's in the process that has Delta too."""
    if engine == "cluster":
        found = spark("run", project=str(project), environment=engine)
        assert "failed" not in found, found["failed"]
    else:
        with Lake.open(project, environment=engine) as lake:
            found = {
                str(step.table): [step.status, step.rows_written, str(step.error or "")]
                for step in lake.pipeline.run().steps
            }
    assert {error for _, _, error in found.values()} == {""}
    return {table: (status, rows) for table, (status, rows, _) in found.items()}


def rows_of(table: pa.Table) -> Counter[str]:
    return Counter(repr(plain(row)) for row in table.to_pylist())


def plain(value: Any) -> Any:
    """Return a value that equals itself, without the order of its fields."""
    if isinstance(value, dict):
        return sorted((key, plain(one)) for key, one in value.items())
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    return value


def types(schema: Schema) -> dict[str, str]:
    return {field.name: str(field.type).replace(" ", "") for field in schema}


def hold_alike(project: Path, spark: Spark) -> set[str]:
    """Hold every table's types, partitions and rows, as Delta reads them, to ours; name them."""
    names = set()
    with Lake.open(project, environment="embedded") as lake:
        for name in lake.storage.tables():
            ours = lake.query.sql(f"select * from {name}").to_arrow()
            version = lake.storage.table(name).version()
            theirs_types, partitions, theirs = spark.read(lake.storage.table_root(name))
            assert theirs_types == types(version.schema), str(name)
            assert partitions == list(version.partition_columns), str(name)
            assert rows_of(theirs) == rows_of(ours), str(name)
            names.add(str(name))
    return names


def test_delta_reads_what_either_engine_wrote_and_what_it_writes_goes_on(
    project: Path, engine: str, spark: Spark
) -> None:
    arrive(project, "1.json", FIRST)
    run(project, engine, spark)
    with Lake.open(project, environment="embedded") as lake:
        bronze, root = (
            lake.storage.table_root(TableName.parse(name))
            for name in ("bronze.orders", "silver.kinds")
        )
    spark.sql(
        f"insert into delta.`{bronze}` (order_id, customer_id, amount, updated_at, _source_file, "
        "_ingested_at, _run_id, _rescued) values ('o9', 'c1', 9.25, '2026-04-01T00:00:00', "
        "'by hand', timestamp '2026-04-02 00:00:00', 'by-hand', null)"
    )
    arrive(project, "2.json", SECOND)
    told = run(project, engine, spark)
    assert told["bronze.orders"] == ("succeeded", 2)
    assert told["silver.orders"] == ("succeeded", 3)
    with Lake.open(project, environment="embedded") as lake:
        asked = "select amount::varchar as a from silver.orders where order_id = 'o9'"
        assert lake.query.sql(asked).rows() == [{"a": "9.25"}]
    assert {"silver.kinds", "silver.orders_history", "quarantine.silver_orders"} <= hold_alike(
        project, spark
    )
    _, partitions, kinds = spark.read(root)
    assert partitions == ["part"]
    assert set(kinds["part"].to_pylist()) == {"a/b c%20", "ü=é", None}
    assert all(column.null_count for column in kinds.select(["money", "moment", "listed"]))
    # Delta's own DELETE, UPDATE and OPTIMIZE, on files that an engine of ours wrote.
    spark.sql(f"delete from delta.`{root}` where part is null")
    spark.sql(f"update delta.`{root}` set money = money + 1 where order_id = 'o1'")
    spark.sql(f"optimize delta.`{root}`")
    _, _, theirs = spark.read(root)
    assert 0 < theirs.num_rows < kinds.num_rows
    for name in ("duckdb", "spark"):
        assert rows_of(spark.ours(name, root)) == rows_of(theirs)


def test_a_table_that_delta_made_is_continued_by_both_engines_in_turns(
    tmp_path: Path, spark: Spark
) -> None:
    root = str(tmp_path / "made by delta")
    spark.sql(
        f"create table delta.`{root}` (id bigint, part string, n decimal(10, 2), d date, "
        "ts timestamp, wall timestamp_ntz, l array<string>, s struct<a: int, b: array<double>>, "
        "m map<string, int>, f float, y boolean, bytes binary) using delta partitioned by (part)"
    )
    full = (
        "(1, 'a/b c%20', 1.5, date '2026-01-01', timestamp '2026-01-01 10:00:00.123456', "
        "timestamp_ntz '2026-01-01 10:00:00', array('x', null), named_struct('a', 1, 'b', "
        "array(1.5D)), map('k', 1), 0.5F, true, X'00FF')"
    )
    sparse = f"(2, null, {', '.join(['null'] * 10)}), (3, 'ü=é', 3, {', '.join(['null'] * 9)})"
    for rows in (full, sparse):
        spark.sql(f"insert into delta.`{root}` values {rows}")
    for number, engine in enumerate(("duckdb", "spark", "duckdb"), 4):
        before_types, partitions, before = spark.read(root)
        next_ = "select id + 1 as id, part, cast(2.25 as decimal(10, 2)) as n"
        others = "d, ts, wall, l, s, m, f, y, bytes from x.t where id >= 2"
        ours = spark.ours(engine, root, sql=f"{next_}, {others}")
        assert rows_of(ours) == rows_of(before)
        after_types, _, after = spark.read(root)
        assert (after_types, partitions) == (before_types, ["part"])
        told = {row["id"]: (row["part"], str(row["n"])) for row in after.to_pylist()}
        assert sorted(after["id"].to_pylist()) == list(range(1, number + 1))
        assert told[1] == ("a/b c%20", "1.50")
        assert all(n == "2.25" for key, (_, n) in told.items() if key > 2)
        spark.sql(f"insert into delta.`{root}` (id, part) select -{number}, 'a/b c%20'")
        spark.sql(f"delete from delta.`{root}` where id < 0")
