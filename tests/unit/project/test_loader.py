"""Loading a whole project: what it holds, and that every mistake is told at once."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakeworks.core.names import TableName
from lakeworks.core.types import Decimal, Scalar
from lakeworks.project.errors import ProjectError, ProjectNotFoundError
from lakeworks.project.loader import find_project, load_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.project.declaration import Project
    from lakeworks.project.errors import Mistake


def test_a_right_project_loads_with_defaults(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    project = load()
    assert project.root == tmp_path
    assert project.name == "shop"
    assert project.publish == "run"
    assert project.environments == ("dev",)
    environment = project.environment
    assert environment.name == "dev"
    assert environment.storage == str(tmp_path / ".lake")
    assert environment.catalog == f"sqlite:///{tmp_path}/.lake/catalog.db"
    assert environment.engine == "duckdb"
    assert set(project.sources) == {TableName("bronze", "orders")}
    assert set(project.models) == {TableName("silver", "orders")}


def test_a_project_is_found_from_a_folder_below_it(write: Callable[..., Path]) -> None:
    root = write({})
    assert find_project(root / "models" / "silver") == root
    assert load_project(root / "models" / "silver", variables={}).root == root


def test_no_project_above_a_folder_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ProjectNotFoundError, match="lake init"):
        load_project(tmp_path)


def test_a_misnamed_lake_file_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "lake.yaml").write_text("name: shop\n")
    with pytest.raises(ProjectNotFoundError, match="rename it to lake"):
        load_project(tmp_path)


def test_folder_that_is_not_there_is_not_the_project_above_it(tmp_path: Path) -> None:
    (tmp_path / "lake.yml").write_text("name: above\n")
    with pytest.raises(ProjectNotFoundError, match="there is no folder"):
        find_project(tmp_path / "nothere")


def test_all_mistakes_of_all_files_are_told_at_once_in_order(
    mistakes: Callable[..., tuple[Mistake, ...]],
) -> None:
    found = mistakes(
        {
            "lake.yml": "nam: shop\nname: shop\n",
            "sources/orders.yml": "table: bronze.orders\npath: x\nformat: jsn\nschem: evolve\n",
            "models/silver/orders.sql": "/*\nload: merg\n*/\nselect id from bronze.ordres\n",
            "models/gold/sales.sql": "select a from\n",
        }
    )
    assert [(str(one.at), one.code) for one in found] == [
        ("lake.yml:1", "LW111"),
        ("models/gold/sales.sql:1", "LW120"),
        ("models/silver/orders.sql:2", "LW112"),
        ("models/silver/orders.sql:4", "LW122"),
        ("sources/orders.yml:3", "LW112"),
        ("sources/orders.yml:4", "LW111"),
    ]


def test_a_project_error_prints_file_line_problem_and_hint_and_survives_pickling(
    load: Callable[..., Project],
) -> None:
    with pytest.raises(ProjectError) as raised:
        load({"lake.yml": "name: shop\npublsh: run\n"})
    told = "lake.yml:2: unknown key 'publsh'\n  hint: did you mean publish?"
    assert str(raised.value) == told
    copy = pickle.loads(pickle.dumps(raised.value))
    assert copy.mistakes == raised.value.mistakes
    assert str(copy) == told
    assert copy.exit_code == 2


def test_unknown_table_names_exact_line_and_nearest(mistake: Callable[..., Mistake]) -> None:
    found = mistake(
        {
            "models/gold/sales.sql": "/*\nload: replace\n*/\nselect *\nfrom silver.orders\n"
            "join silver.ordrs using (id)\n"
        }
    )
    assert str(found.at) == "models/gold/sales.sql:6"
    assert "silver.ordrs" in found.problem
    assert found.hint == "did you mean silver.orders?"


def test_table_without_its_database_is_unknown_and_the_full_name_is_proposed(
    mistake: Callable[..., Mistake],
) -> None:
    found = mistake({"models/gold/sales.sql": "select * from orders"})
    assert found.code == "LW122"
    assert found.hint == "did you mean bronze.orders?"


def test_a_broken_file_is_not_blamed_on_those_who_read_its_table(
    mistake: Callable[..., Mistake],
) -> None:
    found = mistake(
        {
            "models/silver/items.sql": "/*\ntable: silver.order_items\nlod: merge\n*/\n"
            "select 1 as id from bronze.orders",
            "models/gold/sales.sql": "select * from silver.order_items",
        }
    )
    assert found.at.file == "models/silver/items.sql"


def test_cycle_is_told_with_its_path(mistake: Callable[..., Mistake]) -> None:
    found = mistake(
        {
            "models/silver/a.sql": "select * from silver.c",
            "models/silver/b.sql": "select *\nfrom silver.a",
            "models/silver/c.sql": "select * from silver.b",
        }
    )
    assert found.code == "LW123"
    assert str(found.at) == "models/silver/a.sql:1"
    assert "silver.a reads silver.c reads silver.b reads silver.a" in found.problem


def test_model_that_reads_itself_is_a_cycle(mistake: Callable[..., Mistake]) -> None:
    found = mistake({"models/silver/a.sql": "select * from silver.a"})
    assert "silver.a reads silver.a" in found.problem


def test_a_diamond_is_no_cycle(load: Callable[..., Project]) -> None:
    project = load(
        {
            "models/silver/a.sql": "select * from silver.orders",
            "models/silver/b.sql": "select * from silver.orders",
            "models/gold/c.sql": "select * from silver.a join silver.b using (id)",
        }
    )
    assert len(project.models) == 4


def test_a_chain_longer_than_the_stack_loads(load: Callable[..., Project]) -> None:
    chain = {f"models/silver/m{i}.sql": f"select * from silver.m{i + 1}" for i in range(1100)}
    chain["models/silver/m1100.sql"] = "select * from bronze.orders"
    assert len(load(chain).models) == 1102


def test_two_declarations_of_one_table_name_both_places(
    mistake: Callable[..., Mistake],
) -> None:
    found = mistake(
        {
            "models/silver/more.sql": "/*\ntable: silver.orders\n*/\nselect 1 as id",
        }
    )
    assert found.code == "LW115"
    assert str(found.at).startswith("models/silver/orders.sql")
    assert "models/silver/more.sql" in found.problem


def test_two_sources_of_one_table_are_refused(mistake: Callable[..., Mistake]) -> None:
    found = mistake({"sources/again.yml": "table: bronze.orders\npath: x\n"})
    assert found.code == "LW115"


def test_quarantine_is_not_an_input(mistake: Callable[..., Mistake]) -> None:
    found = mistake({"models/gold/bad.sql": "select * from quarantine.silver_orders"})
    assert found.code == "LW124"
    assert "quarantine" in found.problem


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("models/bronze/x.sql", "bronze tables come from sources/"),
        ("models/sliver/x.sql", "models/sliver is not a layer"),
        ("models/x.sql", "in no layer"),
        ("models/silver/deep/x.sql", "in no layer"),
        ("sources/x.sql", "not declared in .sql files"),
        ("models/silver/x.yml", "not declared in .yml files"),
    ],
)
def test_file_in_the_wrong_place_is_not_ignored(
    mistake: Callable[..., Mistake], file: str, said: str
) -> None:
    found = mistake({file: "select * from bronze.orders"})
    assert found.at.file == file
    assert said in found.problem


def test_files_that_begin_with_an_underscore_or_a_dot_do_not_count(
    load: Callable[..., Project],
) -> None:
    project = load(
        {
            "models/silver/_draft.sql": "not sql at all",
            "models/silver/.swp.sql": "\0",
            "models/silver/__pycache__/x.py": "raise ValueError",
        }
    )
    assert len(project.models) == 1


@pytest.mark.parametrize("name", ["bad-name", "Orders", "a'b", "größe", "x;drop", "a b"])
def test_file_name_that_cannot_name_a_table_is_refused(
    mistake: Callable[..., Mistake], name: str
) -> None:
    found = mistake({f"models/gold/{name}.sql": "select 1 as id"})
    assert found.code == "LW114"
    assert "table:" in found.hint


@pytest.mark.parametrize(
    "table", ["../x", "silver.x/../../y", "silver.a'b", 'silver.x"', "silver.größe", "silver",
              "silver.a; drop table b", "a.b.c"],
)  # fmt: skip
def test_hostile_table_name_is_refused(
    mistakes: Callable[..., tuple[Mistake, ...]], table: str
) -> None:
    escaped = table.replace('"', '\\"')
    found = mistakes({"models/silver/evil.sql": f'/*\ntable: "{escaped}"\n*/\nselect 1 as id'})
    assert [str(one.at) for one in found] == ["models/silver/evil.sql:2"]
    assert found[0].code == "LW114"


def test_table_of_another_layer_than_its_folder_is_refused(
    mistake: Callable[..., Mistake],
) -> None:
    found = mistake({"models/silver/x.sql": "/*\ntable: gold.x\n*/\nselect 1 as id"})
    assert found.code == "LW117"
    assert "models/gold" in found.hint


def test_source_with_every_option(load: Callable[..., Project], tmp_path: Path) -> None:
    project = load(
        {
            "sources/people.yml": """
table: bronze.people
from: files
path: in/people/*.csv
format: csv
schema: strict
on_change: append
landing: in_place
csv: {delimiter: ";", quote: "'", header: yes, encoding: latin-1, null_values: [NULL, -999],
      skip_rows: 2}
types: {id: bigint, price: "decimal(10,2)"}
description: All of them.
partition_by: country
tags: {owner: crm}
"""
        }
    )
    source = project.sources[TableName("bronze", "people")]
    assert source.path == str(tmp_path / "in/people/*.csv")
    assert source.declared_path == "in/people/*.csv"
    assert (source.schema, source.on_change, source.landing) == ("strict", "append", "in_place")
    assert source.csv.null_values == ("NULL", "-999")
    assert (source.csv.delimiter, source.csv.quote, source.csv.header) == (";", "'", True)
    assert (source.csv.encoding, source.csv.skip_rows) == ("latin-1", 2)
    assert source.types == {"id": Scalar("bigint"), "price": Decimal(10, 2)}
    assert source.partition_by == ("country",)
    assert source.tags == {"owner": "crm"}
    assert str(source.at) == "sources/people.yml:2"


def test_log_source_with_a_pattern(load: Callable[..., Project]) -> None:
    pattern = "pattern: '(?P<ip>\\S+) (?P<rest>.*)'"
    project = load({"sources/web.yml": f"table: bronze.web\npath: logs\n{pattern}\n"})
    source = project.sources[TableName("bronze", "web")]
    assert source.format == "log"
    assert source.log_pattern == "(?P<ip>\\S+) (?P<rest>.*)"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("table: silver.x\npath: x", 1, "feeds a bronze table"),
        ("table: bronze.x", 1, "the key 'path' is missing"),
        ("table: bronze.x\npath: x\nformat: xml", 3, "not one of json, csv, parquet"),
        ("table: bronze.x\nfrom: database\npath: x", 2, "not part of this version"),
        ("table: bronze.x\npath: x\nformat: json\ncsv: {header: no}", 4, "csv is for"),
        ("table: bronze.x\npath: x\nformat: json\ntypes: infer", 4, "types is for CSV"),
        ("table: bronze.x\npath: x\ntypes:\n  a: int\n  b: strng", 5, "types.b: type 'strng'"),
        ("table: bronze.x\npath: x\ntypes: {a: decimal(10,2)}", 3, "a comma divides"),
        ("tabel: bronze.x\npath: x", 1, "unknown key 'tabel'"),
        ("table: bronze.x\npath: x\ntypes:\n  a: decimal(²)", 4, "not a type"),
        ("table: bronze.x\npath: x\ntypes:\n  a: " + "array<" * 1600, 4, "not a type"),
        ("table: bronze.x\npath: x\npattern: '('", 3, "not a regular expression"),
        ("table: bronze.x\npath: x\npattern: abc", 3, "no named groups"),
        ("table: bronze.x\npath: x\ncsv:\n  skip_rows: many", 4, "a whole number"),
        ("table: bronze.x\npath: x\ncsv:\n  delimeter: x", 4, "unknown key 'delimeter'"),
        ("table: bronze.x\npath: x\npartition_by: [a/b]", 3, "cannot name partitions"),
        ("table: bronze.x\npath: [a, b]", 2, "a text is expected, not a list"),
        ("- a\n- b", 1, "keys with values are expected"),
    ],
)
def test_source_mistake_is_placed_once(
    mistake: Callable[..., Mistake], text: str, line: int, said: str
) -> None:
    found = mistake({"sources/x.yml": text})
    assert str(found.at) == f"sources/x.yml:{line}"
    assert said in found.problem


@pytest.mark.parametrize(
    "path", ["../x", "a/../../etc", "s3://b/../c", "s3://B_/x", "a'b", 'a"b', "a;b", "x\\y",
             "gs://bucket/x", "http://example.com/x", "a\x07b"],
)  # fmt: skip
def test_hostile_path_is_refused(mistake: Callable[..., Mistake], path: str) -> None:
    quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\x07", "\\a")
    found = mistake({"sources/x.yml": f'table: bronze.x\npath: "{quoted}"\n'})
    assert str(found.at) == "sources/x.yml:2"
    assert found.problem.startswith("path ")


def test_paths_are_made_absolute_and_s3_is_kept(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    project = load(
        {
            "sources/a.yml": "table: bronze.a\npath: ./in/a/\n",
            "sources/b.yml": "table: bronze.b\npath: /data/größe/*.csv\n",
            "sources/c.yml": "table: bronze.c\npath: s3://bucket/in/**/*.json/\n",
        }
    )
    paths = {str(source.table): source.path for source in project.sources.values()}
    assert paths == {
        "bronze.orders": str(tmp_path / "landing/orders"),
        "bronze.a": str(tmp_path / "in/a"),
        "bronze.b": "/data/größe/*.csv",
        "bronze.c": "s3://bucket/in/**/*.json",
    }


def test_moved_project_has_its_new_paths(load: Callable[..., Project], tmp_path: Path) -> None:
    load()
    moved = tmp_path.with_name(tmp_path.name + "_moved")
    tmp_path.rename(moved)
    project = load_project(moved, variables={})
    assert project.sources[TableName("bronze", "orders")].path == str(moved / "landing/orders")
    assert project.environment.storage == str(moved / ".lake")
    moved.rename(tmp_path)


@pytest.mark.parametrize("name", ["sources/x.yml", "models/silver/x.sql", "models/silver/x.py"])
def test_file_that_cannot_be_read_is_told(
    mistakes: Callable[..., tuple[Mistake, ...]], write: Callable[..., Path], name: str
) -> None:
    root = write({})
    (root / name).symlink_to(root / "nowhere")
    found = mistakes({})
    assert found[0].at.file == name
    assert "cannot be read" in found[0].problem


def test_huge_file_is_refused_unread(mistake: Callable[..., Mistake]) -> None:
    found = mistake({"models/silver/big.sql": "select 1 -- " + "x" * 1024 * 1024})
    assert "bytes" in found.problem


def test_file_that_is_not_utf8_names_the_line(mistake: Callable[..., Mistake]) -> None:
    found = mistake({"models/silver/l.sql": b"select\n 1 as gr\xf6sse\n"})
    assert str(found.at) == "models/silver/l.sql:2"
    assert "UTF-8" in found.problem


def test_line_ends_and_byte_order_mark_of_other_systems_do_not_matter(
    load: Callable[..., Project],
) -> None:
    unix = load().models[TableName("silver", "orders")]
    text = "\ufeff/*\r\nload: merge\r\nkey: [id]\r\n*/\r\nselect id from bronze.orders\r\n"
    other = load({"models/silver/orders.sql": text}).models[TableName("silver", "orders")]
    assert other.fingerprint == unix.fingerprint
    assert other.sql_line == 5


def test_lake_file_that_is_a_folder_does_not_make_a_project(tmp_path: Path) -> None:
    (tmp_path / "lake.yml").mkdir()
    with pytest.raises(ProjectNotFoundError):
        find_project(tmp_path)


def test_start_may_be_relative(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write({}))
    assert load_project(Path(), variables={}).name == "shop"
