"""What `lake plan` says before anything happens, and that the run then does it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.cli.main import main
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakeworks.pipeline.plan import Plan, PlannedStep

CUSTOMERS = "models/gold/customers.sql"
SILVER = "models/silver/orders.sql"


def order(number: int, *, amount: object = 10.5, day: int = 1) -> dict[str, object]:
    return {
        "order_id": f"o{number}",
        "customer_id": f"c{number % 2}",
        "amount": amount,
        "updated_at": f"2026-01-{day:02d}T10:00:00",
    }


def change(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def plan(root: Path, select: str | None = None, **more: Any) -> Plan:
    with Lake.open(root) as lake:
        return lake.pipeline.plan(select, **more)


def run(root: Path, select: str | None = None) -> str:
    with Lake.open(root) as lake:
        return lake.pipeline.run(select).status


def step(planned: Plan, table: str) -> PlannedStep:
    return next(step for step in planned.steps if str(step.table) == table)


def actions(planned: Plan) -> dict[str, str]:
    return {str(step.table): step.action for step in planned.work}


@pytest.fixture
def built(orders_project: Path, arrive: Callable[..., Path]) -> Path:
    """A project after a run over five orders."""
    arrive("a.json", *(order(number) for number in range(5)))
    assert run(orders_project) == "succeeded"
    return orders_project


def test_a_first_plan_builds_everything_in_order(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    file = arrive("a.json", order(1))

    planned = plan(orders_project)

    assert planned.mistakes == ()
    source = planned.steps[0]
    assert (str(source.table), source.action, source.reasons) == (
        "bronze.orders", "read files", ("1 new file",),
    )  # fmt: skip
    assert source.size_bytes == file.stat().st_size
    assert {step.action for step in planned.steps[1:]} == {"build"}
    assert step(planned, "gold.customers").reasons == ("first build", "after silver.orders")
    position = {str(step.table): place for place, step in enumerate(planned.steps)}
    assert position["silver.orders"] < position["gold.monthly"]
    assert not (orders_project / ".lake" / "tables").exists()


def test_with_nothing_new_the_plan_is_empty(built: Path) -> None:
    planned = plan(built)
    assert planned.is_empty
    assert planned.work == ()
    assert len(planned.steps) == 6


def test_new_files_say_how_many_they_are_and_what_comes_after_them(
    built: Path, arrive: Callable[..., Path]
) -> None:
    files = [arrive(f"b{n}.json", order(n)) for n in (10, 11)]
    planned = plan(built)
    source = step(planned, "bronze.orders")
    assert source.reasons == ("2 new files",)
    assert source.size_bytes == sum(file.stat().st_size for file in files)
    assert actions(planned) == {
        "bronze.orders": "read files", "silver.events": "update", "silver.orders": "update",
        "silver.orders_history": "update", "gold.customers": "rebuild",
        "gold.monthly": "update",
    }  # fmt: skip
    assert "after bronze.orders" in step(planned, "silver.orders").reasons


def test_a_changed_file_is_told_from_a_new_one(
    built: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", order(1), order(2))
    arrive("b.json", order(3))
    assert step(plan(built), "bronze.orders").reasons == ("1 new file", "1 changed file")


def test_new_rows_are_counted_where_they_are_there_already(
    built: Path, arrive: Callable[..., Path]
) -> None:
    arrive("b.json", *(order(number, day=2) for number in range(3)))
    assert run(built, "bronze.orders") == "succeeded"

    planned = plan(built)

    silver = step(planned, "silver.orders")
    assert (silver.action, silver.reasons, silver.rows) == (
        "update", ("3 new rows in bronze.orders",), 3,
    )  # fmt: skip
    assert silver.size_bytes
    assert step(planned, "bronze.orders").action == "none"


def test_changed_code_says_what_a_rebuild_costs(built: Path) -> None:
    change(built, CUSTOMERS, "count(*)", "count(order_id)")
    planned = plan(built)
    assert actions(planned) == {"gold.customers": "rebuild"}
    (rebuilt,) = planned.work
    assert rebuilt.reasons == ("its code changed",)
    assert rebuilt.rows == 5
    with Lake.open(built) as lake:
        assert rebuilt.size_bytes == sum(
            head.size_bytes
            for table, head in lake.catalog.heads().items()
            if str(table) == "silver.orders"
        )
    assert rebuilt.seconds is not None
    assert rebuilt.seconds > 0
    assert (rebuilt.schema_changes, rebuilt.affected) == ((), ())


def test_comments_and_layout_are_no_change_of_code(built: Path) -> None:
    change(built, CUSTOMERS, "select customer_id,", "SELECT  -- the buyer\n  customer_id,")
    assert plan(built).is_empty


def test_added_dropped_and_retyped_columns_are_told_with_who_reads_them(built: Path) -> None:
    change(
        built,
        SILVER,
        "  customer_id,\n  try_cast(amount as decimal(10, 2)) as amount,",
        "  try_cast(amount as double) as amount, upper(order_id) as code,",
    )

    planned = plan(built)

    silver = step(planned, "silver.orders")
    assert silver.action == "rebuild"
    assert set(silver.schema_changes) == {
        "adds code string",
        "changes amount from decimal(10,2) to double",
        "drops customer_id string",
    }
    broken, again = silver.affected
    assert broken.startswith("gold.customers breaks: ")
    assert "customer_id" in broken
    assert again == "gold.monthly is made again"
    assert [str(mistake.at) for mistake in planned.mistakes] == [f"{CUSTOMERS}:3"]
    assert step(planned, "gold.monthly").schema_changes == (
        "changes revenue from decimal(38,2) to double",
    )

    with Lake.open(built) as lake:
        report = lake.pipeline.run()
    assert {str(s.table) for s in report.steps if s.status == "failed"} == {"gold.customers"}


def test_a_model_that_takes_all_columns_passes_a_change_on(built: Path) -> None:
    copy = built / "models" / "gold" / "copy.sql"
    copy.write_text("/*\nload: merge\nkey: [order_id]\n*/\nselect * from silver.orders\n")
    assert run(built) == "succeeded"
    change(built, SILVER, "  customer_id,", "  customer_id, 1 as one,")
    planned = plan(built)
    assert step(planned, "gold.copy").schema_changes == ("adds one int",)
    assert planned.mistakes == ()


def test_a_downstream_that_breaks_is_told_even_when_it_is_not_selected(built: Path) -> None:
    change(built, SILVER, "  customer_id,\n", "")
    planned = plan(built, "silver.orders")
    (silver,) = planned.steps
    assert silver.affected[0].startswith("gold.customers breaks: ")
    assert planned.mistakes == ()


def test_full_refresh_plans_to_make_all_tables_anew(built: Path) -> None:
    planned = plan(built, "silver.orders+", full_refresh=True)
    assert actions(planned) == dict.fromkeys(
        ["silver.orders", "gold.customers", "gold.monthly"], "rebuild"
    )
    assert step(planned, "silver.orders").reasons == ("full refresh asked for",)


def test_what_a_failed_run_left_unpublished_is_to_be_published(
    built: Path, arrive: Callable[..., Path]
) -> None:
    good = (built / CUSTOMERS).read_text()
    failing = f"/*\nquality: 'Rules = [ RowCount > 99 ]'\n*/\n{good}"
    (built / CUSTOMERS).write_text(failing)
    arrive("b.json", order(7, day=2), "torn")
    assert run(built) == "failed"

    planned = plan(built)
    assert [str(table) for table in planned.to_publish] == [
        "bronze.orders", "gold.monthly", "quarantine.bronze_orders", "silver.events",
        "silver.orders", "silver.orders_history",
    ]  # fmt: skip
    assert actions(planned) == {"gold.customers": "rebuild"}

    # Taken back, the model has nothing new to say of its code, but its input has moved.
    (built / CUSTOMERS).write_text(good)
    assert run(built) == "succeeded"
    assert plan(built).is_empty


def test_a_plan_of_leftovers_alone_is_not_empty(
    built: Path, arrive: Callable[..., Path]
) -> None:
    """Where only publication is missing, a run does just that."""
    (built / "models/gold/failing.sql").write_text(
        "/*\nquality: 'Rules = [ RowCount > 99 ]'\n*/\nselect * from silver.orders\n"
    )
    arrive("b.json", order(7, day=2))
    assert run(built) == "failed"
    (built / "models/gold/failing.sql").unlink()

    planned = plan(built)
    assert planned.work == ()
    assert not planned.is_empty
    with Lake.open(built) as lake:
        assert lake.query.sql("select * from bronze.orders").to_arrow().num_rows == 5
        report = lake.pipeline.run()
        assert report.status == "succeeded"
        assert {step.status for step in report.steps} == {"up to date"}
        assert lake.query.sql("select * from bronze.orders").to_arrow().num_rows == 6


def test_the_command_prints_changes_and_ends_with_2_where_a_step_would_fail(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "-C", str(built)]) == 0
    assert "Nothing to do" in capsys.readouterr().out
    change(built, SILVER, "  customer_id,\n", "")

    assert main(["plan", "-C", str(built)]) == 2
    told = capsys.readouterr()
    assert "silver.orders: rebuild (5 rows, " in told.out
    assert "because its code changed" in told.out
    assert "schema: drops customer_id string" in told.out
    assert "then gold.customers breaks: " in told.out
    assert f"error[LW401]: {CUSTOMERS}:3: " in told.err

    assert main(["plan", "-C", str(built), "--json"]) == 2
    printed = json.loads(capsys.readouterr().out)
    assert [(m["file"], m["line"], m["code"]) for m in printed["mistakes"]] == [
        (CUSTOMERS, 3, "LW401")
    ]
    assert main(["check", "-C", str(built), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["mistakes"] == printed["mistakes"]


def test_a_fresh_project_that_reads_a_missing_column_is_told_so_by_plan(
    orders_project: Path, arrive: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arrive("a.json", order(1))
    change(orders_project, SILVER, "  customer_id,", "  custmer_id as customer_id,")
    assert main(["plan", "-C", str(orders_project), "--json"]) == 2
    (mistake,) = json.loads(capsys.readouterr().out)["mistakes"]
    assert (mistake["file"], mistake["line"]) == (SILVER, 11)
    assert 'did you mean "customer_id"' in mistake["hint"]
