"""`tables/*.yml`: what is read of them, and where mistakes are placed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.core.names import TableName
from lakeworks.project.errors import ProjectError
from lakeworks.project.loader import load_project

if TYPE_CHECKING:
    from pathlib import Path

    from lakeworks.project.declaration import Project

LAKE = "name: shop\nenvironments:\n  dev: {storage: .lake, catalog: 'sqlite:///.lake/catalog.db'}\n"
CLICKS = """\
table: raw.clicks
location: landing/clicks
format: csv
columns:
  user_id: bigint
  email: {type: varchar(40), description: Where to write., tags: {pii: email}}
partitions: {year: int, day: string}
projection:
  year: {type: integer, range: [2020, 2030], digits: 4}
  day: {type: date, format: yyyy-MM-dd, range: [NOW-3YEARS, NOW], interval: 1, interval_unit: DAYS}
location_template: landing/{year}/{day}
options: {header: true, delimiter: ";"}
owner: ana
"""


def project(root: Path, files: dict[str, str]) -> Project:
    (root / "lake.yml").write_text(LAKE)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return load_project(root)


def mistakes(root: Path, files: dict[str, str]) -> str:
    with pytest.raises(ProjectError) as error:
        project(root, files)
    return str(error.value)


def test_a_table_is_read_whole(tmp_path: Path) -> None:
    [found] = project(tmp_path, {"tables/clicks.yml": CLICKS}).tables.values()
    assert found.table == TableName("raw", "clicks")
    assert str(found.at) == "tables/clicks.yml:1"
    assert found.location == str(tmp_path / "landing/clicks")
    assert found.location_template == str(tmp_path / "landing/${year}/${day}")
    assert [(c.name, c.type) for c in found.columns] == [
        ("user_id", "bigint"),
        ("email", "varchar(40)"),
    ]
    assert found.columns[1].tags == {"pii": "email"}
    assert found.projection == {
        "year.type": "integer",
        "year.range": "2020,2030",
        "year.digits": "4",
        "day.type": "date",
        "day.format": "yyyy-MM-dd",
        "day.range": "NOW-3YEARS,NOW",
        "day.interval": "1",
        "day.interval.unit": "DAYS",
    }
    assert found.options == {"skip_lines": 1, "delimiter": ";"}


def test_a_second_load_takes_the_kept_facts(tmp_path: Path) -> None:
    first = project(tmp_path, {"tables/clicks.yml": CLICKS})
    assert load_project(tmp_path).tables == first.tables


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "raw.clicks",
            "silver.clicks",
            "tables/t.yml:1: the database silver holds the lake's own",
        ),
        ("format: csv", "format: cvs", "tables/t.yml:3:"),
        ("  user_id: bigint", "  user_id: bigit", "tables/t.yml:5: type 'bigit'"),
        ("  user_id: bigint", "  Year: bigint", "the column year is declared twice"),
        ("location: landing/clicks", "location: ../x", "tables/t.yml:2: location climbs out"),
        (
            "header: true",
            "header: true, row_tag: x",
            "the option row_tag is not for the format csv",
        ),
        (
            "header: true",
            "header: true, skip_lines: 2",
            "header and skip_lines exclude each other",
        ),
        (", digits: 4", ", format: yyyy", "format is not for projection of the type integer"),
        ("type: date, format: yyyy-MM-dd,", "type: date,", "type date needs format"),
        ("  day: {type: date", "  dya: {type: date", "projection names dya"),
        ("owner: ana", "onwer: ana", "tables/t.yml:13:"),
        ("  user_id: bigint\n  email: {", "  email: {type: array<, ", "tables/t.yml:5:"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    assert old in CLICKS
    assert told in mistakes(tmp_path, {"tables/t.yml": CLICKS.replace(old, new)})


def test_text_formats_need_columns_and_others_do_not(tmp_path: Path) -> None:
    text = "table: raw.t\nlocation: x\nformat: json\n"
    assert "columns are missing" in mistakes(tmp_path, {"tables/t.yml": text})
    found = project(tmp_path, {"tables/t.yml": text.replace("json", "parquet")})
    assert TableName("raw", "t") in found.tables


def test_xml_needs_its_row_tag_and_logs_a_pattern(tmp_path: Path) -> None:
    text = "table: raw.t\nlocation: x\nformat: {}\ncolumns: {{a: string}}\n"
    assert "row_tag is missing" in mistakes(tmp_path, {"tables/t.yml": text.format("xml")})
    assert "pattern or grok is missing" in mistakes(
        tmp_path, {"tables/t.yml": text.format("log")}
    )


def test_a_table_is_declared_once(tmp_path: Path) -> None:
    told = mistakes(tmp_path, {"tables/a.yml": CLICKS, "tables/b.yml": CLICKS})
    assert "raw.clicks is declared twice" in told


def test_a_model_reads_an_external_table_whole_only(tmp_path: Path) -> None:
    model = "/*\nload: append\n*/\nselect user_id from raw.clicks\n"
    files = {"tables/clicks.yml": CLICKS, "models/silver/users.sql": model}
    told = mistakes(tmp_path, files)
    assert "silver.users has load: append and reads raw.clicks, an external table" in told
    files["models/silver/users.sql"] = model.replace("append", "replace")
    assert TableName("silver", "users") in project(tmp_path, files).models


def test_rules_refer_to_no_external_table(tmp_path: Path) -> None:
    model = (
        "/*\nload: replace\nreferences: {clicks: raw.clicks}\n"
        'quality: |\n  Rules = [ ReferentialIntegrity "id" "clicks.user_id" = 1.0 ]\n*/\n'
        "select 1 as id\n"
    )
    files = {"tables/clicks.yml": CLICKS, "models/silver/users.sql": model}
    assert "rules of silver.users look at raw.clicks" in mistakes(tmp_path, files)
