"""Crawlers as they are declared, and every mistake with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakeworks.core.names import TableName
from lakeworks.project.crawler_declaration import (
    Crawler,
    CsvClassifier,
    GrokClassifier,
    JsonClassifier,
    XmlClassifier,
)
from lakeworks.project.crawlers import crawler_of, read_crawler
from lakeworks.project.errors import Mistakes, ProjectError
from lakeworks.project.loader import load_project

ROOT = Path("/project")
FULL = """
crawler: clicks
description: What the shop's pages tell.
database: raw
table_prefix: web_
targets:
  - landing/plain
  - path: s3://bucket/clicks/
    exclusions: ["**.tmp", "archive/**"]
    sample_size: 10
classifiers:
  - grok:
      name: app
      classification: app_log
      grok_pattern: "%{TIMESTAMP_ISO8601:at} %{MINE:level} %{GREEDYDATA:message}"
      custom_patterns: |
        MINE [A-Z]+
  - json: {name: nested, json_path: "$.records[*]"}
  - xml: {name: bank, classification: bank, row_tag: row}
  - csv:
      name: tilde
      delimiter: "~"
      quote_symbol: "'"
      contains_header: present
      header: [id, name]
      custom_datatypes: [INT, STRING]
      allow_single_column: true
      serde: open_csv_serde
schedule: cron(0 2 * * ? *)
schema_change_policy: {update: log, delete: delete_from_database}
recrawl_policy: crawl_everything
configuration:
  grouping: combine_compatible_schemas
  table_level: 3
  partitions: inherit_from_table
  tables: merge_new_columns
  table_threshold: 50
"""


def read(text: str, **variables: str) -> tuple[Crawler | None, list[str]]:
    mistakes = Mistakes()
    facts = read_crawler(text, "crawlers/it.yml", mistakes, root=ROOT, variables=variables)
    told = [f"{one.at.line}: {one.problem}" for one in mistakes.found]
    if facts is None:
        return None, told
    # As the cache of facts keeps them.
    return crawler_of(json.loads(json.dumps(facts)), "crawlers/it.yml", ROOT), told


def declared(text: str, **variables: str) -> Crawler:
    found, mistakes = read(text, **variables)
    assert mistakes == []
    assert found is not None
    return found


def refused(text: str, **variables: str) -> list[str]:
    found, mistakes = read(text, **variables)
    assert found is None
    assert mistakes
    return mistakes


def test_everything_that_can_be_declared_is_read() -> None:
    crawler = declared(FULL)
    assert (crawler.name, crawler.database, crawler.table_prefix) == ("clicks", "raw", "web_")
    plain, bucket = crawler.targets
    assert (plain.path, plain.declared_path) == ("/project/landing/plain", "landing/plain")
    assert (bucket.path, bucket.sample_size) == ("s3://bucket/clicks", 10)
    assert bucket.exclusions == ("**.tmp", "archive/**")
    assert crawler.classifiers == (
        GrokClassifier(
            "app",
            "app_log",
            "%{TIMESTAMP_ISO8601:at} %{MINE:level} %{GREEDYDATA:message}",
            "MINE [A-Z]+\n",
        ),
        JsonClassifier("nested", "$.records[*]"),
        XmlClassifier("bank", "bank", "row"),
        CsvClassifier(
            "tilde",
            delimiter="~",
            quote_symbol="'",
            contains_header="present",
            header=("id", "name"),
            custom_datatypes=("int", "string"),
            allow_single_column=True,
            serde="open_csv_serde",
        ),
    )
    assert (crawler.schedule, crawler.update, crawler.delete) == (
        "cron(0 2 * * ? *)", "log", "delete_from_database",
    )  # fmt: skip
    assert (crawler.combine, crawler.table_level, crawler.inherit_from_table) == (True, 3, True)
    assert (crawler.merge_new_columns, crawler.table_threshold) == (True, 50)


def test_what_is_left_out_is_as_in_glue() -> None:
    crawler = declared("database: raw\ntargets: [landing]\n")
    assert crawler.name == "it"
    assert (crawler.update, crawler.delete) == ("update_in_database", "deprecate_in_database")
    assert (crawler.recrawl, crawler.combine, crawler.schedule) == (
        "crawl_everything",
        False,
        "",
    )


def test_crawling_new_folders_only_logs_changes() -> None:
    crawler = declared(
        "database: raw\ntargets: [landing]\nrecrawl_policy: crawl_new_folders_only\n"
    )
    assert (crawler.update, crawler.delete) == ("log", "log")


def test_catalog_tables_need_no_database_and_are_never_deleted() -> None:
    crawler = declared("targets:\n  - catalog: [raw.clicks, raw.views]\n")
    assert crawler.tables == (TableName("raw", "clicks"), TableName("raw", "views"))
    assert (crawler.combine, crawler.delete) == (True, "log")


def test_variables_are_filled_in() -> None:
    text = "database: ${DB}\ntargets: [landing]\n"
    assert declared(text, DB="raw").database == "raw"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("database: raw\n", "1: the key 'targets' is missing"),
        ("targets: [landing]\n", "1: the key 'database' is missing"),
        ("database: raw\ntargets: []\n", "2: targets"),
        ("database: Raw\ntargets: [x]\n", "1: 'Raw' is not a database's name"),
        ("database: gold\ntargets: [x]\n", "1: the database gold belongs to the lake's own"),
        ("database: raw\ntargets: [x]\ntable_prefix: 9\n", "3: table_prefix '9'"),
        ("database: raw\ntargets: ['../x']\n", "2: path climbs out"),
        ("database: raw\ntargets:\n  - {}\n", "3: a target is either a path or catalog tables"),
        (
            "database: raw\ntargets:\n  - path: x\n    catalog: [raw.a]\n",
            "3: a target is either a path or catalog tables",
        ),
        (
            "database: raw\ntargets:\n  - x\n  - catalog: [raw.a]\n",
            "2: catalog tables and paths are not crawled by one crawler",
        ),
        ("targets:\n  - catalog: [Raw]\n", "2: 'Raw' is not a table name"),
        (
            "database: raw\ntargets:\n  - path: x\n    exclusions:\n      - ok\n      - '[a'\n",
            "6: targets.0.exclusions.1: '[a' is not a pattern",
        ),
        (
            "database: raw\ntargets:\n  - path: x\n    sample_size: 250\n",
            "4: targets.0.sample_size",
        ),
        (
            "database: raw\ntargets: [x]\nschedule: daily\n",
            "3: schedule: 'daily' is not a schedule",
        ),
        (
            (
                "database: raw\ntargets: [x]\nrecrawl_policy: crawl_new_folders_only\n"
                "schema_change_policy:\n  delete: delete_from_database\n"
            ),
            "5: crawl_new_folders_only goes with delete: log only",
        ),
        (
            "targets:\n  - catalog: [raw.a]\nschema_change_policy: {delete: deprecate_in_database}\n",
            "3: catalog tables are never deleted",
        ),
        (
            "database: raw\ntargets: [x]\nclassifiers:\n  - {}\n",
            "4: a classifier is exactly one of grok, json, xml, csv",
        ),
        (
            (
                "database: raw\ntargets: [x]\nclassifiers:\n  - grok:\n      name: a\n"
                "      classification: b\n      grok_pattern: '%{NUMBR:x}'\n"
            ),
            "7: classifiers.0.grok.grok_pattern: grok knows no pattern NUMBR",
        ),
        (
            "database: raw\ntargets: [x]\nclassifiers:\n  - json: {name: a, json_path: x}\n",
            "4: classifiers.0.json.json_path: 'x' is not a JSON path",
        ),
        (
            (
                "database: raw\ntargets: [x]\nclassifiers:\n  - csv: {name: a, header: [a], "
                "custom_datatypes: [int, int]}\n"
            ),
            "4: 2 custom_datatypes for 1 columns of the header",
        ),
        (
            (
                "database: raw\ntargets: [x]\nclassifiers:\n  - csv: {name: a, header: [a], "
                "custom_datatypes: [number]}\n"
            ),
            "4: classifiers.0.csv.custom_datatypes.0: type 'number'",
        ),
        ("database: raw\ntargets: [x]\nschedul: x\n", "3: unknown key 'schedul'"),
        (
            "database: raw\ntargets:\n  - {path: x, exclusion: y}\n",
            "3: unknown key 'exclusion'",
        ),
        (
            "database: raw\ntargets: [x]\nrecrawl_policy: all\n",
            "3: recrawl_policy: 'all' is not one",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, told: str) -> None:
    assert any(one.startswith(told) for one in refused(text)), refused(text)


def test_a_variables_value_is_never_shown() -> None:
    told = refused("database: raw\ntargets: [x]\nschedule: ${WHEN}\n", WHEN="secret")
    assert told == ["3: schedule: the variable's value is not right"]


def write(root: Path, **files: str) -> Path:
    (root / "lake.yml").write_text("name: it\n")
    (root / "crawlers").mkdir()
    for name, text in files.items():
        (root / "crawlers" / f"{name}.yml").write_text(text)
    return root


def test_a_project_knows_its_crawlers(tmp_path: Path) -> None:
    root = write(tmp_path, a="database: raw\ntargets: [x]\n", b="database: raw\ntargets: [y]\n")
    for _ in range(2):  # the second time from the cache
        project = load_project(root)
        assert list(project.crawlers) == ["a", "b"]
        assert project.crawlers["a"].targets[0].path == str(tmp_path / "x")
        assert str(project.crawlers["a"].at) == "crawlers/a.yml:1"


def test_two_crawlers_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    text = "crawler: same\ndatabase: raw\ntargets: [x]\n"
    with pytest.raises(ProjectError, match=r"declared twice, first in crawlers/a\.yml"):
        load_project(write(tmp_path, a=text, b=text))


def test_a_crawlers_mistake_is_the_projects(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"crawlers/a.yml:1: the database gold"):
        load_project(write(tmp_path, a="database: gold\ntargets: [x]\n"))
