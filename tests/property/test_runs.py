"""Laws of runs: nothing lost, twice equals once, incremental equals full, order does not matter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lakeworks.lake import Lake

if TYPE_CHECKING:
    from lakeworks.pipeline.report import RunReport

TABLES = (
    "bronze.orders",
    "silver.orders",
    "silver.orders_history",
    "silver.events",
    "gold.monthly",
    "gold.customers",
)
QUARANTINES = ("quarantine.bronze_orders", "quarantine.silver_orders")
_OF_A_RUN = {"_ingested_at", "_run_id", "run_id", "quarantined_at"}

amounts = st.one_of(
    st.none(),
    st.integers(-5, 50),
    st.floats(0, 99, width=16),
    st.sampled_from(["7.5", "bad", ""]),
)
good_rows = st.fixed_dictionaries(
    {
        "order_id": st.one_of(st.none(), st.integers(1, 6).map("o{}".format)),
        "customer_id": st.sampled_from(["a", "b", "c"]),
        "amount": amounts,
        "updated_at": st.builds(
            "2026-{:02d}-{:02d}T00:00:{:02d}".format,
            st.integers(1, 3), st.integers(1, 28), st.integers(0, 59),
        ),
    },
    optional={"note": st.text(max_size=5), "nested": st.fixed_dictionaries({"x": st.integers()})},
)  # fmt: skip
lines = st.one_of(
    good_rows.map(json.dumps),
    good_rows.map(json.dumps),
    st.sampled_from(['{"order_id": "o1", "am', "not json", '"text"', "{}"]),
)
files = st.lists(lines, min_size=1, max_size=8).map(
    lambda rows: "".join(r + "\n" for r in rows)
)
batches = st.lists(st.lists(files, min_size=1, max_size=3), min_size=1, max_size=3)
# One example is several whole runs, so none is made smaller: what failed is printed as it was.
few = settings(max_examples=10, phases=(Phase.explicit, Phase.reuse, Phase.generate))


# Bronze learns a column's type from the first files that have it, so all lakes begin alike.
FIRST = {
    "order_id": "o0",
    "customer_id": "a",
    "amount": "1.5",
    "updated_at": "2026-01-01T00:00:00",
    "note": "",
    "nested": {"x": 1},
}


def new_project(folder: Path, template: Path) -> Path:
    shutil.copytree(template, folder)
    (folder / "landing/orders/first.json").write_text(json.dumps(FIRST) + "\n")
    run(folder)
    return folder


def deliver(project: Path, number: int, texts: list[str]) -> None:
    for place, text in enumerate(texts):
        (project / f"landing/orders/{number}-{place}.json").write_text(text)


def run(project: Path, **how: Any) -> RunReport:
    with Lake.open(project) as lake:
        report = lake.pipeline.run(**how)
    assert report.status != "failed", [step.error for step in report.steps]
    return report


def contents(
    project: Path, tables: tuple[str, ...] = TABLES + QUARANTINES
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with Lake.open(project) as lake:
        known = {str(table) for table in lake.catalog.current_snapshot().tables}
        for table in tables:
            rows = lake.query.sql(f"select * from {table}").rows() if table in known else []
            found[table] = sorted(
                json.dumps(
                    {k: v for k, v in r.items() if k not in _OF_A_RUN and v is not None},
                    default=str,
                    sort_keys=True,
                )
                for r in rows
            )
    return found


@few
@given(batches)
def test_incremental_runs_equal_one_run_and_a_full_refresh(
    orders_template: Path, delivered: list[list[str]]
) -> None:
    with TemporaryDirectory() as folder:
        steps = new_project(Path(folder) / "steps", orders_template)
        once = new_project(Path(folder) / "once", orders_template)
        for number, texts in enumerate(delivered):
            deliver(steps, number, texts)
            run(steps)
            deliver(once, number, texts)
        run(once)
        incremental = contents(steps)
        assert incremental == contents(once)
        run(steps, full_refresh=True)
        assert contents(steps) == incremental


@few
@given(batches)
def test_every_row_that_arrived_is_in_a_table_or_in_quarantine(
    orders_template: Path, delivered: list[list[str]]
) -> None:
    with TemporaryDirectory() as folder:
        project = new_project(Path(folder) / "lake", orders_template)
        for number, texts in enumerate(delivered):
            deliver(project, number, texts)
            report = run(project)
            arrived = sum(text.count("\n") for text in texts)
            bronze = report.step("bronze.orders")
            assert bronze.rows_read == arrived
            for name in (
                "bronze.orders",
                "silver.orders",
                "silver.orders_history",
                "silver.events",
            ):
                step = report.step(name)
                assert step.rows_read == (
                    step.rows_written + step.rows_quarantined + step.rows_superseded
                ), name
        everything = contents(project)
        total = sum(text.count("\n") for texts in delivered for text in texts)
        kept = len(everything["bronze.orders"]) + len(everything["quarantine.bronze_orders"])
        assert kept == total + 1


@few
@given(batches)
def test_running_twice_equals_running_once(
    orders_template: Path, delivered: list[list[str]]
) -> None:
    with TemporaryDirectory() as folder:
        project = new_project(Path(folder) / "lake", orders_template)
        for number, texts in enumerate(delivered):
            deliver(project, number, texts)
        run(project)
        before = contents(project)
        assert run(project).status == "nothing to do"
        assert contents(project) == before


@few
@given(
    batches,
    st.permutations(
        [
            "silver.events",
            "silver.orders_history",
            "silver.orders",
            "gold.customers",
            "gold.monthly",
        ]
    ),
)
def test_any_order_of_independent_steps_gives_the_same_tables(
    orders_template: Path, delivered: list[list[str]], order: list[str]
) -> None:
    with TemporaryDirectory() as folder:
        apart = new_project(Path(folder) / "apart", orders_template)
        together = new_project(Path(folder) / "together", orders_template)
        for number, texts in enumerate(delivered):
            deliver(apart, number, texts)
            deliver(together, number, texts)
        run(together)
        for table in order:
            run(apart, select=f"+{table}")
        assert contents(apart) == contents(together)
