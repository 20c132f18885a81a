"""Nothing that a user can type or write is left out of the pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lakeworks.cli.main import application

ROOT = Path(__file__).parents[2]
COMMANDS = [
    command.name or command.callback.__name__
    for command in application().registered_commands
    if command.callback is not None
]


def test_the_command_reference_is_what_the_commands_say() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/cli_reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_shown_in_use_somewhere(command: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    prose = [page.read_text() for page in pages if page.name != "cli.md"]
    assert any(f"lake {command}" in text for text in prose)


def test_every_page_is_in_the_navigation() -> None:
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads mkdocs.yml, whose own tags do not matter here."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    navigation = str(yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)["nav"])
    for page in (ROOT / "docs").rglob("*.md"):
        assert f"'{page.relative_to(ROOT / 'docs')}'" in navigation


@pytest.mark.parametrize(
    ("shape", "section"),
    [
        ("LakeYaml", "## lake.yml"),
        ("EnvironmentYaml", "## lake.yml"),
        ("S3Yaml", "## lake.yml"),
        ("SourceYaml", "## Sources"),
        ("CsvYaml", "## Sources"),
        ("HeaderYaml", "## SQL models"),
    ],
)
def test_every_key_of_project_files_is_documented(shape: str, section: str) -> None:
    from lakeworks.project import declared_yaml

    page = (ROOT / "docs" / "reference" / "project-files.md").read_text()
    text = page.split(f"\n{section}\n")[1].split("\n## ")[0]
    keys = declared_yaml.known_keys(getattr(declared_yaml, shape))
    assert [key for key in keys if f"`{key}`" not in text] == []


@pytest.mark.parametrize("shape", ["TableYaml", "ColumnYaml", "ProjectionYaml", "OptionsYaml"])
def test_every_key_of_external_tables_is_documented(shape: str) -> None:
    from lakeworks.project import tables_yaml
    from lakeworks.project.declared_shape import known_keys

    page = (ROOT / "docs" / "reference" / "project-files.md").read_text()
    text = page.split("\n## External tables\n")[1].split("\n## ")[0]
    keys = known_keys(getattr(tables_yaml, shape))
    assert [key for key in keys if f"`{key}`" not in text] == []


@pytest.mark.parametrize("shape", ["PoliciesYaml", "GrantYaml", "PolicyYaml"])
def test_every_key_of_policies_is_documented(shape: str) -> None:
    from lakeworks.project import policies_yaml
    from lakeworks.project.declared_shape import known_keys

    text = (ROOT / "docs" / "reference" / "policies.md").read_text()
    keys = known_keys(getattr(policies_yaml, shape))
    assert [key for key in keys if f"`{key}`" not in text] == []


@pytest.mark.parametrize(
    "shape",
    [
        "CrawlerYaml",
        "TargetYaml",
        "GrokYaml",
        "JsonYaml",
        "XmlYaml",
        "CsvClassifierYaml",
        "SchemaChangeYaml",
        "ConfigurationYaml",
    ],
)
def test_every_key_of_crawlers_is_documented(shape: str) -> None:
    from lakeworks.project import crawlers_yaml
    from lakeworks.project.declared_shape import known_keys

    page = (ROOT / "docs" / "reference" / "project-files.md").read_text()
    text = page.split("\n## Crawlers\n")[1].split("\n## ")[0]
    keys = known_keys(getattr(crawlers_yaml, shape))
    assert [key for key in keys if f"{key}" not in text] == []


@pytest.mark.parametrize("shape", ["WorkgroupYaml", "PeriodsYaml", "BudgetYaml"])
def test_every_key_of_workgroups_is_documented(shape: str) -> None:
    from lakeworks.project import workgroups_yaml
    from lakeworks.project.declared_shape import known_keys

    page = (ROOT / "docs" / "reference" / "project-files.md").read_text()
    text = page.split("\n## Workgroups\n")[1].split("\n## ")[0]
    keys = known_keys(getattr(workgroups_yaml, shape))
    assert [key for key in keys if f"`{key}`" not in text] == []


@pytest.mark.parametrize("shape", ["CatalogYaml", "ShownYaml"])
def test_every_key_of_catalogs_is_documented(shape: str) -> None:
    from lakeworks.project import catalogs_yaml
    from lakeworks.project.declared_shape import known_keys

    page = (ROOT / "docs" / "reference" / "project-files.md").read_text()
    text = page.split("\n## Catalogs\n")[1].split("\n## ")[0]
    keys = known_keys(getattr(catalogs_yaml, shape))
    assert [key for key in keys if f"`{key}`" not in text] == []


def test_the_functions_of_queries_under_permissions_are_those_on_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/sql_functions.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_works_of_athenas_dialect_is_on_its_page() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/athena_reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_page_of_the_sql_service_has_every_path_field_and_status() -> None:
    from dataclasses import fields

    from lakeworks.query.executions.service import QueryExecution
    from lakeworks.server.sql import application, requests

    page = (ROOT / "docs" / "reference" / "sql-service.md").read_text()
    told = str(application.__doc__).splitlines()
    paths = [
        f"{words[0]} {words[1]}" for line in told if "/v1/" in line and (words := line.split())
    ]
    wanted = [f"`{path}`" for path in paths]
    wanted += [
        f"`{name}`" for name in (*requests._TYPES, *(f.name for f in fields(QueryExecution)))
    ]
    wanted += [f"| {status} |" for status in application._STATUS.values()]
    assert len(paths) == 10
    assert [one for one in wanted if one not in page] == []


def test_every_rule_type_of_dqdl_has_its_form_and_its_source_on_the_page() -> None:
    from lakeworks.quality.language.rule_types import RULE_TYPES

    page = (ROOT / "docs" / "reference" / "dqdl.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    missing = [
        name
        for name, kind in RULE_TYPES.items()
        if not any(f"`{kind.example}`" in row and f"({kind.page})" in row for row in rows)
    ]
    assert missing == []
