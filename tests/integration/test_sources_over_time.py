"""A source and its files over time: what changed of it is told, what folders tell are columns."""

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
        code = main([*words, "-C", str(self.folder)])
        told = self._capsys.readouterr()
        return code, told.out + told.err

    def json(self, *words: str) -> tuple[int, Any]:
        self._capsys.readouterr()
        code = main([*words, "-C", str(self.folder), "--json"])
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


def test_the_site_tells_it_on_the_tables_page(world: World) -> None:
    world.declare("types: {amount: int}\n")
    assert world.tell("docs", "build")[0] == 0
    pages = [page.read_text() for page in (world.folder / "site").rglob("*.html")]
    assert any("before its source changed: types.amount." in page for page in pages)


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


def clicks(world: World, more: str = "") -> None:
    (world.folder / "sources" / "clicks.yml").write_text(
        f"table: bronze.clicks\npath: clicks\n{more}"
    )


@pytest.fixture
def clicked(world: World) -> World:
    for day, region, page in (("2026-01-01", "eu", "a"), ("2026-01-02", "%C3%A9", "b")):
        folder = world.folder / "clicks" / f"day={day}" / f"region={region}"
        folder.mkdir(parents=True)
        (folder / "x.json").write_text(json.dumps({"page": page}) + "\n")
    clicks(world)
    return world


def test_check_suggests_columns_for_folders_and_names_those_that_no_folder_tells(
    clicked: World,
) -> None:
    def told() -> list[str]:
        return [
            f"{one['problem']}: {one['hint']}" for one in clicked.json("check")[1]["warnings"]
        ]

    [suggested] = told()
    assert "tell day, region" in suggested
    assert "partitions: [day, region]" in suggested
    clicks(clicked, "partitions: {day: date, Hour: int}\n")
    [missing] = told()
    assert "names Hour" in missing
    clicks(clicked, "partitions: {}\n")
    assert told() == []


def test_folders_are_columns_of_models_and_queries(clicked: World) -> None:
    clicks(clicked, "partitions: {day: date, region: string}\npartition_by: day\n")
    models = clicked.folder / "models" / "silver"
    models.mkdir(parents=True)
    (models / "days.sql").write_text("select day + 1 as next, region, page from bronze.clicks")
    assert clicked.tell("check")[0] == 0
    assert clicked.tell("run")[0] == 0

    expected = [
        {"next": "2026-01-02", "region": "eu", "page": "a"},
        {"next": "2026-01-03", "region": "é", "page": "b"},
    ]
    assert clicked.json("query", "select * from silver.days order by next")[1] == expected
    lost = clicked.folder / "clicks" / "day=2026-01-01" / "region=eu" / "x.json"
    lost.unlink()  # its landed copy has its folders, too
    again = clicked.tell("run", "--full-refresh", "--select", "bronze.clicks+")
    assert again[0] == 0, again[1]
    assert clicked.json("query", "select * from silver.days order by next")[1] == expected


def test_folders_that_become_columns_later_are_told_and_read_again(clicked: World) -> None:
    assert clicked.tell("run")[0] == 0
    clicks(clicked, "partitions: [day]\n")
    code, told = clicked.tell("run")
    assert code == 1
    assert "partitions.day" in told
    assert clicked.tell("run", "--full-refresh", "--select", "bronze.clicks")[0] == 0
    days = clicked.json("query", "select day from bronze.clicks order by day")[1]
    assert days == [{"day": "2026-01-01"}, {"day": "2026-01-02"}]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("partitions: day\n", "a list of columns"),
        ("partitions: [day, Day]\n", "named twice"),
        ("partitions: {day: nonsense}\n", "partitions.day"),
        ("partitions: {day: 'array<int>'}\n", "holds no array"),
        ("partitions: [_run_id]\n", "every bronze table has"),
        ("partitions: ['a/b']\n", "part of a path"),
        ("partitions: [day]\nformat: csv\ntypes: {Day: date}\n", "in types and in partitions"),
    ],
)
def test_partitions_that_cannot_be_are_mistakes_with_their_line(
    clicked: World, more: str, problem: str
) -> None:
    clicks(clicked, more)
    code, told = clicked.tell("check")
    assert code == 2, told
    assert problem in told
    assert "sources/clicks.yml:3" in told


def test_upkeep_of_the_table_forgets_nothing(world: World) -> None:
    world.arrive("b.csv", "id,amount", "3,30")
    assert world.tell("run")[0] == 0
    code, told = world.tell("optimize", "bronze.orders")
    assert code == 0, told
    world.declare("types: {amount: int}\n")
    assert world.changed() == ["types.amount"]
