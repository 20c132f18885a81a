"""A source whose declaration changes after files were read: who is told what, and what helps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = "table: bronze.orders\npath: landing\nformat: csv\n"


class World:
    """A lake of one CSV source, by its commands."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        for name in ("landing", "sources"):
            (folder / name).mkdir(parents=True)
        (folder / "lake.yml").write_text("name: changing\n")
        self.declare()
        self.arrive("a.csv", "id,amount", "1,10", "2,20")

    def declare(self, more: str = "") -> None:
        (self.folder / "sources" / "orders.yml").write_text(ORDERS + more)

    def arrive(self, name: str, *lines: str) -> None:
        (self.folder / "landing" / name).write_text("\n".join(lines) + "\n")

    def tell(self, *words: str) -> tuple[int, str]:
        self._capsys.readouterr()
        code = main([words[0], "-C", str(self.folder), *words[1:]])
        told = self._capsys.readouterr()
        return code, told.out + told.err

    def json(self, *words: str) -> tuple[int, Any]:
        self._capsys.readouterr()
        code = main([words[0], "-C", str(self.folder), *words[1:], "--json"])
        return code, json.loads(self._capsys.readouterr().out)

    def changed(self) -> list[str]:
        """Return what the next run tells of the source, which is what the plan tells."""
        _, plan = self.json("plan")
        code, report = self.json("run")
        [planned], [step] = plan["steps"], report["steps"]
        assert planned["redeclared"] == step["redeclared"]
        assert code == (1 if step["redeclared"] else 0)
        assert report["status"] != "failed"
        found: list[str] = step["redeclared"]
        return found

    def rows(self) -> list[Any]:
        return self.json("query", "select id, amount from bronze.orders order by id")[1]


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    made = World(tmp_path / "lake", capsys)
    assert made.tell("run")[0] == 0
    return made


def test_a_changed_type_is_told_by_name_until_the_files_are_read_again(world: World) -> None:
    world.declare("types: {amount: int}\n")

    for command, ends in (("check", 0), ("plan", 0), ("run", 1)):
        code, told = world.tell(command)
        assert code == ends, told
        assert told.count("LW716") == 1
        assert "types.amount" in told
        assert "lake run --full-refresh --select bronze.orders" in told
    assert world.changed() == ["types.amount"]
    assert world.rows()[0] == {"id": "1", "amount": "10"}

    assert world.tell("run", "--full-refresh", "--select", "bronze.orders")[0] == 0
    assert world.changed() == []
    assert world.rows() == [{"id": "1", "amount": 10}, {"id": "2", "amount": 20}]


def test_the_warning_of_check_has_file_and_line(world: World) -> None:
    world.declare("types: infer\n")

    code, told = world.json("check")

    assert code == 0
    [warning] = told["warnings"]
    assert (warning["code"], warning["file"], warning["line"]) == (
        "LW716", "sources/orders.yml", 1,
    )  # fmt: skip
    assert warning["problem"].endswith(": types")


@pytest.mark.parametrize(
    ("more", "keys"),
    [
        ("csv: {delimiter: ';'}\n", ["csv.delimiter"]),
        (
            "csv: {null_values: ['', 'NA'], skip_rows: 1}\n",
            ["csv.null_values", "csv.skip_rows"],
        ),
        ("types: {Amount: double, id: bigint}\n", ["types.Amount", "types.id"]),
        ("types: {not_there: int}\n", []),
        ("description: Orders.\nschema: strict\n", []),
    ],
)
def test_what_decides_the_values_counts_and_nothing_else(
    world: World, more: str, keys: list[str]
) -> None:
    world.declare(more)
    assert world.changed() == keys
    world.declare()
    assert world.changed() == []


def test_files_that_come_meanwhile_are_read_and_the_change_is_told_either_way(
    world: World,
) -> None:
    world.declare("csv: {delimiter: ';'}\n")
    world.arrive("b.csv", "id;amount", "3;30")
    assert world.changed() == ["csv.delimiter"]
    assert [row["id"] for row in world.rows()] == ["1", "2", "3"]

    assert world.changed() == ["csv.delimiter"]
    world.declare()  # now it is the file that came meanwhile that was read otherwise
    assert world.changed() == ["csv.delimiter"]


def test_rows_may_stay_as_they_were_read(world: World) -> None:
    world.declare("csv: {delimiter: ';'}\n")
    _, before = world.json("run")

    code, told = world.json("run", "--keep-read")

    assert (code, told["status"]) == (0, "succeeded")
    assert told["snapshot"] == before["snapshot"] + 1
    assert world.changed() == []
    assert [row["id"] for row in world.rows()] == ["1", "2"]
    world.arrive("b.csv", "id;amount", "3;30")
    assert world.changed() == []
    assert [row["id"] for row in world.rows()] == ["1", "2", "3"]


def test_the_type_of_a_column_that_comes_later_changes_nothing(world: World) -> None:
    world.declare("types: {discount: int}\n")
    world.arrive("b.csv", "id,amount,discount", "3,30,5")
    assert world.changed() == []
    assert world.changed() == []
    world.declare("types: {discount: double}\n")
    assert world.changed() == ["types.discount"]


def test_after_a_rollback_counts_what_was_read_then(world: World) -> None:
    world.declare("types: {amount: int}\n")
    assert world.tell("run", "--full-refresh", "--select", "bronze.orders")[0] == 0

    assert world.tell("rollback")[0] == 0

    assert world.changed() == ["types.amount"]


def test_upkeep_of_the_table_forgets_nothing(world: World) -> None:
    world.arrive("b.csv", "id,amount", "3,30")
    assert world.tell("run")[0] == 0
    code, told = world.tell("optimize", "bronze.orders")
    assert code == 0, told
    world.declare("types: {amount: int}\n")
    assert world.changed() == ["types.amount"]
