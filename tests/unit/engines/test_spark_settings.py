"""What Spark is started with, without starting one."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest

from lakeworks.engines.spark.errors import SparkSettingError
from lakeworks.engines.spark.settings import FIXED, Configuration, configuration
from lakeworks.project.declaration import SparkSettings

GIB = 1024**3


def of(settings: SparkSettings, **more: object) -> Configuration:
    return configuration(settings, temp_directory="/scratch", **more)  # type: ignore[arg-type]


def test_a_local_spark_takes_the_environments_threads_and_memory() -> None:
    found = of(SparkSettings(), memory_limit=4 * GIB, threads=3)
    assert found.master == "local[3]"
    assert found.static["spark.driver.memory"] == "4096m"
    assert found.static["spark.serializer"].endswith("KryoSerializer")
    assert found.session["spark.sql.adaptive.enabled"] == "true"
    assert found.session["spark.sql.parquet.compression.codec"] == "snappy"
    assert "spark.dynamicAllocation.enabled" not in found.static


def test_a_cluster_gives_and_takes_executors_as_they_are_needed() -> None:
    found = of(SparkSettings(master="spark://head:7077"))
    assert found.static["spark.dynamicAllocation.enabled"] == "true"
    assert "spark.local.dir" not in found.static


@pytest.mark.parametrize("name", sorted(FIXED))
def test_what_results_depend_on_cannot_be_changed_but_may_be_said(name: str) -> None:
    with pytest.raises(SparkSettingError, match=name):
        of(SparkSettings(settings={name: "other"}))
    assert of(SparkSettings(settings={name: FIXED[name].upper()}))


def test_what_the_user_sets_wins_elsewhere() -> None:
    found = of(SparkSettings(settings={"spark.sql.shuffle.partitions": "5", "spark.x": "y"}))
    assert found.session["spark.sql.shuffle.partitions"] == "5"
    assert found.static["spark.x"] == "y"


def test_jars_and_packages_are_sparks_to_fetch() -> None:
    settings = SparkSettings(jars=("/a.jar",), packages=("g:a:1",), repositories=("https://r",))
    found = of(settings, s3={"key_id": "k", "secret": "s", "endpoint": "h:1", "use_ssl": False})
    assert found.static["spark.jars"] == "/a.jar"
    assert found.static["spark.jars.packages"].startswith("g:a:1,org.apache.hadoop:hadoop-aws:")
    assert found.static["spark.hadoop.fs.s3a.endpoint"] == "http://h:1"


def test_each_session_has_its_lakes_endpoint_and_keys_but_for_what_the_user_sets() -> None:
    theirs = SparkSettings(settings={"spark.hadoop.fs.s3a.endpoint": "https://other"})
    s3 = {"key_id": "k", "secret": "s", "endpoint": "h:1", "use_ssl": False}
    found = of(theirs, s3=s3)
    assert found.session["fs.s3a.access.key"] == "k"
    assert found.session["fs.s3a.endpoint"] == "https://other"
    assert found.static["spark.hadoop.fs.s3a.endpoint"] == "https://other"
    assert not any("s3a" in name for name in of(SparkSettings(remote="sc://h"), s3=s3).session)


def test_deltas_reader_comes_in_the_release_made_for_this_spark() -> None:
    found = of(SparkSettings(delta=True)).static
    release = ".".join(metadata.version("pyspark").split(".")[:2])
    assert found["spark.jars.packages"].startswith(f"io.delta:delta-spark_{release}_2.13:")
    assert found["spark.sql.extensions"].startswith("io.delta.sql")


def test_a_release_of_delta_that_is_named_goes_before_ours() -> None:
    named = SparkSettings(delta=True, packages=("io.delta:delta-spark_2.13:9",))
    assert of(named).static["spark.jars.packages"] == "io.delta:delta-spark_2.13:9"
    by_path = of(SparkSettings(delta=True, jars=("/j/delta-spark.jar",))).static
    assert "spark.jars.packages" not in by_path
    assert by_path["spark.sql.extensions"].startswith("io.delta.sql")


@pytest.mark.parametrize(
    "told",
    [{"master": "yarn"}, {"jars": ("/a.jar",)}, {"packages": ("g:a:1",)}, {"delta": True}],
)
def test_what_counts_where_spark_starts_is_refused_beside_a_server(
    told: dict[str, Any],
) -> None:
    with pytest.raises(SparkSettingError, match=f"{next(iter(told))}: cannot be set over"):
        of(SparkSettings(remote="sc://h:1", **told))
