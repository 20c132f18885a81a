"""lake.yml: environments, their paths and sizes, and secrets that stay secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.project.declaration import SparkSettings
from lakeworks.project.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakeworks.project.declaration import Project
    from lakeworks.project.errors import Mistake

TWO = """\
name: shop
publish: table
environments:
  dev:
    storage: data/lake/
    memory_limit: 3GB
    threads: 2
  prod:
    storage: s3://bucket/prefix/
    catalog: ${PG_URL}
    s3: {endpoint: "http://localhost:9000", secret_access_key: "${SECRET}", allow_http: true}
"""
SET = {"PG_URL": "postgresql://me:hunter2@db/lake", "SECRET": "topsecret"}


def test_first_environment_is_the_default(load: Callable[..., Project], tmp_path: Path) -> None:
    project = load({"lake.yml": TWO})
    assert project.environments == ("dev", "prod")
    assert project.publish == "table"
    environment = project.environment
    assert environment.name == "dev"
    assert environment.storage == str(tmp_path / "data/lake")
    assert environment.catalog == f"sqlite:///{tmp_path}/data/lake/catalog.db"
    assert environment.memory_limit == 3_000_000_000
    assert environment.threads == 2


def test_chosen_environment_is_filled_from_variables(load: Callable[..., Project]) -> None:
    environment = load({"lake.yml": TWO}, environment="prod", variables=SET).environment
    assert environment.storage == "s3://bucket/prefix"
    assert environment.catalog == "postgresql://me:hunter2@db/lake"
    assert environment.options == {
        "endpoint": "http://localhost:9000",
        "secret_access_key": "topsecret",
        "allow_http": "true",
    }


def test_environments_do_not_take_each_others_place_in_the_cache(
    load: Callable[..., Project],
) -> None:
    lake = "name: shop\nenvironments:\n  a: {storage: x}\n  b: {storage: y}\n"
    for _ in range(2):
        for chosen, name in [(None, "a"), ("b", "b"), ("a", "a")]:
            assert load({"lake.yml": lake}, environment=chosen).environment.name == name


def test_changed_variable_is_seen_at_once(load: Callable[..., Project]) -> None:
    lake = "name: shop\nenvironments: {dev: {storage: '${WHERE}'}}\n"
    for where in ("/one", "/two"):
        project = load({"lake.yml": lake}, variables={"WHERE": where})
        assert project.environment.storage == where


def test_secrets_are_neither_printed_nor_written_to_the_cache(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    project = load({"lake.yml": TWO}, environment="prod", variables=SET)
    literal = TWO.replace("${SECRET}", "topsecret").replace("${PG_URL}", SET["PG_URL"])
    load({"lake.yml": literal}, environment="prod")
    assert "topsecret" not in repr(project)
    assert "hunter2" not in repr(project)
    kept = "".join(path.read_text() for path in (tmp_path / ".lake").rglob("*.facts"))
    assert "orders" in kept
    assert "topsecret" not in kept
    assert "hunter2" not in kept


def test_unset_variable_matters_only_in_its_environment(
    load: Callable[..., Project], mistakes: Callable[..., tuple[Mistake, ...]]
) -> None:
    assert load({"lake.yml": TWO}).environment.name == "dev"
    found = mistakes({"lake.yml": TWO}, environment="prod")
    assert [(one.at.line, one.code) for one in found] == [(10, "LW113"), (11, "LW113")]


def test_unknown_environment_names_the_nearest(mistake: Callable[..., Mistake]) -> None:
    found = mistake({"lake.yml": TWO}, environment="prd")
    assert found.hint == "did you mean prod?"
    assert found.at.line == 3


@pytest.mark.parametrize("engine", ["sparkle", "polars", "DuckDB"])
def test_other_engine_is_refused_by_name(mistake: Callable[..., Mistake], engine: str) -> None:
    lake = f"name: shop\nenvironments:\n  dev:\n    engine: {engine}\n"
    found = mistake({"lake.yml": lake})
    assert found.problem == f"engine '{engine}' is none that Lakeworks has"
    assert found.hint == "write engine: duckdb or spark"
    assert (found.at.line, found.code) == (4, "LW112")


def test_spark_takes_its_settings(load: Callable[..., Project]) -> None:
    lake = (
        "name: shop\nenvironments:\n  dev:\n    engine: spark\n    spark:\n"
        "      master: spark://head:7077\n      packages: a:b:1\n      jars: [x.jar, y.jar]\n"
        "      delta: true\n      settings: {spark.executor.memory: 8g}\n"
    )
    found = load({"lake.yml": lake}).environment.spark
    assert found == SparkSettings(
        master="spark://head:7077",
        packages=("a:b:1",),
        jars=("x.jar", "y.jar"),
        delta=True,
        settings={"spark.executor.memory": "8g"},
    )


def test_unknown_key_of_spark_is_refused(mistake: Callable[..., Mistake]) -> None:
    lake = "name: shop\nenvironments:\n  dev:\n    spark:\n      packges: [a]\n"
    found = mistake({"lake.yml": lake})
    assert "packges" in found.problem
    assert found.at.line == 5


@pytest.mark.parametrize(
    ("text", "size"),
    [("3GB", 3 * 10**9), ("512 MiB", 512 * 2**20), ("1.5gb", 1_500_000_000), ("1000", 1000)],
)
def test_memory_is_bytes(load: Callable[..., Project], text: str, size: int) -> None:
    lake = f"name: shop\nenvironments: {{dev: {{memory_limit: {text}}}}}\n"
    assert load({"lake.yml": lake}).environment.memory_limit == size


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("memory_limit: much", "'much' is not an amount of memory"),
        ("memory_limit: 0GB", "not an amount of memory"),
        ("memory_limit: -1GB", "not an amount of memory"),
        ("threads: 0", "greater than or equal to 1"),
        ("threads: many", "a whole number"),
        ("storage: ../lake", "climbs out"),
        ("storage: gs://bucket", "neither a folder nor"),
        ("storage: s3://", "does not name a bucket"),
        ('storage: "a\'b"', "holds the character '"),
        ("catalog: catalog.db", "not a database URL"),
        ("catalog: 'sqlite://'", "names no file"),
        ("catalog: 'sqlite:///:memory:'", "names no file"),
        ("catalog: sqlite:///../c.db", "climbs out"),
        ("s3: {regoin: x}", "unknown key 'regoin'"),
        ("s3: {allow_http: perhaps}", "true or false"),
        ("s3: yes", "a mapping of keys"),
        ("storge: x", "unknown key 'storge'"),
    ],
)
def test_mistake_in_an_environment_is_placed(
    mistake: Callable[..., Mistake], line: int, said: str
) -> None:
    found = mistake({"lake.yml": f"name: shop\nenvironments:\n  dev:\n    {line}\n"})
    assert found.at.line == 4
    assert said in found.problem


def test_a_key_like_none_is_told_every_key_there_is(mistake: Callable[..., Mistake]) -> None:
    found = mistake({"lake.yml": "name: shop\nenvironments:\n  dev:\n    quux: 1\n"})
    assert {"storage", "catalog", "engine", "threads", "s3"} <= set(
        found.hint.removeprefix("known: ").split(", ")
    )


def test_relative_sqlite_catalog_keeps_its_driver_and_query(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    lake = "name: shop\nenvironments: {dev: {catalog: 'sqlite:///var/c.db?timeout=5'}}\n"
    found = load({"lake.yml": lake}).environment.catalog
    assert found == f"sqlite:///{tmp_path}/var/c.db?timeout=5"


def test_absolute_sqlite_catalog_stays(load: Callable[..., Project]) -> None:
    lake = "name: shop\nenvironments: {dev: {catalog: 'sqlite:////var/c.db'}}\n"
    assert load({"lake.yml": lake}).environment.catalog == "sqlite:////var/c.db"


def test_catalog_of_an_s3_lake_is_in_the_project(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    lake = "name: shop\nenvironments: {dev: {storage: 's3://bucket/x'}}\n"
    found = load({"lake.yml": lake}).environment.catalog
    assert found == f"sqlite:///{tmp_path}/.lake/catalog.db"


def test_environment_with_nothing_in_it_has_defaults(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    found = load({"lake.yml": "name: shop\nenvironments:\n  ci:\n"}).environment
    assert (found.name, found.storage) == ("ci", str(tmp_path / ".lake"))


@pytest.mark.parametrize("secret", ["sssh", "a b", "[x", "${X}"])
def test_value_of_a_variable_is_never_in_a_message(
    load: Callable[..., Project], secret: str
) -> None:
    lake = """\
name: ${S}
publish: ${S}
environments:
  dev:
    engine: ${S}
    storage: 'x:${S}//'
    catalog: ${S}
    memory_limit: ${S}
    threads: ${S}
    s3: {allow_http: "${S}", region: "${S}"}
"""
    with pytest.raises(ProjectError) as raised:
        load({"lake.yml": lake}, variables={"S": secret})
    assert secret not in str(raised.value)
    assert len(raised.value.mistakes) >= 3


@pytest.mark.parametrize("text", ["", "# nothing\n", "just text", "- a\n- b\n", "name:\n"])
def test_empty_lake_file_asks_for_a_name(mistake: Callable[..., Mistake], text: str) -> None:
    found = mistake({"lake.yml": text})
    assert found.at.file == "lake.yml"


def _openlineage(told: str) -> dict[str, str]:
    return {"lake.yml": f"name: shop\nenvironments:\n  dev:\n    openlineage: {told}\n"}


def test_a_topic_takes_its_brokers_as_a_list_and_properties_as_they_are_written(
    load: Callable[..., Project],
) -> None:
    kafka = (
        "{kafka: {topic: t, servers: ['a:1', 'b:2'], properties: {retries: 3, debug: true}}}"
    )
    told = load(_openlineage(kafka)).environment.openlineage
    assert told is not None
    assert told.kafka is not None
    assert told.kafka.servers == "a:1,b:2"
    assert told.kafka.properties == {"retries": "3", "debug": "true"}
    assert "debug" not in repr(told)  # a property may be a password


def test_a_topic_is_read_the_same_from_the_cache(load: Callable[..., Project]) -> None:
    files = _openlineage("{kafka: {topic: t, servers: 'a:1'}}")
    assert load(files).environment.openlineage == load(files).environment.openlineage


@pytest.mark.parametrize(
    "told", ["{}", "{file: x.jsonl, kafka: {topic: t, servers: 'a:1'}}", "{namespace: n}"]
)
def test_openlineage_needs_one_receiver(load: Callable[..., Project], told: str) -> None:
    with pytest.raises(ProjectError, match="a url, a file or kafka"):
        load(_openlineage(told))


@pytest.mark.parametrize(
    "told", ["{topic: t}", "{servers: 'a:1'}", "{topic: 'a b', servers: x}"]
)
def test_a_topic_needs_a_name_and_brokers(load: Callable[..., Project], told: str) -> None:
    with pytest.raises(ProjectError, match="kafka"):
        load(_openlineage(f"{{kafka: {told}}}"))
